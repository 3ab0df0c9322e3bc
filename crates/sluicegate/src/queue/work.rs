//! Capacity in work: a queue that is full when what waits in it will take too long.
//!
//! The work that waits is its number times the measured pace, so that the capacity in events
//! follows what an event costs: many cheap ones, few dear ones.

use std::time::Duration;

/// The most work that may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkBound(pub Duration);

impl WorkBound {
    /// The most events that may wait at `pace` nanoseconds each, beside those that have a server
    /// `free`. An empty queue takes an event whatever it costs.
    pub fn events(self, pace: f64, free: usize) -> usize {
        let events = self.0.as_nanos() as f64 / pace;
        (events as usize).saturating_add(free).max(1)
    }
}
