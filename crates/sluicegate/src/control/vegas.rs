//! Vegas: a limit of concurrency that keeps a short queue, told from the least latency seen.
//!
//! Lawrence Brakmo, Sean O'Malley and Larry Peterson, TCP Vegas: New Techniques for Congestion
//! Detection and Avoidance, SIGCOMM 1994; with the constants of Netflix, concurrency-limits
//! (`VegasLimit`), 2018. There each request is a step, here each tick in which any was handled; and
//! the least latency is sought anew after a number of events without chance in it. Latency is what
//! an event took from its coming to the end of its handler.

use super::{Adjust, Controller, Sample};
use crate::time::Time;
use std::time::Duration;

/// The limit at the start and its bounds.
const START: f64 = 20.0;
const MIN: f64 = 1.0;
const MAX: f64 = 1000.0;
/// Of which the logarithm of the limit is taken so many times: a shorter queue lets the limit grow,
/// a longer one shrinks it (`alpha`, `beta`). Growth is by `beta` while there is hardly any queue.
const ALPHA: f64 = 3.0;
const BETA: f64 = 6.0;
/// After so many times the limit of events the least latency is sought anew.
const PROBE: f64 = 30.0;

/// Limits the events that wait or are served so that some wait, and not many.
///
/// ```
/// use sluicegate::{Vegas, bounded};
///
/// let queue = bounded(1024).admit(Vegas::default());
/// ```
#[derive(Clone, Debug)]
pub struct Vegas {
    limit: f64,
    /// The least latency, in seconds; none before the first event.
    least: f64,
    /// Events since it was sought.
    count: u64,
}

impl Default for Vegas {
    fn default() -> Self {
        Self { limit: START, least: f64::INFINITY, count: 0 }
    }
}

impl Vegas {
    fn update(&mut self, latency: f64, inside: usize) {
        // What is not used up says nothing about the limit.
        if (inside as f64) * 2.0 < self.limit {
            return;
        }
        let queue = (self.limit * (1.0 - self.least / latency)).ceil();
        let step = self.limit.log10().max(1.0);
        self.limit += if queue <= step {
            BETA * step
        } else if queue < ALPHA * step {
            step
        } else if queue > BETA * step {
            -step
        } else {
            0.0
        };
        self.limit = self.limit.clamp(MIN, MAX);
    }
}

impl Controller for Vegas {
    fn name(&self) -> &'static str {
        "vegas"
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let waits = &sample.waits;
        let latency = (waits.mean() + sample.cost).as_secs_f64();
        if waits.count() > 0 && latency > 0.0 {
            let least = (waits.quantile(0.0) + sample.cost).as_secs_f64().min(latency);
            self.count += waits.count();
            if self.count as f64 >= PROBE * self.limit {
                (self.least, self.count) = (least, 0);
            } else {
                self.least = self.least.min(least);
                self.update(latency, sample.queued + sample.running);
            }
        }
        let measured = Some(Duration::from_secs_f64(latency));
        Adjust { events: self.limit as usize, measured, ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spread;
    use super::*;
    use crate::time::ms;

    /// The limit after so many ticks of this wait, with so much in the stage.
    fn after(law: &mut Vegas, ticks: usize, wait: Duration, running: usize) -> usize {
        let mut waits = Spread::default();
        waits.add(wait);
        let sample = Sample { span: ms(10), waits, cost: ms(1), running, ..Sample::default() };
        (0..ticks).map(|_| law.tick(Time(0), &sample).events).last().unwrap_or(0)
    }

    #[test]
    fn without_a_queue_it_grows_and_with_a_long_one_it_shrinks() {
        let mut law = Vegas::default();
        let grown = after(&mut law, 10, ms(0), 1000);
        assert!((110..140).contains(&grown), "six logarithms a tick: {grown}");
        let shrunk = after(&mut law, 20, ms(9), 1000);
        assert!((grown - 45..grown - 30).contains(&shrunk), "one a tick: {grown}, {shrunk}");
    }

    #[test]
    fn the_least_latency_is_forgotten_after_a_while() {
        let mut law = Vegas::default();
        after(&mut law, 1, ms(0), 1000);
        let before = law.least;
        after(&mut law, 5000, ms(9), 1000);
        assert!(before < 0.002 && law.least > 0.009, "{before}, {}", law.least);
    }

    #[test]
    fn a_limit_that_is_not_used_rests() {
        let mut law = Vegas::default();
        assert_eq!(after(&mut law, 50, ms(0), 5), 20);
    }
}
