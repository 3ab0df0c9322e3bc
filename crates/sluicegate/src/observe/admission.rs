//! What an observer sees of the admission to a queue.

use crate::control::Adjust;
use crate::ledger::ByWhy;
use crate::time::Time;
use std::time::Duration;

/// The admission to one queue at one moment. Counts are since the start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdmissionView {
    /// The law of its controller.
    pub law: &'static str,
    /// The time that the law keeps to.
    pub target: Option<Duration>,
    /// Whether the controller is frozen: it goes on measuring, but what it says is not done.
    pub frozen: bool,
    /// The bounds that the queue keeps now, with what was measured when they were set.
    pub adjust: Adjust,
    /// When the controller last changed them.
    pub changed: Time,
    /// What an event costs in its handler, the mean.
    pub cost: Duration,
    /// How long what waits will take.
    pub work: Duration,
    /// Events that asked to enter.
    pub offered: u64,
    /// Those that were refused, pushed out later, or dropped when it was their turn.
    pub refused: ByWhy,
}
