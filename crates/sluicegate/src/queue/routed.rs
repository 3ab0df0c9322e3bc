//! A wire that chooses the replica for each event: by a key, or the one for which least waits.

use super::inlet::InletQueue;
use super::link::WireLink;
use super::several::{Several, send_placed};
use crate::desk::Desk;
use crate::event::{Event, WorkerId};
use crate::ledger::Why;
use crate::net::OnFull;
use crate::run::refuse;
use crate::sim::Random;
use crate::stage::{Grant, Link, Places, Wanted};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What tells the key of an event, as its hash.
pub(crate) struct KeyOf<T>(Arc<dyn Fn(&T) -> u64 + Send + Sync>);

impl<T> KeyOf<T> {
    pub fn new<K: Hash>(key: impl Fn(&T) -> K + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |body| {
            // Not seeded: the same net and seed have to give the same run.
            let mut hasher = DefaultHasher::new();
            key(body).hash(&mut hasher);
            hasher.finish()
        }))
    }

    /// The place of the key's replica among so many. Every wire and entry finds the same.
    pub fn place(&self, body: &T, replicas: usize) -> usize {
        ((self.0)(body) % replicas as u64) as usize
    }
}

impl<T> Clone for KeyOf<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A link to each replica; each has one target.
pub(crate) struct Lanes<T, U> {
    lanes: Vec<Lane<T, U>>,
    token: Arc<()>,
}

struct Lane<T, U> {
    link: WireLink<T, U>,
    /// What goes there next; empty between deliveries.
    events: VecDeque<Event<T>>,
}

impl<T: 'static, U: From<T> + Send + 'static> Lanes<T, U> {
    pub fn new(links: impl Iterator<Item = WireLink<T, U>>) -> Self {
        let lanes = links.map(|link| Lane { link, events: VecDeque::new() }).collect();
        Self { lanes, token: Arc::default() }
    }

    fn queue(&self, lane: usize) -> &Arc<InletQueue<U>> {
        &self.lanes[lane].link.targets[0].0
    }

    /// Sends what lies in each lane. What is held comes back to `events`.
    fn send(&mut self, events: &mut VecDeque<Event<T>>) {
        for lane in self.lanes.iter_mut().filter(|lane| !lane.events.is_empty()) {
            lane.link.send(&mut lane.events, 0);
            events.append(&mut lane.events);
        }
    }
}

impl<T: 'static, U: From<T> + Send + 'static> Several<T> for Lanes<T, U> {
    fn count(&self) -> usize {
        self.lanes.len()
    }

    fn nth(&mut self, n: usize) -> &mut dyn Link<T> {
        &mut self.lanes[n].link
    }

    fn token(&self) -> &Arc<()> {
        &self.token
    }
}

/// The events of one key go to one replica. A place beyond it is a place in each queue, for nobody
/// knows the key before the event.
pub(crate) struct KeyedLink<T, U> {
    pub lanes: Lanes<T, U>,
    pub key: KeyOf<T>,
    pub desk: Rc<Desk>,
}

impl<T: 'static, U: From<T> + Send + 'static> KeyedLink<T, U> {
    /// Lays each event into the lane of its key.
    fn deal(&mut self, events: impl Iterator<Item = Event<T>>) {
        let lanes = &mut self.lanes.lanes;
        for event in events {
            let place = || self.key.place(&event.body, lanes.len());
            // The user's own: a panic here would be the worker's end.
            match catch_unwind(AssertUnwindSafe(place)) {
                Ok(place) => lanes[place].events.push_back(event),
                Err(_) => {
                    self.desk.queue(i64::from(event.tag().is_flow()));
                    refuse(event, Why::Failed, &self.desk);
                }
            }
        }
    }
}

impl<T: 'static, U: From<T> + Send + 'static> Link<T> for KeyedLink<T, U> {
    fn send(&mut self, events: &mut VecDeque<Event<T>>, placed: usize) -> usize {
        // Those with places first, in all lanes: they share a window with the others.
        self.deal(events.drain(..placed.min(events.len())));
        if placed > 0 {
            for lane in &mut self.lanes.lanes {
                send_placed(&mut lane.link, &mut lane.events, placed);
            }
        }
        self.deal(events.drain(..));
        self.lanes.send(events);
        placed
    }

    fn reserve(&mut self, home: WorkerId, n: usize, waits: usize) -> usize {
        self.lanes.reserve_in_all(home, n, waits)
    }

    fn release(&mut self, n: usize) {
        self.lanes.release_in_all(n);
    }

    fn count_held(&mut self, n: usize) {
        self.lanes.lanes[0].link.count_held(n);
    }

    /// That of the mean replica.
    fn pressure(&self, home: WorkerId) -> f64 {
        let lanes = &self.lanes.lanes;
        lanes.iter().map(|lane| lane.link.pressure(home)).sum::<f64>() / lanes.len() as f64
    }

    fn permit(&mut self, home: WorkerId, wanted: Wanted) -> Option<Grant> {
        self.lanes.permit_in_all(home, wanted)
    }

    fn retract(&mut self, n: usize) {
        self.lanes.retract_in_all(n);
    }

    fn shares_places(&self, _: WorkerId) -> bool {
        true
    }

    fn honours(&self, grant: &Grant, _: WorkerId) -> bool {
        self.lanes.lanes[0].link.promised(grant) && self.lanes.are_of(grant)
    }

    fn rank(&self) -> usize {
        self.lanes.lanes[0].link.rank()
    }

    fn wait_for_room(&mut self, home: WorkerId) -> bool {
        self.lanes.wait_for_all(home)
    }
}

/// Each event goes to that of two replicas for which fewer wait: the own worker's, where there is
/// one, and another by chance. Where neither has room it goes to any that has.
pub(crate) struct BalancedLink<T, U> {
    lanes: Lanes<T, U>,
    /// The replica of this worker.
    own: Option<usize>,
    random: Random,
    looked: Vec<Load>,
    /// The lane in which all places are that were asked for, and how many those are.
    lender: usize,
    lent: Arc<AtomicUsize>,
}

/// What a lane said of itself.
struct Load {
    lane: usize,
    waiting: usize,
    room: usize,
}

impl<T: 'static, U: From<T> + Send + 'static> BalancedLink<T, U> {
    pub fn new(lanes: Lanes<T, U>, own: Option<usize>, random: Random) -> Self {
        let looked = Vec::with_capacity(lanes.lanes.len());
        Self { lanes, own, random, looked, lender: 0, lent: Arc::default() }
    }

    /// Two replicas to choose from: with a look at two the longest queue stays nearly as short as
    /// with a look at all (Mitzenmacher, 1996).
    fn two(&mut self) -> [usize; 2] {
        let lanes = self.lanes.lanes.len();
        let one = self.own.unwrap_or_else(|| self.random.below(lanes));
        let other = self.random.below(lanes - 1);
        [one, other + usize::from(other >= one)]
    }

    fn look(&mut self, lanes: impl IntoIterator<Item = usize>) {
        self.looked.clear();
        for lane in lanes {
            let (waiting, room) = self.lanes.queue(lane).load();
            let dealt = self.lanes.lanes[lane].events.len();
            let (waiting, room) = (waiting + dealt, room.saturating_sub(dealt));
            self.looked.push(Load { lane, waiting, room });
        }
    }

    /// The one with room for which fewest wait; the own where several are even.
    fn least(&mut self) -> Option<&mut Load> {
        self.looked.iter_mut().filter(|load| load.room > 0).min_by_key(|load| load.waiting)
    }

    /// Deals out `events` among those looked at, as far as they have room.
    fn deal(&mut self, events: &mut VecDeque<Event<T>>) {
        while !events.is_empty()
            && let Some(least) = self.least()
        {
            least.waiting += 1;
            least.room -= 1;
            let lane = least.lane;
            self.lanes.lanes[lane].events.extend(events.pop_front());
        }
    }

    /// Sends what was dealt out, and the rest to any that has room, looked for from `first` on.
    fn send_dealt(&mut self, events: &mut VecDeque<Event<T>>, first: usize) {
        if !events.is_empty() {
            let all = self.lanes.lanes.len();
            self.look((0..all).map(|n| (n + first) % all));
            self.deal(events);
        }
        // For what has room nowhere the answer is the wire's.
        self.lanes.lanes[first].events.append(events);
        self.lanes.send(events);
    }

    /// Where places are taken, until all of them are used or given back.
    fn choose_lender(&mut self) {
        if self.lent.load(Relaxed) > 0 {
            return;
        }
        let two = self.two();
        self.look(two);
        if self.least().is_none() {
            self.look(0..self.lanes.lanes.len());
        }
        if let Some(least) = self.least() {
            self.lender = least.lane;
        }
    }

    fn lender(&mut self) -> &mut WireLink<T, U> {
        &mut self.lanes.lanes[self.lender].link
    }
}

impl<T: 'static, U: From<T> + Send + 'static> Link<T> for BalancedLink<T, U> {
    fn send(&mut self, events: &mut VecDeque<Event<T>>, placed: usize) -> usize {
        let mut used = 0;
        if placed > 0 {
            let lane = &mut self.lanes.lanes[self.lender];
            lane.events.extend(events.drain(..placed.min(events.len())));
            used = lane.link.send(&mut lane.events, placed);
            self.lent.fetch_sub(used, Relaxed);
            while let Some(held) = lane.events.pop_back() {
                events.push_front(held);
            }
        }
        if events.is_empty() {
            return used;
        }
        let home = events[0].tag().home();
        let two = self.two();
        self.look(two);
        self.deal(events);
        // The own first, so that it is the one where all are even.
        self.send_dealt(events, two[0]);
        // Whoever has room first may have it. Who is full will tell; who has room by now would not.
        let waits = self.lender().on_full == OnFull::Wait;
        while waits && !events.is_empty() && self.lanes.wait_for_any(home) {
            self.send_dealt(events, two[0]);
        }
        used
    }

    fn reserve(&mut self, home: WorkerId, n: usize, waits: usize) -> usize {
        self.choose_lender();
        let n = self.lender().reserve(home, n, waits);
        self.lent.fetch_add(n, Relaxed);
        n
    }

    fn release(&mut self, n: usize) {
        self.lender().release(n);
        self.lent.fetch_sub(n, Relaxed);
    }

    fn count_held(&mut self, n: usize) {
        self.lender().count_held(n);
    }

    /// That of the replica with the least: there is where the next event would go.
    fn pressure(&self, home: WorkerId) -> f64 {
        let lanes = self.lanes.lanes.iter();
        lanes.map(|lane| lane.link.pressure(home)).fold(f64::INFINITY, f64::min)
    }

    fn permit(&mut self, home: WorkerId, wanted: Wanted) -> Option<Grant> {
        self.choose_lender();
        let lanes = &mut self.lanes.lanes;
        // What others lack they will tell; but places have to be where the others are.
        let asked = if self.lent.load(Relaxed) > 0 { 1 } else { lanes.len() };
        let (lane, Grant { places, window }) = (0..asked).find_map(|n| {
            let lane = (self.lender + n) % lanes.len();
            Some((lane, lanes[lane].link.permit(home, wanted)?))
        })?;
        self.lender = lane;
        self.lent.fetch_add(wanted.n - wanted.spare, Relaxed);
        let places = Arc::new(Lent { queue: places, lent: Arc::clone(&self.lent) });
        Some(Grant { places, window })
    }

    fn retract(&mut self, n: usize) {
        self.lender().retract(n);
        self.lent.fetch_sub(n, Relaxed);
    }

    fn shares_places(&self, _: WorkerId) -> bool {
        true
    }

    fn honours(&self, grant: &Grant, _: WorkerId) -> bool {
        let lender = &self.lanes.lanes[self.lender].link;
        lender.promised(grant) && grant.is_at(Arc::as_ptr(&self.lent).addr())
    }

    fn rank(&self) -> usize {
        self.lanes.lanes[self.lender].link.rank()
    }

    fn wait_for_room(&mut self, home: WorkerId) -> bool {
        match self.lent.load(Relaxed) {
            0 => self.lanes.wait_for_any(home),
            _ => self.lender().wait_for_room(home),
        }
    }
}

/// Places of a lender, which hears of those that come back.
struct Lent {
    queue: Arc<dyn Places>,
    lent: Arc<AtomicUsize>,
}

impl Places for Lent {
    fn give_back(&self, n: usize) {
        // First, so that whoever is told of room by the queue may look for places anywhere.
        self.lent.fetch_sub(n, Relaxed);
        self.queue.give_back(n);
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.lent).addr()
    }
}
