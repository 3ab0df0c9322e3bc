//! The crew of a pool whose size is not fixed: who looks after it, and what is seen.
//!
//! All threads that there may be are there from the start; only so many are on duty, and the others
//! sleep. One that sleeps costs a stack that was never touched and a replica of each stage. So no
//! thread has to be started or joined while the net runs, and the simulator does the very same.
//!
//! When all that are on duty wait in handlers none of them can look: so the first in reserve does
//! that is in none itself, and where there is none whoever comes by. One in reserve is in a handler
//! where the pool shrank while it was, or by a timer of its own.

use crate::control::{PoolSample, Sizing};
use crate::time::Time;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the size is looked at while anything happens.
const LOOK: Duration = Duration::from_millis(100);
/// The time of the next look at a pool in which nothing happens.
const RESTS: u64 = u64::MAX;

/// What the threads of such a pool share beside their queues.
pub(crate) struct Crew {
    looks: Mutex<Looks>,
    /// When the pool is looked at next, in nanoseconds; [`RESTS`] while nobody wakes for it.
    due: AtomicU64,
    /// Which threads are in handlers.
    busy: Box<[AtomicBool]>,
}

/// Taken once a look.
struct Looks {
    law: Sizing,
    /// The last look, if the pool has not rested since.
    last: Option<(Time, Seen)>,
}

/// What the threads of a pool counted since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub served: u64,
    /// Nanoseconds in handlers.
    pub busy: u64,
    /// Whether events wait.
    pub stands: bool,
}

impl Crew {
    pub fn new(threads: RangeInclusive<usize>) -> Self {
        Self {
            busy: (0..*threads.end()).map(|_| AtomicBool::new(false)).collect(),
            looks: Mutex::new(Looks { law: Sizing::new(threads), last: None }),
            due: AtomicU64::new(RESTS),
        }
    }

    /// A thread on duty begins to work. Whether somebody has to be told that there is something to
    /// see.
    pub fn begin(&self, thread: usize, now: Time) -> bool {
        self.busy[thread].store(true, SeqCst);
        self.rouse(now)
    }

    /// One in reserve begins to: no reason to look at the size, or a pool that drains could never
    /// rest. Whether somebody has to be told who was not the [`watch`](Self::watch) before.
    pub fn begin_aside(&self, thread: usize, on_duty: usize) -> bool {
        self.busy[thread].store(true, SeqCst);
        let before = |watch| (on_duty..thread).contains(&watch);
        self.due().is_some() && !self.watch(on_duty).is_some_and(before)
    }

    pub fn end(&self, thread: usize) {
        self.busy[thread].store(false, SeqCst);
    }

    /// Who wakes to look: the first in reserve that is in no handler, or else the last on duty.
    pub fn watch(&self, on_duty: usize) -> Option<usize> {
        let free = |thread: &usize| !self.busy[*thread].load(SeqCst);
        (on_duty..self.busy.len()).find(free).or_else(|| (0..on_duty).rev().find(free))
    }

    /// How many threads are in handlers.
    fn working(&self) -> usize {
        self.busy.iter().filter(|busy| busy.load(SeqCst)).count()
    }

    /// When the pool is to be looked at, if it is.
    pub fn due(&self) -> Option<Time> {
        let due = self.due.load(SeqCst);
        (due != RESTS).then_some(Time(due))
    }

    /// Whether it is the caller who looks now.
    pub fn is_due(&self, now: Time) -> bool {
        let Some(due) = self.due().filter(|due| *due <= now) else { return false };
        self.due.compare_exchange(due.0, (now + LOOK).0, SeqCst, SeqCst).is_ok()
    }

    /// The fewest and the most threads that may be on duty.
    pub fn range(&self) -> (usize, usize) {
        self.looks().law.range()
    }

    /// Sets them; returns how many shall be on duty now.
    pub fn set_range(&self, threads: RangeInclusive<usize>) -> usize {
        let mut looks = self.looks();
        looks.law.set_range(threads);
        looks.law.threads()
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many threads shall be on duty, and whether somebody has to be told as by a
    /// [`begin`](Self::begin).
    pub fn look(&self, now: Time, see: impl FnOnce() -> Seen) -> (usize, bool) {
        let mut looks = self.looks();
        // A thread that was held up for a whole look comes after the next one.
        if looks.last.is_some_and(|(at, _)| now <= at) {
            return (looks.law.threads(), false);
        }
        let (seen, working) = (see(), self.working());
        let Some((at, before)) = looks.last.replace((now, seen)) else {
            return (looks.law.threads(), false);
        };
        let sample = PoolSample {
            span: now.since(at),
            served: seen.served - before.served,
            busy: Duration::from_nanos(seen.busy - before.busy),
            working,
            stands: seen.stands,
        };
        let threads = looks.law.tick(&sample);
        let rests = sample.served == 0 && working == 0 && !seen.stands && looks.law.is_least();
        if rests {
            looks.last = None;
            self.due.store(RESTS, SeqCst);
        }
        // Somebody who began meanwhile took the pool for roused.
        (threads, rests && self.working() > 0 && self.rouse(now))
    }

    /// Has the pool be looked at again. Whether it rested.
    fn rouse(&self, now: Time) -> bool {
        // The read alone is cheaper, and mostly enough.
        self.due.load(SeqCst) == RESTS
            && self.due.compare_exchange(RESTS, (now + LOOK).0, SeqCst, SeqCst).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_too_late_to_look_changes_nothing() {
        let crew = Crew::new(1..=8);
        let busy = |served| Seen { served, busy: 1_000_000, stands: true };
        crew.begin(0, Time(0));
        for n in 1..=4 {
            crew.look(Time(0) + LOOK * n, || busy(u64::from(n)));
        }
        let said =
            crew.look(Time(0) + LOOK * 3, || panic!("what it sees is older than what is known"));
        assert_eq!(said, (1, false));
        let grown = (5..20).map(|n| crew.look(Time(0) + LOOK * n, || busy(u64::from(n) * 100)).0);
        assert!(grown.max() > Some(1));
    }

    #[test]
    fn who_watches_is_in_no_handler_and_who_takes_over_is_told() {
        let crew = Crew::new(1..=4);
        assert_eq!(crew.watch(1), Some(1));
        assert!(!crew.begin_aside(1, 1), "nothing is to be seen in a pool that rests");
        assert!(crew.begin(0, Time(0)), "it is roused");
        assert_eq!(crew.watch(1), Some(2));
        assert!(!crew.begin_aside(3, 1), "the watch is another");
        assert!(crew.begin_aside(2, 1), "nobody in reserve is left, as the last has to be told");
        assert_eq!((crew.watch(1), crew.watch(4)), (None, None));
        crew.end(3);
        assert_eq!((crew.watch(1), crew.watch(4)), (Some(3), Some(3)));
        assert!(!crew.begin(3, Time(0)), "it was roused before");
        crew.end(0);
        assert_eq!(crew.watch(1), Some(0), "whoever comes by");
    }
}
