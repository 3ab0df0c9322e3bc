//! The parts that a net has now, for those who look at it.

use crate::observe::Observer;
use crate::run::Plan;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts that are attached to a net.
#[derive(Default)]
pub(crate) struct Parts(Mutex<Vec<Attached>>);

#[derive(Clone)]
struct Attached {
    slot: String,
    plan: Arc<Plan>,
}

/// A part of a net that runs.
#[derive(Clone)]
#[non_exhaustive]
pub struct PartView {
    /// The slot to which it is attached.
    pub slot: String,
    /// What watches it: a net of its own, whose name is that of the part.
    pub observer: Observer,
}

impl Parts {
    pub fn has(&self, name: &str) -> bool {
        self.list().iter().any(|part| part.plan.name == name)
    }

    pub fn add(&self, slot: String, plan: Arc<Plan>) {
        self.list().push(Attached { slot, plan });
    }

    pub fn remove(&self, plan: &Arc<Plan>) {
        self.list().retain(|part| !Arc::ptr_eq(&part.plan, plan));
    }

    fn list(&self) -> MutexGuard<'_, Vec<Attached>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer {
    /// The parts that are [attached](crate::Running::attach) to the net now, in the order in which
    /// they came. Each is a net of its own, with its ledger, settings and log of changes.
    pub fn parts(&self) -> Vec<PartView> {
        let parts = self.plan.parts.list().clone();
        let view =
            |part: Attached| PartView { slot: part.slot, observer: Observer::new(part.plan) };
        parts.into_iter().map(view).collect()
    }
}
