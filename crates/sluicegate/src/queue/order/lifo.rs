//! Last in, first out: events lie in order of arrival, and the newest goes next.
//!
//! Under overload those who came last are served at once, while they still wait for it, and those
//! who are overtaken wait in vain. In calm it only makes waiting unequal.

use super::{End, Held};
use std::collections::VecDeque;

pub(super) const END: End = End::Back;
/// A new one goes before all of its client.
pub(super) const OVERTAKES: bool = true;

pub(super) fn push<I>(events: &mut VecDeque<Held<I>>, held: Held<I>) {
    events.push_back(held);
}

pub(super) fn put_back<I>(events: &mut VecDeque<Held<I>>, held: Held<I>) {
    events.push_back(held);
}

pub(super) fn place<I>(next: &Held<I>) -> f64 {
    -(next.came.0 as f64)
}

#[cfg(test)]
mod tests {
    use crate::queue::order::Rule;
    use crate::queue::order::rule_tests::{is_a_sorted_list, steps};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn the_newest_goes_next(steps in steps()) {
            is_a_sorted_list(Rule::Lifo, steps, |known| (0, -(known.number as i64)))?;
        }
    }
}
