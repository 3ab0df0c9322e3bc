//! What an observer sees of the admission to a queue.

use crate::control::Adjust;
use crate::ledger::ByWhy;
use crate::time::Time;
use std::time::Duration;

/// The admission to one queue at one moment. Counts are since the start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdmissionView {
    /// What each of its laws says, in order of declaration.
    pub votes: Vec<Vote>,
    /// The bounds that the queue keeps now: the strictest that any law says.
    pub adjust: Adjust,
    /// When they last changed.
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

/// What one law says of a queue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Vote {
    /// Its name.
    pub law: &'static str,
    /// The time that it keeps to, if it has one.
    pub target: Option<Duration>,
    /// Whether it is frozen: it goes on measuring, but its bounds stay as they are.
    pub frozen: bool,
    /// The bounds that it sets, with what it measured at its last tick.
    pub adjust: Adjust,
}
