//! What is told where nothing in the net holds it up.

use super::look::Look;
use super::words::{count, percent};
use super::{Diagnosis, Kind};

/// Flows in hand beyond those that threads can hold, from which on somebody outside is slow.
const IN_HAND: u64 = 8;
/// For so many seconds at least, by the rate at which flows are answered.
const FOR_LONG: f64 = 1.0;

/// What is told of a net that a fault stopped.
pub fn stopped(why: &str) -> Diagnosis {
    Diagnosis {
        kind: Kind::Stopped,
        words: format!("The net has stopped: {why}."),
        advice: "Start it anew.".to_owned(),
        ..Diagnosis::default()
    }
}

/// What is told of one in which nothing holds anything up.
pub fn of(look: &Look<'_>) -> Diagnosis {
    let in_flight = look.now.ledger.as_ref().map_or(0, |ledger| ledger.in_flight);
    if look.now.draining {
        return Diagnosis {
            kind: Kind::Draining,
            words: format!("The net drains: {in_flight} flows are still in it."),
            ..Diagnosis::default()
        };
    }
    let (kind, words) = match outside(look) {
        Some(words) => (Kind::Outside, words),
        None => (Kind::Healthy, well(look)),
    };
    let evidence = vec![
        format!(
            "{}/s flows enter, {}/s are answered",
            count(look.rates.entered_s),
            count(look.rates.finished_s)
        ),
        format!(
            "flows in the net: {in_flight}, of them in the hands of stages: {}",
            look.in_hand()
        ),
    ];
    Diagnosis { kind, words, evidence, ..Diagnosis::default() }
}

fn well(look: &Look<'_>) -> String {
    let by = |one: &&crate::StageRates, other: &&crate::StageRates| {
        one.saturation.total_cmp(&other.saturation)
    };
    match look.rates.stages.iter().max_by(by) {
        Some(stage) => format!(
            "Nothing holds the net up; the busiest stage is `{}` with {}.",
            stage.name,
            percent(stage.saturation)
        ),
        None => "The net has no stages.".to_owned(),
    }
}

/// Whether much is in hand for long though nothing waits.
fn outside(look: &Look<'_>) -> Option<String> {
    let threads: u64 = look.rates.domains.iter().map(|domain| domain.threads).sum();
    let in_hand = look.in_hand();
    let for_long = in_hand as f64 >= FOR_LONG * look.rates.finished_s;
    (in_hand > threads + IN_HAND && for_long).then(|| {
        format!(
            "Nothing is wrong in the net: {in_hand} flows wait outside it, for clients that do not \
             read their answers or for services that are slow."
        )
    })
}
