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

    /// A pool does without threads that hang, as long as one does not; what comes to a pinned
    /// worker has nobody else.
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

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::{Batch, Cx, Entry, Net, Overload, Sim, bounded, from_fn, ms, stage};

    fn said(health: &Health, path: &'static str) -> (u16, String) {
        let asked = Asked { method: b"GET", path, ..Asked::default() };
        let answer = answer(asked, || health.clone(), true);
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        (answer.status, body["status"].as_str().expect("a word").to_owned())
    }

    /// A net of one stage with room for two.
    fn net() -> (Sim, Entry<u64>) {
        let mut net = Net::new("net");
        let cpu = net.domain("cpu").pinned(1);
        let work = || {
            from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                batch.for_each(|event| event.split().0.finish());
            })
        };
        let queue = bounded(2).admit(Overload::p99(ms(50)));
        let work = net.add(stage("work", work).on(cpu).queue(queue));
        let entry = net.entry(work.inlet);
        (Sim::new(net, 1).expect("no faults"), entry)
    }

    #[test]
    fn who_has_too_much_to_do_is_ready_and_who_drains_is_not() {
        let (mut sim, entry) = net();
        let health = |sim: &mut Sim| Health::of_net(&sim.snapshot());
        assert_eq!(said(&health(&mut sim), "/readyz"), (200, "ready".to_owned()));
        (0..2).for_each(|_| entry.send(1).expect("there is room"));
        let full = health(&mut sim);
        assert_eq!(said(&full, "/readyz"), (200, "overloaded".to_owned()));
        assert_eq!(said(&full, "/healthz"), (200, "live".to_owned()));
        assert!(sim.settle(1000), "it comes to rest");
        assert_eq!(said(&health(&mut sim), "/readyz"), (200, "ready".to_owned()));
        sim.drain();
        assert_eq!(said(&health(&mut sim), "/readyz"), (503, "draining".to_owned()));
        assert_eq!(said(&health(&mut sim), "/healthz"), (200, "live".to_owned()));
    }

    #[test]
    fn who_is_stopped_or_silent_is_dead_and_who_is_broken_gets_no_work() {
        let mut sim = net().0;
        let mut net = sim.snapshot();
        assert_eq!(said(&Health::starting(), "/readyz"), (503, "starting".to_owned()));
        assert_eq!(said(&Health::starting(), "/healthz").0, 200);
        net.stages[0].broken_now = 1;
        let broken = Health::of_net(&net);
        assert_eq!(said(&broken, "/readyz"), (503, "broken".to_owned()));
        assert_eq!(said(&broken, "/healthz").0, 200);
        net.stages[0].broken_now = 0;
        net.workers[0].age = HANGS;
        assert_eq!(said(&Health::of_net(&net), "/healthz"), (503, "dead".to_owned()));
        net.stages[0].kind = "pool";
        assert_eq!(said(&Health::of_net(&net), "/healthz").0, 200, "a pool may wait");
    }
}
