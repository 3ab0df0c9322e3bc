//! The queue of an inlet: bounded, two lanes, one lock a batch.

mod gated;
mod inlet;
mod line;
mod link;
#[cfg(test)]
mod link_tests;
mod marks;
#[cfg(test)]
mod tests;
mod waiting;
#[cfg(test)]
mod waiting_tests;

pub(crate) use gated::{Aside, Gated, Passed};
pub(crate) use inlet::{InletQueue, Probe, Taken, Waiter};
pub(crate) use link::{Leftover, WireLink};
pub use waiting::Order;
