//! A worker's part of the ledger, and the end of all that it holds.

use super::Worker;
use crate::ledger::Ledger;
use crate::observe::Cut;
use std::rc::Rc;

impl Worker {
    /// The worker's part of the ledger: what it counted, and what it holds.
    pub fn ledger(&mut self) -> Ledger {
        let mut ledger = self.desk.counts.ledger();
        ledger.in_flight = self.replicas.iter_mut().map(|replica| replica.in_flight()).sum();
        ledger
    }

    /// Whether the worker could be in a handler that never returns and leave nothing undone: it is
    /// on duty, and no flow and no output is in its hands.
    pub fn may_die(&mut self) -> bool {
        self.is_on_duty() && self.parked() == 0 && self.ledger().in_flight == 0
    }

    /// Flows that this worker put into queues, less those it took out.
    pub fn queued(&self) -> i64 {
        self.desk.queued()
    }

    /// Publishes the worker's part of the ledger for the epoch.
    pub(super) fn publish(&mut self) {
        self.desk.epoch.set(self.plan.stats.epoch());
        self.published = self.now;
        let mut drained = true;
        if self.draining {
            self.each(|replica, cx| drained &= replica.drained(cx));
            self.look_at_all();
        }
        let cut = Cut { epoch: self.desk.epoch.get(), drained, ..self.cut() };
        self.plan.stats.publish(self.id, cut);
    }

    /// The worker's part of the ledger, with what it put into queues and nobody took.
    pub fn cut(&mut self) -> Cut {
        let mut ledger = self.ledger();
        ledger.in_flight += self.queued();
        Cut {
            epoch: self.desk.epoch.get(),
            at: self.plan.clock.now(),
            ledger,
            cpu: self.machine.cpu_time(),
            drained: false,
        }
    }

    /// Ends all that the worker holds. No worker may run any more.
    pub fn close(&mut self) {
        self.desk.end_letters();
        self.each(|replica, cx| replica.close(cx));
        let desk = Rc::clone(&self.desk);
        let _open = desk.open();
        self.desk.take_notices(&mut self.notices);
        self.notices.append(&mut self.mailbox.take_notices());
        let freed = self.notices.drain(..).filter(|notice| !notice.question).count();
        let places = &self.desk.counts.places;
        places.set(places.get() - freed as i64);
        let cut = Cut { epoch: u64::MAX, drained: true, ..self.cut() };
        self.plan.stats.publish(self.id, cut);
    }
}
