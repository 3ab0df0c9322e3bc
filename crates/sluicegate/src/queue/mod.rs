//! The queue of an inlet: bounded, two lanes, one lock a batch.

mod inlet;
mod link;
#[cfg(test)]
mod link_tests;
mod marks;
#[cfg(test)]
mod tests;

pub(crate) use inlet::{InletQueue, Probe, Taken, Waiter};
pub(crate) use link::{Leftover, WireLink};
