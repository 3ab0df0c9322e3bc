//! One bounded queue: a lane for what is asked of the stage, and a lane for its answers.

use super::gated::{Aside, Dropped, Gated, Verdict};
use super::marks::Marks;
use crate::control::{Asking, Served};
use crate::event::{Event, Tag};
use crate::gone::Gone;
use crate::observe::AdmissionView;
use crate::run::{Mailbox, NEWS, Waiting};
use crate::settings::{Own, Value};
use crate::stage::Places;
use crate::time::Time;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The queue of one inlet: of one worker in a pinned domain, of all threads in a pool.
pub(crate) struct InletQueue<T> {
    lanes: Mutex<Lanes<T>>,
    /// Changed under the lock.
    capacity: AtomicUsize,
    is_gated: bool,
    /// The bits of an `f64`: the share of what is offered to be refused upstream.
    pressure: AtomicU64,
    /// The bits of another: how well the handlers behind the queue should do their work.
    quality: AtomicU64,
    /// Workers that are told when the pressure comes into another tenth. Nobody looks at it else.
    listeners: Mutex<Vec<Arc<Mailbox>>>,
}

pub(crate) struct Lanes<T> {
    /// What is asked, in order of arrival; empty where there is a gate.
    pub asks: VecDeque<Event<T>>,
    /// What is asked where the inlet has an order or an admission.
    gated: Option<Box<Gated<Event<T>>>>,
    /// What has a place of its own: the answers to questions, and the returns to a source.
    pub answers: VecDeque<Event<T>>,
    /// Places that are taken by events which have not come yet.
    pub reserved: usize,
    /// The newest epoch that any worker had seen who put something in.
    epoch: u64,
    marks: Marks,
    /// Stages that hold output for which there was no room.
    waiting: Vec<Waiter>,
}

/// A parked stage, to be told when there is room.
#[derive(Clone)]
pub(crate) struct Waiter {
    pub mailbox: Arc<Mailbox>,
    pub bit: u64,
}

impl Waiter {
    fn is(&self, other: &Self) -> bool {
        self.bit == other.bit && Arc::ptr_eq(&self.mailbox, &other.mailbox)
    }
}

/// What a replica took for one batch.
pub(crate) struct Taken {
    pub answers: bool,
    /// Whether events are left in the queue.
    pub more: bool,
    /// Whether nothing was taken, because of [`Aside::epoch`].
    pub behind: bool,
}

impl Taken {
    /// What was never in the queue.
    pub fn fused(answers: bool) -> Self {
        Self { answers, more: false, behind: false }
    }
}

/// What an observer may ask of a queue.
pub(crate) trait Probe: Send + Sync {
    /// Events that wait, and those among them that belong to flows.
    fn lengths(&self) -> (usize, usize);
    /// Events that wait: unlike the lengths this does not look at each.
    fn len(&self) -> usize;
    /// Whether any wait.
    fn stands(&self) -> bool;
    fn oldest(&self) -> Option<Time>;
    /// Has a worker be told when the pressure comes into another tenth.
    fn listen(&self, worker: &Arc<Mailbox>);
    /// Takes all places that are free now; how many those were. For simulations.
    fn occupy(&self) -> usize;
    /// Gives places back that were taken.
    fn vacate(&self, places: usize);
    /// What its gate does, if it has one.
    fn admission(&self) -> Option<AdmissionView>;
    /// Freezes a law of its gate or lets it go on; `false` when it has none of that name.
    fn set_frozen(&self, law: &str, frozen: bool) -> bool;
    /// The most events that may wait.
    fn capacity(&self) -> usize;
    fn set_capacity(&self, events: usize);
    /// What the laws of its gate declare of their own settings, each with the name of its law.
    fn settings(&self) -> Vec<(&'static str, Own)>;
    /// Gives the laws of this name these values.
    fn set_law(&self, law: &str, values: &[(String, Value)]);
}

impl<T> InletQueue<T> {
    pub fn new(capacity: usize, gated: Option<Gated<Event<T>>>) -> Self {
        let is_gated = gated.is_some();
        let lanes = Lanes {
            asks: VecDeque::new(),
            gated: gated.map(Box::new),
            answers: VecDeque::new(),
            reserved: 0,
            epoch: 0,
            marks: Marks::default(),
            waiting: Vec::new(),
        };
        Self {
            lanes: Mutex::new(lanes),
            capacity: AtomicUsize::new(capacity),
            is_gated,
            pressure: AtomicU64::new(0.0_f64.to_bits()),
            quality: AtomicU64::new(1.0_f64.to_bits()),
            listeners: Mutex::default(),
        }
    }

    /// Whether each event has to be asked about, alone.
    pub fn is_gated(&self) -> bool {
        self.is_gated
    }

    /// The share of what is offered that should rather be refused upstream.
    pub fn pressure(&self) -> f64 {
        f64::from_bits(self.pressure.load(Relaxed))
    }

    /// How well the handlers behind the queue should do their work.
    pub fn quality(&self) -> f64 {
        f64::from_bits(self.quality.load(Relaxed))
    }

    fn publish(&self, pressure: f64, quality: f64) {
        let before = self.pressure();
        self.pressure.store(pressure.to_bits(), Relaxed);
        self.quality.store(quality.to_bits(), Relaxed);
        if tenths(before) != tenths(pressure) {
            self.listeners().iter().for_each(|worker| worker.notify(NEWS));
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Arc<Mailbox>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lock(&self) -> Locked<'_, T> {
        // Nothing under the lock can leave the lanes half changed, whatever panics.
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { lanes, capacity: self.capacity.load(Relaxed) }
    }

    /// Moves up to `limit` events of one lane into `into`, which is empty: answers if `answers`
    /// allows any, else asks if `asks` does; a gate has more to say of them. Tells those who wait
    /// for room.
    pub fn take(
        &self,
        now: Time,
        gone: &Gone,
        into: &mut VecDeque<Event<T>>,
        (answers, asks): (usize, usize),
        aside: &mut Aside<Event<T>>,
    ) -> Taken {
        debug_assert!(into.is_empty());
        aside.came.clear();
        let mut locked = self.lock();
        let lanes = &mut *locked.lanes;
        if lanes.epoch > aside.epoch {
            return Taken { answers: false, more: true, behind: true };
        }
        if answers > 0 && !lanes.answers.is_empty() {
            move_up_to(&mut lanes.answers, into, answers);
            let more = !lanes.is_empty();
            return Taken { answers: true, more, behind: false };
        }
        if asks == 0 || lanes.asks() == 0 {
            lanes.gated.iter_mut().for_each(|gated| gated.settle(aside));
            let more = !lanes.is_empty();
            return Taken { answers: false, more, behind: false };
        }
        match &mut lanes.gated {
            None => {
                move_up_to(&mut lanes.asks, into, asks);
                lanes.marks.pop(into.len(), |came, n| aside.came.push((came, n)));
            }
            Some(gated) => gated.take(now, |event| event.tag().is_in(gone), asks, into, aside),
        }
        let more = !lanes.is_empty();
        if !lanes.waiting.is_empty() {
            let waiting = std::mem::take(&mut lanes.waiting);
            drop(locked);
            tell(&waiting);
        }
        Taken { answers: false, more, behind: false }
    }

    /// Hears what batches have cost whose replica may take no more for long.
    pub fn settle(&self, aside: &mut Aside<Event<T>>) {
        if let Some(gated) = &mut self.lock().lanes.gated {
            gated.settle(aside);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lock().lanes.is_empty()
    }

    /// What waits, for a policy that asks.
    pub fn waiting(&self) -> Waiting {
        let locked = self.lock();
        let (asks, answers) = (locked.lanes.asks(), locked.lanes.answers.len());
        Waiting { events: asks + answers, urgent: answers > 0 }
    }

    /// How many events ask or will, and how many more there is room for.
    pub fn load(&self) -> (usize, usize) {
        let locked = self.lock();
        (locked.lanes.asks() + locked.lanes.reserved, locked.room())
    }

    /// Puts what a batch did not take back to the head of its lane.
    pub fn put_back(
        &self,
        events: &mut VecDeque<Event<T>>,
        taken: &Taken,
        now: Time,
        aside: &mut Aside<Event<T>>,
    ) {
        let mut locked = self.lock();
        let lanes = &mut *locked.lanes;
        if let (false, Some(gated)) = (taken.answers, &mut lanes.gated) {
            return gated.put_back(events, &mut aside.passed, now);
        }
        if !taken.answers {
            let newest = aside.came.last().map_or(now, |(came, _)| *came);
            lanes.marks.put_back(newest, events.len());
        }
        let lane = if taken.answers { &mut lanes.answers } else { &mut lanes.asks };
        while let Some(event) = events.pop_back() {
            lane.push_front(event);
        }
    }

    /// Takes out all that waits, for the end.
    pub fn take_all(&self, into: &mut VecDeque<Event<T>>) {
        let mut locked = self.lock();
        let lanes = &mut *locked.lanes;
        into.append(&mut lanes.answers);
        into.append(&mut lanes.asks);
        lanes.marks = Marks::default();
        if let Some(gated) = &mut lanes.gated {
            gated.take_all(into);
        }
    }

    /// Has the gate's laws look, if it is time. Whether they have to look again though nothing
    /// more happens.
    pub fn tick(&self, now: Time, gone: &Gone, dropped: &mut Dropped<Event<T>>) -> bool {
        let mut locked = self.lock();
        let lanes = &mut *locked.lanes;
        let Some(gated) = &mut lanes.gated else { return false };
        let again = gated.tick(now, |event| event.tag().is_in(gone), dropped);
        self.publish(gated.pressure(), gated.quality());
        // Of a queue that is empty nobody takes anything who would tell them: its laws have said
        // no, and may now say yes.
        let empty = gated.len() == 0 && !lanes.waiting.is_empty();
        let waiting = match dropped.is_empty() && !empty {
            true => Vec::new(),
            false => std::mem::take(&mut lanes.waiting),
        };
        drop(locked);
        tell(&waiting);
        again || empty
    }

    /// Gives `n` places back, and tells all who wait for room but `me`, who has to wait on.
    pub fn retract(&self, n: usize, me: &Waiter) {
        let mut locked = self.lock();
        locked.lanes.reserved = locked.lanes.reserved.saturating_sub(n);
        let waiting = &mut locked.lanes.waiting;
        let others: Vec<Waiter> = waiting.extract_if(.., |waiter| !waiter.is(me)).collect();
        drop(locked);
        tell(&others);
    }

    /// Where the `n`th replica of those that serve this queue counts for its gate.
    pub fn cell(&self, n: usize) -> Option<Arc<Served>> {
        self.lock().lanes.gated.as_ref()?.cell(n)
    }
}

impl<T> Lanes<T> {
    /// Events that ask.
    fn asks(&self) -> usize {
        self.asks.len() + self.gated.as_ref().map_or(0, |gated| gated.len())
    }

    fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.asks() == 0
    }
}

/// The tenth in which a pressure is; 0 where there is none at all.
pub(crate) fn tenths(pressure: f64) -> u8 {
    (pressure * 10.0).ceil() as u8
}

fn tell(waiting: &[Waiter]) {
    for waiter in waiting {
        waiter.mailbox.notify(waiter.bit);
    }
}

fn move_up_to<T>(from: &mut VecDeque<T>, into: &mut VecDeque<T>, limit: usize) {
    if from.len() <= limit {
        std::mem::swap(from, into);
    } else {
        into.extend(from.drain(..limit));
    }
}

/// The lanes under their lock.
pub(crate) struct Locked<'a, T> {
    pub lanes: MutexGuard<'a, Lanes<T>>,
    capacity: usize,
}

impl<T> Locked<'_, T> {
    /// Places for events that have none yet.
    fn places(&self) -> usize {
        let by_cost = self.lanes.gated.as_ref().map_or(usize::MAX, |gated| gated.capacity());
        self.capacity.min(by_cost).saturating_sub(self.lanes.asks() + self.lanes.reserved)
    }

    /// How many more events there is room for: by a gate's measure less than there are places.
    pub fn room(&self) -> usize {
        let gated = self.lanes.gated.as_ref();
        let room = gated.map_or(usize::MAX, |gated| gated.room());
        self.places().min(room.saturating_sub(self.lanes.reserved))
    }

    /// Asks whether an event with this tag may enter. Those that have to go for it come `out`.
    pub fn offer(&mut self, tag: &Tag, now: Time, out: &mut Dropped<Event<T>>) -> Verdict {
        let places = self.places();
        match &mut self.lanes.gated {
            Some(gated) => gated.offer(Asking::of(tag), now, places, out),
            None if places > 0 => Verdict::Enter,
            None => Verdict::Full,
        }
    }

    /// A worker that has seen `epoch` puts something in.
    pub fn mark(&mut self, epoch: u64) {
        self.lanes.epoch = self.lanes.epoch.max(epoch);
    }

    /// How long a worker may rest that brings events of which most are refused.
    pub fn rest(&self) -> Duration {
        self.lanes.gated.as_ref().map_or(Duration::ZERO, |gated| gated.rest())
    }

    /// Asks whether a flow may enter from a thread outside, which nothing may have to go for:
    /// outside there is no desk at which its flow could end.
    pub fn admits_from_outside(&mut self, now: Time) -> bool {
        let places = self.places();
        let gated = self.lanes.gated.as_mut();
        gated.map_or(places > 0, |gated| gated.admits_from_outside(now, places))
    }

    /// Adds an event that may enter, or which has a place.
    pub fn push(&mut self, event: Event<T>, now: Time) {
        if let Some(gated) = &mut self.lanes.gated {
            return gated.push(event, now);
        }
        self.lanes.asks.push_back(event);
        self.lanes.marks.push(now, 1);
    }

    /// Has `add` append `n` events for which there is room, where there is no gate.
    pub fn push_all(&mut self, now: Time, n: usize, add: impl FnOnce(&mut VecDeque<Event<T>>)) {
        add(&mut self.lanes.asks);
        self.lanes.marks.push(now, n);
    }

    /// Takes out the event that has waited longest, of the least important where there are
    /// classes.
    pub fn pop_oldest(&mut self) -> Option<Event<T>> {
        if let Some(gated) = &mut self.lanes.gated {
            return gated.pop_least();
        }
        let event = self.lanes.asks.pop_front()?;
        self.lanes.marks.pop(1, |_, _| {});
        Some(event)
    }

    /// Has `waiter` told when there is room.
    pub fn wait(&mut self, waiter: &Waiter) {
        if !self.lanes.waiting.iter().any(|known| known.is(waiter)) {
            self.lanes.waiting.push(waiter.clone());
        }
    }

    /// Uses a place that was taken for an event which comes now, and need not ask.
    pub fn use_place(&mut self) {
        self.lanes.reserved -= 1;
        if let Some(gated) = &mut self.lanes.gated {
            gated.count_placed();
        }
    }
}

impl<T: Send> Places for InletQueue<T> {
    fn give_back(&self, n: usize) {
        let mut locked = self.lock();
        debug_assert!(locked.lanes.reserved >= n, "more places were given back than taken");
        locked.lanes.reserved = locked.lanes.reserved.saturating_sub(n);
        let waiting = std::mem::take(&mut locked.lanes.waiting);
        drop(locked);
        tell(&waiting);
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl<T: Send> Probe for InletQueue<T> {
    fn lengths(&self) -> (usize, usize) {
        let locked = self.lock();
        let lanes = &*locked.lanes;
        let gated = lanes.gated.iter().flat_map(|gated| gated.iter());
        let all = lanes.asks.iter().chain(&lanes.answers).chain(gated);
        let flows = all.filter(|event| event.tag().is_flow()).count();
        (lanes.asks() + lanes.answers.len(), flows)
    }

    fn len(&self) -> usize {
        self.waiting().events
    }

    fn stands(&self) -> bool {
        !self.is_empty()
    }

    fn listen(&self, worker: &Arc<Mailbox>) {
        let mut listeners = self.listeners();
        if !listeners.iter().any(|known| Arc::ptr_eq(known, worker)) {
            listeners.push(Arc::clone(worker));
        }
    }

    fn occupy(&self) -> usize {
        let mut locked = self.lock();
        let places = locked.places();
        locked.lanes.reserved += places;
        places
    }

    fn vacate(&self, places: usize) {
        self.give_back(places);
    }

    fn oldest(&self) -> Option<Time> {
        let locked = self.lock();
        match &locked.lanes.gated {
            Some(gated) => gated.oldest(),
            None => locked.lanes.marks.oldest(),
        }
    }

    fn admission(&self) -> Option<AdmissionView> {
        self.lock().lanes.gated.as_ref().map(|gated| gated.view())
    }

    fn set_frozen(&self, law: &str, frozen: bool) -> bool {
        let mut locked = self.lock();
        let gated = locked.lanes.gated.as_mut();
        gated.is_some_and(|gated| gated.set_frozen(law, frozen))
    }

    fn capacity(&self) -> usize {
        self.capacity.load(Relaxed)
    }

    fn set_capacity(&self, events: usize) {
        let mut locked = self.lock();
        self.capacity.store(events, Relaxed);
        let waiting = std::mem::take(&mut locked.lanes.waiting);
        drop(locked);
        tell(&waiting);
    }

    fn settings(&self) -> Vec<(&'static str, Own)> {
        let gated = &mut self.lock().lanes.gated;
        gated.as_mut().map(|gated| gated.settings()).unwrap_or_default()
    }

    fn set_law(&self, law: &str, values: &[(String, Value)]) {
        if let Some(gated) = &mut self.lock().lanes.gated {
            gated.set_law(law, values);
        }
    }
}
