//! Looks for newer generations of the volumes that are served, and tells what is wrong with them:
//! on a thread of its own, which holds up nobody where a device, or who reads what it tells, does
//! not answer.
use crate::volume::{Memory, OpenVolume};
use sluicegate::{Batch, Cx, Stage};
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(2);

/// Nothing comes to it and nothing leaves it: whoever serves a generation sees that it is over.
#[derive(Debug)]
pub struct Renew {
    sources: Vec<Arc<OpenVolume>>,
    memory: Arc<Memory>,
    /// Which of them could not be looked at; told once each time.
    failing: Vec<bool>,
}

impl Renew {
    /// Looks at these, which are served from this memory.
    pub fn new(sources: Vec<Arc<OpenVolume>>, memory: Arc<Memory>) -> Renew {
        let failing = vec![false; sources.len()];
        Renew { sources, memory, failing }
    }
}

impl Stage for Renew {
    type In = ();
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        cx.after(EVERY, 0);
    }

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, ()>) {}

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, ()>) {
        self.memory.tell_faults();
        for (source, failing) in self.sources.iter().zip(&mut self.failing) {
            let renewed = source.renew();
            let edition = source.edition();
            let (volume, generation) = (edition.device().name(), edition.volume().generation());
            match renewed {
                Ok(true) => tracing::info!(
                    target: "sluicegate::volume",
                    volume, generation, "another generation is served from now on",
                ),
                Err(ref error) if !*failing => tracing::error!(
                    target: "sluicegate::volume",
                    volume, generation, "no newer generation can be looked for: it {error}; this \
                     one is served on",
                ),
                Ok(false) | Err(_) => {}
            }
            *failing = renewed.is_err();
        }
        cx.after(EVERY, 0);
    }
}

impl Drop for Renew {
    /// What was found until the net ended, also while it drained.
    fn drop(&mut self) {
        self.memory.tell_faults();
    }
}
