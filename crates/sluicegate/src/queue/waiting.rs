//! What waits in a queue that has an order: the more important class first.

use super::gated::Dropped;
use super::line::{Line, Ticket};
use crate::event::{Event, Tag};
use crate::ledger::Why;
use crate::time::Time;
use std::cmp::Ordering;

/// Which of the events of one class and [client](crate::Tag::client) goes first.
///
/// Classes come before all: the higher one first. Within a class this orders the events of clients
/// that have little waiting and are about even; before them go those who are owed service, behind
/// them those who have more waiting, the one with the least service first. Flows without a client
/// share as one.
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
    pub fn deadline(&self) -> Time {
        deadline(self.event.tag().deadline())
    }

    pub fn client(&self) -> u16 {
        self.event.tag().client()
    }

    pub fn weight(&self) -> u8 {
        self.event.tag().weight()
    }
}

/// No deadline is the farthest.
pub(super) fn deadline(of: Option<Time>) -> Time {
    of.unwrap_or(Time(u64::MAX))
}

/// Events in lines, one a class, in each of which clients have equal shares. Where a `mean` is
/// asked for, it is what an event costs of whose client nothing is known.
pub(crate) struct Waiting<T> {
    declared: Order,
    order: Order,
    /// The most important class first. A line that became empty stays: there are 256 classes.
    lines: Vec<Line<T>>,
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

    /// How many of the events that wait go before a new one, at most.
    pub fn ahead(&self, new: &Tag) -> usize {
        let class = class(new);
        let more = self.lines.iter().take_while(|line| line.class() >= class);
        let before = |line: &Line<T>| match line.class() == class {
            true => line.ahead(new),
            false => line.len(),
        };
        more.map(before).sum()
    }

    /// Whether the client of a new event has more waiting than others of its class.
    pub fn is_greedy(&self, new: &Tag, mean: f64) -> bool {
        let class = class(new);
        let line = self.lines.iter().find(|line| line.class() == class);
        line.is_some_and(|line| line.is_greedy(new, mean))
    }

    pub fn push(&mut self, event: Event<T>, came: Time) {
        let order = self.order;
        self.line(class(event.tag())).push(order, Held { event, came });
        self.len += 1;
    }

    /// Puts an event that was taken last back, to be the next of its class and client.
    pub fn put_back(&mut self, event: Event<T>, came: Time, ticket: Option<Ticket>) {
        let order = self.order;
        self.line(class(event.tag())).put_back(order, Held { event, came }, ticket);
        self.len += 1;
    }

    /// Takes the next event.
    pub fn pop(&mut self, mean: f64) -> Option<(Held<T>, Option<Ticket>)> {
        let line = self.lines.iter_mut().find(|line| line.len() > 0)?;
        self.len -= 1;
        line.pop(self.order, mean)
    }

    /// Hears what an event has cost.
    pub fn settle(&mut self, ticket: Ticket, cost: f64) {
        self.line(ticket.class).settle(ticket, cost);
    }

    /// Says that an event which was taken by this ticket had waited too long, and is not
    /// handled; why it is dropped.
    pub fn was_late(&mut self, ticket: Option<Ticket>, mean: f64) -> Why {
        let Some(ticket) = ticket else { return Why::Shed };
        let line = self.line(ticket.class);
        line.refund(ticket);
        line.why_late(ticket, mean)
    }

    /// Takes out an event of the least important class, if a new one has the better right to
    /// its place: of the client with the most work, the event that would go last. Else says why
    /// the new one has to go.
    pub fn push_out(&mut self, new: &Tag, mean: f64) -> Result<(Event<T>, Why), Why> {
        let (order, class) = (self.order, class(new));
        let least = self.lines.iter_mut().rfind(|line| line.len() > 0).ok_or(Why::Shed)?;
        let (held, why) = match least.class().cmp(&class) {
            Ordering::Less => least.push_out(order, mean).ok_or(Why::Shed)?,
            Ordering::Equal => least.make_room(order, new, mean)?,
            Ordering::Greater => return Err(Why::Shed),
        };
        self.len -= 1;
        Ok((held.event, why))
    }

    /// Takes out the event in front of the least important class, of its client with the most
    /// work.
    pub fn pop_least(&mut self, mean: f64) -> Option<Event<T>> {
        let line = self.lines.iter_mut().rfind(|line| line.len() > 0)?;
        self.len -= 1;
        line.pop_front(mean).map(|held| held.event)
    }

    /// Takes out those in front of their client's that are late.
    pub fn expire(
        &mut self,
        mean: f64,
        late: impl Fn(&Held<T>) -> Option<Why>,
        out: &mut Dropped<T>,
    ) {
        let before = out.len();
        for line in &mut self.lines {
            line.expire(mean, &late, |held, why| out.push((held.event, why)));
        }
        self.len -= out.len() - before;
    }

    pub fn iter(&self) -> impl Iterator<Item = &Held<T>> {
        self.lines.iter().flat_map(Line::iter)
    }

    fn line(&mut self, class: u8) -> &mut Line<T> {
        let place = self.lines.partition_point(|line| line.class() > class);
        if self.lines.get(place).is_none_or(|line| line.class() != class) {
            self.lines.insert(place, Line::new(class));
        }
        &mut self.lines[place]
    }
}

/// The class in which an event waits. Notes belong to no flow and are never pushed out.
pub(crate) fn class(tag: &Tag) -> u8 {
    if tag.is_flow() { tag.class() } else { u8::MAX }
}
