//! The kernel of Sluicegate: services as nets of stages joined by explicit, bounded queues.
//!
//! It knows no socket and no file; time is an argument everywhere but in `run`. New here? Read the
//! [`manual`].
//!
//! A net of two stages, run in virtual time:
//!
//! ```
//! use sluicegate::{Batch, Cx, Net, Out, Sim, bounded, from_fn, stage};
//!
//! let mut net = Net::new("first");
//! let cpu = net.domain("cpu").pinned(2);
//! let double = net.add(
//!     stage("double", || {
//!         from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
//!             for event in batch {
//!                 cx.out.emit(event.map(|n| 2 * n));
//!             }
//!         })
//!     })
//!     .on(cpu)
//!     .queue(bounded(16)),
//! );
//! let show = net.add(
//!     stage("show", || {
//!         from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
//!             for event in batch {
//!                 let (tag, n) = event.split();
//!                 println!("{n}");
//!                 tag.finish();
//!             }
//!         })
//!     })
//!     .on(cpu),
//! );
//! net.wire(double.out, show.inlet);
//! let entry = net.entry(double.inlet);
//!
//! let mut sim = Sim::new(net, 42)?;
//! for n in 0..10 {
//!     entry.send(n).expect("a queue of 16 takes 10");
//! }
//! assert!(sim.settle(1000));
//! sim.assert_even();
//! assert_eq!(sim.ledger().finished, 10);
//! # Ok::<(), sluicegate::StartError>(())
//! ```
#![forbid(unsafe_code)]

mod control;
mod desk;
mod event;
pub mod faults;
mod gone;
mod ledger;
pub mod manual;
mod net;
mod observe;
mod part;
mod queue;
mod rig;
mod run;
mod settings;
pub mod sim;
mod stage;
mod sync;
mod time;

pub use control::{
    Adjust, Codel, Concurrency, Controller, Gauge, Gradient2, Headroom, Level, Levels, Limit, Off,
    Overload, Sample, Seda, SedaMulticlass, Spread, Vegas,
};
pub use desk::strays;
pub use event::{Batch, Ended, Event, StageId, Tag, Tags, WorkerId};
pub use ledger::{ByWhy, Ledger, Why};
pub use net::{
    BoxError, Capacity, Copies, Domain, DomainBuilder, DomainSpec, Entry, Fault, Faults, Net, Node,
    OnFull, Refused, Routing, Spec, Supervision, Threads, Wire, bounded, stage,
};
pub use observe::{
    AdmissionQueueView, AdmissionView, ClassView, Drawing, DrawnStage, DrawnWire, FlowStep,
    FlowTrace, Happening, Histogram, Kept, Metric, MetricKind, Observer, Reading, Snapshot,
    StageView, StepKind, TRACE_COLUMNS, TraceParent, Vote, WireView, WorkerView,
};
pub use part::{Door, DoorStage, Part, PartView, Slot, SlotOut, SlotOutlets, SlotStage, slot};
pub use queue::{AdmissionQueue, Ask, Order, Place};
pub use rig::Rig;
pub use run::{
    Cohort, Drained, ExitFirst, Fifo, LongestQueue, Machine, Next, Park, Policy, Priority, Raised,
    Ran, Ready, Running, Shares, StageError, Stages, Stall, Stalled, StartError, StopError,
    TimerKey, Wait, Waiting, Waker,
};
pub use settings::{Changed, Changes, OwnSettings, Setting, SettingFault, SettingFaults, Value};
pub use sim::Sim;
pub use stage::{
    AnyOut, AnyStage, AsyncCx, AsyncStage, Binder, Cause, Cx, Entering, Flag, FnStage, Full, Inlet,
    Letter, Local, NoRoom, Out, Outlet, Permit, Ports, Sleep, Stage, WantedPlaces, async_stage,
    from_async_fn, from_fn, reserve_all,
};
pub use time::{Clock, Time, VirtualTime, ms};

/// Property tests draw the same cases in every run.
#[cfg(test)]
fn seeded() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        // Under miri each takes a thousand times as long.
        cases: if cfg!(miri) { 4 } else { 1000 },
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..Default::default()
    }
}

/// The README's example, compiled and run.
#[doc = include_str!("../../../README.md")]
#[cfg(doctest)]
struct Readme;

/// The example of the page on resources, the same.
#[doc = include_str!("../../../docs/resources.md")]
#[cfg(doctest)]
struct ResourcesPage;

/// The example of the page on settings, the same.
#[doc = include_str!("../../../docs/settings.md")]
#[cfg(doctest)]
struct SettingsPage;
