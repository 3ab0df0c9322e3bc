//! What tests show in the place of a service.

use crate::answer::{Asked, NotChanged, Seen, Steer, no_such_law};
use crate::health::Health;
use crate::metrics::{Page, put_build};
use crate::watcher::Watcher;
use serde_json::json;
use sluicegate::{Changed, Observer, Setting, StageError, Value};
use std::cell::Cell;
use std::sync::Mutex;

/// A stage `a` with a law `b`, and a stage `a/b` that anna alone may pause; with the settings of a
/// net, and what was seen of it, where there is one.
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
        match (stage, how) {
            ("a/b", Steer::Pause) if by == "anna" => self.held.set(true),
            ("a/b", Steer::Pause) => return Err(NotChanged::Forbidden("not you")),
            ("a/b", _) => return Err(StageError::NotPaused { stage: stage.into() }.into()),
            _ => return Err(NotChanged::Unknown("there are: a/b".to_owned())),
        }
        Ok(())
    }

    fn watcher(&self) -> Option<&Mutex<Watcher>> {
        self.watcher.as_ref()
    }
}

/// A request of a program.
pub fn ask<'a>(method: &'a str, target: &'a str) -> Asked<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    Asked { method: method.as_bytes(), path, query, ..Asked::default() }
}
