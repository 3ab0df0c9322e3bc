//! SEDA's response-time controller for several classes, with the constants of its paper.
//!
//! Matt Welsh and David Culler, Adaptive Overload Control for Busy Internet Servers, USITS 2003,
//! section 3.3: each class has a rate and a target of its own, here the same one. A class that is
//! over its target cuts the rates of all less important ones to a tenth, and its own only when they
//! have been at the least rate for long. It is kept as it was published, to compare with; beneath
//! it the queue has its order by class, which the paper's had not.

use super::seda::{ADJ_D, ADJ_I, C_I, ERR_D, ERR_I, Observed, RATE_MAX, RATE_MIN, RATE_START};
use super::{Adjust, Controller, Sample, TARGETS};
use crate::settings::OwnSettings;
use crate::time::Time;
use std::time::Duration;

/// Divisor of the fall of less important classes (`adj_lo_d`).
const ADJ_LO_D: f64 = 10.0;
/// Runs in which all less important classes are at the least rate, before one's own falls
/// (`lc_thresh`).
const LC_THRESH: u32 = 20;
/// The depth of the bucket of each class, from the released code.
const DEPTH: f64 = 1.0;

/// Welsh's admission controller for classes: a rate for each of the first
/// [`Adjust::CLASSES`].
///
/// ```
/// use sluicegate::{SedaMulticlass, bounded, ms};
///
/// let queue = bounded(1024).admit(SedaMulticlass::p90(ms(100)));
/// ```
#[derive(Clone, Debug)]
pub struct SedaMulticlass {
    target: Duration,
    classes: [Class; Adjust::CLASSES],
}

#[derive(Clone, Debug)]
struct Class {
    rate: f64,
    observed: Observed,
    /// Whether a more important class was over its target: the rate may not rise in the next run.
    preempted: bool,
    /// Runs over the target with all less important classes at the least rate.
    count: u32,
}

impl SedaMulticlass {
    /// Of each class 90 of 100 flows shall have been served `target` after they were born.
    pub fn p90(target: Duration) -> Self {
        let class = |_| Class {
            rate: RATE_START,
            observed: Observed::default(),
            preempted: false,
            count: 0,
        };
        Self { target, classes: std::array::from_fn(class) }
    }

    /// One run of the controller of a class, and what it does to those below.
    fn run(&mut self, n: usize, error: f64) {
        let (lower, rest) = self.classes.split_at_mut(n);
        let class = &mut rest[0];
        let preempted = std::mem::take(&mut class.preempted);
        if error > ERR_D {
            let all_least = lower.iter().all(|class| class.rate <= RATE_MIN);
            for class in lower {
                class.rate = (class.rate / ADJ_LO_D).max(RATE_MIN);
                class.preempted = true;
            }
            class.count = if all_least { class.count + 1 } else { 0 };
            // The least important class has none below to wait for.
            if n == 0 || class.count >= LC_THRESH {
                class.rate = (class.rate / ADJ_D).max(RATE_MIN);
            }
            return;
        }
        class.count = 0;
        if error < ERR_I && !preempted {
            class.rate = (class.rate - (error - C_I) * ADJ_I).min(RATE_MAX);
        }
    }
}

impl Controller for SedaMulticlass {
    fn name(&self) -> &'static str {
        "seda-multiclass"
    }

    fn target(&self) -> Option<Duration> {
        Some(self.target)
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "90 of 100 flows of each class have been served so long after they were born.";
        own.time("target", about, TARGETS, &mut self.target);
    }

    fn tells_classes(&self) -> bool {
        true
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        // The first tick, at the start, has nothing to tell.
        for n in (0..sample.classes.len().min(Adjust::CLASSES)).rev() {
            let observed = &mut self.classes[n].observed;
            let error = observed.error(sample.span, &sample.classes[n], self.target);
            error.into_iter().for_each(|error| self.run(n, error));
        }
        let slowest = self.classes.iter().filter_map(|class| class.observed.measured()).max();
        Adjust {
            class_rates: std::array::from_fn(|n| self.classes[n].rate),
            burst: DEPTH,
            measured: slowest,
            ..Adjust::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spread;
    use super::super::seda::SAMPLES;
    use super::*;
    use crate::time::ms;

    /// The rates of the lowest classes after `runs` in which the responses of each took so long;
    /// nobody asks of the others.
    fn after<const N: usize>(law: &mut SedaMulticlass, runs: usize, took: [u64; N]) -> [f64; N] {
        let mut classes = vec![Spread::default(); Adjust::CLASSES];
        for (spread, took) in classes.iter_mut().zip(took) {
            (0..SAMPLES).for_each(|_| spread.add(ms(took)));
        }
        let sample = Sample { span: ms(10), classes, ..Sample::default() };
        (0..runs).for_each(|_| {
            law.tick(Time(0), &sample);
        });
        std::array::from_fn(|n| law.classes[n].rate)
    }

    #[test]
    fn a_slow_class_cuts_those_below_and_its_own_rate_only_when_they_are_at_the_least() {
        let mut law = SedaMulticlass::p90(ms(100));
        let [low, high] = after(&mut law, 1, [1, 1000]);
        assert_eq!((low, high), (RATE_START / 10.0, RATE_START), "and the low one may not rise");
        // 0.05 is reached at the fourth run, and seen to be at the fifth.
        let [low, high] = after(&mut law, 3, [1, 1000]);
        assert_eq!((low, high), (RATE_MIN, RATE_START));
        let [_, high] = after(&mut law, 19, [1, 1000]);
        assert_eq!(high, RATE_START);
        let [low, high] = after(&mut law, 1, [1, 1000]);
        assert_eq!((low, high), (RATE_MIN, RATE_START / ADJ_D));
    }

    #[test]
    fn a_class_that_is_fast_climbs_by_itself_and_the_lowest_falls_by_itself() {
        let mut law = SedaMulticlass::p90(ms(100));
        let [low, high, highest] = after(&mut law, 10, [1000, 1, 1]);
        assert!(low < RATE_START / ADJ_D && high > RATE_START + 10.0 && high == highest);
        assert_eq!(law.classes[3].rate, RATE_START, "of which nobody asked");
    }

    #[test]
    fn it_runs_after_a_second_with_few_samples() {
        let mut law = SedaMulticlass::p90(ms(100));
        let mut classes = vec![Spread::default(); Adjust::CLASSES];
        classes[0].add(ms(500));
        let few = Sample { span: ms(500), classes, ..Sample::default() };
        let rates = [0, 1].map(|_| law.tick(Time(0), &few).class_rates[0]);
        assert_eq!(rates, [RATE_START, RATE_START / ADJ_D]);
    }
}
