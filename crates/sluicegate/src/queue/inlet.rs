//! One bounded queue: a lane for what is asked of the stage, and a lane for its answers.

use super::marks::Marks;
use crate::event::Event;
use crate::run::Mailbox;
use crate::stage::Places;
use crate::time::Time;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The queue of one inlet: of one worker in a pinned domain, of all threads in a pool.
pub(crate) struct InletQueue<T> {
    lanes: Mutex<Lanes<T>>,
    capacity: usize,
}

pub(crate) struct Lanes<T> {
    pub asks: VecDeque<Event<T>>,
    /// What has a place of its own: the answers to questions, and the returns to a source.
    pub answers: VecDeque<Event<T>>,
    /// Places that are taken by events which have not come yet.
    pub reserved: usize,
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

/// What a replica took for one batch.
pub(crate) struct Taken {
    pub answers: bool,
    /// When the oldest of the events came.
    pub came: Option<Time>,
    /// Whether events are left in the queue.
    pub more: bool,
}

/// What an observer may ask of a queue.
pub(crate) trait Probe: Send + Sync {
    /// Events that wait, and those among them that belong to flows.
    fn lengths(&self) -> (usize, usize);
    fn oldest(&self) -> Option<Time>;
}

impl<T> InletQueue<T> {
    pub fn new(capacity: usize) -> Self {
        let lanes = Lanes {
            asks: VecDeque::new(),
            answers: VecDeque::new(),
            reserved: 0,
            marks: Marks::default(),
            waiting: Vec::new(),
        };
        Self { lanes: Mutex::new(lanes), capacity }
    }

    pub fn lock(&self) -> Locked<'_, T> {
        // Nothing under the lock can leave the lanes half changed, whatever panics.
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { lanes, capacity: self.capacity }
    }

    /// Moves up to `limit` events of one lane into `into`, which is empty: answers if `answers`
    /// allows any, else asks if `asks` does. Tells those who wait for room.
    pub fn take(&self, into: &mut VecDeque<Event<T>>, answers: usize, asks: usize) -> Taken {
        debug_assert!(into.is_empty());
        let mut locked = self.lock();
        let lanes = &mut *locked.lanes;
        if answers > 0 && !lanes.answers.is_empty() {
            move_up_to(&mut lanes.answers, into, answers);
            let more = !(lanes.answers.is_empty() && lanes.asks.is_empty());
            return Taken { answers: true, came: None, more };
        }
        if asks == 0 || lanes.asks.is_empty() {
            let more = !lanes.answers.is_empty() || !lanes.asks.is_empty();
            return Taken { answers: false, came: None, more };
        }
        move_up_to(&mut lanes.asks, into, asks);
        let came = lanes.marks.pop(into.len());
        let more = !(lanes.answers.is_empty() && lanes.asks.is_empty());
        if !lanes.waiting.is_empty() {
            let waiting = std::mem::take(&mut lanes.waiting);
            drop(locked);
            tell(&waiting);
        }
        Taken { answers: false, came, more }
    }

    pub fn is_empty(&self) -> bool {
        let locked = self.lock();
        locked.lanes.asks.is_empty() && locked.lanes.answers.is_empty()
    }

    /// Puts what a batch did not take back to the head of its lane.
    pub fn put_back(&self, events: &mut VecDeque<Event<T>>, taken: &Taken, now: Time) {
        let mut locked = self.lock();
        let lanes = &mut *locked.lanes;
        if !taken.answers {
            lanes.marks.put_back(taken.came.unwrap_or(now), events.len());
        }
        let lane = if taken.answers { &mut lanes.answers } else { &mut lanes.asks };
        while let Some(event) = events.pop_back() {
            lane.push_front(event);
        }
    }
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
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.lanes.asks.len() + self.lanes.reserved)
    }

    /// Adds an event for which there is room, or which has a place.
    pub fn push(&mut self, event: Event<T>, now: Time) {
        self.lanes.asks.push_back(event);
        self.lanes.marks.push(now, 1);
    }

    /// Has `add` append `n` events for which there is room.
    pub fn push_all(&mut self, now: Time, n: usize, add: impl FnOnce(&mut VecDeque<Event<T>>)) {
        add(&mut self.lanes.asks);
        self.lanes.marks.push(now, n);
    }

    /// Takes out the event that has waited longest.
    pub fn pop_oldest(&mut self) -> Option<Event<T>> {
        let event = self.lanes.asks.pop_front()?;
        self.lanes.marks.pop(1);
        Some(event)
    }

    /// Has `waiter` told when there is room.
    pub fn wait(&mut self, waiter: &Waiter) {
        let known = |w: &Waiter| w.bit == waiter.bit && Arc::ptr_eq(&w.mailbox, &waiter.mailbox);
        if !self.lanes.waiting.iter().any(known) {
            self.lanes.waiting.push(waiter.clone());
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
}

impl<T: Send> Probe for InletQueue<T> {
    fn lengths(&self) -> (usize, usize) {
        let locked = self.lock();
        let lanes = &*locked.lanes;
        let flows = lanes.asks.iter().chain(&lanes.answers).filter(|e| e.tag().is_flow()).count();
        (lanes.asks.len() + lanes.answers.len(), flows)
    }

    fn oldest(&self) -> Option<Time> {
        self.lock().lanes.marks.oldest()
    }
}
