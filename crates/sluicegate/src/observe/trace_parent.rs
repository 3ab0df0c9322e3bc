//! Of which trace a flow is part, and by which ids it is known there: the one place that says.
//!
//! Ids cost nothing until they are asked for. They are made of what names the flow and of a seed of
//! the process, so that whoever asks, in whatever stage and when, gets the same.

use super::paths::PathKey;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// So that two processes in one trace, or one that is started anew, do not give the same ids.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("trace"));

/// Of which trace something is part, as W3C Trace Context names it in the field `traceparent`.
///
/// ```
/// use sluicegate::TraceParent;
///
/// let parent = TraceParent { trace: 0xabc, parent: 7, sampled: true };
/// let field = "00-00000000000000000000000000000abc-0000000000000007-01";
/// assert_eq!(parent.to_string(), field);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; not 0.
    pub trace: u128,
    /// The span that asks; not 0.
    pub parent: u64,
    /// Whether whoever asks keeps the trace: then the flow's path is
    /// [kept](crate::Observer::flows) too, while any are.
    pub sampled: bool,
}

/// The value of the field: version 00, the trace, the parent, and of the flags `sampled`.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, parent, sampled } = self;
        write!(f, "00-{trace:032x}-{parent:016x}-{:02x}", u8::from(*sampled))
    }
}

impl PathKey {
    /// The id by which the flow is known in its trace; never 0.
    pub fn span(&self) -> u64 {
        self.id(0).max(1)
    }

    /// The id of the trace that the flow begins where its source named none; never 0.
    pub fn own_trace(&self) -> u128 {
        u128::from(self.id(1)) << 64 | u128::from(self.id(2).max(1))
    }

    /// A number of this flow, for one of several uses.
    fn id(&self, part: u64) -> u64 {
        [self.flow, self.born, self.from, part].iter().fold(*SEED, |id, word| mixed(id ^ word))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StageId;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn key() -> impl Strategy<Value = PathKey> {
        let small = || prop_oneof![0..4_u64, any::<u64>()];
        (small(), small(), 0..4_u16, 0..4_u16, any::<bool>()).prop_map(
            |(flow, born, source, home, question)| {
                PathKey::new(flow, born, StageId(source), home, question)
            },
        )
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn ids_are_the_same_each_time_and_of_one_flow_alone(
            keys in prop::collection::vec(key(), 1..40),
        ) {
            let flows: HashSet<_> = keys.iter().map(|key| (key.flow, key.born, key.from)).collect();
            let spans: HashSet<_> = keys.iter().map(PathKey::span).collect();
            let traces: HashSet<_> = keys.iter().map(PathKey::own_trace).collect();
            prop_assert_eq!((spans.len(), traces.len()), (flows.len(), flows.len()));
            prop_assert!(!spans.contains(&0) && !traces.contains(&0));
        }
    }
}
