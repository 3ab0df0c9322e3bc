//! What a replica does that was told from outside, between two batches.

use super::{FLAG, Replica};
use crate::ledger::Why;
use crate::observe::Happening;
use crate::run::{Context, Told};
use crate::settings::OwnSettings;
use crate::stage::{AnyOut, Ports, Stage, message};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard};

impl<S: Stage> Replica<S> {
    /// Does what it was told. Whether the run goes on: a paused replica does nothing, but that what
    /// it held goes out as there is room, and but for its steps.
    #[cold]
    pub(super) fn heed(&mut self, cx: &mut Context<'_>) -> bool {
        let directives = Arc::clone(&self.directives);
        let mut told = directives.look();
        self.heard = directives.epoch();
        if told.replaced != self.replaced {
            self.replaced = told.replaced;
            drop(told);
            self.replace(cx);
            told = directives.look();
        }
        if told.numbers != self.numbers {
            self.number(told, cx);
        } else {
            drop(told);
        }
        if self.parked {
            self.deliver(cx);
        }
        let has_work = cx.takes && self.has_work();
        let mut told = directives.look();
        let (paused, steps) = (told.paused, has_work && told.paused && told.steps > 0);
        told.steps -= u32::from(steps);
        drop(told);
        if paused {
            // To look again at the next run.
            self.heard = u64::MAX;
        }
        if self.paused != paused {
            self.paused = paused;
            self.note(cx, if paused { Happening::Paused } else { Happening::Resumed }, 0);
        }
        if steps {
            self.note(cx, Happening::Stepped, 0);
        }
        if paused && !steps {
            self.account(cx);
        }
        !paused || steps
    }

    /// Puts another value in the place of the stage, and hands it the state. The old one goes on
    /// where the new one cannot be made.
    fn replace(&mut self, cx: &mut Context<'_>) {
        let make = self.maker.get();
        if self.stage.is_none() {
            self.make = make;
            return;
        }
        let new = match catch_unwind(AssertUnwindSafe(|| make())) {
            Ok(new) => new,
            Err(panic) => return self.count_panics(1, message(&*panic), cx),
        };
        self.make = make;
        let state = self.call_aside(cx, |stage, _, _| stage.take_state()).flatten();
        let before = cx.desk.set_dropping(Why::Failed);
        // Nothing panicked of which letters could tell.
        let lettered = cx.desk.end_letters();
        let old = self.stage.replace(new);
        // A destructor may panic; it is gone all the same.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
        self.hand.lose(cx.now);
        self.fly(cx);
        self.hand.close();
        self.own.clear();
        self.begin_own(cx);
        if let Some(state) = state {
            self.call_aside(cx, |stage, _, cx| stage.give_state(state, cx));
        }
        cx.desk.resume_letters(lettered);
        cx.desk.set_dropping(before);
        self.stats.replaced.add(1);
        self.note(cx, Happening::Replaced, 0);
        self.start_stage(cx);
    }

    /// Whether a run would do anything.
    fn has_work(&self) -> bool {
        let waiting = self.queue.waiting();
        let told = !self.ended.is_empty() || !self.timers.is_empty();
        let flags = self.signals & FLAG != 0 || self.flag.is_raised() || self.again && !self.parked;
        told || flags || waiting.urgent || waiting.events > 0 && !self.parked
    }

    /// Goes by other numbers.
    fn number(&mut self, told: MutexGuard<'_, Told>, cx: &mut Context<'_>) {
        self.numbers = told.numbers;
        if let Some(slice) = told.slice {
            self.work.set_slice(slice);
        }
        for &(port, places) in &told.windows {
            self.work.windows[port].iter().for_each(|window| window.set_places(places));
        }
        if let Some(batch) = told.batch {
            self.batch = batch;
        }
        self.own.clone_from(&told.own.set);
        drop(told);
        self.resize_outboxes();
        self.set_own(cx);
        self.note(cx, Happening::Set, 0);
    }

    /// Has the outboxes take what a batch and all answers may emit.
    fn resize_outboxes(&mut self) {
        let places: usize = self.work.windows.iter().flatten().map(|window| window.places()).sum();
        let (batch, emits) = (self.batch, self.emits);
        let bound = batch.saturating_mul(emits);
        let spare = places.saturating_add(self.places).saturating_mul(emits);
        self.outbox = (bound, spare);
        self.out.each(&mut |port: &mut dyn AnyOut| port.resize(bound, spare, batch));
    }

    /// Tells what a stage declares that was built just now, and gives it what was set before.
    pub(super) fn begin_own(&mut self, cx: &mut Context<'_>) {
        let declared =
            self.call_aside(cx, |stage, _, _| OwnSettings::list(|own| stage.settings(own)));
        if let Some(declared) = declared.filter(|declared| !declared.is_empty()) {
            let mut told = self.directives.look();
            if told.own.declared.is_empty() {
                told.own.declared = declared;
            }
        }
        self.set_own(cx);
    }

    /// Gives the stage the values of its own settings that were set.
    fn set_own(&mut self, cx: &mut Context<'_>) {
        if self.own.is_empty() {
            return;
        }
        let own = std::mem::take(&mut self.own);
        self.call_aside(cx, |stage, _, _| OwnSettings::set(&own, |list| stage.settings(list)));
        self.own = own;
    }
}
