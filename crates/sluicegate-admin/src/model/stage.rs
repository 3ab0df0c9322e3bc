//! A stage, or the gate of a service that is none.

use super::{Admission, Counts, Ledger};
use serde::{Deserialize, Serialize};

/// A stage. Counts are since the start, over all replicas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its domain; empty for a gate.
    pub domain: String,
    /// `pinned`, `pool` or `gate`.
    pub kind: String,
    /// Replicas, one a thread of the domain; 0 for a gate.
    pub replicas: u64,
    /// How many of its threads take events now.
    pub on_duty: Option<u64>,
    /// Events that wait.
    pub queued: u64,
    /// The most that may wait, over all queues.
    pub capacity: u64,
    /// Events that came.
    pub arrivals: Option<u64>,
    /// Events handled.
    pub served: u64,
    /// Batches handled.
    pub batches: u64,
    /// Time in the handler; `None` for a gate.
    pub busy_us: Option<u64>,
    /// Runs that took more than twice their slice.
    pub overruns: u64,
    /// How long events waited.
    pub wait: Option<Times>,
    /// How long the handler took for one.
    pub service: Option<Times>,
    /// How many events a batch had.
    pub batch_sizes: Option<BatchSizes>,
    /// How often it parked on held output.
    pub parked: u64,
    /// Whether any of its replicas is parked now.
    pub parked_now: bool,
    /// How long its replicas were parked, added up.
    pub parked_us: Option<u64>,
    /// On which ports it is parked now.
    pub parked_on: Vec<String>,
    /// Whether it is paused.
    pub paused: bool,
    /// Steps that it has still to take.
    pub steps: u64,
    /// How long the oldest of what waits has waited.
    pub queue_age_us: u64,
    /// Flows that ended without an answer while it ran, by the reason.
    pub refused: Counts,
    /// The same by class.
    pub refused_by_class: Vec<ClassRefused>,
    /// Panics of its handler.
    pub panics: u64,
    /// How often its breakers opened.
    pub breaks: u64,
    /// Breakers that are open.
    pub broken_now: u64,
    /// How often a replica's stage was replaced by another value.
    pub replaced: u64,
    /// The gates of its queues.
    pub admission: Vec<Admission>,
    /// When, by the clock of the gate.
    pub time_ms: Option<u64>,
    /// Whether the gate takes no more.
    pub draining: bool,
    /// Calls that are served, of a gate.
    pub running: Option<u64>,
    /// The most that are served at once, of a gate.
    pub concurrency: Option<u64>,
    /// What became of the calls of a gate.
    pub ledger: Option<Ledger>,
}

impl Stage {
    /// How many events it can handle at once, of an async stage one a replica.
    pub fn threads(&self) -> u64 {
        self.concurrency.or(self.on_duty).unwrap_or(self.replicas).max(1)
    }

    /// Flows that ended here without an answer.
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// How long something took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// How often it was measured.
    pub count: u64,
    /// The mean.
    pub mean_us: f64,
    /// Quantiles, each by up to its error too high.
    pub p50_us: f64,
    /// See `p50_us`.
    pub p90_us: f64,
    /// See `p50_us`.
    pub p99_us: f64,
    /// The longest.
    pub max_us: f64,
}

/// How many events batches had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchSizes {
    /// The mean.
    pub mean: f64,
    /// Quantiles.
    pub p50: f64,
    /// See `p50`.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// Flows of one class that ended without an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassRefused {
    /// The class.
    pub class: u64,
    /// How many, by the reason.
    #[serde(flatten)]
    pub refused: Counts,
}
