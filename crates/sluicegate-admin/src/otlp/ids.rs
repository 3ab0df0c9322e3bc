//! The ids of a flow and of its steps: of 128 and 64 bits, never 0, and the same each time.

use sluicegate::FlowTrace;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// By which ids a flow is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    pub trace: u128,
    /// Of its root span.
    pub span: u64,
    /// Of the span that asked for it, where it is of the trace of another.
    pub parent: Option<u64>,
}

impl Ids {
    pub fn of(flow: &FlowTrace) -> Self {
        Self { trace: flow.trace, span: flow.span, parent: flow.parent }
    }

    /// The span of its step with this number.
    pub fn step(&self, step: usize) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one((self.span, step)).max(1)
    }
}
