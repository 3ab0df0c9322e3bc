//! The queue of an inlet: bounded, two lanes, one lock a batch.

mod admission;
#[cfg(test)]
mod admission_tests;
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

pub use admission::{AdmissionQueue, Ask, Place};
pub(crate) use gated::{Aside, Gated, Passed};
pub(crate) use inlet::{InletQueue, Probe, Taken, Waiter, tenths};
pub(crate) use link::{Leftover, WireLink, route};
pub(crate) use waiting::Item;
pub use waiting::Order;
