//! The workers' parts of the ledger, of which those are put together that fit.
//!
//! A worker publishes its part when it sees that an epoch has begun: before it takes an event from
//! one who had seen it (the queue knows), and before it hears of a flow that ended. So whatever
//! came out of a queue before the parts of an epoch had gone into it before them too: no flow has
//! ended that had not entered (Mattern 1993, "Efficient algorithms for distributed snapshots and
//! global virtual time approximation").

use crate::event::WorkerId;
use crate::ledger::Ledger;
use crate::time::Time;
use std::time::Duration;

/// How old the last parts that fit may be before such are told that may not.
const FIT_FOR: Duration = Duration::from_secs(5);

/// A worker's part of the ledger, at one point of its time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cut {
    pub epoch: u64,
    pub at: Time,
    pub ledger: Ledger,
    /// What its thread has used of a processor, where that is known.
    pub cpu: Option<Duration>,
    pub drained: bool,
}

/// The parts of all workers.
pub(crate) struct Cuts {
    /// What each published last.
    last: Vec<Cut>,
    /// The newest epoch of which there is any part, and what each published first of it.
    epoch: u64,
    first: Vec<Option<Cut>>,
    /// The newest epoch of which there were all, and these.
    whole: (u64, Vec<Cut>),
    /// The newest epoch of which somebody was told who looked from a worker of its own, and what.
    told: (u64, Vec<Cut>),
}

impl Cuts {
    pub fn new(workers: usize) -> Self {
        let none = vec![Cut::default(); workers];
        Self {
            last: none.clone(),
            epoch: 0,
            first: vec![None; workers],
            whole: (0, none.clone()),
            told: (0, none),
        }
    }

    pub fn publish(&mut self, worker: WorkerId, cut: Cut) {
        let worker = worker.index();
        self.last[worker] = cut;
        if cut.epoch > self.epoch {
            self.epoch = cut.epoch;
            self.first.fill(None);
        }
        if cut.epoch < self.epoch || self.first[worker].is_some() {
            return;
        }
        self.first[worker] = Some(cut);
        if self.first.iter().all(Option::is_some) {
            self.whole = (self.epoch, self.first.iter().flatten().copied().collect());
        }
    }

    /// Whether all parts of an epoch, or of a later one, are there, but for that of `me`.
    pub fn are_of(&self, epoch: u64, me: Option<WorkerId>) -> bool {
        let is_there =
            |(n, cut): (usize, &Option<Cut>)| cut.is_some() || me.is_some_and(|me| me.index() == n);
        self.whole.0 >= epoch || self.epoch >= epoch && self.first.iter().enumerate().all(is_there)
    }

    /// The newest parts that fit, of this epoch or a later one if there are any. Who looks from a
    /// worker of its own, `me`, sees what that published last beside those of the others; and so
    /// does whoever looks while a worker has been in a handler for as long as [`FIT_FOR`].
    ///
    /// Nobody is told less than before: who looks from a worker is told again what such a one was
    /// told, where the newest parts that fit are older.
    pub fn newest(&mut self, epoch: u64, me: Option<WorkerId>) -> Vec<Cut> {
        let (fit, parts) = match me {
            Some(_) if self.told.0 > self.whole.0 => &self.told,
            _ => &self.whole,
        };
        let newest = self.last.iter().map(|cut| cut.at).max().unwrap_or(Time(0));
        let oldest = parts.iter().map(|cut| cut.at).min().unwrap_or(newest);
        let fits = !self.are_of(epoch, me) && newest.since(oldest) < FIT_FOR;
        if *fit >= epoch || fits {
            return parts.clone();
        }
        let all = self.first.iter().zip(&self.last);
        let parts: Vec<_> = all.map(|(first, last)| first.unwrap_or(*last)).collect();
        if me.is_some() {
            self.told = (self.epoch, parts.clone());
        }
        parts
    }

    /// What each worker published last, whether it fits or not.
    pub fn last(&self) -> &[Cut] {
        &self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(epoch: u64, at: u64) -> Cut {
        Cut { epoch, at: Time(at), ..Cut::default() }
    }

    #[test]
    fn parts_of_an_epoch_are_told_together() {
        let mut cuts = Cuts::new(2);
        let mut publish = |worker, epoch, at| {
            cuts.publish(WorkerId(worker), cut(epoch, at));
            [0, 1].map(|n| cuts.newest(u64::MAX, None)[n].at.0)
        };
        assert_eq!(publish(0, 1, 10), [0, 0]);
        assert_eq!(publish(0, 1, 20), [0, 0]);
        assert_eq!(publish(1, 1, 30), [10, 30], "the first of each");
        assert_eq!(publish(1, 2, 40), [10, 30]);
        assert_eq!(publish(0, 3, 50), [10, 30], "it never saw the second");
        assert_eq!(publish(1, 3, 60), [50, 60]);
    }

    #[test]
    fn a_worker_that_hangs_does_not_keep_the_others_from_being_seen() {
        let mut cuts = Cuts::new(2);
        let second = Duration::from_secs(1).as_nanos() as u64;
        let mut publish = |worker, epoch, at| {
            cuts.publish(WorkerId(worker), cut(epoch, at));
            [0, 1].map(|n| cuts.newest(epoch, None)[n].at.0)
        };
        publish(0, 1, 0);
        assert_eq!(publish(1, 1, 0), [0, 0]);
        assert_eq!(publish(0, 2, 4 * second), [0, 0], "those fit");
        assert_eq!(publish(0, 3, 6 * second), [6 * second, 0]);
    }

    #[test]
    fn who_looks_from_a_worker_waits_for_the_others_alone() {
        let mut cuts = Cuts::new(2);
        let me = Some(WorkerId(0));
        cuts.publish(WorkerId(0), cut(0, 5));
        assert!(!cuts.are_of(1, me));
        cuts.publish(WorkerId(1), cut(1, 7));
        assert!(cuts.are_of(1, me) && !cuts.are_of(1, None));
        let told = cuts.newest(1, me);
        assert_eq!((told[0].at, told[1].at), (Time(5), Time(7)));
    }

    #[test]
    fn who_looks_from_a_worker_is_never_told_less_than_before() {
        let mut cuts = Cuts::new(2);
        let me = Some(WorkerId(0));
        cuts.publish(WorkerId(0), cut(0, 5));
        cuts.publish(WorkerId(1), cut(1, 7));
        assert_eq!(cuts.newest(1, me)[1].at, Time(7));
        // Another began an epoch before this one published for the first.
        cuts.publish(WorkerId(0), cut(2, 9));
        assert_eq!(cuts.newest(2, me)[1].at, Time(7), "the other is busy");
        cuts.publish(WorkerId(1), cut(2, 11));
        assert_eq!([0, 1].map(|n| cuts.newest(2, me)[n].at.0), [9, 11]);
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        /// Who looks from a worker is told no less than such a one was before, nor is who looks
        /// from elsewhere, whatever epochs others begin meanwhile.
        #[test]
        fn nobody_is_told_less_than_before(
            steps in prop::collection::vec(
                (0_u16..3, 0_u64..2, prop::option::of(0_u16..3), 0_u64..3),
                1..60,
            ),
        ) {
            let (mut cuts, mut epoch, mut now) = (Cuts::new(3), 1, 0);
            let mut told = [[Time(0); 3]; 2];
            for (worker, begins, me, seconds) in steps {
                epoch += begins;
                now += 1 + Duration::from_secs(seconds).as_nanos() as u64;
                cuts.publish(WorkerId(worker), cut(epoch, now));
                let parts = cuts.newest(epoch, me.map(WorkerId));
                let parts = [0, 1, 2].map(|n| parts[n].at);
                let before = &mut told[usize::from(me.is_some())];
                prop_assert!(parts.iter().zip(&*before).all(|(now, before)| now >= before));
                *before = parts;
            }
        }

        /// Workers publish at any time for the epoch of then: the parts told of an epoch are the
        /// first that each published for it.
        #[test]
        fn each_part_is_the_first_of_its_epoch(
            steps in prop::collection::vec((0_u16..3, 0_u64..2), 1..60),
        ) {
            let (mut cuts, mut epoch) = (Cuts::new(3), 0);
            let mut seen: [Vec<Cut>; 3] = Default::default();
            for (at, (worker, begins)) in (1..).zip(steps) {
                epoch += begins;
                cuts.publish(WorkerId(worker), cut(epoch, at));
                seen[usize::from(worker)].push(cut(epoch, at));
                let told = cuts.newest(u64::MAX, None);
                if cuts.whole.0 == 0 {
                    continue;
                }
                for (told, seen) in told.iter().zip(&seen) {
                    let first = seen.iter().find(|cut| cut.epoch >= cuts.whole.0).unwrap();
                    prop_assert_eq!(told.at, first.at);
                }
            }
        }
    }
}
