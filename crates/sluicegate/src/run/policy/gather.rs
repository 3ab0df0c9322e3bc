//! How many events a stage gathers before it runs: doubled and halved by what that gains.

use super::Ran;

/// Thresholds are powers of two up to 1024.
const LEVELS: u32 = 10;
/// Runs by which the cost of an event is measured.
const RUNS: u32 = 16;
/// Doubling has to save so much of the cost of an event, and halving may lose half of it.
const GAIN: f64 = 0.1;
/// Measurements between two trials: doubled each time that a trial changes nothing.
const REST: u32 = 1;
const REST_MOST: u32 = 256;
/// So many runs of a single event in a measurement are enough to see that nobody comes to be
/// waited for: in a trial with more, and else.
const ALONE_TRYING: u32 = 2;
const ALONE: u32 = RUNS / 2;

/// The threshold of one stage, and the search for the best one.
///
/// A cohort of twice as many events waits for twice as long. It is worth that where it makes an
/// event cheaper, as the costs of a run are shared and caches are warm. So the next threshold is
/// tried now and then, up and down in turn, and kept if it pays.
#[derive(Clone, Debug)]
pub(super) struct Gather {
    level: u32,
    runs: u32,
    events: u64,
    nanos: u64,
    /// Runs of a single event.
    alone: u32,
    trial: Trial,
    rest: u32,
    /// Whether the last trial was with more, so that the next one is with less.
    was_more: bool,
}

/// What is being tried.
#[derive(Clone, Copy, Debug)]
enum Trial {
    /// Nothing, for so many measurements.
    Rest(u32),
    /// Twice as much, where an event had this cost before.
    More(f64),
    /// Half as much.
    Less(f64),
}

impl Default for Gather {
    fn default() -> Self {
        let trial = Trial::Rest(0);
        Self {
            level: 0,
            runs: 0,
            events: 0,
            nanos: 0,
            alone: 0,
            trial,
            rest: REST,
            was_more: false,
        }
    }
}

impl Gather {
    /// Events that are enough.
    pub fn threshold(&self) -> usize {
        1 << self.level
    }

    /// Learns from a run.
    pub fn ran(&mut self, ran: Ran) {
        if ran.events == 0 {
            return;
        }
        self.runs += 1;
        self.events += ran.events as u64;
        self.nanos += ran.time.as_nanos() as u64;
        self.alone += u32::from(ran.events == 1);
        let trying = matches!(self.trial, Trial::More(_));
        if self.level > 0 && self.alone == if trying { ALONE_TRYING } else { ALONE } {
            self.forget();
            self.level -= 1;
            self.pause();
        } else if self.runs == RUNS {
            let cost = self.nanos as f64 / self.events as f64;
            self.forget();
            self.measured(cost);
        }
    }

    fn forget(&mut self) {
        (self.runs, self.events, self.nanos, self.alone) = (0, 0, 0, 0);
    }

    /// An event had this cost, in nanoseconds, with the threshold that is in force.
    fn measured(&mut self, cost: f64) {
        match self.trial {
            Trial::Rest(0) => {
                self.was_more = !self.was_more;
                if self.was_more { self.try_more(cost) } else { self.try_less(cost) }
            }
            Trial::Rest(left) => self.trial = Trial::Rest(left - 1),
            Trial::More(before) if cost < before * (1.0 - GAIN) => {
                self.rest = REST;
                self.try_more(cost);
            }
            Trial::Less(before) if cost < before * (1.0 + GAIN / 2.0) => {
                self.rest = REST;
                self.try_less(cost);
            }
            Trial::More(_) => {
                self.level -= 1;
                self.pause();
            }
            Trial::Less(_) => {
                self.level += 1;
                self.pause();
            }
        }
    }

    fn try_more(&mut self, cost: f64) {
        if self.level == LEVELS {
            return self.pause();
        }
        self.level += 1;
        self.trial = Trial::More(cost);
    }

    fn try_less(&mut self, cost: f64) {
        if self.level == 0 {
            return self.pause();
        }
        self.level -= 1;
        self.trial = Trial::Less(cost);
    }

    /// Leaves it at that for a while.
    fn pause(&mut self) {
        self.trial = Trial::Rest(self.rest);
        self.rest = (self.rest * 2).min(REST_MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Runs so many times, each as soon as enough events wait.
    fn run(gather: &mut Gather, runs: usize, cost: impl Fn(u64) -> u64) {
        for _ in 0..runs {
            let events = gather.threshold();
            let time = Duration::from_nanos(cost(events as u64));
            gather.ran(Ran { stage: 0, events, time });
        }
    }

    /// The thresholds that were in force in so many runs.
    fn seen(gather: &mut Gather, runs: usize, cost: impl Fn(u64) -> u64) -> Vec<usize> {
        let each = (0..runs).map(|_| {
            run(gather, 1, &cost);
            gather.threshold()
        });
        each.collect()
    }

    #[test]
    fn who_gains_gathers_until_it_does_not() {
        // From 64 to 128 an event gets cheaper by 19 %, then by 11 %, then by 6 %.
        let shared = |events| 400_000 + 10_000 * events;
        let mut gather = Gather::default();
        run(&mut gather, 1000, shared);
        let seen = seen(&mut gather, 10_000, shared);
        let usual = seen.iter().filter(|&&threshold| threshold == 256).count();
        assert!(usual > 9000, "{usual}");
        assert!(seen.iter().all(|threshold| (128..=512).contains(threshold)));
    }

    #[test]
    fn who_gains_nothing_does_not_wait() {
        let mut gather = Gather::default();
        let alike = |events| 10_000 * events;
        let seen = seen(&mut gather, 10_000, alike);
        assert!(seen.iter().filter(|&&threshold| threshold == 1).count() > 9000);
        assert!(seen.iter().all(|&threshold| threshold <= 2));
    }

    #[test]
    fn what_does_not_pay_any_more_is_given_up() {
        let mut gather = Gather::default();
        run(&mut gather, 1000, |events| 400_000 + 10_000 * events);
        run(&mut gather, 10_000, |events| 10_000 * events);
        assert!(gather.threshold() <= 2, "{gather:?}");
    }

    #[test]
    fn who_waits_alone_hardly_waits_again() {
        let mut gather = Gather::default();
        run(&mut gather, 1000, |events| 400_000 + 10_000 * events);
        let mut waits = 0;
        for _ in 0..100_000 {
            waits += u32::from(gather.threshold() > 1);
            let time = Duration::from_micros(410);
            gather.ran(Ran { stage: 0, events: 1, time });
        }
        assert!(waits < 200, "{waits}");
    }

    #[test]
    fn a_threshold_that_is_never_reached_sinks_to_what_is() {
        // Whatever the threshold, eight come in the longest time.
        let mut gather = Gather::default();
        for _ in 0..10_000 {
            let events = gather.threshold().min(8);
            let time = Duration::from_nanos(400_000 + 10_000 * events as u64);
            gather.ran(Ran { stage: 0, events, time });
        }
        assert!((8..=16).contains(&gather.threshold()), "{gather:?}");
    }
}
