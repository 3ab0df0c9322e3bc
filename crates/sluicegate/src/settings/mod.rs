//! Settings: the numbers of a net, each with a path, a range and a sentence, changed as a whole or
//! not at all.
//!
//! Topology is code, numbers are settings. What a net declares has its path by itself
//! (`stages.load.queue.capacity`); stages, laws and policies declare more of their own. While the
//! net runs nothing is read from here: what changes is carried to where it is used, to a replica at
//! a batch's edge, to a queue under its lock.

mod change;
mod fault;
mod list;
mod log;
mod own;
mod stage;
mod traces;
mod value;

pub(crate) use change::{change_net, check};
pub use fault::{SettingFault, SettingFaults};
pub(crate) use list::{of_net, of_plan, of_queue, part_of_queue};
pub use log::{Changed, Changes};
pub use own::OwnSettings;
pub(crate) use own::{Own, Owned};
pub(crate) use stage::Which;
pub(crate) use traces::Tracing;
pub use value::Value;

/// A setting and its value now.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// Its path, such as `stages.load.queue.capacity`.
    pub path: String,
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// What is counted; `us` for a time, and nothing for a share or a factor.
    pub unit: &'static str,
    /// The least that it can be.
    pub least: Value,
    /// The most.
    pub most: Value,
    /// What the net declares.
    pub default: Value,
    /// What it is now.
    pub value: Value,
    /// Whether it can be changed while the net runs. Others only before it does, by
    /// [`Net::change`](crate::Net::change).
    pub live: bool,
}
