//! What can happen in a net, the counters and traces of it with one writer each, and the snapshots
//! that observers take.

mod admission;
mod by_class;
mod cuts;
mod drawing;
mod flows;
mod happening;
mod histogram;
mod keep;
mod metric;
mod paths;
mod recorder;
mod slowest;
mod snapshot;
mod stats;
mod trace;
mod trace_parent;
mod view;

pub use admission::{AdmissionQueueView, AdmissionView, Vote};
pub(crate) use by_class::ByClass;
pub(crate) use cuts::{Cut, Cuts};
pub use drawing::{Drawing, DrawnStage, DrawnWire};
pub use flows::{FlowStep, FlowTrace, Kept, StepKind};
pub use happening::Happening;
pub use histogram::Histogram;
pub(crate) use histogram::Tally;
pub(crate) use keep::Traces;
pub use metric::{Metric, MetricKind, Reading};
pub(crate) use paths::PathKey;
pub(crate) use recorder::Recorder;
pub use snapshot::{Observer, Snapshot};
pub(crate) use stats::{Count, StageStats, Stats, WireStats, WorkerStats, sum};
pub use trace::TRACE_COLUMNS;
pub(crate) use trace::{Record, Tracer};
pub use trace_parent::TraceParent;
pub use view::{ClassView, StageView, WireView, WorkerView};
