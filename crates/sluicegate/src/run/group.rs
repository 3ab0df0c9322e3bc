//! A group: replicas of a worker with more stages than it has ready bits, behind one of these bits.
//!
//! The worker takes a group for a replica, and its policy is the exit first, as that of the worker
//! is. So a worker with few stages knows nothing of groups.

use crate::event::{Notice, Tag};
use crate::run::{Context, Mailbox, Ready, Runnable, Waiting};
use crate::time::Time;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// Replicas of a group: it has a bit for each.
pub(crate) const GROUP: usize = 64;

pub(crate) struct Group {
    replicas: Vec<Box<dyn Runnable>>,
    /// A bit for each that is ready.
    ready: Rc<Cell<u64>>,
    /// The same, set by other workers.
    mailbox: Arc<Mailbox>,
}

impl Group {
    pub fn new(
        replicas: Vec<Box<dyn Runnable>>,
        ready: Rc<Cell<u64>>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        Self { replicas, ready, mailbox }
    }

    fn set_ready(&self, n: usize) {
        self.ready.set(self.ready.get() | 1 << n);
    }

    /// After a call of all of them outside the order of runs: each runs once.
    fn each(&mut self, mut f: impl FnMut(&mut dyn Runnable)) {
        for n in 0..self.replicas.len() {
            f(&mut *self.replicas[n]);
            self.set_ready(n);
        }
    }
}

impl Runnable for Group {
    fn start(&mut self, cx: &mut Context<'_>) {
        self.each(|replica| replica.start(cx));
    }

    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        self.ready.set(self.ready.get() | self.mailbox.take_ready());
        if let Some(next) = Ready(self.ready.get()).nearest_exit() {
            self.ready.set(self.ready.get() & !(1 << next));
            if self.replicas[next].run(cx) {
                self.set_ready(next);
            }
        }
        self.ready.get() != 0
    }

    fn waiting(&self) -> Waiting {
        let all = self.replicas.iter().map(|replica| replica.waiting());
        all.fold(Waiting::default(), |sum, one| Waiting {
            events: sum.events + one.events,
            urgent: sum.urgent || one.urgent,
        })
    }

    fn oldest(&self) -> Option<Time> {
        self.replicas.iter().filter_map(|replica| replica.oldest()).min()
    }

    fn is_parked(&self) -> bool {
        self.replicas.iter().all(|replica| replica.is_parked())
    }

    fn started(&mut self) {
        self.each(|replica| replica.started());
    }

    fn pressed(&mut self, member: usize) {
        self.replicas[member].pressed(0);
        self.set_ready(member);
    }

    fn send_letters(&mut self, member: usize, tags: Vec<Tag>, cx: &mut Context<'_>) {
        self.replicas[member].send_letters(0, tags, cx);
        self.set_ready(member);
    }

    fn signal(&mut self, member: usize) {
        self.replicas[member].signal(0);
        self.set_ready(member);
    }

    fn timer(&mut self, member: usize, token: u64) {
        self.replicas[member].timer(0, token);
        self.set_ready(member);
    }

    fn notice(&mut self, member: usize, notice: Notice) {
        self.replicas[member].notice(0, notice);
        self.set_ready(member);
    }

    fn is_gated(&self) -> bool {
        self.replicas.iter().any(|replica| replica.is_gated())
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> bool {
        self.replicas.iter_mut().fold(false, |again, replica| again | replica.tick(cx))
    }

    fn drain(&mut self, cx: &mut Context<'_>) {
        self.each(|replica| replica.drain(cx));
    }

    fn drained(&mut self, cx: &mut Context<'_>) -> bool {
        let mut drained = true;
        self.each(|replica| drained &= replica.drained(cx));
        drained
    }

    fn in_flight(&mut self) -> i64 {
        self.replicas.iter_mut().map(|replica| replica.in_flight()).sum()
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        self.replicas.iter_mut().for_each(|replica| replica.close(cx));
    }
}
