//! PID: a share of what asks is refused at the door, by how far the queue is from where it should
//! be.
//!
//! After Jakob Thomsen and others, PID Controller for Cinnamon, Uber, 2023, with the gains that open
//! versions of it publish: proportional 0.1, integral 1.4 a second, no differential. There the error
//! is the flow that comes and does not leave, and free places, twice a second, and priorities are
//! cut by the spread of those who asked; here it is the work that waits beside a quarter of the
//! target, at each tick, for a gate knows that and its share is cut by class already.

use super::{Adjust, Controller, Sample};
use crate::time::Time;
use std::time::Duration;

/// Weights of the error and of its integral, a second.
const KP: f64 = 0.1;
const KI: f64 = 1.4;
/// The share of the target at which the queued work is held.
const GOAL_SHARE: f64 = 0.25;
/// The largest share: something must come through, or the end of the overload is never seen.
const MAX: f64 = 0.98;

/// Refuses a share of what asks, the least important first.
#[derive(Clone, Debug)]
pub struct Pid {
    target: Duration,
    integral: f64,
}

impl Pid {
    /// A quarter of `target` shall wait.
    pub fn target(target: Duration) -> Self {
        Self { target, integral: 0.0 }
    }
}

impl Controller for Pid {
    fn name(&self) -> &'static str {
        "pid"
    }

    fn target(&self) -> Option<Duration> {
        Some(self.target)
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let goal = self.target.mul_f64(GOAL_SHARE).as_secs_f64().max(f64::MIN_POSITIVE);
        let error = ((sample.work.as_secs_f64() - goal) / goal).clamp(-1.0, 1.0);
        // Bounded, so that a long overload is not remembered longer than a short one.
        self.integral = (self.integral + error * sample.span.as_secs_f64()).clamp(0.0, MAX / KI);
        let share = (KP * error + KI * self.integral).clamp(0.0, MAX);
        Adjust { share, pressure: share, measured: Some(sample.work), ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn a_step_of_work_raises_the_share_within_a_second_and_its_end_lowers_it() {
        let mut law = Pid::target(ms(50));
        let mut after = |ticks, work| {
            let sample = Sample { span: ms(10), work, ..Sample::default() };
            (0..ticks).map(|_| law.tick(Time(0), &sample).share).last().unwrap_or(0.0)
        };
        assert_eq!(after(100, ms(5)), 0.0, "below its goal nothing is refused");
        assert!((0.1..0.2).contains(&after(1, ms(500))));
        assert_eq!(after(100, ms(500)), MAX);
        let held = after(100, ms(50) / 4);
        assert!(held > MAX - 0.1, "on its goal it stays: {held}");
        assert_eq!(after(100, ms(0)), 0.0);
    }
}
