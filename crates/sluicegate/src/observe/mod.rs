//! What can happen in a net, the counters and traces of it with one writer each, and the snapshots
//! that observers take.

mod admission;
mod drawing;
mod happening;
mod snapshot;
mod stats;
mod trace;

pub use admission::{AdmissionQueueView, AdmissionView, Vote};
pub use happening::Happening;
pub use snapshot::{Observer, Snapshot, StageView, WireView};
pub(crate) use stats::{Count, Cut, StageStats, Stats, WireStats, sum};
pub use trace::TRACE_COLUMNS;
pub(crate) use trace::{Record, Tracer};
