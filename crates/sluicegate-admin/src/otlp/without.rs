//! What stands in the place of the exporter where the feature `otlp` is off.

use super::{Counts, Export};
use sluicegate::Observer;
use std::io;
use std::sync::Arc;

/// Sends the flows that a net keeps to a collector; only with the feature `otlp`.
#[derive(Debug)]
pub enum Exporter {}

impl Exporter {
    /// Begins to send.
    ///
    /// # Errors
    /// Always: this was built without the feature.
    pub fn start(_: &Export, _: Observer) -> io::Result<Self> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this program was built without the feature `otlp`; build it with that",
        ))
    }

    /// What was sent and what was dropped.
    pub fn counts(&self) -> &Arc<Counts> {
        match *self {}
    }

    /// Sends what is left, and ends.
    pub fn stop(self) {
        match self {}
    }
}
