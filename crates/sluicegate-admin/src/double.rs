//! What tests show in the place of a service.

use crate::answer::{Asked, NotChanged, Seen, Steer, no_such_law};
use crate::health::Health;
use crate::metrics::{Page, put_build};
use crate::watcher::Watcher;
use serde_json::json;
use sluicegate::{
    Batch, Changed, Cx, Net, Observer, Overload, Setting, Sim, StageError, Value, bounded, from_fn,
    ms, stage,
};
use std::cell::Cell;
use std::sync::Mutex;

/// A stage `a` with a law `b`, and a stage `a/b` that anna alone may pause, step and have go on;
/// with the settings of a net, and what was seen of it, where there is one.
#[derive(Default)]
pub struct Double {
    /// Whether the law is frozen, or the stage paused.
    pub held: Cell<bool>,
    pub net: Option<Observer>,
    pub watcher: Option<Mutex<Watcher>>,
}

impl Seen for Double {
    fn json(&self) -> String {
        json!({ "held": self.held.get() }).to_string()
    }

    fn put_metrics(&self, page: &mut Page) {
        put_build(page);
    }

    fn health(&self) -> Health {
        Health::default()
    }

    fn freeze(&self, _: &str, stage: &str, law: &str, to: bool) -> Result<(), NotChanged> {
        if (stage, law) != ("a", "b") {
            let what = no_such_law(stage, law, [("a", "b")].into_iter());
            return Err(NotChanged::Unknown(what));
        }
        self.held.set(to);
        Ok(())
    }

    fn settings(&self) -> Vec<Setting> {
        self.net.as_ref().map(Observer::settings).unwrap_or_default()
    }

    fn changes(&self) -> Vec<Changed> {
        self.net.as_ref().map(Observer::changes).unwrap_or_default()
    }

    fn change(&self, by: &str, changes: &[(&str, Value)]) -> Result<(), NotChanged> {
        let net = self.net.as_ref().ok_or(NotChanged::Forbidden("not here"))?;
        Ok(net.change(by, changes)?)
    }

    fn steer(&self, by: &str, stage: &str, how: Steer) -> Result<(), NotChanged> {
        if stage != "a/b" {
            return Err(NotChanged::Unknown("there are: a/b".to_owned()));
        }
        if by != "anna" {
            return Err(NotChanged::Forbidden("not you"));
        }
        if how != Steer::Pause && !self.held.get() {
            return Err(StageError::NotPaused { stage: stage.into() }.into());
        }
        self.held.set(how != Steer::Resume);
        Ok(())
    }

    fn watcher(&self) -> Option<&Mutex<Watcher>> {
        self.watcher.as_ref()
    }
}

/// One that shows a net of one stage, `a stage`: a name that has to be coded.
pub fn service() -> (Double, Sim) {
    let mut net = Net::new("service");
    let cpu = net.domain("cpu").pinned(1);
    let end = || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    };
    let queue = bounded(8).admit(Overload::p99(ms(50)));
    net.add(stage("a stage", end).on(cpu).queue(queue));
    let sim = Sim::new(net, 1).expect("no faults");
    (Double { net: Some(sim.observer()), ..Double::default() }, sim)
}

/// A request of a program.
pub fn ask<'a>(method: &'a str, target: &'a str) -> Asked<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    Asked { method: method.as_bytes(), path, query, ..Asked::default() }
}
