//! First in, first out: events lie in order of arrival, and the oldest goes next.
//!
//! Who waits longest is served next, so that all wait about equally long. Under overload that is
//! as long as anybody is ready to wait; then another order, or a law, serves more of them in time.

use super::{End, Held};
use std::collections::VecDeque;

pub(super) const END: End = End::Front;
/// A new one goes behind all of its client.
pub(super) const OVERTAKES: bool = false;

pub(super) fn push<I>(events: &mut VecDeque<Held<I>>, held: Held<I>) {
    events.push_back(held);
}

pub(super) fn put_back<I>(events: &mut VecDeque<Held<I>>, held: Held<I>) {
    events.push_front(held);
}

pub(super) fn place<I>(next: &Held<I>) -> f64 {
    next.came.0 as f64
}

#[cfg(test)]
mod tests {
    use crate::queue::order::Rule;
    use crate::queue::order::rule_tests::{is_a_sorted_list, steps};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn the_oldest_goes_next(steps in steps()) {
            is_a_sorted_list(Rule::Fifo, steps, |known| (0, known.number as i64))?;
        }
    }
}
