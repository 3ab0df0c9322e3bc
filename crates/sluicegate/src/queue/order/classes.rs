//! Class priority with push-out: the more important class goes first, and takes the place of a less
//! important one where the queue is full.
//!
//! So importance decides at once and with nothing to tune, unlike rates by class, and the least
//! important waits or goes for all others. Notes, which belong to no flow, are a class above all.

use super::fair::{Line, Ticket};
use super::{Held, Item, Order, Turning};
use crate::control::Asking;
use crate::ledger::Why;
use crate::queue::gated::Dropped;
use crate::time::Time;
use std::cmp::Ordering;
use std::time::Duration;

/// Events in lines, one a class, in each of which clients have equal shares. Where a `mean` is
/// asked for, it is what an event costs of whose client nothing is known.
pub(crate) struct Waiting<I> {
    order: Turning,
    /// The most important class first. A line that became empty stays: there are 256 classes.
    lines: Vec<Line<I>>,
    len: usize,
}

impl<I: Item> Waiting<I> {
    pub fn new(order: Order) -> Self {
        Self { order: Turning::new(order), lines: Vec::new(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Hears whether a law wants the newest first, and for how long the queue has not been empty.
    pub fn turn(&mut self, newest: bool, standing: Duration) {
        self.order.turn(newest, standing);
    }

    /// How many of the events that wait go before a new one, at most.
    pub fn ahead(&self, new: &Asking) -> usize {
        let more = self.lines.iter().take_while(|line| line.class() >= new.class);
        let before = |line: &Line<I>| match line.class() == new.class {
            true => line.ahead(new),
            false => line.len(),
        };
        more.map(before).sum()
    }

    /// Whether the client of a new event has more waiting than others of its class.
    pub fn is_greedy(&self, new: &Asking, mean: f64) -> bool {
        let line = self.lines.iter().find(|line| line.class() == new.class);
        line.is_some_and(|line| line.is_greedy(new, mean))
    }

    pub fn push(&mut self, event: I, came: Time) {
        let rule = self.order.rule();
        self.line(event.asking().class).push(rule, Held { event, came });
        self.len += 1;
    }

    /// Puts an event that was taken last back, to be the next of its class and client.
    pub fn put_back(&mut self, event: I, came: Time, ticket: Option<Ticket>) {
        let rule = self.order.rule();
        self.line(event.asking().class).put_back(rule, Held { event, came }, ticket);
        self.len += 1;
    }

    /// Takes the next event.
    pub fn pop(&mut self, mean: f64) -> Option<(Held<I>, Option<Ticket>)> {
        let line = self.lines.iter_mut().find(|line| line.len() > 0)?;
        self.len -= 1;
        line.pop(self.order.rule(), mean)
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
    pub fn push_out(&mut self, new: &Asking, mean: f64) -> Result<(I, Why), Why> {
        let rule = self.order.rule();
        let least = self.lines.iter_mut().rfind(|line| line.len() > 0).ok_or(Why::Shed)?;
        let (held, why) = match least.class().cmp(&new.class) {
            Ordering::Less => least.push_out(rule, mean).ok_or(Why::Shed)?,
            Ordering::Equal => least.make_room(rule, new, mean)?,
            Ordering::Greater => return Err(Why::Shed),
        };
        self.len -= 1;
        Ok((held.event, why))
    }

    /// Takes out the event in front of the least important class, of its client with the most
    /// work.
    pub fn pop_least(&mut self, mean: f64) -> Option<I> {
        let line = self.lines.iter_mut().rfind(|line| line.len() > 0)?;
        self.len -= 1;
        line.pop_front(mean).map(|held| held.event)
    }

    /// Takes out those in front of their client's that are late.
    pub fn expire(
        &mut self,
        mean: f64,
        late: impl Fn(&Held<I>) -> Option<Why>,
        out: &mut Dropped<I>,
    ) {
        let before = out.len();
        for line in &mut self.lines {
            line.expire(mean, &late, |held, why| out.push((held.event, why)));
        }
        self.len -= out.len() - before;
    }

    /// Takes out one event of this class and client, wherever it is.
    pub fn remove(&mut self, asking: &Asking, is: impl Fn(&I) -> bool) -> Option<I> {
        let line = self.lines.iter_mut().find(|line| line.class() == asking.class)?;
        let held = line.remove(asking.client, is)?;
        self.len -= 1;
        Some(held.event)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Held<I>> {
        // A line has many sub-queues, and stays when nothing waits in it any more.
        self.lines.iter().filter(|line| line.len() > 0).flat_map(Line::iter)
    }

    fn line(&mut self, class: u8) -> &mut Line<I> {
        let place = self.lines.partition_point(|line| line.class() > class);
        if self.lines.get(place).is_none_or(|line| line.class() != class) {
            self.lines.insert(place, Line::new(class));
        }
        &mut self.lines[place]
    }
}
