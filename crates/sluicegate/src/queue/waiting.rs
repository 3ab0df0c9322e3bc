//! What waits in a queue that has an order: the more important class first.

use super::gated::Dropped;
use crate::event::{Event, Tag};
use crate::ledger::Why;
use crate::time::Time;
use std::collections::VecDeque;

/// Which of the events of one class goes first. Classes come before all: the higher one first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The one that came first.
    #[default]
    Fifo,
    /// The one that came last.
    Lifo,
    /// The one whose deadline is nearest; those without one last.
    ByDeadline,
}

/// An event that waits.
pub(crate) struct Held<T> {
    pub event: Event<T>,
    pub came: Time,
}

impl<T> Held<T> {
    fn deadline(&self) -> Time {
        deadline(self.event.tag().deadline())
    }
}

/// No deadline is the farthest.
fn deadline(of: Option<Time>) -> Time {
    of.unwrap_or(Time(u64::MAX))
}

/// Events in lines, one a class. In each line the oldest, or the nearest deadline, is in front.
pub(crate) struct Waiting<T> {
    declared: Order,
    order: Order,
    /// The most important class first. A line that became empty stays: there are 256 classes.
    lines: Vec<(u8, VecDeque<Held<T>>)>,
    len: usize,
}

impl<T> Waiting<T> {
    pub fn new(order: Order) -> Self {
        Self { declared: order, order, lines: Vec::new(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Turns a queue of arrivals round, or back to how it was declared.
    pub fn set_newest_first(&mut self, newest: bool) {
        let turned = newest && self.declared == Order::Fifo;
        self.order = if turned { Order::Lifo } else { self.declared };
    }

    /// How many of the events that wait go before a new one of this class, at most.
    pub fn ahead(&self, class: u8) -> usize {
        let more = self.lines.iter().take_while(|line| line.0 >= class);
        more.map(|line| line.1.len()).sum()
    }

    pub fn push(&mut self, event: Event<T>, came: Time) {
        let (order, held) = (self.order, Held { event, came });
        let line = self.line(class(held.event.tag()));
        match order {
            Order::Fifo | Order::Lifo => line.push_back(held),
            Order::ByDeadline => {
                let place = line.partition_point(|other| other.deadline() <= held.deadline());
                line.insert(place, held);
            }
        }
        self.len += 1;
    }

    /// Puts an event that was taken last back, to be the next of its class.
    pub fn put_back(&mut self, event: Event<T>, came: Time) {
        let (order, held) = (self.order, Held { event, came });
        let line = self.line(class(held.event.tag()));
        match order {
            Order::Fifo => line.push_front(held),
            Order::Lifo => line.push_back(held),
            Order::ByDeadline => {
                let place = line.partition_point(|other| other.deadline() < held.deadline());
                line.insert(place, held);
            }
        }
        self.len += 1;
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<Held<T>> {
        let order = self.order;
        let line = self.lines.iter_mut().map(|line| &mut line.1).find(|line| !line.is_empty())?;
        self.len -= 1;
        match order {
            Order::Fifo | Order::ByDeadline => line.pop_front(),
            Order::Lifo => line.pop_back(),
        }
    }

    /// Takes out the last event of the least important class, if a new event of this class and
    /// deadline goes before it.
    pub fn push_out(&mut self, class: u8, deadline_of_new: Option<Time>) -> Option<Event<T>> {
        let order = self.order;
        let (least, line) = self.lines.iter_mut().rfind(|line| !line.1.is_empty())?;
        let goes_before = match order {
            _ if *least != class => *least < class,
            Order::Fifo => false,
            Order::Lifo => true,
            Order::ByDeadline => {
                line.back().is_some_and(|last| deadline(deadline_of_new) < last.deadline())
            }
        };
        if !goes_before {
            return None;
        }
        self.len -= 1;
        let held = match order {
            Order::Fifo | Order::ByDeadline => line.pop_back(),
            Order::Lifo => line.pop_front(),
        };
        held.map(|held| held.event)
    }

    /// Takes out the event in front of the least important class.
    pub fn pop_least(&mut self) -> Option<Event<T>> {
        let (_, line) = self.lines.iter_mut().rfind(|line| !line.1.is_empty())?;
        self.len -= 1;
        line.pop_front().map(|held| held.event)
    }

    /// Takes out those in front of their lines that are late.
    pub fn expire(&mut self, late: impl Fn(&Held<T>) -> Option<Why>, out: &mut Dropped<T>) {
        for (_, line) in &mut self.lines {
            while let Some(why) = line.front().and_then(&late) {
                self.len -= 1;
                out.extend(line.pop_front().map(|held| (held.event, why)));
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Held<T>> {
        self.lines.iter().flat_map(|line| &line.1)
    }

    fn line(&mut self, class: u8) -> &mut VecDeque<Held<T>> {
        let place = self.lines.partition_point(|line| line.0 > class);
        if self.lines.get(place).is_none_or(|line| line.0 != class) {
            self.lines.insert(place, (class, VecDeque::new()));
        }
        &mut self.lines[place].1
    }
}

/// The class in which an event waits. Notes belong to no flow and are never pushed out.
pub(crate) fn class(tag: &Tag) -> u8 {
    if tag.is_flow() { tag.class() } else { u8::MAX }
}
