//! What runs a net: workers, the loop of each, the policy that says which stage is next.

mod breaker;
mod close;
mod crew;
mod current;
mod directives;
mod gating;
mod group;
mod letters;
mod machine;
mod mailbox;
mod maker;
#[cfg(all(test, loom))]
mod models;
mod plan;
mod policy;
mod replica;
mod rest;
mod runnable;
mod running;
mod stall;
mod steer;
mod stop_error;
mod wheel;
#[cfg(test)]
mod wheel_tests;
mod worker;

pub(crate) use breaker::{Breaker, Gate};
pub(crate) use close::refuse;
pub(crate) use crew::{Crew, Seen};
pub(crate) use current::Current;
pub(crate) use directives::{Directives, Told};
pub(crate) use gating::Gating;
pub(crate) use group::{GROUP, Group};
pub(crate) use letters::Letters;
pub use machine::{Machine, Park, Raised, Wait};
pub use mailbox::Waker;
pub(crate) use mailbox::{Bell, Mailbox, NEWS, Pool, READY_BITS, Ring};
pub(crate) use maker::{Make, Maker};
pub(crate) use plan::{Build, Plan, PlannedDomain, PlannedStage};
pub(crate) use policy::PolicySettings;
pub use policy::{
    Cohort, ExitFirst, Fifo, LongestQueue, Next, Policy, Priority, Ran, Ready, Shares, Stages,
    Waiting,
};
pub(crate) use replica::{Fused, Replica, Seat, Seats};
pub(crate) use rest::Rest;
pub(crate) use runnable::{Context, Runnable};
pub(crate) use running::DRAIN_STEP;
pub use running::{Drained, Running, StartError};
pub(crate) use stall::{OnStall, Sleep, stalls, watch};
pub use stall::{Stall, Stalled};
pub use steer::StageError;
pub use stop_error::StopError;
pub use wheel::TimerKey;
pub(crate) use wheel::{TIMERS, Wheel};
pub(crate) use worker::{Turn, Worker};
