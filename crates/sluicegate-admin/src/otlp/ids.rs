//! The ids of a flow and of its steps: of 128 and 64 bits, never 0, and the same each time.

use sluicegate::FlowTrace;

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
        mixed(self.span ^ mixed(step as u64)).max(1)
    }
}

/// Each bit of the result depends on each of the number, and no two numbers have the same: the
/// last steps of splitmix64 (Steele, Lea and Flood, Fast splittable pseudorandom number
/// generators, 2014).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
