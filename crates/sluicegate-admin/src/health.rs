//! `/healthz` and `/readyz`: whether what runs here is to be started anew, and whether it is to be
//! given work.
//!
//! Overload is neither: who is started anew or left out because there is too much to do makes it
//! worse for the others.

use crate::answer::{Answer, Asked, is_read};
use serde_json::json;
use sluicegate::{AdmissionQueueView, Snapshot, StageView};
use std::time::Duration;

/// A worker of a pinned domain that has not published for so long hangs for good: its longest
/// silence is that of one handler.
const HANGS: Duration = Duration::from_secs(30);

/// How well what runs here is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why it is to be started anew.
    dead: Vec<String>,
    /// Why it is to be given no work, in a word and in full.
    unready: Vec<(&'static str, String)>,
    /// Where there is more to do than can be done.
    overloaded: Vec<String>,
}

impl Health {
    /// Nothing runs yet.
    pub fn starting() -> Self {
        let why = ("starting", "the net has not started yet".to_owned());
        Self { unready: vec![why], ..Self::default() }
    }

    /// That of a net.
    pub fn of_net(net: &Snapshot) -> Self {
        let mut health = Self::default();
        if let Some(error) = &net.stopped {
            health.dead.push(error.to_string());
            health.unready.push(("stopped", error.to_string()));
        }
        if net.draining {
            health.unready.push(("draining", "the net drains and takes no more".to_owned()));
        }
        health.look_at_workers(net);
        net.stages.iter().for_each(|stage| health.look_at_stage(net, stage));
        health
    }

    /// That of the gates of services.
    pub fn of_gates<'a>(gates: impl Iterator<Item = (&'a str, AdmissionQueueView)>) -> Self {
        let mut health = Self::default();
        for (name, gate) in gates {
            if gate.draining {
                health.unready.push(("draining", format!("{name} drains and takes no more")));
            }
            let is_full = gate.waiting >= gate.capacity;
            if is_full || gate.admission.adjust.pressure > 0.0 {
                health.overloaded.push(format!("{name} refuses some of what it is asked for"));
            }
        }
        health
    }

    fn look_at_workers(&mut self, net: &Snapshot) {
        let is_pinned = |domain: &str| {
            net.stages.iter().any(|stage| stage.domain == domain && stage.kind == "pinned")
        };
        for worker in net.workers.iter().filter(|worker| worker.age >= HANGS) {
            if is_pinned(&worker.domain) {
                let (domain, n, s) = (&worker.domain, worker.worker, worker.age.as_secs());
                self.dead.push(format!("worker {n} of {domain} has done nothing for {s} s"));
            }
        }
    }

    /// A pool does without threads that hang, as long as one does not; what comes to a pinned worker
    /// has nobody else.
    fn look_at_stage(&mut self, net: &Snapshot, stage: &StageView) {
        let name = &stage.name;
        let (breakers, threads) = match stage.kind {
            "pool" => (1, stage.replicas),
            _ => (stage.replicas, 1),
        };
        if stage.broken_now >= breakers {
            let why = format!("the breaker of {name} is open: it panicked again and again");
            self.unready.push(("broken", why));
        }
        let stalls = net.stalls.iter().filter(|stall| stall.stage == *name);
        let longest = stalls.clone().map(|stall| stall.time).max().unwrap_or_default();
        if stalls.count() >= threads {
            let why = format!("a handler of {name} has not come back for {longest:.1?}");
            self.unready.push(("stalled", why));
        }
        let full = stage.capacity > 0 && stage.queued >= stage.capacity;
        let refuses = stage.admission.iter().any(|gate| gate.adjust.pressure > 0.0);
        if full || refuses {
            self.overloaded.push(format!("{name} refuses some of what comes, or holds it up"));
        }
    }
}

/// Whether a path is one of these.
pub(crate) fn is_one(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// Says how well it is; why, to those alone who are admitted.
pub(crate) fn answer(asked: Asked<'_>, health: impl FnOnce() -> Health, admitted: bool) -> Answer {
    if !is_read(asked.method) {
        return Answer::not_allowed("GET, HEAD");
    }
    let Health { dead, unready, overloaded } = health();
    let (good, word, why) = match (asked.path, dead.is_empty(), unready.first()) {
        ("/healthz", true, _) => (true, "live", Vec::new()),
        ("/healthz", false, _) => (false, "dead", dead),
        (_, _, Some((word, _))) => {
            (false, *word, unready.iter().map(|(_, why)| why.clone()).collect())
        }
        _ if overloaded.is_empty() => (true, "ready", overloaded),
        _ => (true, "overloaded", overloaded),
    };
    let mut body = json!({ "status": word });
    if admitted {
        body["why"] = why.into();
    }
    Answer { status: if good { 200 } else { 503 }, ..Answer::json(&body) }
}
