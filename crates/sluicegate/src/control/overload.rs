//! The default law: the queued work is bounded against the target, and nothing else is tuned.
//!
//! Work, not length: a queue of cheap events may be long, one of dear events must be short, and
//! both are told apart by measured cost. The bound acts at the event that comes, so that the law
//! has no time constant; which events go is the order's business, which pushes out the least
//! important. The shares were found by simulation; what published laws teach is behind them: to
//! measure the wait at the queue and never the response of all that follows (DAGOR, SoCC 2018;
//! Breakwater, OSDI 2020), to count cost in time, and to refuse at the ingress by a level that
//! travels upstream (Rajomon, NSDI 2025).

use super::level::Level;
use super::quality::Quality;
use super::{Adjust, Controller, Sample, TARGETS};
use crate::settings::OwnSettings;
use crate::time::Time;
use std::time::Duration;

/// The share of the target that the work before an event may take. The rest is for what is in the
/// handlers' hands, for the event itself, and for work that turns out dearer than the mean.
const WORK_SHARE: f64 = 0.5;
/// The same for a queue that was empty a few targets ago: it met a burst, as there are many below
/// the capacity, and not yet an overload.
const BURST_SHARE: f64 = 0.65;
const BURST_TARGETS: u32 = 4;
/// The share of the target at which the level that is published upstream holds the queued work:
/// enough that no handler idles, and less than what the queue itself refuses.
const GOAL_SHARE: f64 = 0.25;
/// The share of the target for which an event may wait, however dear it is. Those of a class that
/// more important ones overtake wait longer than the work before them when they came, and come to
/// stand at this edge; what is left of the target is for events that are dearer than the mean.
const PATIENCE_MIN: f64 = 0.5;
const PATIENCE_MAX: f64 = 0.75;

/// Bounds the queued work so that what is admitted is served within the target.
///
/// The target is the only number, and the law the same for events of 10 us and of 100 ms. It should
/// be several times what an event costs: nothing can be served faster than that.
///
/// ```
/// use sluicegate::{Overload, bounded, ms};
///
/// let queue = bounded(1024).admit(Overload::p99(ms(50)));
/// ```
#[derive(Clone, Debug)]
pub struct Overload {
    target: Duration,
    level: Level,
    quality: Quality,
}

impl Overload {
    /// 99 of 100 events that are admitted shall have been handled `target` after they came.
    pub fn p99(target: Duration) -> Self {
        Self { target, level: Level::default(), quality: Quality::default() }
    }
}

impl Controller for Overload {
    fn name(&self) -> &'static str {
        "overload"
    }

    fn target(&self) -> Option<Duration> {
        Some(self.target)
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "99 of 100 admitted events have been handled so long after they came.";
        own.time("target", about, TARGETS, &mut self.target);
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let goal = self.target.mul_f64(GOAL_SHARE).as_secs_f64().max(f64::MIN_POSITIVE);
        let error = (sample.work.as_secs_f64() - goal) / goal;
        let patience = [PATIENCE_MIN, PATIENCE_MAX].map(|share| self.target.mul_f64(share));
        let burst = sample.standing < self.target * BURST_TARGETS;
        Adjust {
            work: self.target.mul_f64(if burst { BURST_SHARE } else { WORK_SHARE }),
            patience: self.target.saturating_sub(sample.cost).clamp(patience[0], patience[1]),
            pressure: self.level.tick(sample.span, error, sample.standing < sample.span),
            quality: self.quality.tick(sample.span, self.target, (sample.work, sample.standing)),
            measured: Some(sample.work),
            ..Adjust::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    fn sample(work: Duration, cost: Duration) -> Sample {
        let standing = if work.is_zero() { work } else { ms(1000) };
        Sample { span: ms(10), work, cost, standing, ..Sample::default() }
    }

    #[test]
    fn the_bound_stands_from_the_first_tick_and_follows_the_target_alone() {
        let mut law = Overload::p99(ms(50));
        for (work, cost) in [(ms(1), ms(0)), (ms(500), ms(1)), (ms(25), ms(20))] {
            let adjust = law.tick(Time(0), &sample(work, cost));
            assert_eq!((adjust.work, adjust.measured), (ms(25), Some(work)));
        }
        for (standing, bound) in [(0, 32_500), (199, 32_500), (200, 25_000)] {
            let sample = Sample { standing: ms(standing), ..sample(ms(30), ms(1)) };
            let work = law.tick(Time(0), &sample).work;
            assert_eq!(work.as_micros(), bound, "a burst may wait");
        }
        let patience = [1, 20, 100].map(|cost| {
            let adjust = law.tick(Time(0), &sample(ms(0), ms(cost)));
            adjust.patience.as_micros()
        });
        assert_eq!(patience, [37_500, 30_000, 25_000], "somebody is served, even if too late");
    }

    #[test]
    fn a_step_of_work_raises_the_level_within_a_second_and_its_end_lowers_it() {
        let mut law = Overload::p99(ms(50));
        let mut after = |ticks, work| {
            (0..ticks).map(|_| law.tick(Time(0), &sample(work, ms(1))).pressure).last()
        };
        assert_eq!(after(100, ms(5)), Some(0.0), "below its goal there is no pressure");
        assert!(after(50, ms(25)) > Some(0.5));
        assert!(after(50, ms(25)) > Some(0.97));
        assert_eq!(after(110, ms(0)), Some(0.0));
    }
}
