//! Counters with one writer each, and the snapshots that observers take of them.

mod snapshot;
mod stats;

pub use snapshot::{Observer, Snapshot, StageView, WireView};
pub(crate) use stats::{Cut, StageStats, Stats, WireStats, sum};
