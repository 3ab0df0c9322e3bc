//! What happened to a net that somebody may have to know later: found by comparing two looks at it.

use super::conditions::Conditions;
use crate::diagnose::Diagnosis;
use crate::events;
use crate::model::{Admission, Net, Resource, Stage};
use serde::Serialize;
use sluicegate::{Changed, Level};
use std::collections::{HashMap, HashSet, VecDeque};

/// Incidents that are remembered.
pub const INCIDENTS_KEPT: usize = 512;
/// How many times as large or small a bound, or a pool, has to be for it to be told.
const MUCH: f64 = 2.0;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// Its number, from 1 on.
    pub number: u64,
    /// When it was seen, in milliseconds by the clock of the net; negative if a net before it was.
    pub at_ms: i64,
    /// What kind of thing it is, in a word.
    pub kind: &'static str,
    /// The stage it happened to.
    pub stage: Option<String>,
    /// What happened, in a sentence.
    pub words: String,
    /// Whether what lasted for a while is over with it.
    #[serde(skip)]
    pub over: bool,
}

/// Those that are remembered, and what has to be known to find the next.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    kept: VecDeque<Incident>,
    /// How many there were.
    count: u64,
    at_ms: i64,
    told: HashMap<String, Told>,
    conditions: Conditions,
    /// The number of the last change that was told.
    change: u64,
    /// The levels of resources that were told; those that are not here were calm.
    levels: HashMap<String, Level>,
    stopped: bool,
    /// The last that was told; at first that all is well.
    diagnosis: Diagnosis,
}

/// What was last told of a stage.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    work_us: Option<u64>,
    events: Option<u64>,
    rate: Option<f64>,
    threads: Option<u64>,
}

impl Incidents {
    /// Those that are remembered, oldest first.
    pub fn list(&self) -> impl Iterator<Item = &Incident> {
        self.kept.iter()
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Those that came after the first `count`, as far as they are remembered.
    pub fn since(&self, count: u64) -> impl Iterator<Item = &Incident> {
        self.kept.iter().filter(move |incident| incident.number > count)
    }

    /// Another net took over, whose clock began so much later, and shows `at_ms` now.
    pub fn succeed(&mut self, ms: i64, at_ms: i64) {
        self.kept.iter_mut().for_each(|incident| incident.at_ms -= ms);
        let (kept, count) = (std::mem::take(&mut self.kept), self.count);
        *self = Self { kept, count, at_ms, ..Self::default() };
        self.note("restart", None, "the net began anew, with its settings as they are".to_owned());
    }

    /// Looks for what happened between two looks.
    pub fn look(&mut self, at_ms: i64, before: Option<&Net>, now: &Net, changes: &[Changed]) {
        self.at_ms = at_ms;
        self.changes(changes);
        let there: HashSet<_> = now.stages.iter().map(|stage| &stage.name).collect();
        self.told.retain(|name, _| there.contains(name));
        let before = before.map(|net| &net.stages[..]).unwrap_or_default();
        let before: HashMap<_, _> = before.iter().map(|stage| (&stage.name, stage)).collect();
        for stage in &now.stages {
            if let Some(was) = before.get(&stage.name) {
                self.counts(was, stage);
            }
            self.bounds(stage);
            self.pressure(stage);
            self.breaker(stage);
        }
        self.stalls(now);
        now.resources.iter().for_each(|resource| self.level(resource));
        self.whole(now);
        self.over();
    }

    /// Tells a diagnosis that holds, where it is another one.
    pub fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        if !diagnosis.is(&self.diagnosis) {
            self.diagnosis = diagnosis.clone();
            self.note("diagnosis", diagnosis.stage.clone(), diagnosis.words.clone());
        }
    }

    fn note(&mut self, kind: &'static str, stage: Option<String>, words: String) {
        self.note_as(false, kind, stage, words);
    }

    fn note_as(&mut self, over: bool, kind: &'static str, stage: Option<String>, words: String) {
        if self.kept.len() == INCIDENTS_KEPT {
            self.kept.pop_front();
        }
        self.count += 1;
        let (number, at_ms) = (self.count, self.at_ms);
        let incident = Incident { number, at_ms, kind, stage, words, over };
        events::incident(&incident);
        self.kept.push_back(incident);
    }

    /// What somebody changed from outside.
    fn changes(&mut self, changes: &[Changed]) {
        let known = self.change;
        for change in changes.iter().filter(|change| change.number > known) {
            self.change = change.number;
            let Changed { by, path, from, to, .. } = change;
            let rest = path.strip_prefix("stages.");
            let of = |what: &str| rest.and_then(|rest| rest.strip_suffix(what)).map(str::to_owned);
            let law = rest.and_then(|rest| rest.strip_suffix(".frozen")?.rsplit_once(".gate."));
            let is = |value: &str| to == value;
            match (of(".paused"), of(".stage"), law) {
                (Some(stage), ..) if is("true") => {
                    self.note("paused", Some(stage.clone()), format!("{by} paused {stage}"));
                }
                (Some(stage), ..) if is("false") => {
                    self.note("resumed", Some(stage.clone()), format!("{by} had {stage} go on"));
                }
                (_, Some(stage), _) => {
                    let words = format!("{by} replaced the stage {stage}: {from} by {to}");
                    self.note("replaced", Some(stage), words);
                }
                (_, _, Some((stage, law))) => {
                    let done = if is("true") { "froze" } else { "let go on" };
                    let words = format!("{by} {done} the law {law} of {stage}");
                    self.note("frozen", Some(stage.to_owned()), words);
                }
                _ => {
                    let stage = self.stage_of(path);
                    self.note("setting", stage, format!("{by} set {path} from {from} to {to}"));
                }
            }
        }
    }

    /// The stage that a setting is of. Names may have dots.
    fn stage_of(&self, path: &str) -> Option<String> {
        let path = path.strip_prefix("stages.")?;
        let owns = |name: &&String| {
            path.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        self.told.keys().filter(owns).max_by_key(|name| name.len()).cloned()
    }

    /// What is counted and ought not to happen.
    fn counts(&mut self, was: &Stage, stage: &Stage) {
        let name = &stage.name;
        let panics = stage.panics.saturating_sub(was.panics);
        if panics > 0 {
            let words = format!("{name} panicked {}", times(panics));
            self.note("panic", Some(name.clone()), words);
        }
        let breaks = stage.breaks.saturating_sub(was.breaks);
        if breaks > 0 && self.conditions.is_off("breaker", name) && stage.broken_now == 0 {
            let words = format!("the breaker of {name} opened {} and closed again", times(breaks));
            self.note("breaker", Some(name.clone()), words);
        }
    }

    /// Bounds of controllers, and the size of a pool.
    fn bounds(&mut self, stage: &Stage) {
        let name = &stage.name;
        let gate = stage.admission.first();
        let bounds = gate.map(|gate| &gate.bounds);
        let now = Told {
            work_us: bounds.and_then(|bounds| bounds.work_us),
            events: bounds.and_then(|bounds| bounds.events),
            rate: bounds.and_then(|bounds| bounds.rate),
            threads: (stage.kind == "pool").then_some(stage.on_duty).flatten(),
        };
        let Some(told) = self.told.get(name).copied() else {
            self.told.insert(name.clone(), now);
            return;
        };
        let mut next = told;
        let mut words = Vec::new();
        let count = |n: Option<u64>| n.map(|n| n as f64);
        if is_much(count(told.work_us), count(now.work_us)) {
            next.work_us = now.work_us;
            let bound = |us: Option<u64>| us.map_or("no bound".to_owned(), millis);
            let (from, to) = (bound(told.work_us), bound(now.work_us));
            words.push(("bound", format!("{name} bounds its queued work by {to}, before {from}")));
        }
        if is_much(count(told.events), count(now.events)) {
            next.events = now.events;
            let bound = |n: Option<u64>| n.map_or("no bound".to_owned(), |n| n.to_string());
            let (from, to) = (bound(told.events), bound(now.events));
            words.push(("bound", format!("{name} bounds its events by {to}, before {from}")));
        }
        if is_much(told.rate, now.rate) {
            next.rate = now.rate;
            let bound =
                |rate: Option<f64>| rate.map_or("no bound".to_owned(), |n| format!("{n:.0}"));
            let (from, to) = (bound(told.rate), bound(now.rate));
            words.push(("bound", format!("{name} lets in {to} a second, before {from}")));
        }
        if is_much(count(told.threads), count(now.threads)) {
            next.threads = now.threads;
            let (from, to) = (told.threads.unwrap_or(0), now.threads.unwrap_or(0));
            words.push(("threads", format!("{name} has {to} threads on duty, before {from}")));
        }
        self.told.insert(name.clone(), next);
        for (kind, words) in words {
            self.note(kind, Some(name.clone()), words);
        }
    }

    fn pressure(&mut self, stage: &Stage) {
        let pressure = stage.admission.iter().map(|gate| gate.pressure).fold(0.0, f64::max);
        if self.conditions.begins("pressure", &stage.name, pressure > 0.0) {
            let law = stage.admission.iter().flat_map(strongest).next().unwrap_or("a law");
            let percent = (pressure * 100.0).ceil();
            let words = format!(
                "{law} of {} publishes pressure: {percent} % of what comes had better be refused",
                stage.name
            );
            self.note("pressure", Some(stage.name.clone()), words);
        }
    }

    fn breaker(&mut self, stage: &Stage) {
        if self.conditions.begins("breaker", &stage.name, stage.broken_now > 0) {
            let words = format!("the breaker of {} is open: all it gets is refused", stage.name);
            self.note("breaker", Some(stage.name.clone()), words);
        }
    }

    fn stalls(&mut self, now: &Net) {
        for stall in &now.stalls {
            if self.conditions.begins("stall", &stall.stage, true) {
                let words = format!(
                    "a handler of {} has not come back for {}",
                    stall.stage,
                    millis(stall.time_us)
                );
                self.note("stall", Some(stall.stage.clone()), words);
            }
        }
    }

    /// A resource is at another level: a higher one is told at once, a lower one when that of
    /// before is over for a while, as a mean may swing by more than the hysteresis of its gauge.
    fn level(&mut self, resource: &Resource) {
        let name = &resource.name;
        let known = Level::ALL.into_iter().find(|level| level.name() == resource.level);
        // Recordings of nets without levels have none.
        let Some(level) = known else { return };
        let told = self.levels.get(name).copied().unwrap_or_default();
        if level > told || (level < told && self.conditions.is_off("resource", name)) {
            let (is, was) = (level.name(), told.name());
            let words = format!("{name} is {is}, before {was}: {}", use_of(resource));
            self.levels.insert(name.clone(), level);
            self.note_as(level == Level::Calm, "resource", None, words);
        }
        self.conditions.begins("resource", name, level >= told);
    }

    /// What is of the net and not of a stage.
    fn whole(&mut self, now: &Net) {
        let uneven = now.ledger.as_ref().is_some_and(|ledger| !ledger.balanced);
        if self.conditions.begins("ledger", "", uneven) {
            let words = "the ledger is uneven: flows vanished, or there are too many";
            self.note("ledger", None, words.to_owned());
        }
        let log = now.log.clone().unwrap_or_default();
        if self.conditions.begins("log", "", log.failing) {
            let words = "the access log cannot be written: its records are lost, and counted";
            self.note("log", None, words.to_owned());
        }
        if self.conditions.begins("sampling", "", log.one_in > 1) {
            let words = "the access log cannot keep up: some records are left out, and counted";
            self.note("sampling", None, words.to_owned());
        }
        if self.conditions.begins("drain", "", now.draining) {
            self.note("drain", None, "the net takes no new work".to_owned());
        }
        if let Some(why) = now.stopped.as_ref().filter(|_| !self.stopped) {
            self.stopped = true;
            self.note("stopped", None, format!("the net stopped: {why}"));
        }
    }

    /// What lasted is over.
    fn over(&mut self) {
        for (kind, stage) in self.conditions.over() {
            let words = match kind {
                "pressure" => format!("{stage} publishes no pressure any more"),
                "breaker" => format!("the breaker of {stage} is closed"),
                "stall" => format!("the handlers of {stage} come back again"),
                "ledger" => "the ledger is even again".to_owned(),
                "log" => "the access log is written again".to_owned(),
                "sampling" => "the access log has all records again".to_owned(),
                _ => continue,
            };
            self.note_as(true, kind, Some(stage).filter(|stage| !stage.is_empty()), words);
        }
    }
}

/// The law that publishes most.
fn strongest(gate: &Admission) -> Option<&str> {
    let votes = gate.votes.iter().filter(|vote| vote.pressure > 0.0);
    votes.max_by(|a, b| a.pressure.total_cmp(&b.pressure)).map(|vote| &*vote.law)
}

/// How much of a resource is used.
fn use_of(resource: &Resource) -> String {
    let Resource { used, budget, unit, .. } = resource;
    let Some(used) = used else { return "its use is not known".to_owned() };
    let found = used * *budget as f64;
    format!("{found:.0} of {budget} {unit}, {:.0} %", used * 100.0)
}

/// Whether a bound became much larger or smaller, came or went.
fn is_much(was: Option<f64>, now: Option<f64>) -> bool {
    match (was, now) {
        (None, None) => false,
        (Some(was), Some(now)) => now.max(was) >= MUCH * now.min(was) && now != was,
        _ => true,
    }
}

fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

fn millis(us: u64) -> String {
    format!("{} ms", us as f64 / 1000.0)
}

#[cfg(test)]
#[path = "incidents_tests.rs"]
mod tests;
