//! The batch: what a handler is given, bounded by count, by time and by room.

use crate::desk::Desk;
use crate::event::{Copies, Event, Tag};
use crate::ledger::Why;
use crate::run::refuse;
use crate::stage::Window;
use crate::time::{Clock, Time, nanos};
use std::collections::VecDeque;
use std::time::Duration;

/// Events that are handled at most before the clock is read, however cheap those before were: the
/// next ones may be dear.
const UNTIMED: usize = 16;

/// Events taken from a queue, in order. Whatever the handler does not take stays queued.
///
/// What was past its [deadline](Tag::deadline) when the batch began, or has
/// [gone](crate::Cx::gone), is not given to the handler: it ends here, before it costs.
///
/// ```
/// use sluicegate::{Batch, Cx, Rig, from_fn};
///
/// // Handles one event a batch, and leaves the rest queued.
/// let stage = from_fn(|mut batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///     if let Some(event) = batch.next() {
///         event.split().0.finish();
///     }
/// });
/// let mut rig = Rig::of(stage);
/// rig.feed([1_u64, 2, 3]).batch(64);
/// assert_eq!((rig.queued(), rig.ledger().finished), (2, 1));
/// ```
pub struct Batch<'a, T> {
    pub(crate) work: &'a mut Work<T>,
    pub(crate) desk: &'a Desk,
    pub(crate) clock: &'a Clock,
}

impl<T> Batch<'_, T> {
    /// How many events may still be taken, as far as is known before they are handled.
    pub fn len(&self) -> usize {
        if self.work.over { 0 } else { self.work.events.len() }
    }

    /// Whether nothing is left to take.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the event if it is not worth handling any more. Out of the way of all others.
    #[cold]
    fn unless_late(&mut self, event: Event<T>) -> Option<Event<T>> {
        if let (false, Some(copies)) = (self.work.answers, &mut self.work.copies) {
            copies.keep(&event.tag, &event.body);
        }
        if self.work.panics_now() {
            if event.tag.is_flow() {
                self.desk.queue(-1);
                self.desk.hold(1);
            }
            let _in_hand = event;
            panic!("as the simulation's plan of troubles says");
        }
        let Some(why) = self.work.late(&event.tag, self.desk) else { return Some(event) };
        self.work.dropped += 1;
        refuse(event, why, self.desk);
        None
    }

    /// Notes when an event was taken, and by whom.
    #[inline]
    fn note(&mut self, tag: &Tag) {
        if self.work.timed {
            self.work.lap_begins(self.clock);
        }
        if self.work.traced && tag.is_flow() {
            self.desk.flows.step(tag, self.work.answers, self.work.events.len());
        }
    }

    /// Gives an answer the tag of what asked.
    #[inline(never)]
    fn redeem(&mut self, mut event: Event<T>) -> Option<Event<T>> {
        let key = event.tag.flow();
        let Some(asked) = Window::redeem(&self.work.windows, key) else {
            // A second answer to one question: its flow has been answered already.
            event.tag.join();
            self.work.strays += 1;
            return None;
        };
        std::mem::replace(&mut event.tag, asked).join();
        Some(event)
    }

    /// Gives back the event taken last: it stays at the head of the queue and the batch ends.
    ///
    /// A run that takes nothing is no progress, so that the worker goes on to other stages. The
    /// stage runs again, and sees the event again, when something happens to it: an event comes,
    /// its flag is raised, a timer runs out, a flow of its ends, held output goes out, or there
    /// is room where [`Out::reserve`](crate::Out::reserve) found none. Put back only what waits for
    /// one of these.
    pub fn put_back(&mut self, mut event: Event<T>) {
        if event.tag.is_flow() {
            self.desk.hold(-1);
            self.desk.queue(1);
            if self.work.answers {
                event.tag.mark_redeemed();
            }
        }
        self.work.taken = self.work.taken.saturating_sub(1);
        self.work.laps.truncate(self.work.taken);
        if self.work.traced && event.tag.is_flow() {
            self.desk.flows.undo();
        }
        self.work.events.push_front(event);
        self.work.over = true;
    }
}

impl<T> Iterator for Batch<'_, T> {
    type Item = Event<T>;

    #[inline]
    fn next(&mut self) -> Option<Event<T>> {
        if self.work.events.is_empty() || self.work.over || self.work.out_of_time(self.clock) {
            return None;
        }
        loop {
            let mut event = self.work.events.pop_front()?;
            if event.tag.is_due_by(self.work.look_at) {
                event = match self.unless_late(event) {
                    Some(event) => event,
                    None => continue,
                };
            }
            self.work.taken += 1;
            if event.tag.is_flow() {
                self.desk.queue(-1);
                let redeemed = event.tag.unmark_redeemed();
                if self.work.answers && event.tag.is_question() && !redeemed {
                    event = match self.redeem(event) {
                        Some(event) => event,
                        None => continue,
                    };
                }
                self.desk.hold(1);
            }
            if self.work.noted {
                self.note(&event.tag);
            }
            return Some(event);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.len()))
    }
}

/// The batch under the handler's hands, kept by the replica so that a panic loses nothing of it.
pub(crate) struct Work<T> {
    pub events: VecDeque<Event<T>>,
    pub windows: Vec<Option<Window>>,
    /// Whether the events came by the answer lane.
    pub answers: bool,
    pub taken: usize,
    pub over: bool,
    /// Whether what is asked is dropped, before it costs, when it is late or gone.
    pub drops_late: bool,
    /// So many of this batch were.
    pub dropped: usize,
    /// Events with a deadline up to this time are looked at closer: all, where somebody is gone.
    look_at: Time,
    /// In a simulation: how many events are handled before the handler panics.
    panics: Option<usize>,
    /// Of what is asked, where letters are to have them.
    pub copies: Option<Copies<T>>,
    /// Answers to questions that nobody asked.
    pub strays: u64,
    pub started: Time,
    /// Nanoseconds for one batch.
    slice: u64,
    /// The number of events after which the clock is read next.
    pub look: usize,
    /// Whether each event is timed by itself, for clients that share what it costs.
    pub timed: bool,
    /// Whether it is a step of its flow.
    pub traced: bool,
    /// Whether one of both.
    pub noted: bool,
    /// When each was taken then.
    pub laps: Vec<Time>,
}

impl<T> Work<T> {
    pub fn new(slice: Duration) -> Self {
        Self {
            events: VecDeque::new(),
            windows: Vec::new(),
            answers: false,
            drops_late: true,
            dropped: 0,
            look_at: Time(0),
            taken: 0,
            over: false,
            panics: None,
            copies: None,
            strays: 0,
            started: Time(0),
            slice: nanos(slice),
            look: 1,
            timed: false,
            traced: false,
            noted: false,
            laps: Vec::new(),
        }
    }

    pub fn set_slice(&mut self, slice: Duration) {
        self.slice = nanos(slice);
    }

    /// Whether a run of so many nanoseconds took more than twice the slice: a batch of events that
    /// each fit in one ends before.
    pub fn overran(&self, busy: u64) -> bool {
        busy.saturating_sub(self.slice) > self.slice
    }

    /// Nanoseconds between the event at `place` of `n` and the next: of those that are not timed,
    /// an equal part of the time from when they were taken until all was done.
    pub fn lap(&self, place: usize, n: usize, (taken, done): (Time, Time)) -> f64 {
        if self.laps.len() != n {
            return nanos(done.since(taken)) as f64 / n as f64;
        }
        let until = self.laps.get(place + 1).copied().unwrap_or(done);
        nanos(until.since(self.laps[place])) as f64
    }

    /// How many events of about `cost` ns each a slice has time for.
    pub fn fits(&self, cost: u64) -> usize {
        count(self.slice / cost.max(1)).max(1)
    }

    /// Prepares for a batch that starts `now`, with events that cost about `cost` ns each.
    pub fn begin(&mut self, answers: bool, any_gone: bool, now: Time, cost: u64) {
        self.answers = answers;
        let copies = self.copies.as_mut().map(Copies::clear).is_some() && !answers;
        // One comparison an event, also where there are no deadlines.
        self.look_at = if any_gone || copies { Time(u64::MAX) } else { now };
        self.taken = 0;
        self.over = false;
        self.panics = None;
        self.started = now;
        // Reading the clock costs as much as a cheap event: it is first read when a quarter of
        // the slice should be over, and then at least as often as the events so far suggest.
        // A division costs as much as a cheap event.
        self.look = match cost.saturating_mul(4 * UNTIMED as u64) <= self.slice {
            true => UNTIMED,
            false => count(self.slice / 4 / cost).max(1),
        };
    }

    /// Has the handler panic with the event in hand that comes after so many.
    pub fn panic_after(&mut self, events: usize) {
        self.panics = Some(events);
        // Each is looked at closer then.
        self.look_at = Time(u64::MAX);
    }

    /// How many events are to be handled before, if it has not panicked yet.
    pub fn panics_left(&mut self) -> Option<usize> {
        self.panics.take()
    }

    fn panics_now(&mut self) -> bool {
        let left = self.panics.take();
        self.panics = left.and_then(|left| left.checked_sub(1));
        left == Some(0)
    }

    /// Why an event is not worth handling any more, if it is not. An answer always is.
    fn late(&self, tag: &Tag, desk: &Desk) -> Option<Why> {
        if self.answers || !self.drops_late || !tag.is_flow() {
            return None;
        }
        if tag.is_in(&desk.gone) {
            return Some(Why::Gone);
        }
        tag.deadline().is_some_and(|deadline| deadline < self.started).then_some(Why::Expired)
    }

    /// Whether the slice is used up. The first event is always handled.
    #[inline]
    fn out_of_time(&mut self, clock: &Clock) -> bool {
        self.taken >= self.look && self.taken > 0 && self.look_at_clock(clock)
    }

    /// Notes when an event was taken.
    #[inline(never)]
    fn lap_begins(&mut self, clock: &Clock) {
        self.laps.push(clock.now());
    }

    #[inline(never)]
    fn look_at_clock(&mut self, clock: &Clock) -> bool {
        let used = nanos(clock.now().since(self.started));
        if used >= self.slice {
            self.over = true;
            return true;
        }
        let each = (used / self.taken as u64).max(1);
        let half = count((self.slice - used) / each / 2);
        self.look = self.taken + half.clamp(1, UNTIMED);
        false
    }
}

fn count(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
