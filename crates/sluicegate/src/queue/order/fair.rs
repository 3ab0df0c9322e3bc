//! Fair by key: the clients of a class lie in a few sub-queues, which get turns of equal time.
//!
//! Deficit round robin (Shreedhar and Varghese, SIGCOMM 1995) with the deficit kept as a time, as
//! in start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): each sub-queue knows how much
//! service it has got, and the one with the least goes next. So there is no quantum to choose, a
//! debt outlives an empty sub-queue, and a quiet client waits for one event and not for a round.
//!
//! Among clients that all have little waiting and are about even, the order of the queue holds.
//! With the least service alone, who has just been served would stand behind everybody who comes
//! after it, as long as enough come, and be dropped in the end instead of refused at the door. For
//! the same reason the service at which who comes starts does not only follow those who are served:
//! that would be a round of all clients behind. It moves with every event, as in weighted fair
//! queueing (Demers, Keshav and Shenker, SIGCOMM 1989), but half as fast.
//!
//! An event is charged what it costs, divided by its weight, and its client gets so much more time.
//! All that is compared between clients, service and work that waits, is divided so.
//!
//! Which sub-queue is a client's is shuffle-sharded (fair queuing for requests in Kubernetes, KEP
//! 1040): of a hand of candidates it takes the shortest, and stays there while it has events in it.

use super::{End, Held, Item, Rule};
use crate::control::Asking;
use crate::ledger::Why;
use std::collections::{HashMap, VecDeque};

/// Sub-queues for clients, beside the one of those without identity: 7 KiB a class and queue.
pub(crate) const SUBS: usize = 128;
/// Candidates of a client. Beside 16 greedy clients, one of 4,096 quiet ones finds all of its
/// candidates taken by them.
const HAND: usize = 4;
/// What the mean cost of a sub-queue takes on of each event: it is to know its client soon.
const NEWS: f64 = 1.0 / 8.0;
/// Events of the mean cost that a client may have waiting and still be a quiet one.
const QUIET: f64 = 2.0;
/// A client is greedy that has more than so many times the work of the others' mean waiting.
const GREEDY: f64 = 2.0;
/// What the service at which new ones start gains of an event's cost, divided by how many share the
/// line. With all of it who asks for much would catch up with quiet ones that it may not overtake.
const GAIN: f64 = 0.5;
/// Events of one sub-queue in a row after which it is taken to be alone, while no other waits.
const ALONE: u32 = 64;

/// What was charged to a sub-queue for an event that left it, until its cost is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub class: u8,
    sub: u8,
    weight: u8,
    charged: f64,
}

/// The events of one class. In each sub-queue the oldest, or the nearest deadline, is in front.
pub(crate) struct Line<I> {
    class: u8,
    /// The first is of those without identity. The others are there from the first client on.
    subs: Vec<Sub<I>>,
    /// Those that are not empty, in the order in which they came to be so.
    active: Vec<u8>,
    /// Of clients that have events here, where, and how many: never more than there are events.
    homes: HashMap<u16, (u8, u32)>,
    /// The service at which who comes starts.
    service: f64,
    /// Which was served last, and how many events since it was another.
    last: Option<u8>,
    in_a_row: u32,
    len: usize,
}

struct Sub<I> {
    events: VecDeque<Held<I>>,
    /// How many they are, each divided by its weight: without error, as weights are powers of two.
    load: f64,
    /// Nanoseconds of service that it has got, or was spared while it was empty.
    service: f64,
    /// Nanoseconds that one of its events costs; 0 while none was handled.
    cost: f64,
}

impl<I> Sub<I> {
    fn new() -> Self {
        Self { events: VecDeque::new(), load: 0.0, service: 0.0, cost: 0.0 }
    }

    /// What one event costs, where all cost `mean`.
    fn cost(&self, mean: f64) -> f64 {
        if self.cost > 0.0 { self.cost } else { mean }
    }
}

impl<I: Item> Line<I> {
    pub fn new(class: u8) -> Self {
        Self {
            class,
            subs: vec![Sub::new()],
            active: Vec::new(),
            homes: HashMap::new(),
            service: 0.0,
            last: None,
            in_a_row: ALONE,
            len: 0,
        }
    }

    pub fn class(&self) -> u8 {
        self.class
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// How many of the events go before a new one, if all cost the same.
    pub fn ahead(&self, new: &Asking) -> usize {
        let own = self.sub_of(new.client);
        let waits = self.subs.get(usize::from(own)).map_or(0.0, |sub| sub.load);
        let with_new = waits + part(new.weight);
        let share = |&sub: &u8| {
            let other = &self.subs[usize::from(sub)];
            let len = other.events.len();
            let meanwhile = (with_new * len as f64 / other.load).ceil() as usize;
            if sub == own { len } else { len.min(meanwhile) }
        };
        self.active.iter().map(share).sum()
    }

    pub fn push(&mut self, rule: Rule, held: Held<I>) {
        let sub = self.sub_of(held.client());
        rule.push(self.enter(sub, &held), held);
    }

    /// Puts an event that was taken last back, to be the next of its client.
    pub fn put_back(&mut self, rule: Rule, held: Held<I>, ticket: Option<Ticket>) {
        let home = self.homes.get(&held.client()).map(|home| home.0);
        let sub = home.or(ticket.map(|ticket| ticket.sub));
        let sub = sub.unwrap_or_else(|| self.sub_of(held.client()));
        if let Some(ticket) = ticket {
            self.refund(ticket);
        }
        rule.put_back(self.enter(sub, &held), held);
    }

    /// Takes the next event, and charges what it will cost to its sub-queue: `mean` where
    /// nothing better is known. While nobody has an identity there is nothing to charge.
    pub fn pop(&mut self, rule: Rule, mean: f64) -> Option<(Held<I>, Option<Ticket>)> {
        let all: f64 = self.active.iter().map(|&sub| self.work(sub, 0.0, mean)).sum();
        let rank = |&sub: &u8| (sub, self.rank(sub, all, rule, mean));
        let ranks = self.active.iter().map(rank);
        let (sub, _) = ranks.min_by(|(_, a), (_, b)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))?;
        let held = self.take(sub, rule.end())?;
        if self.subs.len() == 1 {
            return Some((held, None));
        }
        let other = self.last.replace(sub).is_some_and(|last| last != sub);
        self.in_a_row = if other { 1 } else { self.in_a_row.saturating_add(1) };
        let next = &mut self.subs[usize::from(sub)];
        let weight = held.weight();
        let charged = next.cost(mean) * part(weight);
        // It shares with those that wait.
        let share = charged / (self.active.len() + 1) as f64;
        self.service = (self.service + GAIN * share).max(next.service);
        next.service += charged;
        Some((held, Some(Ticket { class: self.class, sub, weight, charged })))
    }

    /// Hears what an event has cost.
    pub fn settle(&mut self, ticket: Ticket, cost: f64) {
        let Some(sub) = self.subs.get_mut(usize::from(ticket.sub)) else { return };
        sub.service += cost * part(ticket.weight) - ticket.charged;
        let known = sub.cost(cost);
        sub.cost = known + NEWS * (cost - known);
    }

    /// Takes back what was charged for an event that nobody handled.
    pub fn refund(&mut self, ticket: Ticket) {
        if let Some(sub) = self.subs.get_mut(usize::from(ticket.sub)) {
            sub.service -= ticket.charged;
        }
    }

    /// Takes out the event that would go last of the sub-queue with the most work, and says
    /// whether that is greedy.
    pub fn push_out(&mut self, rule: Rule, mean: f64) -> Option<(Held<I>, Why)> {
        let (sub, _) = self.greediest(mean)?;
        let why = self.why(sub, None, mean);
        Some((self.take(sub, rule.end().other())?, why))
    }

    /// Makes room for a new event: the event that goes for it, or, if that is the new one, why.
    pub fn make_room(
        &mut self,
        rule: Rule,
        new: &Asking,
        mean: f64,
    ) -> Result<(Held<I>, Why), Why> {
        let own = self.sub_of(new.client);
        let comes = Some((own, part(new.weight)));
        let with_new = self.work(own, part(new.weight), mean);
        if let Some((sub, work)) = self.greediest(mean)
            && sub != own
            && work > GREEDY * with_new
        {
            let why = self.why(sub, comes, mean);
            return self.take(sub, rule.end().other()).map(|held| (held, why)).ok_or(why);
        }
        let why = self.why(own, comes, mean);
        let events = self.subs.get(usize::from(own)).map(|sub| &sub.events);
        let last = events.and_then(|events| rule.end().other().peek(events));
        if !last.is_some_and(|last| rule.overtakes(new, last)) {
            return Err(why);
        }
        self.take(own, rule.end().other()).map(|held| (held, why)).ok_or(why)
    }

    /// Takes out the event in front of the sub-queue with the most work.
    pub fn pop_front(&mut self, mean: f64) -> Option<Held<I>> {
        let (sub, _) = self.greediest(mean)?;
        self.take(sub, End::Front)
    }

    /// Takes out one event of a client, wherever it is.
    pub fn remove(&mut self, client: u16, is: impl Fn(&I) -> bool) -> Option<Held<I>> {
        let sub = self.sub_of(client);
        let events = &mut self.subs.get_mut(usize::from(sub))?.events;
        let at = events.iter().position(|held| is(&held.event))?;
        let held = events.remove(at)?;
        self.left(sub, &held);
        Some(held)
    }

    /// Whether the client of a new event has more waiting than others, with that.
    pub fn is_greedy(&self, new: &Asking, mean: f64) -> bool {
        let own = self.sub_of(new.client);
        self.why(own, Some((own, part(new.weight))), mean) == Why::Greedy
    }

    /// Why an event is dropped that was taken by this ticket and had waited too long.
    pub fn why_late(&self, ticket: Ticket, mean: f64) -> Why {
        self.why(ticket.sub, Some((ticket.sub, part(ticket.weight))), mean)
    }

    /// Takes out those in front of their sub-queues that are late.
    pub fn expire(
        &mut self,
        mean: f64,
        late: impl Fn(&Held<I>) -> Option<Why>,
        mut out: impl FnMut(Held<I>, Why),
    ) {
        let mut at = 0;
        while let Some(&sub) = self.active.get(at) {
            let why = self.subs[usize::from(sub)].events.front().and_then(&late);
            let Some(why) = why else {
                at += 1;
                continue;
            };
            let why = if why == Why::Shed { self.why(sub, None, mean) } else { why };
            if let Some(held) = self.take(sub, End::Front) {
                out(held, why);
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Held<I>> {
        self.subs.iter().flat_map(|sub| &sub.events)
    }

    /// The sub-queue in which an event of this client waits, or would.
    fn sub_of(&self, client: u16) -> u8 {
        if client == 0 {
            return 0;
        }
        let home = self.homes.get(&client).map(|home| home.0);
        let len = |sub: &u8| self.subs.get(usize::from(*sub)).map_or(0, |sub| sub.events.len());
        home.or_else(|| hand(client).into_iter().min_by_key(len)).unwrap_or(0)
    }

    /// The events of a sub-queue, to which this one is added.
    fn enter(&mut self, sub: u8, held: &Held<I>) -> &mut VecDeque<Held<I>> {
        let client = held.client();
        self.len += 1;
        if client != 0 {
            self.homes.entry(client).or_insert((sub, 0)).1 += 1;
            if self.subs.len() == 1 {
                self.subs.resize_with(1 + SUBS, Sub::new);
            }
        }
        let entered = &mut self.subs[usize::from(sub)];
        if entered.events.is_empty() {
            self.active.push(sub);
            entered.service = entered.service.max(self.service);
        }
        entered.load += part(held.weight());
        &mut entered.events
    }

    /// Takes an event out at one end.
    fn take(&mut self, sub: u8, end: End) -> Option<Held<I>> {
        let held = end.pop(&mut self.subs[usize::from(sub)].events)?;
        self.left(sub, &held);
        Some(held)
    }

    /// Hears of an event that was taken out of a sub-queue.
    fn left(&mut self, sub: u8, held: &Held<I>) {
        let left = &mut self.subs[usize::from(sub)];
        left.load -= part(held.weight());
        self.len -= 1;
        if left.events.is_empty() {
            self.active.retain(|other| *other != sub);
        }
        let client = held.client();
        if let Some(home) = self.homes.get_mut(&client) {
            home.1 -= 1;
            if home.1 == 0 {
                self.homes.remove(&client);
            }
        }
    }

    /// When it is a sub-queue's turn: the least is next. First those who are owed an event, by the
    /// service that they got; then quiet ones that are about even, by the order of the queue; then
    /// the others, by the service that they got.
    fn rank(&self, sub: u8, all: f64, rule: Rule, mean: f64) -> (u8, f64) {
        let here = &self.subs[usize::from(sub)];
        let Some(next) = rule.end().peek(&here.events) else { return (2, here.service) };
        let one = here.cost(mean) * part(next.weight());
        if here.service + one.min(mean) <= self.service {
            return (0, here.service);
        }
        let work = self.work(sub, 0.0, mean);
        let others = (self.active.len().max(2) - 1) as f64;
        let quiet = work <= (QUIET * mean).max(GREEDY * (all - work) / others);
        if !quiet || here.service > self.service + one {
            return (2, here.service);
        }
        (1, rule.place(next))
    }

    /// The work that waits in a sub-queue, with a `new` load more.
    fn work(&self, sub: u8, new: f64, mean: f64) -> f64 {
        let sub = self.subs.get(usize::from(sub));
        sub.map_or(mean * new, |sub| sub.cost(mean) * (sub.load + new))
    }

    /// The sub-queue with the most work.
    fn greediest(&self, mean: f64) -> Option<(u8, f64)> {
        let works = self.active.iter().map(|&sub| (sub, self.work(sub, 0.0, mean)));
        works.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Why an event of a sub-queue has to go, where one more comes, or came, to the sub-queue
    /// `new` with its load: there is too much of all, or of this one beside others.
    fn why(&self, sub: u8, new: Option<(u8, f64)>, mean: f64) -> Why {
        let load = |sub| new.filter(|new| new.0 == sub).map_or(0.0, |new| new.1);
        let work = |sub| self.work(sub, load(sub), mean);
        let comes = new.map(|new| new.0).filter(|new| !self.active.contains(new));
        let others = self.active.iter().copied().chain(comes).filter(|&other| other != sub);
        let (n, theirs) = others.fold((0, 0.0), |(n, sum), other| (n + 1, sum + work(other)));
        let greedy = match n {
            0 => self.in_a_row < ALONE && work(sub) > GREEDY * mean,
            _ => work(sub) * f64::from(n) > GREEDY * theirs,
        };
        if greedy { Why::Greedy } else { Why::Shed }
    }
}

/// What an event of this weight counts.
fn part(weight: u8) -> f64 {
    1.0 / f64::from(weight)
}

/// The sub-queues that a client may lie in. Who hashes the clients seeds the hash: what is mixed
/// here is not secret.
fn hand(client: u16) -> [u8; HAND] {
    // The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    let mut mixed = u64::from(client).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let bytes = (mixed ^ (mixed >> 31)).to_le_bytes();
    std::array::from_fn(|card| 1 + (usize::from(bytes[card]) % SUBS) as u8)
}

#[cfg(test)]
#[path = "fair_model_tests.rs"]
mod model_tests;
#[cfg(test)]
#[path = "fair_tests.rs"]
mod tests;
