//! What the tests of the rules share: the events of one client beside a plain list.

use super::{Held, Item, Rule};
use crate::control::Asking;
use crate::time::Time;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::VecDeque;

/// What is done to the events of a client.
#[derive(Clone, Debug)]
pub enum Step {
    /// One comes, with this deadline.
    Push(u64),
    /// So many are taken, and so many of them put back.
    Take(usize, usize),
    /// The last one is pushed out, if one with this deadline would go before it.
    PushOut(u64),
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Some have none.
    let deadline = || prop_oneof![4 => 0_u64..20, 1 => Just(u64::MAX)];
    let step = prop_oneof![
        4 => deadline().prop_map(Step::Push),
        2 => (0_usize..4, 0_usize..4).prop_map(|(take, back)| Step::Take(take, back)),
        1 => deadline().prop_map(Step::PushOut),
    ];
    prop::collection::vec(step, 1..100)
}

/// An event that waits: its number says when it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    pub number: u64,
    pub deadline: u64,
}

impl Known {
    pub fn held(self) -> Held<Self> {
        Held { event: self, came: self.born() }
    }
}

impl Item for Known {
    fn asking(&self) -> Asking {
        let deadline = (self.deadline < u64::MAX).then_some(Time(self.deadline));
        Asking { class: 0, client: 0, weight: 1, deadline, flow: true }
    }

    fn born(&self) -> Time {
        Time(self.number)
    }
}

/// Plays the steps beside a list that is sorted anew for each: the lowest key goes next.
pub fn is_a_sorted_list<K: Ord + Copy>(
    rule: Rule,
    steps: Vec<Step>,
    key: impl Fn(Known) -> K,
) -> Result<(), TestCaseError> {
    let (mut events, mut list) = (VecDeque::new(), Vec::new());
    for (number, step) in (0..).zip(steps) {
        list.sort_by_key(|known| key(*known));
        match step {
            Step::Push(deadline) => {
                let known = Known { number, deadline };
                rule.push(&mut events, known.held());
                list.push(known);
            }
            Step::Take(take, back) => {
                let mut taken = Vec::new();
                while taken.len() < take
                    && let Some(held) = rule.end().pop(&mut events)
                {
                    taken.push(held);
                }
                let found: Vec<Known> = taken.iter().map(|held| held.event).collect();
                prop_assert_eq!(&found[..], &list[..take.min(list.len())]);
                let places = taken.windows(2).map(|two| (rule.place(&two[0]), rule.place(&two[1])));
                prop_assert!(places.into_iter().all(|(one, next)| one <= next));
                let kept = taken.len().saturating_sub(back);
                list.drain(..kept);
                for held in taken.drain(kept..).rev() {
                    rule.put_back(&mut events, held);
                }
            }
            Step::PushOut(deadline) => {
                let (new, end) = (Known { number, deadline }, rule.end().other());
                let last = list.last().copied();
                let overtakes = last.is_some_and(|last| key(new) < key(last));
                let found = end.peek(&events).map(|held| held.event);
                prop_assert_eq!(found, last);
                let says =
                    end.peek(&events).is_some_and(|held| rule.overtakes(&new.asking(), held));
                prop_assert_eq!(says, overtakes);
                if overtakes {
                    list.pop();
                    prop_assert_eq!(end.pop(&mut events).map(|held| held.event), last);
                }
            }
        }
        prop_assert_eq!(events.len(), list.len());
    }
    Ok(())
}
