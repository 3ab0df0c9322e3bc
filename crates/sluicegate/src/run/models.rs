//! Models: loom runs these few lines in all orders in which the threads may go, and every one has
//! to end well. A thread that waits for a wake-up that never comes is a deadlock, which it reports.
//!
//! `cargo xtask test` runs them; alone: `RUSTFLAGS="--cfg loom" cargo test -p sluicegate --lib
//! models::`.

use super::mailbox::{Bell, Mailbox, NEWS, Pool};
use crate::control::{Gauge, Level};
use crate::event::WorkerId;
use crate::observe::{Cut, Stats};
use crate::sync::{Condvar, Mutex};
use loom::thread;
use std::sync::Arc;

/// Threads are interrupted at most so often: without a bound a model of a pool takes hours.
const INTERRUPTIONS: usize = 3;

fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(INTERRUPTIONS);
    builder.check(model);
}

/// What a worker waits in, as [`Park`](super::Park) is.
#[derive(Clone, Default)]
struct Bed(Arc<(Mutex<bool>, Condvar)>);

impl Bed {
    fn of(mailbox: &Mailbox) -> Self {
        let bed = Self::default();
        let waker = bed.clone();
        mailbox.set_waker(Arc::new(move || {
            *waker.0.0.lock().unwrap() = true;
            waker.0.1.notify_one();
        }));
        bed
    }

    fn sleep(&self) {
        let (called, bell) = &*self.0;
        let mut called = called.lock().unwrap();
        while !*called {
            called = bell.wait(called).unwrap();
        }
        *called = false;
    }
}

#[test]
fn a_worker_that_falls_asleep_hears_what_it_is_told() {
    check(|| {
        let mailbox = Arc::new(Mailbox::default());
        let bed = Bed::of(&mailbox);
        let tell = |bit| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.notify(bit))
        };
        let others = [tell(1), tell(2)];
        let mut heard = 0;
        while heard != 3 {
            heard |= mailbox.take_ready();
            if heard != 3 && mailbox.park() {
                bed.sleep();
                mailbox.unpark();
            }
        }
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn a_group_hears_what_its_members_are_told() {
    check(|| {
        let mailbox = Arc::new(Mailbox::default());
        let bed = Bed::of(&mailbox);
        let group = Arc::new(Mailbox::below(&mailbox, 4));
        let tell = |bit| {
            let bell = Bell::Worker(Arc::clone(&group), bit);
            thread::spawn(move || bell.ring())
        };
        let others = [tell(1), tell(2)];
        let mut heard = 0;
        while heard != 3 {
            if mailbox.take_ready() & 4 != 0 {
                heard |= group.take_ready();
            } else if mailbox.park() {
                bed.sleep();
                mailbox.unpark();
            }
        }
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn what_comes_to_a_pool_is_taken_whoever_sleeps() {
    check(|| {
        let (pool, queue) = (Arc::new(Pool::new(2, false)), Arc::new(Mutex::new(0)));
        let taken = Arc::new(Mutex::new(0));
        let mailboxes = [0, 1].map(|_| Arc::new(Mailbox::default()));
        let threads = [0, 1].map(|number| {
            let (pool, queue, taken) = (pool.clone(), queue.clone(), taken.clone());
            let mailboxes = mailboxes.clone();
            let bed = Bed::of(&mailboxes[number]);
            thread::spawn(move || {
                let mailbox = &mailboxes[number];
                while mailbox.take_ready() & NEWS == 0 {
                    if pool.take(1) {
                        let mut queue = queue.lock().unwrap();
                        let took = *queue > 0;
                        *queue -= i32::from(took);
                        let more = *queue > 0;
                        drop(queue);
                        if more {
                            pool.notify(1);
                        }
                        *taken.lock().unwrap() += i32::from(took);
                        if *taken.lock().unwrap() == 2 {
                            mailboxes.iter().for_each(|mailbox| mailbox.notify(NEWS));
                        }
                    } else if mailbox.park() {
                        if pool.park(mailbox, number, 0, (0, 0)) {
                            bed.sleep();
                        }
                        mailbox.unpark();
                        pool.unpark(mailbox);
                    }
                }
            })
        });
        for _ in 0..2 {
            *queue.lock().unwrap() += 1;
            pool.notify(1);
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn an_epoch_is_published_by_workers_that_sleep_and_that_run() {
    check(|| {
        let stats = Arc::new(Stats::new(2, &[], &[]));
        let mailboxes = [0, 1].map(|_| Arc::new(Mailbox::default()));
        let workers = [0, 1].map(|n| {
            let (stats, mailbox) = (stats.clone(), mailboxes[n].clone());
            let bed = Bed::of(&mailbox);
            thread::spawn(move || {
                let mut epoch = 0;
                while mailbox.take_ready() & 1 == 0 {
                    if epoch != stats.epoch() {
                        epoch = stats.epoch();
                        stats.publish(WorkerId(n as u16), Cut { epoch, ..Cut::default() });
                    }
                    if mailbox.park() {
                        bed.sleep();
                        mailbox.unpark();
                    }
                }
            })
        });
        let tell_all = |bit| mailboxes.iter().for_each(|mailbox| mailbox.notify(bit));
        let cuts = stats.cut(|| tell_all(NEWS), None);
        assert!(cuts.iter().all(|cut| cut.epoch == 1), "all have published: {cuts:?}");
        tell_all(1);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn a_worker_hears_the_last_level_of_a_gauge_whoever_sets_it() {
    check(|| {
        let (gauge, mailbox) = (Gauge::new("memory"), Arc::new(Mailbox::default()));
        gauge.listen(&mailbox);
        let set = |used| {
            let gauge = Arc::clone(&gauge);
            thread::spawn(move || gauge.set(used))
        };
        let setters = [set(Some(0.9)), set(None)];
        let worker = {
            let (gauge, mailbox) = (Arc::clone(&gauge), Arc::clone(&mailbox));
            let bed = Bed::of(&mailbox);
            thread::spawn(move || {
                let mut heard = Level::Calm;
                loop {
                    let ready = mailbox.take_ready();
                    if ready & NEWS != 0 {
                        heard = gauge.level();
                    }
                    if ready & 1 != 0 {
                        return heard;
                    }
                    if ready == 0 && mailbox.park() {
                        bed.sleep();
                        mailbox.unpark();
                    }
                }
            })
        };
        setters.into_iter().for_each(|setter| setter.join().unwrap());
        let level = gauge.level();
        assert_eq!(gauge.used().map_or(Level::Calm, |_| Level::Pressed), level);
        mailbox.notify(1);
        assert_eq!(worker.join().unwrap(), level);
    });
}
