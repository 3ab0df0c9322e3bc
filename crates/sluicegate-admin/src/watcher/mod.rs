//! What a net did lately: its history, what happened to it, and what those who watch are sent.
//!
//! It has no thread and no clock: who has both shows it the net once a [`TICK`].

mod conditions;
mod history;
mod incidents;
mod recent;
mod ring;

pub use history::{BYTES_PER_STAGE, STAGES_KEPT};
pub use incidents::{INCIDENTS_KEPT, Incident};

use crate::diagnose::Diagnoses;
use crate::events;
use crate::model::{Net, Stage};
use crate::rates::{Rates, StageRates, rates};
use history::{History, Row};
use incidents::Incidents;
use recent::Recent;
use serde::Serialize;
use sluicegate::{Changed, Histogram};
use std::collections::HashMap;
use std::time::Duration;

/// The time between two looks.
pub const TICK: Duration = Duration::from_secs(1);

/// Keeps what was seen of a net.
#[derive(Debug, Default)]
pub struct Watcher {
    /// With the last look.
    diagnoses: Diagnoses,
    /// What happened until then.
    rates: Rates,
    history: History,
    incidents: Incidents,
    /// Of as many stages as have a history.
    waits: Recent<String>,
    /// By class.
    responses: Recent<u8>,
    /// The next look is at another net.
    again: bool,
}

/// A net as it is seen at a moment.
#[derive(Clone, Debug, Default)]
pub struct Look<'a> {
    /// What `/api/net` would answer now.
    pub net: Net,
    /// How long events waited at stages since the start, where that is known.
    pub waits: &'a [(&'a str, &'a Histogram)],
    /// How long the answers to each class took since the start, where that is known.
    pub responses: &'a [(u8, &'a Histogram)],
    /// The changes that are remembered.
    pub changes: &'a [Changed],
    /// Whether anybody watches.
    pub watched: bool,
}

#[derive(Serialize)]
struct Timeline<'a> {
    now_ms: i64,
    incidents: Vec<&'a Incident>,
}

impl Watcher {
    /// Takes a look at the net. What happened since the last one is told by events of `tracing`,
    /// target `sluicegate::incident`. Gives what those who watch are to be sent, one event of
    /// a stream for all, if there are any.
    pub fn look(&mut self, look: Look<'_>) -> Option<String> {
        let Look { net: now, waits, responses, changes, watched } = look;
        let told = self.incidents.count();
        let at_ms = self.time(&now);
        let none = Net::default();
        let before = self.diagnoses.last();
        let mut rates = rates(before.unwrap_or(&none), &now).or_of_flows(&self.rates);
        let responses: Vec<_> = responses.iter().map(|(of, times)| (of, *times)).collect();
        let responses = self.responses.since(&responses);
        for class in &mut rates.classes {
            let p99 = u8::try_from(class.class).ok().and_then(|class| responses.get(&class));
            class.response_p99_us = p99.copied();
        }
        let waits = self.waits.since(&waits[..waits.len().min(STAGES_KEPT)]);
        let rows = Rows { now: &now, rates: &rates, waits };
        self.history.push(at_ms, rows.whole(), rows.each());
        self.rates = rates;
        self.incidents.look(at_ms, before, &now, changes);
        let net = watched.then(|| now.to_json());
        let diagnosis = self.diagnoses.look(now);
        self.incidents.diagnosis(diagnosis);
        self.incidents.since(told).for_each(events::incident);
        net.map(|net| {
            let incidents: Vec<_> = self.incidents.since(told).collect();
            let (rates, diagnosis, incidents) =
                (text(&self.rates), text(diagnosis), text(&incidents));
            // JSON has no line ends of its own.
            format!(
                "data: {{\"net\":{net},\"rates\":{rates},\"diagnosis\":{diagnosis},\
                 \"incidents\":{incidents}}}\n\n"
            )
        })
    }

    /// Another net takes over, which is seen from the next look on.
    pub fn succeed(&mut self) {
        self.again = true;
    }

    /// The time of a look. Where the clock began anew, because another net took over, what was
    /// before moves to where it belongs.
    fn time(&mut self, now: &Net) -> i64 {
        let at_ms = now.time_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or_default();
        let again = std::mem::take(&mut self.again);
        if let Some(last) = self.history.last().filter(|last| again || *last >= at_ms) {
            // Nobody looked in between: it is taken to have been a tick.
            let began = last + TICK.as_millis() as i64 - at_ms;
            self.history.shift(began);
            self.incidents.succeed(began, at_ms);
            self.diagnoses = Diagnoses::default();
        }
        at_ms
    }

    /// What is answered to `/api/history`: columns of the last hour, of a stage or of all the net;
    /// `None` where that of the stage is not kept.
    pub fn history(&self, stage: Option<&str>) -> Option<String> {
        self.history.show(stage).map(|shown| text(&shown))
    }

    /// What is answered to `/api/incidents`: what happened lately, oldest first.
    pub fn incidents(&self) -> String {
        let now_ms = self.history.last().unwrap_or_default();
        text(&Timeline { now_ms, incidents: self.incidents.list().collect() })
    }
}

fn text(shown: &impl Serialize) -> String {
    serde_json::to_string(shown).unwrap_or_default()
}

/// What is kept of a look.
struct Rows<'a> {
    now: &'a Net,
    rates: &'a Rates,
    waits: HashMap<&'a str, f64>,
}

impl Rows<'_> {
    /// What the stages did. They stand in the same order in both.
    fn each(&self) -> impl Iterator<Item = (&str, Row)> + Clone {
        let stages = self.now.stages.iter().zip(&self.rates.stages);
        stages.map(|(stage, rates)| (&*stage.name, self.row(stage, rates)))
    }

    fn row(&self, stage: &Stage, rates: &StageRates) -> Row {
        Row {
            served_s: rates.served_s as f32,
            arrivals_s: rates.arrivals_s.map_or(f32::NAN, |rate| rate as f32),
            refused_s: rates.refused_s as f32,
            queued: stage.queued as f32,
            saturation: rates.saturation as f32,
            wait_p99_us: self.waits.get(&*stage.name).map_or(f32::NAN, |wait| *wait as f32),
        }
    }

    /// What the net did: flows, what waits anywhere, and the worst of all stages.
    fn whole(&self) -> Row {
        let rows = || self.each().map(|(_, row)| row);
        let worst =
            |number: fn(&Row) -> f32| rows().map(|row| number(&row)).fold(f32::NAN, f32::max);
        Row {
            served_s: self.rates.finished_s as f32,
            arrivals_s: self.rates.entered_s as f32,
            refused_s: self.rates.ended_s.values().sum::<f64>() as f32,
            queued: rows().map(|row| row.queued).sum(),
            saturation: worst(|row| row.saturation),
            wait_p99_us: worst(|row| row.wait_p99_us),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
