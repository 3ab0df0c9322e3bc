//! The queue of an inlet: bounded, two lanes, one lock a batch.

mod admission;
#[cfg(test)]
mod admission_tests;
mod expiry;
#[cfg(test)]
mod expiry_tests;
mod gated;
mod inlet;
mod link;
#[cfg(test)]
mod link_tests;
mod marks;
mod order;
mod routed;
mod several;
#[cfg(test)]
mod several_tests;
mod tee;
#[cfg(test)]
mod tests;
mod work;
#[cfg(test)]
mod work_tests;

pub use admission::{AdmissionQueue, Ask, Place};
pub(crate) use gated::{Aside, Gated, Passed};
pub(crate) use inlet::{InletQueue, Probe, Taken, Waiter, tenths};
pub(crate) use link::{Fusing, Leftover, WireLink, route};
pub(crate) use order::Item;
pub use order::Order;
pub(crate) use routed::{BalancedLink, KeyOf, KeyedLink, Lanes};
pub(crate) use tee::{Answer, Branch, TeeLink};
pub(crate) use work::WorkBound;
