//! The breaker of a queue: opens when those that serve it panic too often, and tries again.
//!
//! The threads of a pool share it with their queue. While it is closed it costs a load a batch.

use crate::net::Supervision;
use crate::time::{Time, nanos};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What may be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// All.
    Closed,
    /// Nothing of new work.
    Open,
    /// One event, if no other thread tries one.
    HalfOpen,
}

pub(crate) struct Breaker {
    supervision: Supervision,
    /// 0 while it is closed; else when an event is tried.
    until: AtomicU64,
    /// Panics since something was handled.
    in_a_row: AtomicU32,
    /// When replicas were lost, as far as that still counts; under a lock, as nobody looks at it
    /// but who panicked.
    lost: Mutex<VecDeque<Time>>,
}

impl Breaker {
    pub fn new(supervision: Supervision) -> Self {
        Self {
            supervision,
            until: AtomicU64::new(0),
            in_a_row: AtomicU32::new(0),
            lost: Mutex::default(),
        }
    }

    /// What may be handled now.
    #[inline]
    pub fn gate(&self, now: Time) -> Gate {
        match self.until.load(Relaxed) {
            0 => Gate::Closed,
            until if now.0 < until => Gate::Open,
            _ => Gate::HalfOpen,
        }
    }

    pub fn is_open(&self) -> bool {
        self.until.load(Relaxed) != 0
    }

    /// Takes the right to try an event. Who never says what came of that loses it to others after
    /// as long as the breaker was open.
    pub fn begin_trial(&self, now: Time) -> bool {
        let until = self.until.load(Relaxed);
        until != 0
            && until <= now.0
            && self.until.compare_exchange(until, self.next(now), Relaxed, Relaxed).is_ok()
    }

    /// The trial came to nothing: the next event is tried.
    pub fn give_up_trial(&self, now: Time) {
        let due = |until| (until != 0).then_some(now.0.max(1));
        let _ = self.until.fetch_update(Relaxed, Relaxed, due);
    }

    /// What was tried was handled.
    pub fn close(&self) {
        self.lost().clear();
        self.in_a_row.store(0, Relaxed);
        self.until.store(0, Relaxed);
    }

    /// Something was handled.
    #[inline]
    pub fn worked(&self) {
        if self.in_a_row.load(Relaxed) != 0 {
            self.in_a_row.store(0, Relaxed);
        }
    }

    /// A replica panicked, with an event `in_hand` or otherwise; whether that is too often.
    pub fn panicked(&self, now: Time, in_hand: bool) -> bool {
        let in_a_row = match in_hand {
            true => self.in_a_row.fetch_add(1, Relaxed) + 1,
            false => 0,
        };
        self.count_lost(now) || in_a_row >= self.supervision.in_a_row
    }

    fn count_lost(&self, now: Time) -> bool {
        let Some((most, within)) = self.supervision.restarts else { return false };
        let mut lost = self.lost();
        lost.push_back(now);
        while lost.front().is_some_and(|&at| now.since(at) >= within) {
            lost.pop_front();
        }
        let too_often = lost.len() > most as usize;
        // So it never keeps more times than it may.
        if too_often {
            lost.clear();
        }
        too_often
    }

    /// Opens.
    pub fn open(&self, now: Time) {
        self.in_a_row.store(0, Relaxed);
        self.until.store(self.next(now), Relaxed);
    }

    /// When to try, if it opens now; 0 means something else.
    fn next(&self, now: Time) -> u64 {
        now.0.saturating_add(nanos(self.supervision.open_for)).max(1)
    }

    fn lost(&self) -> MutexGuard<'_, VecDeque<Time>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;
    use proptest::prelude::*;

    fn at(millis: u64) -> Time {
        Time(0) + ms(millis)
    }

    #[test]
    fn one_at_a_time_tries_and_who_never_comes_back_does_not_keep_others_from_it() {
        let breaker = Breaker::new(Supervision::default().open_for(ms(10)));
        assert_eq!(breaker.gate(at(0)), Gate::Closed);
        breaker.open(at(0));
        assert_eq!((breaker.gate(at(9)), breaker.begin_trial(at(9))), (Gate::Open, false));
        assert_eq!(breaker.gate(at(10)), Gate::HalfOpen);
        assert!(breaker.begin_trial(at(10)) && !breaker.begin_trial(at(10)));
        assert_eq!(breaker.gate(at(19)), Gate::Open);
        assert!(breaker.begin_trial(at(20)), "the first may have died");
        breaker.give_up_trial(at(21));
        assert!(breaker.begin_trial(at(21)));
        breaker.close();
        assert_eq!(breaker.gate(at(21)), Gate::Closed);
        breaker.give_up_trial(at(22));
        assert_eq!(breaker.gate(at(22)), Gate::Closed, "one that is closed stays closed");
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        /// Against a list of all panics that is looked through each time.
        #[test]
        fn opens_when_a_list_of_all_panics_says(
            (row, most, within) in (1_u32..6, 0_u32..6, 0_u64..50),
            steps in prop::collection::vec((0_u64..20, 0..4), 1..100),
        ) {
            let limits = Supervision::default().in_a_row(row).restarts(most, ms(within));
            let breaker = Breaker::new(limits);
            let (mut now, mut panics, mut in_a_row) = (0, Vec::new(), 0);
            for (wait, what) in steps {
                now += wait;
                if what == 0 {
                    breaker.worked();
                    in_a_row = 0;
                    continue;
                }
                panics.push(now);
                in_a_row += u32::from(what == 1);
                let recent = panics.iter().filter(|&&panic| now - panic < within).count();
                let too_many = what == 1 && in_a_row >= row;
                let opens = recent > most as usize || too_many;
                prop_assert_eq!(breaker.panicked(at(now), what == 1), opens);
                if recent > most as usize {
                    panics.clear();
                }
                if opens {
                    breaker.open(at(now));
                    in_a_row = 0;
                }
            }
        }
    }
}
