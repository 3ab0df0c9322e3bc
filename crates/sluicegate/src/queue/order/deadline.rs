//! Earliest deadline first: events lie by deadline, those without one last, and of equal ones in
//! order of arrival.
//!
//! Liu and Layland, Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment, J.
//! ACM 20(1), 1973: on one server it meets all deadlines wherever any order can. Where none can it
//! serves what is nearly late, and what is late is dropped when its turn comes.

use super::{End, Held, Item};
use crate::control::Asking;
use crate::time::Time;
use std::collections::VecDeque;

pub(super) const END: End = End::Front;

/// No deadline is the farthest.
pub(super) fn of(asking: &Asking) -> Time {
    asking.deadline.unwrap_or(Time(u64::MAX))
}

/// Most come in order of their deadlines, or nearly so: few have to be moved.
pub(super) fn push<I: Item>(events: &mut VecDeque<Held<I>>, held: Held<I>) {
    let place = events.partition_point(|other| other.deadline() <= held.deadline());
    events.insert(place, held);
}

pub(super) fn put_back<I: Item>(events: &mut VecDeque<Held<I>>, held: Held<I>) {
    let place = events.partition_point(|other| other.deadline() < held.deadline());
    events.insert(place, held);
}

pub(super) fn overtakes<I: Item>(new: &Asking, last: &Held<I>) -> bool {
    of(new) < last.deadline()
}

pub(super) fn place<I: Item>(next: &Held<I>) -> f64 {
    next.deadline().0 as f64
}

#[cfg(test)]
mod tests {
    use crate::queue::order::Rule;
    use crate::queue::order::rule_tests::{Known, is_a_sorted_list, steps};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn the_nearest_deadline_goes_next(steps in steps()) {
            let key = |known: Known| (known.deadline, known.number as i64);
            is_a_sorted_list(Rule::ByDeadline, steps, key)?;
        }
    }
}
