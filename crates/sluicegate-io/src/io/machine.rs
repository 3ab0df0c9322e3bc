//! The machine as its worker sees it: polled for readiness, it raises the flags of stages.

use std::time::Duration;

use sluicegate::{Machine, Raised, Time, Wait, Waker};

use crate::backend::ZeroCopy;
use crate::conn::How;
use crate::io::Io;
use crate::sleep::cpu_time;

impl Machine for Io {
    fn poll(&mut self, now: Time, wait: Wait, raised: &mut Raised) {
        for id in self.abandoned.take() {
            self.die(id, How::Abandoned);
        }
        self.feed_hungry();
        // What is known already must not wait for what is not.
        let wait = if self.raised.is_empty() { wait } else { Wait::Not };
        let mut ready = std::mem::take(&mut self.ready);
        self.polls = self.polls.wrapping_add(1);
        self.backend.poll(now, wait, &self.pool, &mut ready);
        for ready in ready.drain(..) {
            if Self::is_listener(ready) {
                self.listener_ready(ready);
            } else {
                self.conn_ready(ready);
            }
        }
        self.ready = ready;
        let zero_copy = self.backend.take_zero_copy();
        if zero_copy != ZeroCopy::default() {
            self.ledger.zero_copied(zero_copy);
        }
        if !self.disks.is_empty() {
            self.take_disk_ends();
        }
        self.feed_hungry();
        for stage in self.raised.drain(..) {
            raised.raise(stage);
        }
    }

    fn flush(&mut self) {
        self.backend.flush();
    }

    fn waker(&self) -> Waker {
        self.backend.waker()
    }

    fn slept(&self) -> Option<Duration> {
        self.sleep.as_ref()?.so_far()
    }

    fn cpu_time(&self) -> Option<Duration> {
        cpu_time()
    }

    fn due(&self) -> Option<Time> {
        // What is to be raised, raise it at once.
        if self.raised.is_empty() { self.backend.due() } else { Some(Time(0)) }
    }
}
