//! What a replica does about panics: counts them, opens the breaker, tries an event, turns the
//! others away.

use super::Replica;
use crate::event::Work;
use crate::ledger::Why;
use crate::observe::Happening;
use crate::run::close::refuse_all;
use crate::run::{Context, Gate};
use crate::stage::{Cx, Stage};
use std::sync::Arc;

impl<S: Stage> Replica<S> {
    /// Calls the stage for anything but events.
    pub(super) fn call_aside<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut S, &mut Work<S::In>, &mut Cx<'_, S::Out>) -> R,
    ) -> Option<R> {
        let had = self.stage.is_some();
        let done = self.call(cx, f);
        if had && done.is_none() {
            self.count_lost(false, cx);
        }
        done
    }

    /// Counts panics, the last of which said `message`.
    pub(super) fn count_panics(&mut self, panics: u64, message: Arc<str>, cx: &Context<'_>) {
        self.panic = message;
        self.stats.panics.add(panics);
        cx.desk.note(Some(self.id), Happening::Panicked, panics, "");
    }

    /// Tells the breaker that the replica was lost, with an event `in_hand` or otherwise.
    pub(super) fn count_lost(&mut self, in_hand: bool, cx: &Context<'_>) {
        let too_often = self.breaker.panicked(cx.now, in_hand);
        let failed = in_hand && std::mem::take(&mut self.trying);
        if !too_often && !failed {
            return;
        }
        if self.supervision.stops {
            self.note(cx, Happening::GaveUp, 0);
            cx.desk.stop_net(Arc::clone(&self.panic));
        }
        self.breaker.open(cx.now);
        self.stats.breaks.add(1);
        self.note(cx, Happening::Broke, 0);
    }

    /// Tells the breaker that something was handled.
    pub(super) fn worked(&mut self, cx: &Context<'_>) {
        self.breaker.worked();
        if self.trying {
            self.trying = false;
            self.breaker.close();
            self.note(cx, Happening::Mended, 0);
        }
    }

    /// Whether what was taken while the breaker is not closed may be tried.
    #[cold]
    pub(super) fn tries(&mut self, gate: Gate, cx: &Context<'_>) -> bool {
        let tries = gate == Gate::HalfOpen && self.breaker.begin_trial(cx.now);
        if tries {
            self.trying = true;
            self.note(cx, Happening::Tried, 0);
        }
        tries
    }

    /// After a trial: whoever took nothing has not tried.
    #[cold]
    pub(super) fn end_trial(&mut self, cx: &Context<'_>) {
        // What an async stage has begun may be over later.
        if self.work.taken == 0 {
            self.trying = false;
            self.breaker.give_up_trial(cx.now);
        }
    }

    /// Refuses what was taken and cannot be handled, or sends it as letters.
    #[cold]
    pub(super) fn turn_away(&mut self, why: Why, cx: &Context<'_>) {
        match &mut self.letters {
            Some(letters) if self.supervision.diverts => {
                letters.divert(&mut self.work.events, cx.desk);
            }
            _ => refuse_all(&mut self.work.events, why, cx.desk),
        }
    }
}
