//! What can happen in a net, the counters and traces of it with one writer each, and the snapshots
//! that observers take.

mod admission;
mod drawing;
mod flows;
mod happening;
mod paths;
mod recorder;
mod snapshot;
mod stats;
mod trace;

pub use admission::{AdmissionQueueView, AdmissionView, Vote};
pub(crate) use flows::Traces;
pub use flows::{FlowStep, FlowTrace, Kept, StepKind};
pub use happening::Happening;
pub(crate) use paths::PathKey;
pub(crate) use recorder::Recorder;
pub use snapshot::{Observer, Snapshot, StageView, WireView};
pub(crate) use stats::{Count, Cut, StageStats, Stats, WireStats, sum};
pub use trace::TRACE_COLUMNS;
pub(crate) use trace::{Record, Tracer};
