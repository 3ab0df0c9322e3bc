//! A queue that is bounded in work, beside a sum.

use super::gated::{Aside, Gated, Verdict};
use super::order::Order;
use super::{InletQueue, WorkBound};
use crate::control::{Off, Served, TICK};
use crate::event::{Event, WorkerId};
use crate::gone::Gone;
use crate::stage::Places;
use crate::time::Time;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What is done to a queue.
#[derive(Clone, Debug)]
enum Step {
    Offer,
    Take(usize),
    Reserve(usize),
    GiveBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Offer),
        2 => (0_usize..4).prop_map(Step::Take),
        1 => (0_usize..4).prop_map(Step::Reserve),
        1 => (0_usize..4).prop_map(Step::GiveBack),
    ]
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn what_waits_or_is_promised_never_takes_longer_than_declared(
        (cost, most) in (1_u64..50, 0_u64..200),
        (servers, capacity) in (1_u32..4, 1_usize..20),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let cells: Vec<Arc<Served>> = (0..servers).map(|_| Arc::default()).collect();
        cells[0].events.add(1);
        cells[0].busy.add(cost * u64::from(servers));
        let most = Duration::from_nanos(most);
        let work = Some(WorkBound(most));
        let gated = Gated::new(Order::Fifo, vec![Box::new(Off)], cells, false, work);
        let queue = InletQueue::new(capacity, Some(gated));
        let (now, gone) = (Time(0) + TICK, Gone::new(1));
        queue.tick(now, &gone, &mut Vec::new());
        // An event takes its cost of each server's time at that many servers.
        let fits = |events: usize| {
            let takes = Duration::from_nanos(cost) * events as u32;
            events <= capacity && (takes <= most || events == 1)
        };
        let (mut waits, mut reserved) = (0, 0);
        for step in steps {
            match step {
                Step::Offer => {
                    let event = Event::note(WorkerId(0), ());
                    let mut locked = queue.lock();
                    let verdict = locked.offer(event.tag(), now, &mut Vec::new());
                    let expected = match fits(waits + reserved + 1) {
                        true => Verdict::Enter,
                        false => Verdict::Full,
                    };
                    prop_assert_eq!(verdict, expected);
                    if verdict == Verdict::Enter {
                        locked.push(event, now);
                        waits += 1;
                    }
                }
                Step::Take(limit) => {
                    let (mut into, mut aside) = (VecDeque::new(), Aside::default());
                    queue.take(now, &gone, &mut into, (0, limit), &mut aside);
                    prop_assert_eq!(into.len(), limit.min(waits));
                    waits -= into.len();
                }
                Step::Reserve(places) => {
                    let mut locked = queue.lock();
                    let room = (0..capacity).take_while(|n| fits(waits + reserved + n + 1)).count();
                    prop_assert_eq!(locked.room(), room);
                    let places = places.min(room);
                    locked.lanes.reserved += places;
                    reserved += places;
                }
                Step::GiveBack(places) => {
                    let places = places.min(reserved);
                    queue.give_back(places);
                    reserved -= places;
                }
            }
        }
    }
}
