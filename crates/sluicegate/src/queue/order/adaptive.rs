//! Adaptive LIFO: in order of arrival while the queue is empty now and then, and the newest first
//! once it has stood for long.
//!
//! Ben Maurer, Fail at Scale, ACM Queue 13(8), 2015. In calm it is fair, as first in, first out is;
//! in a standing queue that order makes all wait equally long, until nobody waits for the answer
//! any more. Events lie in order of arrival either way, so that nothing is moved for a turn.

use super::{Order, Rule};
use std::time::Duration;

/// The order of a queue, and the rule that it comes to now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turning {
    declared: Order,
    rule: Rule,
}

impl Turning {
    pub fn new(declared: Order) -> Self {
        let mut turning = Self { declared, rule: Rule::Fifo };
        turning.turn(false, Duration::ZERO);
        turning
    }

    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Turns a queue of arrivals round that has not been empty for `standing`, or back to how it
    /// was; the newest go first too while a law says so.
    pub fn turn(&mut self, newest: bool, standing: Duration) {
        let newest = match self.declared {
            Order::Lifo => return self.rule = Rule::Lifo,
            Order::ByDeadline => return self.rule = Rule::ByDeadline,
            Order::Fifo => newest,
            Order::AdaptiveLifo(after) => newest || standing > after,
        };
        self.rule = if newest { Rule::Lifo } else { Rule::Fifo };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::order::rule_tests::Known;
    use crate::time::{Time, ms};
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn arrivals_go_in_turn_until_the_queue_stood_for_long_and_then_the_newest_first(
            after in 1_u64..30,
            steps in prop::collection::vec((0_u64..12, 0_usize..4, any::<bool>()), 1..60),
        ) {
            let mut order = Turning::new(Order::AdaptiveLifo(ms(after)));
            let (mut events, mut list) = (VecDeque::new(), Vec::new());
            let (mut now, mut filled) = (0, 0);
            for (number, (passes, takes, law)) in (0..).zip(steps) {
                now += passes;
                // By hand: a list, and when something was put into it that was empty.
                if list.is_empty() {
                    filled = now;
                }
                list.push(number);
                order.turn(law, ms(now - filled));
                order.rule().push(&mut events, Known { number, deadline: 0 }.held());
                for _ in 0..takes.min(list.len()) {
                    let newest = law || now - filled > after;
                    let expected = list.remove(if newest { list.len() - 1 } else { 0 });
                    let taken = order.rule().end().pop(&mut events);
                    prop_assert_eq!(taken.map(|held| held.came), Some(Time(expected)));
                }
                prop_assert_eq!(events.len(), list.len());
            }
        }
    }

    #[test]
    fn a_law_turns_arrivals_alone_and_time_what_was_declared_so() {
        let rules = |order| {
            let mut turning = Turning::new(order);
            [(false, 0), (true, 0), (false, 50), (false, 51), (false, 0)].map(|(law, standing)| {
                turning.turn(law, ms(standing));
                turning.rule()
            })
        };
        use Rule::{ByDeadline, Fifo, Lifo};
        assert_eq!(rules(Order::Fifo), [Fifo, Lifo, Fifo, Fifo, Fifo]);
        assert_eq!(rules(Order::AdaptiveLifo(ms(50))), [Fifo, Lifo, Fifo, Lifo, Fifo]);
        assert_eq!(rules(Order::Lifo), [Lifo; 5]);
        assert_eq!(rules(Order::ByDeadline), [ByDeadline; 5]);
    }
}
