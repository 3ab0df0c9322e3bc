//! What would help, with the path of the setting that does it.

use super::Kind;
use super::follow::{Cause, Why};
use super::look::Look;
use super::words::span;
use crate::model::{Stage, Vote};

/// One sentence; empty where nothing helps.
pub fn on(look: &Look<'_>, cause: &Cause, kind: Kind) -> String {
    let stage = look.stage(cause.stage);
    let (name, domain) = (&stage.name, &stage.domain);
    match kind {
        Kind::Paused => format!("Let it go on: POST /api/stages/{name}/resume."),
        Kind::Stalled => "Find what its handler waits for; a restart frees the thread.".to_owned(),
        Kind::Broken => format!(
            "See the log for what panics in `{name}`; one event is tried again by itself now and \
             then."
        ),
        Kind::Cpu if stage.kind == "pinned" => format!(
            "Make `{name}` cheaper, or have more workers at the next start \
             (domains.{domain}.workers), if there are processors for them."
        ),
        Kind::Cpu | Kind::Busy | Kind::Blocked if stage.kind == "gate" => {
            format!("Make `{name}` cheaper or ask it less.")
        }
        Kind::Blocked if stage.kind == "pinned" => {
            format!("What blocks belongs in a pool or an async stage, not in `{name}`.")
        }
        Kind::Cpu => format!("Make `{name}` cheaper; more threads help where processors idle."),
        Kind::Busy | Kind::Blocked => more_threads(stage),
        Kind::Uneven => "Send by another key, or let the wire balance.".to_owned(),
        Kind::Window => match cause.why {
            Why::Window(wire) => {
                let wire = &look.now.wires[wire];
                format!("Raise wires.{}.{}.window.", wire.from, wire.port)
            }
            _ => String::new(),
        },
        Kind::Gate => gate(stage),
        Kind::Outside => {
            "Nothing in the net helps: see what it calls, and who reads its answers.".to_owned()
        }
        Kind::Unclear if stage.queued >= stage.capacity => {
            format!("If work comes in bursts, raise stages.{name}.queue.capacity.")
        }
        _ => String::new(),
    }
}

fn more_threads(stage: &Stage) -> String {
    let domain = &stage.domain;
    if stage.threads() < stage.replicas {
        return format!("Put more threads on duty: domains.{domain}.threads or .most.");
    }
    format!(
        "Make what it calls faster, or have more threads at the next start \
         (domains.{domain}.threads or .most)."
    )
}

fn gate(stage: &Stage) -> String {
    let votes = stage.admission.first().map(|gate| &gate.votes[..]).unwrap_or_default();
    let Some(vote) = strictest(votes) else {
        return format!("Raise stages.{}.queue.capacity.", stage.name);
    };
    if vote.frozen {
        return format!(
            "Let its law go on: POST /api/freeze?stage={}&law={}&frozen=false.",
            stage.name, vote.law
        );
    }
    let setting = match (vote.target_us, vote.bounds.events, vote.bounds.share) {
        (Some(_), ..) => "target",
        (_, Some(_), _) => "events",
        (_, _, Some(_)) => "from",
        _ => return String::new(),
    };
    format!("If it refuses too early, raise stages.{}.gate.{}.{setting}.", stage.name, vote.law)
}

/// The law that holds back most: one that lets nothing in, that refuses a share, or that publishes
/// the most pressure; else the first with a bound.
pub fn strictest(votes: &[Vote]) -> Option<&Vote> {
    let strength = |vote: &&Vote| {
        let bounds = &vote.bounds;
        let shut = f64::from(u8::from(bounds.events == Some(0)));
        let any = bounds.events.is_some() || bounds.work_us.is_some() || bounds.rate.is_some();
        4.0 * shut
            + 2.0 * bounds.share.unwrap_or_default()
            + vote.pressure
            + 0.01 * f64::from(u8::from(any))
    };
    let by = |one: &&Vote, other: &&Vote| strength(one).total_cmp(&strength(other));
    votes.iter().filter(|vote| strength(vote) > 0.0).max_by(by)
}

/// What the laws of a stage's first queue say.
pub fn laws(stage: &Stage) -> Vec<String> {
    let votes = stage.admission.first().map(|gate| &gate.votes[..]).unwrap_or_default();
    let told = votes.iter().filter(|vote| vote.law != "off").map(|vote| {
        let time = |us: Option<u64>| us.map_or("none".to_owned(), |us| span(us as f64));
        let (target, measured) = (time(vote.target_us), time(vote.measured_us));
        let frozen = if vote.frozen { ", frozen" } else { "" };
        format!(
            "law `{}`: target {target}, measured {measured}, pressure {:.2}{frozen}",
            vote.law, vote.pressure
        )
    });
    told.collect()
}
