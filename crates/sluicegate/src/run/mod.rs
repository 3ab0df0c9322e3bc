//! What runs a net: workers, the loop of each, the policy that says which stage is next.

mod breaker;
mod close;
mod crew;
mod gating;
mod group;
mod machine;
mod mailbox;
#[cfg(all(test, loom))]
mod models;
mod plan;
mod policy;
mod replica;
mod rest;
mod runnable;
mod running;
mod wheel;
#[cfg(test)]
mod wheel_tests;
mod worker;

pub(crate) use breaker::Breaker;
pub(crate) use close::refuse;
pub(crate) use crew::{Crew, Seen};
pub(crate) use gating::Gating;
pub(crate) use group::{GROUP, Group};
pub use machine::{Machine, Park, Raised, Wait};
pub use mailbox::Waker;
pub(crate) use mailbox::{Bell, Mailbox, NEWS, Pool, READY_BITS, Ring};
pub(crate) use plan::{Build, Plan};
pub use policy::{
    Cohort, ExitFirst, Fifo, LongestQueue, Next, Policy, Priority, Ran, Ready, Shares, Stages,
    Waiting,
};
pub(crate) use replica::Replica;
pub(crate) use rest::Rest;
pub(crate) use runnable::{Context, Runnable};
pub use running::{Drained, Running, StartError};
pub use wheel::TimerKey;
pub(crate) use wheel::Wheel;
pub(crate) use worker::{Turn, Worker};
