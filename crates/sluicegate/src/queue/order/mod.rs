//! The orders of a queue that chooses, one a file: classes, in each of them clients by fair shares,
//! and the events of a client by the rule that the queue declares.

mod adaptive;
mod classes;
#[cfg(test)]
mod classes_tests;
mod deadline;
mod fair;
mod fifo;
mod lifo;
#[cfg(test)]
mod rule_tests;

pub(super) use classes::Waiting;
pub(crate) use fair::Ticket;

use crate::control::Asking;
use crate::event::Event;
use crate::time::Time;
use adaptive::Turning;
use std::collections::VecDeque;
use std::time::Duration;

/// Which of the events of one class and [client](crate::Tag::client) goes first.
///
/// Classes come before all: the higher one first. Within a class this orders the events of clients
/// that have little waiting and are about even; before them go those who are owed service, behind
/// them those who have more waiting, the one with the least service first. Flows without a client
/// share as one.
///
/// ```
/// use sluicegate::{AdmissionQueue, Ask, Order, Time, bounded, ms};
///
/// let mut queue = AdmissionQueue::new(bounded(10).order(Order::ByDeadline), 1);
/// for (deadline, name) in [(30, "later"), (20, "soon")] {
///     let ask = Ask { deadline: Some(Time(0) + ms(deadline)), ..Ask::default() };
///     queue.offer(Time(0), ask, name).expect("there is room");
/// }
/// assert_eq!(queue.take(Time(0)).map(|(first, _)| first), Some("soon"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The one that came first.
    #[default]
    Fifo,
    /// The one that came last.
    Lifo,
    /// The one whose deadline is nearest; those without one last: earliest deadline first (Liu and
    /// Layland, J. ACM 20(1), 1973), which meets all deadlines wherever any order can.
    ByDeadline,
    /// The one that came first, until the queue has not been empty for this long; then the one that
    /// came last, until the queue is empty again: adaptive LIFO (Maurer, Fail at Scale, ACM Queue
    /// 13(8), 2015, with 100 ms). Where more comes than can be served, those who came last are
    /// served while they still wait for it, and those who are overtaken wait until they are late:
    /// give them deadlines. The law [`Codel`](crate::Codel) turns a [`Fifo`](Self::Fifo) queue
    /// round in the same way, and drops what has waited.
    AdaptiveLifo(Duration),
}

/// How the events of one client lie and leave: what the declared [`Order`] comes to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Fifo,
    Lifo,
    ByDeadline,
}

/// An end of a sub-queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Front,
    Back,
}

/// What may wait in such a queue: the events of a stage, or what somebody else asks for.
pub(crate) trait Item {
    fn asking(&self) -> Asking;
    /// When the first was heard of it.
    fn born(&self) -> Time;
}

impl<T> Item for Event<T> {
    fn asking(&self) -> Asking {
        Asking::of(self.tag())
    }

    fn born(&self) -> Time {
        self.tag().born()
    }
}

/// An event that waits.
pub(crate) struct Held<I> {
    pub event: I,
    pub came: Time,
}

impl<I: Item> Held<I> {
    fn deadline(&self) -> Time {
        deadline::of(&self.event.asking())
    }

    fn client(&self) -> u16 {
        self.event.asking().client
    }

    fn weight(&self) -> u8 {
        self.event.asking().weight
    }
}

impl Rule {
    /// Adds an event that comes to those of its client.
    fn push<I: Item>(self, events: &mut VecDeque<Held<I>>, held: Held<I>) {
        match self {
            Self::Fifo => fifo::push(events, held),
            Self::Lifo => lifo::push(events, held),
            Self::ByDeadline => deadline::push(events, held),
        }
    }

    /// Adds one that was taken last, to be the next again.
    fn put_back<I: Item>(self, events: &mut VecDeque<Held<I>>, held: Held<I>) {
        match self {
            Self::Fifo => fifo::put_back(events, held),
            Self::Lifo => lifo::put_back(events, held),
            Self::ByDeadline => deadline::put_back(events, held),
        }
    }

    /// The end at which the next one leaves; the last one is at the other.
    fn end(self) -> End {
        match self {
            Self::Fifo => fifo::END,
            Self::Lifo => lifo::END,
            Self::ByDeadline => deadline::END,
        }
    }

    /// Whether a new event would go before the last one of its client.
    fn overtakes<I: Item>(self, new: &Asking, last: &Held<I>) -> bool {
        match self {
            Self::Fifo => fifo::OVERTAKES,
            Self::Lifo => lifo::OVERTAKES,
            Self::ByDeadline => deadline::overtakes(new, last),
        }
    }

    /// The place of an event among the next ones of other clients: the least goes first.
    fn place<I: Item>(self, next: &Held<I>) -> f64 {
        match self {
            Self::Fifo => fifo::place(next),
            Self::Lifo => lifo::place(next),
            Self::ByDeadline => deadline::place(next),
        }
    }
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Front => Self::Back,
            Self::Back => Self::Front,
        }
    }

    fn peek<T>(self, events: &VecDeque<T>) -> Option<&T> {
        match self {
            Self::Front => events.front(),
            Self::Back => events.back(),
        }
    }

    fn pop<T>(self, events: &mut VecDeque<T>) -> Option<T> {
        match self {
            Self::Front => events.pop_front(),
            Self::Back => events.pop_back(),
        }
    }
}
