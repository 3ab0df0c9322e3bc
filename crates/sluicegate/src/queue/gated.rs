//! A lane with an order and a gate: who may enter, who goes first, and who is pushed out.

use super::expiry::Expiry;
use super::order::{Item, Order, Ticket, Waiting};
use super::work::WorkBound;
use crate::control::{Asking, Controller, Gate, Served, Was};
use crate::event::Tag;
use crate::ledger::Why;
use crate::observe::AdmissionView;
use crate::settings::{Own, Value};
use crate::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of an event that asks to enter a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Enter,
    /// There is no place: the wire says what to do.
    Full,
    /// The flow ends, unless it is in time and the wire diverts it.
    Refuse(Why),
}

/// Events that were taken out of a queue to end.
pub(crate) type Dropped<I> = Vec<(I, Why)>;

/// What is known of an event that left the queue.
#[derive(Clone, Copy)]
pub(crate) struct Passed {
    pub was: Was,
    /// What its client was charged, where clients share.
    pub ticket: Option<Ticket>,
}

/// Beside the events of a batch: what is known of each, and what was dropped on the way; and of
/// batches before what their events have cost, in nanoseconds, as far as the queue has to hear it.
pub(crate) struct Aside<I> {
    pub passed: VecDeque<Passed>,
    pub dropped: Dropped<I>,
    pub costs: Vec<(Ticket, f64)>,
    /// Where there is no gate: when how many events of the batch came, the oldest first.
    pub came: Vec<(Time, usize)>,
    /// How many the replica can serve at once, and how many more now, where that is not one by
    /// one.
    pub service: Option<(usize, usize)>,
    /// The epoch for which the worker has published its part of the ledger: it takes nothing from a
    /// queue that knows of a newer one.
    pub epoch: u64,
}

impl<I> Aside<I> {
    /// When the first event of a batch came, if it asks.
    pub fn first_mark(&self) -> Option<Time> {
        let came = self.came.first().map(|(came, _)| *came);
        came.or_else(|| self.passed.front().map(|passed| passed.was.came))
    }

    /// When the events of a batch came that ask, each for so many of them.
    pub fn marks(&self) -> impl Iterator<Item = (Time, usize)> {
        let passed = self.passed.iter().map(|passed| (passed.was.came, 1));
        self.came.iter().copied().chain(passed)
    }
}

impl<I> Default for Aside<I> {
    fn default() -> Self {
        Self {
            passed: VecDeque::new(),
            dropped: Vec::new(),
            costs: Vec::new(),
            came: Vec::new(),
            service: None,
            epoch: 0,
        }
    }
}

pub(crate) struct Gated<I> {
    waiting: Waiting<I>,
    gate: Gate,
    expiry: Expiry,
    /// The most work that may wait, where that is declared.
    work: Option<WorkBound>,
}

impl<I: Item> Gated<I> {
    pub fn new(
        order: Order,
        controllers: Vec<Box<dyn Controller>>,
        cells: Vec<Arc<Served>>,
        keeps_late: bool,
        work: Option<WorkBound>,
    ) -> Self {
        let (waiting, gate) = (Waiting::new(order), Gate::new(controllers, cells));
        Self { waiting, gate, expiry: Expiry { keeps_late }, work }
    }

    /// The most events that may wait, by what they cost.
    pub fn capacity(&self) -> usize {
        self.work.map_or(usize::MAX, |most| most.events(self.gate.pace(), self.gate.free()))
    }

    /// Asks for an event where there are `places` for more. Another one may have to go for it.
    pub fn offer(
        &mut self,
        asking: Asking,
        now: Time,
        places: usize,
        out: &mut Dropped<I>,
    ) -> Verdict {
        let asking = self.expiry.asking(asking);
        self.turn(now);
        // Who has no deadline need not know.
        let ahead = asking.deadline.map(|_| self.waiting.ahead(&asking));
        let (queued, mean) = (self.waiting.len(), self.gate.cost());
        let says = self.gate.ask(now, asking, queued, ahead.unwrap_or(0));
        // What would wait behind all others had better be refused now.
        let behind = self.gate.is_half_full(queued) && self.waiting.is_greedy(&asking, mean);
        let says = says.map(|fits| fits && !behind);
        let verdict = match says {
            Err(why) => Verdict::Refuse(why),
            Ok(true) if places > 0 => Verdict::Enter,
            Ok(fits) => match self.waiting.push_out(&asking, mean) {
                Ok((event, why)) => {
                    self.gate.count_dropped(why);
                    out.push((event, why));
                    Verdict::Enter
                }
                Err(_) if fits || places == 0 => Verdict::Full,
                Err(why) => Verdict::Refuse(why),
            },
        };
        match verdict {
            Verdict::Enter => self.gate.count_offered(),
            Verdict::Refuse(why) => self.gate.count_refused(why),
            // It comes again, or the wire counts what it does.
            Verdict::Full => {}
        }
        verdict
    }

    /// Asks for a flow of the least class that comes from outside the net.
    pub fn admits_from_outside(&mut self, now: Time, places: usize) -> bool {
        let asking = Asking { class: 0, client: 0, weight: 1, deadline: None, flow: true };
        let queued = self.waiting.len();
        let why = match self.gate.ask(now, asking, queued, queued) {
            Ok(fits) if fits && places > 0 => {
                self.gate.count_offered();
                return true;
            }
            Ok(_) => Why::Shed,
            Err(why) => why,
        };
        self.gate.count_refused(why);
        false
    }

    /// Adds an event that can wait nowhere else, if it may enter: or says why not.
    pub fn enter(
        &mut self,
        event: I,
        now: Time,
        places: usize,
        out: &mut Dropped<I>,
    ) -> Result<(), Why> {
        match self.offer(event.asking(), now, places, out) {
            Verdict::Enter => {
                self.push(event, now);
                Ok(())
            }
            Verdict::Full => {
                self.gate.count_refused(Why::Shed);
                Err(Why::Shed)
            }
            Verdict::Refuse(why) => Err(why),
        }
    }

    /// Counts one that comes to a place which was taken before.
    pub fn count_placed(&mut self) {
        self.gate.count_offered();
    }

    /// Counts one that may not enter, whatever the laws say.
    pub fn count_refused(&mut self, why: Why) {
        self.gate.count_refused(why);
    }

    pub fn push(&mut self, event: I, now: Time) {
        self.waiting.push(event, now);
        self.gate.waiting(now, self.waiting.len());
    }

    /// Moves up to `limit` events into `into`, and those that are late or gone aside.
    pub fn take(
        &mut self,
        now: Time,
        is_gone: impl Fn(&I) -> bool,
        limit: usize,
        into: &mut VecDeque<I>,
        aside: &mut Aside<I>,
    ) {
        self.settle(aside);
        self.turn(now);
        let (before, mean) = (into.len(), self.gate.cost());
        while into.len() - before < limit {
            let Some((held, ticket)) = self.waiting.pop(mean) else { break };
            if let Some(why) = self.expiry.why(&self.gate, &is_gone, now, &held) {
                let waited = self.waiting.was_late(ticket, mean);
                let why = if why == Why::Shed { waited } else { why };
                self.gate.count_dropped(why);
                aside.dropped.push((held.event, why));
                continue;
            }
            let asking = held.event.asking();
            let was = Was { class: asking.class, came: held.came, born: held.event.born() };
            aside.passed.push_back(Passed { was, ticket });
            into.push_back(held.event);
        }
        let taken = into.len() - before;
        self.gate.take(taken);
        if let Some((_, free)) = aside.service {
            self.gate.set_free(free.saturating_sub(taken));
        }
        self.gate.waiting(now, self.waiting.len());
    }

    /// Puts what a batch did not take back; what is known of what it took is left.
    pub fn put_back(&mut self, events: &mut VecDeque<I>, passed: &mut VecDeque<Passed>, now: Time) {
        self.gate.give_back(events.len());
        while let Some(event) = events.pop_back() {
            let passed = passed.pop_back();
            let came = passed.map_or(now, |passed| passed.was.came);
            self.waiting.put_back(event, came, passed.and_then(|passed| passed.ticket));
        }
        self.gate.waiting(now, self.waiting.len());
    }

    /// Has the laws look. Whether they have to look again though nothing more happens.
    pub fn tick(&mut self, now: Time, is_gone: impl Fn(&I) -> bool, out: &mut Dropped<I>) -> bool {
        if !self.gate.is_due(now) {
            return true;
        }
        let Self { waiting, gate, expiry, .. } = self;
        let before = out.len();
        waiting.expire(gate.cost(), |held| expiry.why(gate, &is_gone, now, held), out);
        for (_, why) in &out[before..] {
            gate.count_dropped(*why);
        }
        self.gate.waiting(now, self.waiting.len());
        self.gate.tick(now, self.waiting.len())
    }

    /// Turns a queue of arrivals round, where a law or the order says so.
    fn turn(&mut self, now: Time) {
        self.waiting.turn(self.gate.newest_first(), self.gate.standing(now));
    }

    /// Charges to clients what their events have cost, and hears how many are served at once.
    pub fn settle(&mut self, aside: &mut Aside<I>) {
        if let Some((servers, free)) = aside.service {
            self.gate.set_servers(servers);
            self.gate.set_free(free);
        }
        for (ticket, cost) in aside.costs.drain(..) {
            self.waiting.settle(ticket, cost);
        }
    }

    /// Takes out one event that nobody waits for any more, wherever it is.
    pub fn remove(&mut self, asking: &Asking, now: Time, is: impl Fn(&I) -> bool) -> Option<I> {
        let event = self.waiting.remove(asking, is)?;
        self.gate.count_dropped(Why::Gone);
        self.gate.waiting(now, self.waiting.len());
        Some(event)
    }

    /// Says how many are served at once, where not each server has a cell of its own.
    pub fn set_servers(&mut self, servers: usize) {
        self.gate.set_servers(servers);
    }

    /// Says for how many of those that wait a server is free.
    pub fn set_free(&mut self, free: usize) {
        self.gate.set_free(free);
    }

    pub fn pop_least(&mut self) -> Option<I> {
        self.waiting.pop_least(self.gate.cost())
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn room(&self) -> usize {
        self.gate.room(self.waiting.len())
    }

    pub fn iter(&self) -> impl Iterator<Item = &I> {
        self.waiting.iter().map(|held| &held.event)
    }

    pub fn oldest(&self) -> Option<Time> {
        self.waiting.iter().map(|held| held.came).min()
    }

    /// Takes out all, for the end.
    pub fn take_all(&mut self, into: &mut VecDeque<I>) {
        while let Some((held, _)) = self.waiting.pop(0.0) {
            into.push_back(held.event);
        }
    }

    pub fn cell(&self, n: usize) -> Option<Arc<Served>> {
        self.gate.cell(n).cloned()
    }

    pub fn pressure(&self) -> f64 {
        self.gate.pressure()
    }

    pub fn quality(&self) -> f64 {
        self.gate.quality()
    }

    pub fn rest(&self) -> Duration {
        self.gate.rest(self.waiting.len())
    }

    pub fn set_frozen(&mut self, law: &str, frozen: bool) -> bool {
        self.gate.set_frozen(law, frozen)
    }

    /// What the laws declare of their own settings, each with the name of its law.
    pub fn settings(&mut self) -> Vec<(&'static str, Own)> {
        self.gate.settings()
    }

    /// Gives the laws of this name these values.
    pub fn set_law(&mut self, law: &str, values: &[(String, Value)]) {
        self.gate.set_law(law, values);
    }

    pub fn view(&self) -> AdmissionView {
        self.gate.view(self.waiting.len())
    }
}

impl Asking {
    /// Notes belong to no flow: they go before all flows, and are never pushed out.
    pub fn of(tag: &Tag) -> Self {
        let flow = tag.is_flow();
        let class = if flow { tag.class() } else { u8::MAX };
        let (client, weight) = (tag.client(), tag.weight());
        Self { class, client, weight, deadline: tag.deadline(), flow }
    }
}
