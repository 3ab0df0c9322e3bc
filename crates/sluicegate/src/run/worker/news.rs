//! What a worker hears, and what it passes on: notices, signals, timers, letters.

use super::{Worker, context};
use crate::event::StageId;
use crate::observe::Happening;
use crate::run::{NEWS, Runnable, StopError};
use std::iter;
use std::rc::Rc;
use std::sync::atomic::Ordering::SeqCst;

impl Worker {
    /// Gathers what is ready: told by other workers, by the pool, by timers.
    pub(super) fn collect(&mut self) {
        let ready = self.ready.get() | self.mailbox.take_ready();
        self.ready.set(ready & !NEWS);
        if ready & NEWS != 0 {
            self.notices.append(&mut self.mailbox.take_notices());
            // No place is free in an epoch before that in which its flow ended.
            if self.desk.epoch.get() != self.plan.stats.epoch() {
                self.publish();
            }
            self.hand_out();
            self.raise_signals();
            self.tune_policy();
            if !self.draining && self.plan.draining.load(SeqCst) {
                self.draining = true;
                self.note(Happening::Drained, 0);
                self.each(|replica, cx| replica.drain(cx));
                self.look_at_all();
            }
        }
        while let Some((cell, token)) = self.wheel.expired(self.now) {
            let stage = self.plan.domains[self.domain].stages[usize::from(cell)];
            self.tell(stage, |replica, member| replica.timer(member, token));
        }
    }

    /// Tells the replica of a stage something, and has it run.
    pub(super) fn tell(&mut self, stage: StageId, tell: impl FnOnce(&mut dyn Runnable, usize)) {
        let (cell, member) = self.plan.seat(stage);
        tell(&mut *self.replicas[cell], member);
        self.ready.set(self.ready.get() | 1 << cell);
    }

    /// Has its replicas hear that the net has started, or that there is another pressure or
    /// level.
    fn raise_signals(&mut self) {
        if !self.started && self.plan.started.load(SeqCst) {
            self.started = true;
            self.note(Happening::Started, 0);
            self.replicas.iter_mut().for_each(|replica| replica.started());
            self.look_at_all();
        }
        for &stage in &*Rc::clone(&self.hears) {
            self.tell(stage, |replica, member| replica.pressed(member));
        }
    }

    /// Gives the policy what was set of its settings.
    fn tune_policy(&mut self) {
        let settings = &self.plan.domains[self.domain].policy_settings;
        if let Some(policy) =
            self.policy.as_deref_mut().filter(|_| settings.epoch() != self.policy_epoch)
        {
            self.policy_epoch = settings.give(policy);
        }
    }

    /// Carries the ends of flows to their sources.
    pub(super) fn carry_notices(&mut self) {
        if !self.desk.take_news() {
            return;
        }
        self.send_letters();
        if let Some((stage, panic)) = self.desk.take_stop() {
            let stage = self.plan.stages[stage.index()].spec.name.clone();
            self.plan.fail(StopError::Stage { stage, panic: panic.to_string() });
        }
        self.desk.take_notices(&mut self.notices);
        self.hand_out();
        while let Some(stage) = self.desk.take_roused() {
            self.tell(stage, |replica, member| replica.signal(member));
        }
    }

    /// Has replicas send letters of the flows that panics cost them.
    fn send_letters(&mut self) {
        while let Some(stage) = self.desk.salvager() {
            let tags = self.desk.take_salvaged(stage);
            let (cell, member) = self.plan.seat(stage);
            let now = (self.now, self.draining);
            let mut cx = context(&self.plan, &self.desk, &mut self.wheel, &mut self.machine, now);
            self.replicas[cell].send_letters(member, tags, &mut cx);
        }
    }

    fn hand_out(&mut self) {
        let mut all = std::mem::take(&mut self.notices);
        let mut notices = all.drain(..).peekable();
        while let Some(notice) = notices.next() {
            if notice.home == self.id {
                self.tell(notice.source, |replica, member| replica.notice(member, notice));
            } else {
                // Those of a batch mostly have one home: they are told together.
                let more = iter::from_fn(|| notices.next_if(|next| next.home == notice.home));
                let home = &self.plan.mailboxes[notice.home.index()];
                home.leave(iter::once(notice).chain(more));
            }
        }
        drop(notices);
        // For its memory.
        self.notices = all;
    }
}
