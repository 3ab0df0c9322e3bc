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
mod routed;
mod several;
mod tee;
#[cfg(test)]
mod tests;
mod waiting;
#[cfg(test)]
mod waiting_tests;

pub use admission::{AdmissionQueue, Ask, Place};
pub(crate) use gated::{Aside, Gated, Passed};
pub(crate) use inlet::{InletQueue, Probe, Taken, Waiter};
pub(crate) use link::{Leftover, WireLink};
pub(crate) use routed::{BalancedLink, KeyOf, KeyedLink, Lanes};
pub(crate) use tee::{Answer, Branch, TeeLink};
pub(crate) use waiting::Item;
pub use waiting::Order;
