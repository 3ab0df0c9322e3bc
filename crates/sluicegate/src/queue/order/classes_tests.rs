//! Classes in every order, beside a plain list.

use super::{Item, Order, Waiting};
use crate::event::{Event, StageId, Tag, WorkerId};
use crate::ledger::Why;
use crate::time::Time;
use proptest::prelude::*;
use std::cmp::Reverse;
use std::time::Duration;

/// What an event costs, for all that is known.
const MEAN: f64 = 1000.0;

/// What is done to a queue.
#[derive(Clone, Debug)]
enum Step {
    /// An event of this class and deadline comes.
    Push(u8, Option<u64>),
    /// So many are taken, and so many of them put back.
    Take(usize, usize),
    PushOut(u8, Option<u64>),
    PopLeast,
    /// What came before this many events is late.
    Expire(u64),
    Turn(bool),
}

fn deadline() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(0_u64..20)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..4, deadline()).prop_map(|(class, at)| Step::Push(class, at)),
        2 => (0_usize..4, 0_usize..4).prop_map(|(take, back)| Step::Take(take, back)),
        1 => (0_u8..5, deadline()).prop_map(|(class, at)| Step::PushOut(class, at)),
        1 => Just(Step::PopLeast),
        1 => (0_u64..20).prop_map(Step::Expire),
        1 => any::<bool>().prop_map(Step::Turn),
    ]
}

fn orders() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Fifo), Just(Order::Lifo), Just(Order::ByDeadline)]
}

/// An event of the model: its number is when it came.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    number: u64,
    class: u8,
    deadline: u64,
}

impl Known {
    fn event(self) -> Event<Self> {
        self.event_of(0)
    }

    fn event_of(self, client: u16) -> Event<Self> {
        // Its own worker's, so that nobody is told of its end.
        let mut tag = Tag::none(WorkerId(0));
        if self.class < u8::MAX {
            tag = Tag::new(self.number, Time(0), WorkerId(0), StageId(0));
            tag.set_class(self.class);
        }
        tag.set_client(client);
        tag.set_deadline((self.deadline < u64::MAX).then_some(Time(self.deadline)));
        tag.with(self)
    }
}

/// A plain list in order of service.
struct Model {
    order: Order,
    list: Vec<Known>,
}

impl Model {
    /// What makes one go before another: a lower key.
    fn key(&self, known: &Known) -> (Reverse<u8>, u64, i64) {
        let came = known.number as i64;
        match self.order {
            Order::Fifo | Order::AdaptiveLifo(_) => (Reverse(known.class), 0, came),
            Order::Lifo => (Reverse(known.class), 0, -came),
            Order::ByDeadline => (Reverse(known.class), known.deadline, came),
        }
    }

    fn sort(&mut self) {
        let mut list = std::mem::take(&mut self.list);
        list.sort_by_key(|known| self.key(known));
        self.list = list;
    }

    fn push_out(&mut self, class: u8, deadline: u64) -> Option<Known> {
        let last = *self.list.last()?;
        let new = Known { number: u64::MAX >> 1, class, deadline };
        (self.key(&new) < self.key(&last)).then(|| self.list.pop())?
    }

    /// The first, in order of arrival or of deadlines, of the least important class.
    fn pop_least(&mut self) -> Option<Known> {
        let least = self.list.iter().map(|known| known.class).min()?;
        let of_class = self.list.iter().filter(|known| known.class == least);
        let first = *match self.order {
            Order::ByDeadline => of_class.min_by_key(|known| (known.deadline, known.number))?,
            _ => of_class.min_by_key(|known| known.number)?,
        };
        self.list.retain(|known| *known != first);
        Some(first)
    }
}

fn end(event: Event<Known>) -> Known {
    let (tag, known) = event.split();
    std::mem::forget(tag);
    known
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn lines_are_a_sorted_list(order in orders(), steps in prop::collection::vec(step(), 1..80)) {
        let mut waiting = Waiting::new(order);
        let mut model = Model { order, list: Vec::new() };
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Push(class, deadline) => {
                    let class = if class == 3 { u8::MAX } else { class };
                    let known = Known { number, class, deadline: deadline.unwrap_or(u64::MAX) };
                    let ahead = model.list.iter().filter(|other| other.class >= class).count();
                    let event = known.event();
                    prop_assert_eq!(waiting.ahead(&event.asking()), ahead);
                    waiting.push(event, Time(number));
                    model.list.push(known);
                    model.sort();
                }
                Step::Take(take, back) => {
                    let taken = (0..take).filter_map(|_| waiting.pop(MEAN));
                    let mut taken: Vec<_> = taken.map(|(held, _)| held).collect();
                    let came: Vec<u64> = taken.iter().map(|held| held.came.0).collect();
                    let take = take.min(model.list.len());
                    let expected: Vec<u64> =
                        model.list[..take].iter().map(|known| known.number).collect();
                    prop_assert_eq!(&came, &expected);
                    let kept = taken.len().saturating_sub(back);
                    for held in taken.drain(kept..).rev() {
                        waiting.put_back(held.event, held.came, None);
                    }
                    model.list.drain(..kept);
                    taken.into_iter().for_each(|held| {
                        end(held.event);
                    });
                }
                Step::PushOut(class, deadline) => {
                    let deadline = deadline.unwrap_or(u64::MAX);
                    let new = Known { number, class, deadline };
                    let event = new.event();
                    let found = waiting.push_out(&event.asking(), MEAN);
                    end(event);
                    let why = found.as_ref().map_or_else(|why| *why, |(_, why)| *why);
                    prop_assert_eq!(why, Why::Shed, "who is alone is not greedy");
                    let found = found.ok().map(|(event, _)| end(event));
                    prop_assert_eq!(found, model.push_out(class, new.deadline));
                }
                Step::PopLeast => {
                    prop_assert_eq!(waiting.pop_least(MEAN).map(end), model.pop_least());
                }
                Step::Expire(before) => {
                    let mut expired = Vec::new();
                    let late = |known: &Known| match order {
                        Order::ByDeadline => known.deadline < before,
                        _ => known.number < before,
                    };
                    let why = |yes: bool| yes.then_some(Why::Expired);
                    waiting.expire(MEAN, |held| why(late(&held.event)), &mut expired);
                    let mut expired: Vec<Known> =
                        expired.into_iter().map(|(event, _)| end(event)).collect();
                    let mut expected = model.list.clone();
                    expected.retain(late);
                    model.list.retain(|known| !late(known));
                    expired.sort_by_key(|known| known.number);
                    expected.sort_by_key(|known| known.number);
                    prop_assert_eq!(expired, expected);
                }
                Step::Turn(newest) => {
                    waiting.turn(newest, Duration::ZERO);
                    if order == Order::Fifo {
                        model.order = if newest { Order::Lifo } else { Order::Fifo };
                        model.sort();
                    }
                }
            }
            prop_assert_eq!(waiting.len(), model.list.len());
        }
        while let Some((held, _)) = waiting.pop(MEAN) {
            prop_assert_eq!(end(held.event), model.list.remove(0));
        }
        prop_assert!(model.list.is_empty());
    }

    #[test]
    fn classes_come_before_clients_and_each_client_keeps_its_order(
        order in orders(),
        steps in prop::collection::vec((any::<bool>(), 0_u8..3, 0_u16..5, deadline()), 1..120),
    ) {
        let mut waiting = Waiting::new(order);
        // What waits, by client.
        let mut lists: [Model; 5] = std::array::from_fn(|_| Model { order, list: Vec::new() });
        let all = steps.len();
        let takes = std::iter::repeat_n((false, 0, 0, None), all);
        for (number, (push, class, client, deadline)) in (0..).zip(steps.into_iter().chain(takes)) {
            if push {
                let known = Known { number, class, deadline: deadline.unwrap_or(u64::MAX) };
                waiting.push(known.event_of(client), Time(number));
                lists[usize::from(client)].list.push(known);
                lists[usize::from(client)].sort();
                continue;
            }
            let firsts = lists.iter().filter_map(|model| model.list.first());
            let highest = firsts.map(|known| known.class).max();
            let Some((held, ticket)) = waiting.pop(MEAN) else {
                prop_assert_eq!(highest, None);
                continue;
            };
            let own = &mut lists[usize::from(held.client())].list;
            let known = end(held.event);
            prop_assert_eq!(Some(known.class), highest);
            prop_assert_eq!(known, own.remove(0), "the first of its client");
            if let Some(ticket) = ticket {
                waiting.settle(ticket, MEAN * f64::from(1 + known.class));
            }
        }
        prop_assert_eq!(waiting.len(), 0);
    }
}
