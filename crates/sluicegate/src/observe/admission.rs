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

/// A queue with admission that is no inlet, at one moment:
/// `offered = refused + waiting + running + finished + ended`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdmissionQueueView {
    /// The moment.
    pub at: Time,
    /// Whether it takes no more.
    pub draining: bool,
    /// Its laws and bounds, and who was refused. What left while it waited counts as
    /// [`Why::Gone`](crate::Why::Gone) among them.
    pub admission: AdmissionView,
    /// How many wait.
    pub waiting: usize,
    /// How many may wait at most; the laws mostly keep it to fewer.
    pub capacity: usize,
    /// How long the one has waited that waits longest; zero when none does.
    pub oldest: Duration,
    /// How many are served.
    pub running: usize,
    /// How many may be served at once.
    pub concurrency: usize,
    /// Those that were answered.
    pub finished: u64,
    /// Those that were given a place and not answered.
    pub ended: ByWhy,
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
