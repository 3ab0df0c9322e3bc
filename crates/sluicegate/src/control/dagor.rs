//! DAGOR: an admission level that moves by a share of what was admitted, on the mean wait.
//!
//! Hao Zhou and others, Overload Control for Scaling WeChat Microservices, SoCC 2018, with its
//! constants. Its level lies between priorities, and is sent upstream; here it is the share that is
//! refused, which the gate cuts by class, and the pressure. Users of one class go evenly, not by a
//! priority that changes each hour.

use super::{Adjust, Controller, Sample};
use crate::time::Time;
use std::time::Duration;

/// The mean wait above which a service is overloaded.
const WAIT: Duration = Duration::from_millis(20);
/// A window ends after this time, or after so many requests.
const WINDOW: Duration = Duration::from_secs(1);
const REQUESTS: u64 = 2000;
/// By which part of what was admitted less is admitted in the next window (`alpha`), and by which
/// part of what asked more is (`beta`).
const ALPHA: f64 = 0.05;
const BETA: f64 = 0.01;

/// Refuses a share of what asks, the least important first, while events wait for more than 20 ms in
/// the mean.
#[derive(Clone, Debug)]
pub struct Dagor {
    /// The share that is admitted.
    admitted: f64,
    /// The window so far: its time, the requests, those that were handled and how long they waited.
    span: Duration,
    offered: u64,
    handled: u64,
    waited: Duration,
    /// The mean wait in the last window.
    mean: Duration,
}

impl Default for Dagor {
    fn default() -> Self {
        Self {
            admitted: 1.0,
            span: Duration::ZERO,
            offered: 0,
            handled: 0,
            waited: Duration::ZERO,
            mean: Duration::ZERO,
        }
    }
}

impl Controller for Dagor {
    fn name(&self) -> &'static str {
        "dagor"
    }

    fn target(&self) -> Option<Duration> {
        Some(WAIT)
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        self.span += sample.span;
        self.offered += sample.offered;
        self.handled += sample.waits.count();
        self.waited += sample.waits.mean().mul_f64(sample.waits.count() as f64);
        if self.span >= WINDOW || self.offered >= REQUESTS {
            // Where none was handled, that is how long they wait at least.
            self.mean = match self.handled {
                0 => sample.standing,
                n => self.waited.div_f64(n as f64),
            };
            self.admitted = match self.mean > WAIT {
                true => self.admitted * (1.0 - ALPHA),
                false => (self.admitted + BETA).min(1.0),
            };
            (self.span, self.waited) = (Duration::ZERO, Duration::ZERO);
            (self.offered, self.handled) = (0, 0);
        }
        let share = 1.0 - self.admitted;
        Adjust { share, pressure: share, measured: Some(self.mean), ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spread;
    use super::*;
    use crate::time::ms;

    /// The share after so many ticks of 10 ms, in each of which so many asked and waited so long.
    fn after(law: &mut Dagor, ticks: usize, offered: u64, wait: Duration) -> f64 {
        let mut waits = Spread::default();
        waits.add(wait);
        let sample = Sample { span: ms(10), offered, waits, ..Sample::default() };
        (0..ticks).map(|_| law.tick(Time(0), &sample).share).last().unwrap_or(0.0)
    }

    #[test]
    fn a_window_is_a_second_or_two_thousand_requests() {
        let mut law = Dagor::default();
        assert_eq!(after(&mut law, 99, 5, ms(30)), 0.0);
        assert!((after(&mut law, 1, 5, ms(30)) - ALPHA).abs() < 1e-9);
        assert!((after(&mut law, 2, 1000, ms(30)) - (1.0 - 0.95 * 0.95)).abs() < 1e-9);
    }

    #[test]
    fn the_level_falls_by_a_twentieth_and_rises_by_a_hundredth_of_all() {
        let mut law = Dagor::default();
        let shed = after(&mut law, 20 * 100, 5, ms(30));
        assert!((shed - (1.0 - 0.95_f64.powi(20))).abs() < 1e-9, "{shed}");
        let eased = after(&mut law, 10 * 100, 5, ms(10));
        assert!((shed - eased - 10.0 * BETA).abs() < 1e-9, "{eased}");
        assert_eq!(after(&mut law, 100 * 100, 5, ms(10)), 0.0);
    }

    #[test]
    fn a_queue_that_stands_still_is_overloaded() {
        let mut law = Dagor::default();
        let still = Sample { span: WINDOW, standing: ms(1000), ..Sample::default() };
        assert!(law.tick(Time(0), &still).share > 0.0);
    }
}
