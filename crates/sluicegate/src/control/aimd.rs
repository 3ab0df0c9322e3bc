//! AIMD: a limit of concurrency that grows by one and shrinks by a tenth.
//!
//! Dah-Ming Chiu and Raj Jain, Analysis of the Increase and Decrease Algorithms for Congestion
//! Avoidance in Computer Networks, 1989; with the constants of Netflix, concurrency-limits
//! (`AIMDLimit`), 2018. There each request is a step, here each tick in which any was handled.
//! Latency is what an event took from its coming to the end of its handler.

use super::{Adjust, Controller, Sample};
use crate::time::Time;
use std::time::Duration;

/// The limit at the start and its bounds.
const START: f64 = 20.0;
const MIN: f64 = 20.0;
const MAX: f64 = 200.0;
/// What is left of the limit when events take too long.
const BACKOFF: f64 = 0.9;
/// What is added when they do not.
const STEP: f64 = 1.0;

/// Limits the events that wait or are served by whether they take too long.
#[derive(Clone, Debug)]
pub struct Aimd {
    timeout: Duration,
    limit: f64,
}

impl Aimd {
    /// Events that take longer than this, in the mean, take too long.
    pub fn timeout(timeout: Duration) -> Self {
        Self { timeout, limit: START }
    }
}

impl Controller for Aimd {
    fn name(&self) -> &'static str {
        "aimd"
    }

    fn target(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let latency = sample.waits.mean() + sample.cost;
        if sample.waits.count() > 0 {
            if latency > self.timeout {
                self.limit *= BACKOFF;
            } else if (sample.queued + sample.running) as f64 * 2.0 >= self.limit {
                // What is not used up says nothing about the limit.
                self.limit += STEP;
            }
            self.limit = self.limit.clamp(MIN, MAX);
        }
        Adjust { events: self.limit as usize, measured: Some(latency), ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spread;
    use super::*;
    use crate::time::ms;

    /// The limit after so many ticks of this wait, with so much in the stage.
    fn after(law: &mut Aimd, ticks: usize, wait: Duration, running: usize) -> usize {
        let mut waits = Spread::default();
        waits.add(wait);
        let sample = Sample { span: ms(10), waits, cost: ms(1), running, ..Sample::default() };
        (0..ticks).map(|_| law.tick(Time(0), &sample).events).last().unwrap_or(0)
    }

    #[test]
    fn it_climbs_by_one_a_tick_and_falls_by_a_tenth() {
        let mut law = Aimd::timeout(ms(25));
        assert_eq!(after(&mut law, 100, ms(10), 200), 120);
        assert_eq!(after(&mut law, 1, ms(30), 200), 108);
        assert_eq!(after(&mut law, 100, ms(30), 200), 20);
        assert_eq!(after(&mut law, 500, ms(10), 200), 200);
    }

    #[test]
    fn a_limit_that_is_not_used_rests() {
        let mut law = Aimd::timeout(ms(25));
        assert_eq!(after(&mut law, 50, ms(1), 5), 20);
        let none = Sample::default();
        assert_eq!(law.tick(Time(0), &none).events, 20);
    }
}
