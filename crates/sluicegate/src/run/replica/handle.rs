//! What a replica does in one run: it hears of ended flows, then its flags, then takes one batch.

use super::{FLAG, PRESSURE, Replica, STARTED};
use crate::desk::Desk;
use crate::event::{Batch, Ended};
use crate::ledger::Why;
use crate::observe::Happening;
use crate::queue::{Aside, Passed, Taken, tenths};
use crate::run::{Context, Gate};
use crate::stage::{AnyOut, Flown, Ports, Stage, Window};
use crate::time::{Clock, Time, nanos};
use std::sync::Arc;

/// Panics in a row after which the flag is not raised again by itself.
const FLAG_PANICS: u32 = 16;

/// What came of one batch.
pub(super) struct Handled {
    /// Whether another may find something to do.
    pub more: bool,
    /// Whether it was a batch of answers.
    pub answers: bool,
}

impl<S: Stage> Replica<S> {
    /// The most answers, and the most events that ask, that may be handled before the outboxes
    /// could be full. Answers have room of their own: what is held may wait for them.
    pub(super) fn limits(&mut self) -> (usize, usize) {
        let (bound, spare) = self.outbox;
        let mut longest = 0;
        self.out.each(&mut |port: &mut dyn AnyOut| longest = longest.max(port.len()));
        let mut answers = bound.saturating_add(spare).saturating_sub(longest);
        let mut asks = bound.saturating_sub(longest);
        if self.parked {
            asks = 0;
        } else if self.gate_cell.is_some() {
            // What waits in a batch can be neither overtaken nor pushed out.
            asks = asks.min(self.work.fits(self.cost).saturating_mul(self.emits));
        }
        if self.emits > 1 {
            (answers, asks) = (answers / self.emits, asks / self.emits);
        }
        (self.batch.min(answers), self.batch.min(asks))
    }

    pub(super) fn handle_ended(&mut self, cx: &mut Context<'_>) {
        let gone = self.stage.is_none();
        if !self.ended.is_empty() {
            self.note(cx, Happening::Told, self.ended.len().min(self.batch));
        }
        for _ in 0..self.ended.len().min(self.batch) {
            // What comes after a panic is for the rebuilt replica.
            if self.stage.is_none() != gone {
                break;
            }
            let Some(notice) = self.ended.pop_front() else { break };
            let (flow, source, why) = (notice.flow, notice.source, notice.why);
            let tag = notice.question.then(|| Window::redeem(&self.work.windows, flow)).flatten();
            let ended = match (notice.question, tag, why) {
                (true, Some(tag), Some(why)) => {
                    cx.desk.hold(1);
                    Ended { flow: tag.flow(), why, tag: Some(tag) }
                }
                // The window was cleared when its replica panicked: nobody waits any more.
                (true, ..) => continue,
                (false, _, why) => {
                    cx.desk.free_place(source, flow);
                    let Some(why) = why else {
                        self.hear_finished(flow, cx);
                        continue;
                    };
                    Ended { flow, why, tag: None }
                }
            };
            if gone {
                let Some(tag) = ended.tag else { continue };
                tag.refuse(Why::Failed);
                continue;
            }
            self.call_aside(cx, |stage, _, cx| stage.ended(ended, cx));
        }
    }

    fn hear_finished(&mut self, flow: u64, cx: &mut Context<'_>) {
        if self.hears_finished && self.stage.is_some() {
            self.call_aside(cx, |stage, _, cx| stage.finished(flow, cx));
        }
    }

    pub(super) fn handle_flags(&mut self, cx: &mut Context<'_>) {
        if self.stage.is_none() {
            self.timers.clear();
            return;
        }
        self.hear_flags(cx);
        if self.hand.is_open() {
            let over = self.hand.is_over();
            self.fly(cx);
            if !self.count_futures(cx) && over {
                self.worked(cx);
            }
        }
    }

    fn hear_flags(&mut self, cx: &mut Context<'_>) {
        if self.signals != 0 {
            self.hear(cx);
        }
        for _ in 0..self.timers.len().min(self.batch) {
            if self.stage.is_none() {
                break;
            }
            let Some(token) = self.timers.pop_front() else { break };
            cx.desk.note(Some(self.id), Happening::Timer, token, "");
            self.call_aside(cx, |stage, _, cx| stage.timer(token, cx));
        }
    }

    fn hear(&mut self, cx: &mut Context<'_>) {
        let signals = std::mem::take(&mut self.signals);
        if signals & STARTED != 0 {
            self.started = true;
            self.call_aside(cx, |stage, _, cx| stage.started(cx));
        }
        if signals & PRESSURE != 0 {
            if self.hears_pressure {
                self.hear_pressure(cx);
            }
            self.hear_levels(cx);
        }
        if signals & FLAG == 0 {
            return;
        }
        // What the flag was raised for is still there, for the rebuilt replica.
        if self.stage.is_none() {
            self.signals |= FLAG;
            return;
        }
        self.note(cx, Happening::Signalled, 0);
        match self.call_aside(cx, |stage, _, cx| stage.signal(cx)) {
            Some(()) => self.flag_panics = 0,
            None => {
                self.flag_panics += 1;
                self.again = false;
                if self.flag_panics < FLAG_PANICS {
                    self.signals |= FLAG;
                } else {
                    self.flag_panics = 0;
                }
            }
        }
    }

    fn hear_pressure(&mut self, cx: &mut Context<'_>) {
        let mut pressure = 0.0_f64;
        self.out.each(&mut |port: &mut dyn AnyOut| pressure = pressure.max(port.pressure()));
        let tenth = tenths(pressure);
        if std::mem::replace(&mut self.tenth, tenth) != tenth {
            self.note(cx, Happening::Pressed, usize::from(tenth));
            self.call_aside(cx, |stage, _, cx| stage.pressure(pressure, cx));
        }
    }

    fn hear_levels(&mut self, cx: &mut Context<'_>) {
        for n in 0..self.levels.len() {
            let gauge = Arc::clone(&self.levels[n].0);
            let level = gauge.level();
            if std::mem::replace(&mut self.levels[n].1, level) != level {
                cx.desk.note(Some(self.id), Happening::Levelled, level as u64, gauge.name());
                self.call_aside(cx, |stage, _, cx| stage.level(&gauge, level, cx));
            }
        }
    }

    /// Leaves what waits to those who may take it.
    pub(super) fn leave_batch(&mut self) -> Handled {
        self.settle();
        if !self.queue.is_empty() {
            self.tell_others();
        }
        Handled { more: false, answers: false }
    }

    /// Takes and handles one batch.
    pub(super) fn handle_batch(&mut self, cx: &mut Context<'_>) -> Handled {
        let now = cx.now;
        let (answers, asks) = self.limits();
        let mut room = usize::MAX;
        if self.hand.is_open() {
            room = self.hand.room();
            self.aside.service = self.hand.service();
        }
        let gate = self.breaker.gate(now);
        let asks = if gate == Gate::HalfOpen { asks.min(1) } else { asks };
        let limits = (answers.min(room), asks.min(room));
        let gone = &cx.desk.gone;
        self.aside.epoch = cx.desk.epoch.get();
        let taken = self.queue.take(now, gone, &mut self.work.events, limits, &mut self.aside);
        if taken.behind {
            // Also for a stage that is parked.
            cx.desk.behind.set(true);
            return Handled { more: true, answers: true };
        }
        if !self.aside.dropped.is_empty() {
            self.end_dropped(cx);
        }
        self.starved = taken.more && asks == 0 && !self.parked;
        if self.work.events.is_empty() {
            return Handled { more: taken.more && room > 0, answers: false };
        }
        if taken.more {
            self.tell_others();
        }
        let before = self.work.events.len();
        let lane = if taken.answers { "answers" } else { "asks" };
        cx.desk.note(Some(self.id), Happening::Took, before as u64, lane);
        if self.stage.is_none() {
            self.turn_away(Why::Failed, cx);
        } else if gate != Gate::Closed && !taken.answers && !self.tries(gate, cx) {
            self.turn_away(Why::Broken, cx);
        } else {
            self.work.traced = cx.desk.flows.is_on();
            if self.work.traced {
                self.trace(cx.desk, now, !taken.answers);
            }
            self.handle_events(cx, &taken);
        }
        let (served, handled) = self.count_served(cx, before);
        let mut more = taken.more;
        if !self.work.events.is_empty() {
            self.put_back(cx, &taken);
            more = true;
        }
        if cx.desk.measures.get() && served > 0 {
            self.count_waits(now, served, handled);
        }
        self.aside.came.clear();
        if self.hand.is_open() {
            self.hand.keep(&mut self.aside.passed);
            // What was taken and is not in flight has no more to say.
            self.aside.passed.clear();
            self.fly(cx);
        } else if !self.aside.passed.is_empty() {
            self.measure(cx, now);
        }
        // Else the next batch brings it along; where nothing waits that may be another thread's.
        if !more {
            self.settle();
        }
        Handled { more: more && served > 0, answers: taken.answers }
    }

    /// Counts how long what left the queue for a batch had waited, and how much was handled.
    fn count_waits(&mut self, taken: Time, served: usize, handled: usize) {
        let times = self.stats.times();
        times.batch(handled);
        if self.gate_cell.is_some() {
            for passed in &self.aside.passed {
                times.wait.record(taken.0.saturating_sub(passed.was.came.0), 1);
            }
            return;
        }
        let mut left = served;
        for &(came, n) in &self.aside.came {
            let these = n.min(left);
            if these == 0 {
                break;
            }
            left -= these;
            times.wait.record(taken.0.saturating_sub(came.0), these as u64);
        }
    }

    /// Notes that a batch began then whose flows are traced, and when its events came.
    pub(super) fn trace(&self, desk: &Desk, began: Time, came: bool) {
        match self.work.events.len() {
            1 => {
                let came = if came { self.aside.first_mark() } else { None };
                desk.flows.begin_one(self.id, began, came);
            }
            n => desk.flows.begin(self.id, (began, n), self.aside.marks().filter(|_| came)),
        }
    }

    /// Puts back what is left of a batch.
    pub(super) fn put_back(&mut self, cx: &Context<'_>, taken: &Taken) {
        self.note(cx, Happening::PutBack, self.work.events.len());
        self.queue.put_back(&mut self.work.events, taken, cx.now, &mut self.aside);
    }

    /// Counts what was taken of a batch of so many, and what was handled of that: not what was too
    /// late.
    pub(super) fn count_served(&mut self, cx: &Context<'_>, before: usize) -> (usize, usize) {
        let served = before - self.work.events.len();
        let dropped = std::mem::take(&mut self.work.dropped);
        self.stats.served.add((served - dropped) as u64);
        self.stats.batches.add(1);
        self.note(cx, Happening::Handled, served - dropped);
        (served, served - dropped)
    }

    /// Tells the queue what its events have cost.
    fn settle(&mut self) {
        if !self.aside.costs.is_empty() {
            self.queue.settle(&mut self.aside);
        }
    }

    /// Counts for the gate what was handled since `taken`.
    fn measure(&mut self, cx: &Context<'_>, taken: Time) {
        let done = cx.clock.now();
        let Some(cell) = &self.gate_cell else { return };
        let Aside { passed, costs, .. } = &mut self.aside;
        let n = passed.len();
        cell.events.add(n as u64);
        for (place, Passed { was, ticket }) in passed.drain(..).enumerate() {
            cell.count(was, taken, done);
            if let Some(ticket) = ticket {
                costs.push((ticket, self.work.lap(place, n, (taken, done))));
            }
        }
        self.work.laps.clear();
    }

    /// Counts for the gate what is not in flight any more.
    pub(super) fn fly(&mut self, cx: &Context<'_>) {
        for Flown { passed, taken, done, lost } in self.hand.flown() {
            let held = nanos(done.since(taken));
            if !lost && cx.desk.measures.get() {
                self.stats.times().service.record(held, 1);
            }
            let (Some(cell), Some(passed)) = (&self.gate_cell, passed) else { continue };
            let Passed { was, ticket } = passed;
            cell.events.add(1);
            cell.busy.add(held);
            cell.count(was, taken, done);
            self.aside.costs.extend(ticket.map(|ticket| (ticket, held as f64)));
        }
    }

    /// Counts the futures that panicked; whether any did.
    fn count_futures(&mut self, cx: &Context<'_>) -> bool {
        let (panics, message) = self.hand.take_panics();
        if panics == 0 {
            return false;
        }
        self.count_panics(panics, message, cx);
        for _ in 0..panics {
            self.count_lost(true, cx);
        }
        true
    }

    pub(super) fn handle_events(&mut self, cx: &mut Context<'_>, taken: &Taken) {
        let now = cx.now;
        self.work.begin(taken.answers, cx.desk.gone.any(), now, self.cost);
        // Where clients share, each event of several is timed by itself; those of a class in which
        // nobody was named may go before.
        let passed = &self.aside.passed;
        self.work.timed = passed.len() > 1 && passed.iter().any(|event| event.ticket.is_some());
        let (clock, desk) = (cx.clock, cx.desk);
        let several = self.work.events.len() > 1;
        self.work.noted = self.work.timed || self.work.traced;
        let befallen = desk.befallen(self.id);
        if let Some(after) = befallen.and_then(|befallen| befallen.panics.take()) {
            self.work.panic_after(after);
        }
        let done = self.call(cx, |stage, work, cx| {
            stage.handle(Batch { work, desk, clock }, cx);
            if let (Some(befallen), Clock::Virtual(time)) = (befallen, clock) {
                time.spend(befallen.slow.get().saturating_mul(work.taken as u32));
            }
        });
        if let Some(befallen) = befallen {
            befallen.panics.set(self.work.panics_left());
        }
        if self.work.traced && several {
            desk.flows.took(self.work.taken);
        }
        // The futures of an async stage have only begun.
        let worked = match self.hand.is_open() {
            true => !self.count_futures(cx) && self.hand.is_over(),
            false => (done.is_some() && self.work.taken > 0) || self.work.taken > 1,
        };
        if worked {
            self.worked(cx);
        }
        if done.is_none() {
            self.count_lost(true, cx);
        }
        if self.trying {
            self.end_trial(cx);
        }
    }
}
