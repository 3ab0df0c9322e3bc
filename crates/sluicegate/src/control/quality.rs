//! How well a handler should do its work: a slow law on the work that waits.
//!
//! After the service degradation of Matt Welsh and David Culler, Adaptive Overload Control for Busy
//! Internet Servers, USITS 2003, section 3.4: quality is divided when a stage is over its target,
//! rises by small steps when it is well below, and only when it cannot fall any more are requests
//! refused. There each step is taken after 100 requests and looks at response times; here, as
//! everywhere, work is what counts, and a step is taken when the last one can be seen: when what
//! waited before it has left.

use std::time::Duration;

/// The share of the target at which the law holds the queued work: below what raises the pressure,
/// and far below what is refused, so that both come after it.
const GOAL_SHARE: f64 = 0.125;
/// Below this share of the goal quality rises (as published).
const LOW: f64 = 0.8;
/// The most by which one step lowers it (as published).
const FALL: f64 = 0.5;
/// How much one step raises it. Published is 0.01: too slow to be itself again within a second of a
/// spike at a target of 50 ms.
const RISE: f64 = 0.05;
/// The lowest quality (as published): something has to be done.
const MIN: f64 = 0.01;
/// Steps are no shorter than two looks: costs are known no sooner.
const STEP_MIN: Duration = Duration::from_millis(20);

/// The quality that is published to the handlers behind a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    quality: f64,
    /// How long ago it was last lowered.
    lowered: Duration,
}

impl Default for Quality {
    fn default() -> Self {
        Self { quality: 1.0, lowered: Duration::MAX }
    }
}

impl Quality {
    /// The quality after `span`, at the end of which so much `work` waits in a queue that has been
    /// `standing` so long without being empty.
    pub fn tick(
        &mut self,
        span: Duration,
        target: Duration,
        (work, standing): (Duration, Duration),
    ) -> f64 {
        let step = target.max(STEP_MIN);
        self.lowered = self.lowered.saturating_add(span);
        let over = work.as_secs_f64() / target.mul_f64(GOAL_SHARE).as_secs_f64();
        // A queue that was empty a moment ago met a burst, not an overload.
        if over > 1.0 && standing >= step && self.lowered >= step {
            self.quality = (self.quality * (1.0 / over).max(FALL)).max(MIN);
            self.lowered = Duration::ZERO;
        } else if over < LOW {
            let steps = span.as_secs_f64() / step.as_secs_f64();
            self.quality = (self.quality + RISE * steps).min(1.0);
        }
        self.quality
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    const TARGET: Duration = Duration::from_millis(50);

    /// The qualities after each of `n` ticks with so much work in a queue that stands so long.
    fn ticks(law: &mut Quality, n: usize, work: Duration, standing: Duration) -> Vec<f64> {
        (0..n).map(|_| law.tick(ms(10), TARGET, (work, standing))).collect()
    }

    #[test]
    fn a_step_of_work_halves_it_once_a_target_and_its_end_restores_it_within_a_second() {
        let mut law = Quality::default();
        let seen = ticks(&mut law, 16, ms(25), ms(1000));
        let expected = [vec![0.5; 5], vec![0.25; 5], vec![0.125; 5], vec![0.0625]].concat();
        assert_eq!(seen, expected);
        let least = ticks(&mut law, 100, ms(25), ms(1000)).pop();
        assert_eq!(least, Some(MIN));
        let seen = ticks(&mut law, 100, ms(0), ms(0));
        assert!(seen.is_sorted() && seen[90] < 1.0 && seen[99] == 1.0, "{seen:?}");
    }

    #[test]
    fn near_its_goal_it_rests_and_a_little_above_it_falls_a_little() {
        let mut law = Quality::default();
        assert_eq!(ticks(&mut law, 1, ms(12), ms(1000)), [0.5_f64.max(6.25 / 12.0)]);
        let held = ticks(&mut law, 20, ms(6), ms(1000));
        assert!(held.iter().all(|quality| *quality == held[0]), "{held:?}");
    }

    #[test]
    fn a_burst_into_an_empty_queue_does_not_lower_it() {
        let mut law = Quality::default();
        assert_eq!(ticks(&mut law, 50, ms(25), ms(40)), [1.0; 50]);
    }

    #[test]
    fn a_long_pause_restores_it_at_once() {
        let mut law = Quality::default();
        ticks(&mut law, 100, ms(25), ms(1000));
        assert_eq!(law.tick(ms(2000), TARGET, (ms(0), ms(0))), 1.0);
    }
}
