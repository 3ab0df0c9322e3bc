//! The link: carries what a replica emitted on one port into the queues beyond the wire.

use super::gated::{Dropped, Verdict};
use super::inlet::{InletQueue, Waiter};
use crate::desk::Desk;
use crate::event::{Event, StageId, WorkerId};
use crate::ledger::Why;
use crate::net::OnFull;
use crate::observe::WireStats;
use crate::run::{Context, Fused, Ring, Seat, refuse};
use crate::stage::{Grant, Link, Places, Wanted, Window};
use std::any::Any;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// One wire as one replica sees it.
pub(crate) struct WireLink<T, U> {
    /// One queue a worker in a pinned domain, one in all in a pool.
    pub targets: Vec<(Arc<InletQueue<U>>, Ring)>,
    /// Where the consumer is fused to the wire.
    pub fusing: Option<Fusing<U>>,
    /// The first worker of the consumer's domain.
    pub first: usize,
    pub consumer: StageId,
    pub on_full: OnFull,
    pub divert: Option<Box<dyn Link<T>>>,
    pub returns: bool,
    pub window: Option<Window>,
    /// The producing replica.
    pub me: Waiter,
    pub desk: Rc<Desk>,
    pub stats: Arc<WireStats>,
    /// The target in which places are reserved.
    pub reserved_in: usize,
    /// Empty between deliveries; kept for its memory.
    pub left: Leftover<T, U>,
}

/// The consumer's replica on the same worker, for a wire that is fused.
pub(crate) struct Fusing<U> {
    pub seat: Rc<Seat<U>>,
    /// Its queue among the targets.
    pub own: usize,
    /// Whether events of this wire went into that queue, which must not be overtaken.
    pub spilled: bool,
}

/// What one delivery leaves over.
pub(crate) struct Leftover<T, U> {
    held: VecDeque<Event<T>>,
    diverted: VecDeque<Event<T>>,
    shed: Dropped<Event<T>>,
    pushed_out: Dropped<Event<U>>,
    /// Queues for which an event is held: those after it wait too, to keep their order.
    full: Vec<usize>,
}

impl<T, U> Default for Leftover<T, U> {
    fn default() -> Self {
        Self {
            held: VecDeque::new(),
            diverted: VecDeque::new(),
            shed: Vec::new(),
            pushed_out: Vec::new(),
            full: Vec::new(),
        }
    }
}

impl<T: 'static, U: From<T> + 'static> WireLink<T, U> {
    /// Delivers all events at once, as nearly every delivery can be: they share a queue and a
    /// lane in which there is room for them, and ask nothing over a window. Else does nothing.
    fn send_together(&mut self, events: &mut VecDeque<Event<T>>) -> bool {
        let Some(first) = events.front() else { return true };
        let (queues, first_worker, n) = (self.targets.len(), self.first, events.len());
        let to = route(queues, first_worker, first.tag().home());
        let (mut flows, mut back) = (0, 0);
        for event in &*events {
            let tag = event.tag();
            if route(queues, first_worker, tag.home()) != to {
                return false;
            }
            flows += i64::from(tag.is_flow());
            back += usize::from(self.returns && tag.returns_to(self.consumer));
        }
        let (queue, bell) = &self.targets[to];
        if queue.is_gated() && back != n {
            return false;
        }
        let mut locked = queue.lock();
        locked.mark(self.desk.epoch.get());
        if back == n {
            move_all(events, &mut locked.lanes.answers);
        } else if back == 0 && self.window.is_none() && n <= locked.room() {
            locked.push_all(self.desk.now(), n, |asks| move_all(events, asks));
        } else {
            return false;
        }
        drop(locked);
        self.desk.queue(flows);
        self.stats.sent.add(n as u64);
        bell.ring();
        true
    }

    /// Delivers the events at the front that share a queue.
    fn send_run(&mut self, events: &mut VecDeque<Event<T>>, placed: usize) -> usize {
        let Some(first) = events.front() else { return 0 };
        let (queues, first_worker) = (self.targets.len(), self.first);
        let to = route(queues, first_worker, first.tag().home());
        let left = &mut self.left;
        let (queue, bell) = &self.targets[to];
        let (mut used, mut flows, mut sent) = (0, 0, 0);
        let placed = if to == self.reserved_in { placed } else { 0 };
        let mut full = left.full.contains(&to);
        let mut locked = queue.lock();
        locked.mark(self.desk.epoch.get());
        while events
            .front()
            .is_some_and(|event| route(queues, first_worker, event.tag().home()) == to)
        {
            let Some(mut event) = events.pop_front() else { break };
            let flow = event.tag().is_flow();
            if self.returns && event.tag().returns_to(self.consumer) {
                locked.lanes.answers.push_back(event.map(U::from));
                (flows, sent) = (flows + 1, sent + 1);
                continue;
            }
            let asks = self.window.as_ref().filter(|_| flow);
            if asks.is_some_and(|window| window.room() == 0) {
                left.held.push_back(event);
                continue;
            }
            let verdict = if used < placed {
                used += 1;
                locked.use_place();
                Verdict::Enter
            } else if full {
                Verdict::Full
            } else {
                locked.offer(event.tag(), self.desk.now(), &mut left.pushed_out)
            };
            if let Verdict::Refuse(_) = verdict {
                self.desk.rest.refused(locked.rest());
            }
            let on_full = match verdict {
                // What is too late here is not in time elsewhere.
                Verdict::Refuse(Why::Expired) => OnFull::ShedNewest,
                _ => self.on_full,
            };
            match (verdict, on_full) {
                (Verdict::Enter, _) => {}
                (_, OnFull::Divert) => {
                    event.tag.set_diverted(match verdict {
                        Verdict::Refuse(why) => why,
                        _ => Why::Shed,
                    });
                    left.diverted.push_back(event);
                    continue;
                }
                (Verdict::Refuse(why), _) => {
                    left.shed.push((question(event, asks), why));
                    continue;
                }
                // Circles of waits are looked for without the wires that return.
                (Verdict::Full, OnFull::Wait) if self.returns => {
                    left.shed.push((event, Why::Shed));
                    continue;
                }
                (Verdict::Full, OnFull::Wait) => {
                    locked.wait(&self.me);
                    full = true;
                    left.held.push_back(event);
                    continue;
                }
                (Verdict::Full, OnFull::ShedNewest) => {
                    left.shed.push((question(event, asks), Why::Shed));
                    continue;
                }
                (Verdict::Full, OnFull::ShedOldest) => match locked.pop_oldest() {
                    Some(oldest) => left.pushed_out.push((oldest, Why::Shed)),
                    None => {
                        left.shed.push((question(event, asks), Why::Shed));
                        continue;
                    }
                },
            }
            let event = question(event, asks);
            locked.push(event.map(U::from), self.desk.now());
            (flows, sent) = (flows + i64::from(flow), sent + 1);
        }
        drop(locked);
        if full && queues > 1 {
            left.full.push(to);
        }
        self.desk.queue(flows);
        self.stats.sent.add(sent);
        if sent > 0 {
            bell.ring();
        }
        used
    }

    /// Sheds, diverts or gives back to `events` what one delivery left over: mostly nothing.
    fn settle_leftover(&mut self, events: &mut VecDeque<Event<T>>)
    where
        T: 'static,
        U: Send + 'static,
    {
        if !self.left.shed.is_empty() {
            self.stats.refused.add(self.left.shed.len() as u64);
        }
        for (event, why) in self.left.shed.drain(..) {
            // It was in no queue.
            self.desk.queue(i64::from(event.tag().is_flow()));
            refuse(event, why, &self.desk);
        }
        if !self.left.pushed_out.is_empty() {
            self.stats.pushed_out.add(self.left.pushed_out.len() as u64);
        }
        for (event, why) in self.left.pushed_out.drain(..) {
            refuse(event, why, &self.desk);
        }
        if let (false, Some(other)) = (self.left.diverted.is_empty(), &mut self.divert) {
            self.stats.diverted.add(self.left.diverted.len() as u64);
            other.send(&mut self.left.diverted, 0);
        }
        events.append(&mut self.left.held);
        events.append(&mut self.left.diverted);
        self.left.full.clear();
    }
}

impl<T, U> WireLink<T, U> {
    /// Whether the window, if there is one, promised what a grant says.
    pub fn promised(&self, grant: &Grant) -> bool {
        match (&self.window, &grant.window) {
            (Some(window), Some(promises)) => window.made(promises),
            (None, None) => true,
            _ => false,
        }
    }
}

impl<T: 'static, U: From<T> + Send + 'static> Link<T> for WireLink<T, U> {
    fn pass(&mut self, events: &mut VecDeque<Event<T>>, cx: &mut Context<'_>) {
        let (queues, first_worker, n) = (self.targets.len(), self.first, events.len());
        let Some(fusing) = self.fusing.as_mut().filter(|_| n > 0) else { return };
        let (queue, bell) = &self.targets[fusing.own];
        // Until what went before is seen to have left.
        fusing.spilled = fusing.spilled && !queue.is_empty();
        let (mut flows, mut back, mut here) = (0, 0, !fusing.spilled);
        for event in &*events {
            let tag = event.tag();
            here &= route(queues, first_worker, tag.home()) == fusing.own;
            flows += i64::from(tag.is_flow());
            back += usize::from(self.returns && tag.returns_to(self.consumer));
        }
        let passed = match fusing.seat.get() {
            Some(seat) if here && (back == 0 || back == n) => {
                seat.handle_now((n, flows, back > 0), &mut |into| move_all(events, into), cx)
            }
            _ => Fused::Cannot,
        };
        let left = match passed {
            Fused::Cannot => return,
            Fused::Done => false,
            Fused::Left => true,
        };
        self.stats.sent.add(n as u64);
        self.stats.held.set(0);
        if left {
            fusing.spilled = true;
            bell.ring();
        }
    }

    fn send(&mut self, events: &mut VecDeque<Event<T>>, placed: usize) -> usize {
        if let (Some(fusing), false) = (&mut self.fusing, events.is_empty()) {
            fusing.spilled = true;
        }
        if placed == 0 && self.send_together(events) {
            return 0;
        }
        let mut used = 0;
        while !events.is_empty() {
            used += self.send_run(events, placed - used);
        }
        self.settle_leftover(events);
        used
    }

    fn reserve(&mut self, home: WorkerId, n: usize, waits: usize) -> usize {
        self.reserved_in = route(self.targets.len(), self.first, home);
        let n = n.min(self.window.as_ref().map_or(n, |window| window.room().saturating_sub(waits)));
        let mut locked = self.targets[self.reserved_in].0.lock();
        let n = n.min(locked.room());
        locked.lanes.reserved += n;
        n
    }

    fn release(&mut self, n: usize) {
        self.targets[self.reserved_in].0.give_back(n);
    }

    fn count_held(&mut self, n: usize) {
        self.stats.held.set(n as u64);
    }

    fn pressure(&self, home: WorkerId) -> f64 {
        self.targets[route(self.targets.len(), self.first, home)].0.pressure()
    }

    fn permit(&mut self, home: WorkerId, wanted: Wanted) -> Option<Grant> {
        self.reserved_in = route(self.targets.len(), self.first, home);
        let queue = &self.targets[self.reserved_in].0;
        let Wanted { n, spare, waits } = wanted;
        let asks = self.window.as_ref().is_none_or(|window| window.room() >= n + waits);
        let mut locked = queue.lock();
        if !asks || locked.room() < n - spare {
            locked.wait(&self.me);
            return None;
        }
        locked.lanes.reserved += n - spare;
        drop(locked);
        let places = Arc::clone(queue) as Arc<dyn Places>;
        Some(Grant { places, window: self.window.as_ref().map(|window| window.promise(n)) })
    }

    fn retract(&mut self, n: usize) {
        self.targets[self.reserved_in].0.retract(n, &self.me);
    }

    fn shares_places(&self, home: WorkerId) -> bool {
        let to = |home| route(self.targets.len(), self.first, home);
        to(home) == to(self.desk.worker)
    }

    fn honours(&self, grant: &Grant, home: WorkerId) -> bool {
        let to = route(self.targets.len(), self.first, home);
        self.promised(grant) && to == self.reserved_in && grant.is_at(self.targets[to].0.address())
    }

    fn rank(&self) -> usize {
        self.consumer.index() << 16 | self.reserved_in
    }

    fn wait_for_room(&mut self, home: WorkerId) -> bool {
        if self.window.as_ref().is_some_and(|window| window.room() == 0) {
            return false;
        }
        let mut locked = self.targets[route(self.targets.len(), self.first, home)].0.lock();
        let room = locked.room() > 0;
        if !room {
            locked.wait(&self.me);
        }
        room
    }
}

/// Moves all events to the end of a lane; as a whole where they stay what they are.
fn move_all<T: 'static, U: From<T> + 'static>(
    events: &mut VecDeque<Event<T>>,
    lane: &mut VecDeque<Event<U>>,
) {
    match (lane as &mut dyn Any).downcast_mut::<VecDeque<Event<T>>>() {
        Some(lane) if lane.is_empty() => std::mem::swap(events, lane),
        Some(lane) => lane.append(events),
        None => lane.extend(events.drain(..).map(|event| event.map(U::from))),
    }
}

/// Makes a question of what is asked over a window. One that is shed is a question too: its asker
/// is told.
fn question<T>(event: Event<T>, asks: Option<&Window>) -> Event<T> {
    match asks {
        Some(window) => {
            let (tag, body) = event.split();
            window.ask(tag).with(body)
        }
        None => event,
    }
}

/// The queue, among `queues`, for events whose home is `home`.
pub(crate) fn route(queues: usize, first: usize, home: WorkerId) -> usize {
    let home = home.index();
    if queues == 1 {
        0
    } else if home >= first && home - first < queues {
        home - first
    } else {
        home % queues
    }
}
