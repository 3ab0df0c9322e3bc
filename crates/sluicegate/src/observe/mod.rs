//! Counters with one writer each, and the snapshots that observers take of them.

mod admission;
mod snapshot;
mod stats;

pub use admission::{AdmissionQueueView, AdmissionView, Vote};
pub use snapshot::{Observer, Snapshot, StageView, WireView};
pub(crate) use stats::{Count, Cut, StageStats, Stats, WireStats, sum};
