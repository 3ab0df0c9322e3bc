//! The gate of a queue: its laws, what they say, and who was refused.

use super::Counts;
use serde::{Deserialize, Serialize};

/// The gate of one queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Admission {
    /// What each of its laws says.
    pub votes: Vec<Vote>,
    /// How long what waits will take; `None` is not known.
    pub work_us: Option<u64>,
    /// What an event costs in its handler.
    pub cost_us: f64,
    /// The bounds that hold: the strictest.
    pub bounds: Bounds,
    /// Events that asked to enter.
    pub offered: u64,
    /// Those that were refused, by the reason.
    pub refused: Counts,
    /// The share of what is offered that had better be refused upstream.
    pub pressure: f64,
    /// How well the handler is to do its work.
    pub quality: f64,
    /// When the bounds last changed, by the clock of the net.
    pub changed_ms: u64,
}

/// What one law says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vote {
    /// The law's name.
    pub law: String,
    /// The time that it keeps to.
    pub target_us: Option<u64>,
    /// What it measured.
    pub measured_us: Option<u64>,
    /// The bounds that it sets.
    pub bounds: Bounds,
    /// The pressure that it publishes.
    pub pressure: f64,
    /// The quality that it asks for.
    pub quality: f64,
    /// Whether its bounds stay as they are.
    pub frozen: bool,
}

/// Bounds of a queue; `None` does not hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// Queued work.
    pub work_us: Option<u64>,
    /// Queued events.
    pub events: Option<u64>,
    /// Events a second that are let in.
    pub rate: Option<f64>,
    /// The same by class, from 0.
    pub class_rates: Option<Vec<Option<f64>>>,
    /// How long an event may wait.
    pub patience_us: Option<u64>,
    /// Whether who came last goes first.
    pub newest_first: bool,
    /// The share that is refused.
    pub share: Option<f64>,
}
