//! What makes the replicas of a stage, on their workers.

use std::sync::{Arc, Mutex, PoisonError};

/// A factory of replicas.
pub(crate) type Make<S> = Arc<dyn Fn() -> S + Send + Sync>;

/// The factory of one stage, in whose place another may come while the net runs.
pub(crate) struct Maker<S>(Mutex<Make<S>>);

impl<S> Maker<S> {
    pub fn new(make: Make<S>) -> Self {
        Self(Mutex::new(make))
    }

    pub fn get(&self) -> Make<S> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn set(&self, make: Make<S>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = make;
    }
}
