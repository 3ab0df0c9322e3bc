//! The level that is published upstream: a slow PI law on how far the queue is from where it should
//! be.
//!
//! The queue's bound refuses at once and needs no tuning, but only after all that lies before the
//! queue was done. The level moves the refusals to the sources, and may take its time for it.

use std::time::Duration;

/// Weight of the error: what is published at once.
const KP: f64 = 0.1;
/// Weight of its integral, a second: how fast the level climbs.
const KI: f64 = 1.0;
/// The highest level: something must come through, or the end of the overload is never seen.
const MAX: f64 = 0.98;
/// The most by which a tick changes the level.
const STEP_MAX: f64 = 0.2;

/// By how much less the integral is after a tick in which the queue ran empty: handlers idled, so
/// that too much was refused.
const EASE: f64 = 0.9;

/// The share of what is offered that is to be refused upstream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    integral: f64,
    level: f64,
}

impl Level {
    /// The level after `span` at the end of which the queue was off its goal by `error`, relative
    /// to it, and in which it may have run `empty`.
    pub fn tick(&mut self, span: Duration, error: f64, empty: bool) -> f64 {
        if empty {
            self.integral *= EASE;
        }
        let error = error.clamp(-1.0, 1.0);
        // Bounded, so that a long overload is not remembered longer than a short one.
        self.integral = (self.integral + error * span.as_secs_f64()).clamp(0.0, MAX / KI);
        let wanted = (KP * error + KI * self.integral).clamp(0.0, MAX);
        self.level = wanted.clamp(self.level - STEP_MAX, self.level + STEP_MAX);
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn a_step_up_is_followed_within_a_second_and_a_step_down_too() {
        let mut level = Level::default();
        let mut ticks = |n, error| {
            let levels: Vec<f64> = (0..n).map(|_| level.tick(ms(10), error, false)).collect();
            let monotonous = levels.windows(2).all(|w| (w[1] - w[0]) * error >= 0.0);
            (levels[0], levels[n - 1], monotonous)
        };
        let (first, last, climbs) = ticks(100, 1.0);
        assert!((0.1..0.2).contains(&first) && last > 0.97 && climbs, "{first} {last}");
        let (_, held, _) = ticks(100, 0.0);
        assert!(held > 0.9, "on its goal it stays: {held}");
        let (first, last, falls) = ticks(110, -1.0);
        assert!(first > 0.7 && last == 0.0 && falls, "{first} {last}");
    }

    #[test]
    fn a_long_overload_is_forgotten_as_fast_as_a_short_one() {
        let after = |ticks| {
            let mut level = Level::default();
            (0..ticks).for_each(|_| {
                level.tick(ms(10), 1.0, false);
            });
            (0..).find(|_| level.tick(ms(10), -1.0, false) == 0.0)
        };
        assert_eq!(after(1000), after(100_000));
    }
}
