//! The queue of an inlet and its marks beside plain lists.

use super::marks::Marks;
use super::{Aside, InletQueue};
use crate::event::{Event, WorkerId};
use crate::gone::Gone;
use crate::stage::Places;
use crate::time::Time;
use proptest::prelude::*;
use std::collections::VecDeque;

/// What is done to a queue.
#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Answer(usize),
    /// Takes up to so many answers or asks, and puts back so many of them.
    Take(usize, usize, usize),
    PushOut,
    Reserve(usize),
    GiveBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_usize..6).prop_map(Step::Push),
        (0_usize..4).prop_map(Step::Answer),
        (0_usize..5, 0_usize..5, 0_usize..4).prop_map(|(a, b, c)| Step::Take(a, b, c)),
        Just(Step::PushOut),
        (0_usize..4).prop_map(Step::Reserve),
        (0_usize..4).prop_map(Step::GiveBack),
    ]
}

fn event(n: u64) -> Event<u64> {
    Event::note(WorkerId::default(), n)
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn a_queue_is_two_lists_and_a_bound(
        capacity in 1_usize..8,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let queue = InletQueue::new(capacity, None);
        let (mut asks, mut answers) = (VecDeque::new(), VecDeque::new());
        let (mut reserved, mut aside) = (0, Aside::default());
        for (n, step) in (0..).zip(steps) {
            let now = Time(n);
            match step {
                Step::Push(times) => {
                    for _ in 0..times {
                        let mut locked = queue.lock();
                        prop_assert_eq!(
                            locked.room(),
                            capacity.saturating_sub(asks.len() + reserved)
                        );
                        if locked.room() > 0 {
                            locked.push(event(n), now);
                            asks.push_back(n);
                        }
                    }
                }
                Step::Answer(times) => {
                    for _ in 0..times {
                        queue.lock().lanes.answers.push_back(event(n));
                        answers.push_back(n);
                    }
                }
                Step::Take(some_answers, some_asks, back) => {
                    let mut taken = VecDeque::new();
                    let (gone, limits) = (Gone::new(1), (some_answers, some_asks));
                    let what = queue.take(now, &gone, &mut taken, limits, &mut aside);
                    let of_answers = some_answers > 0 && !answers.is_empty();
                    prop_assert_eq!(what.answers, of_answers);
                    let (lane, limit) = match of_answers {
                        true => (&mut answers, some_answers),
                        false => (&mut asks, some_asks),
                    };
                    let expected: Vec<u64> = lane.drain(..limit.min(lane.len())).collect();
                    let found: Vec<u64> = taken.iter().map(|event| **event).collect();
                    prop_assert_eq!(&found, &expected, "in order");
                    if let (false, Some(&first)) = (of_answers, expected.first()) {
                        // What was put back once counts as young as the newest of its batch.
                        let oldest = aside.came.first().map(|(came, _)| *came);
                        prop_assert!(oldest.is_some_and(|came| came >= Time(first)));
                        let newest = expected.iter().chain(asks.iter()).max().copied();
                        prop_assert!(oldest <= newest.map(Time), "{oldest:?}");
                    }
                    // The first so many are handled, the rest goes back to the head.
                    let handled = taken.len().saturating_sub(back);
                    taken.drain(..handled);
                    for n in expected[handled..].iter().rev() {
                        if of_answers { answers.push_front(*n) } else { asks.push_front(*n) }
                    }
                    queue.put_back(&mut taken, &what, now, &mut aside);
                    prop_assert!(taken.is_empty());
                    prop_assert!(!what.more || !queue.is_empty() || handled > 0);
                }
                Step::PushOut => {
                    let oldest = queue.lock().pop_oldest().map(|event| *event);
                    prop_assert_eq!(oldest, asks.pop_front());
                }
                Step::Reserve(places) => {
                    let mut locked = queue.lock();
                    let places = places.min(locked.room());
                    locked.lanes.reserved += places;
                    reserved += places;
                }
                Step::GiveBack(places) => {
                    let places = places.min(reserved);
                    queue.give_back(places);
                    reserved -= places;
                }
            }
            prop_assert_eq!(queue.is_empty(), asks.is_empty() && answers.is_empty());
        }
    }

    #[test]
    fn marks_say_when_each_came(
        steps in prop::collection::vec((0_usize..5, 0_usize..6, 0_usize..3), 1..60),
    ) {
        let (mut marks, mut list) = (Marks::default(), VecDeque::new());
        for (now, (came, left, back)) in (0..).map(Time).zip(steps) {
            marks.push(now, came);
            list.extend(std::iter::repeat_n(now, came));
            let left = left.min(list.len());
            let mut popped = Vec::new();
            marks.pop(left, |came, n| popped.extend(std::iter::repeat_n(came, n)));
            prop_assert!(popped.iter().copied().eq(list.drain(..left)));
            // What is put back counts as if it all had come with the newest.
            let back = back.min(left);
            if let Some(&newest) = popped.last() {
                marks.put_back(newest, back);
                (0..back).for_each(|_| list.push_front(newest));
            }
            prop_assert_eq!(marks.oldest(), list.front().copied());
        }
    }
}

#[test]
fn nothing_is_taken_that_was_sent_in_an_epoch_which_the_worker_has_not_published_for() {
    let queue = InletQueue::new(4, None);
    let mut locked = queue.lock();
    locked.mark(2);
    // One that is behind takes nothing back.
    locked.mark(1);
    locked.push(event(7), Time(0));
    locked.lanes.answers.push_back(event(8));
    drop(locked);
    let (mut taken, gone) = (VecDeque::new(), Gone::new(1));
    let mut take = |epoch, limits| {
        let mut aside = Aside { epoch, ..Aside::default() };
        let what = queue.take(Time(1), &gone, &mut taken, limits, &mut aside);
        (what.behind, what.more, taken.drain(..).map(|event| *event).collect::<Vec<_>>())
    };
    assert_eq!(take(1, (9, 9)), (true, true, vec![]));
    assert_eq!(take(2, (9, 9)), (false, true, vec![8]));
    assert_eq!(take(3, (9, 9)), (false, false, vec![7]));
}
