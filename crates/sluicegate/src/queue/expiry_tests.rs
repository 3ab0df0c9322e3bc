//! Expiry at the door and at the exit, beside a plain list.

use super::gated::{Aside, Gated, Verdict};
use super::order::{Item, Order};
use crate::control::{Asking, Off, Served, TICK};
use crate::ledger::Why;
use crate::time::{Time, ms, nanos};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;

/// What is done to a queue.
#[derive(Clone, Debug)]
enum Step {
    /// One asks to enter, with so many milliseconds until its deadline.
    Offer(Option<u64>),
    Take(usize),
    /// So many milliseconds pass.
    Pass(u64),
    /// Nobody waits any more for one that came so many events ago.
    Leave(u64),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::option::of(0_u64..60).prop_map(Step::Offer),
        3 => (0_usize..4).prop_map(Step::Take),
        3 => (0_u64..20).prop_map(Step::Pass),
        1 => (1_u64..10).prop_map(Step::Leave),
        1 => Just(Step::Tick),
    ]
}

/// An event with a number and a deadline.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    number: u64,
    deadline: Option<Time>,
}

impl Item for Known {
    fn asking(&self) -> Asking {
        Asking { class: 0, client: 0, weight: 1, deadline: self.deadline, flow: true }
    }

    fn born(&self) -> Time {
        Time(0)
    }
}

/// A queue without a law, of events that are known to take so long.
fn queue(cost: u64, keeps_late: bool) -> Gated<Known> {
    let cell = Arc::new(Served::default());
    cell.events.add(1);
    cell.busy.add(nanos(ms(cost)));
    let cells = vec![cell];
    let mut queue = Gated::new(Order::Fifo, vec![Box::new(Off)], cells, keeps_late, None);
    queue.tick(Time(0) + TICK, |_| false, &mut Vec::new());
    queue
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn what_is_late_ends_at_the_door_or_when_its_turn_comes_and_nothing_else(
        cost in 1_u64..20,
        keeps in any::<bool>(),
        steps in prop::collection::vec(step(), 1..100),
    ) {
        let mut queue = queue(cost, keeps);
        let (mut list, mut gone) = (VecDeque::new(), Vec::new());
        let (mut now, mut ticked) = (Time(0) + TICK, Time(0) + TICK);
        let takes = |events: usize| ms(cost) * events as u32;
        for (number, step) in (0_u64..).zip(steps) {
            let why = |known: &Known, gone: &[u64]| match known.deadline {
                _ if keeps => None,
                _ if gone.contains(&known.number) => Some(Why::Gone),
                Some(deadline) if deadline < now + takes(1) => Some(Why::Expired),
                _ => None,
            };
            match step {
                Step::Offer(after) => {
                    let known = Known { number, deadline: after.map(|after| now + ms(after)) };
                    let done = now + takes(1 + list.len());
                    let late = known.deadline.filter(|deadline| !keeps && *deadline < done);
                    let expected = late.map_or(Verdict::Enter, |_| Verdict::Refuse(Why::Expired));
                    let mut out = Vec::new();
                    prop_assert_eq!(queue.offer(known.asking(), now, 1, &mut out), expected);
                    prop_assert_eq!(out, []);
                    if expected == Verdict::Enter {
                        queue.push(known, now);
                        list.push_back(known);
                    }
                }
                Step::Take(most) => {
                    let (mut expected, mut dropped) = (Vec::new(), Vec::new());
                    while expected.len() < most
                        && let Some(known) = list.pop_front()
                    {
                        match why(&known, &gone) {
                            Some(why) => dropped.push((known, why)),
                            None => expected.push(known),
                        }
                    }
                    let (mut into, mut aside) = (VecDeque::new(), Aside::default());
                    let is_gone = |known: &Known| gone.contains(&known.number);
                    queue.take(now, is_gone, most, &mut into, &mut aside);
                    prop_assert_eq!(Vec::from(into), expected);
                    prop_assert_eq!(aside.dropped, dropped);
                }
                Step::Pass(span) => now = now + ms(span),
                Step::Leave(ago) => gone.push(number.wrapping_sub(ago)),
                Step::Tick => {
                    let mut expected = Vec::new();
                    // What is in front and late has not to wait for its turn.
                    while now.since(ticked) >= TICK
                        && let Some(known) = list.front()
                        && let Some(why) = why(known, &gone)
                    {
                        expected.push((*known, why));
                        list.pop_front();
                    }
                    let mut out = Vec::new();
                    queue.tick(now, |known| gone.contains(&known.number), &mut out);
                    prop_assert_eq!(out, expected);
                    if now.since(ticked) >= TICK {
                        ticked = now;
                    }
                }
            }
            prop_assert_eq!(queue.len(), list.len());
        }
    }
}
