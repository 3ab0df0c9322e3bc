//! The worker as one of the threads of a pool: whether it is on duty, and who sees to the number of
//! those that are.

use super::Worker;
use crate::observe::Happening;
use crate::run::Ready;

impl Worker {
    /// Whether this thread may take what the threads of a pool share.
    pub(super) fn is_on_duty(&self) -> bool {
        self.pool.as_ref().is_none_or(|pool| self.number < pool.on_duty())
    }

    /// Sees whether the pool has the right size, if that is due.
    pub(super) fn look_after_crew(&mut self) {
        let (Some(crew), Some(pool)) = (&self.crew, &self.pool) else { return };
        if crew.is_due(self.now) {
            let see = || self.plan.seen(&self.plan.domains[self.domain]);
            let (threads, roused) = crew.look(self.now, see);
            if threads != pool.on_duty() {
                pool.set_on_duty(threads);
                self.note(Happening::Sized, threads as u64);
            }
            if roused {
                self.wake_watch();
            }
        }
    }

    /// Wakes who looks after the crew.
    pub(super) fn wake_watch(&self) {
        let domain = &self.plan.domains[self.domain];
        if let Some(watch) = self.crew.as_ref().and_then(|crew| crew.watch(domain.on_duty())) {
            self.plan.mailboxes[domain.first + watch].wake();
        }
    }

    /// Takes the worker out of those that can be woken, as one whose handler never returns.
    pub fn die(&mut self) {
        self.unpark();
        // It may have been woken for an event that it would have taken, telling of what is left.
        if let Some(pool) = &self.pool {
            Ready(pool.ready()).iter().for_each(|cell| pool.notify(1 << cell));
        }
        if let Some(crew) = &self.crew
            && crew.begin(self.number, self.now)
        {
            self.wake_watch();
        }
    }
}
