//! Gradient2: a limit of concurrency that follows the ratio of long-term to short-term latency.
//!
//! Netflix, concurrency-limits (`Gradient2Limit`, `WindowedLimit`), 2018, with its published
//! constants. Latency is what an event took from its coming to the end of its handler. One rule is
//! left out: there, latencies below 100 us are ignored, which blinds the law for fast stages.

use super::{Adjust, Controller, Sample};
use crate::time::Time;
use std::time::Duration;

/// The limit at the start and its bounds.
const START: f64 = 20.0;
const MIN: f64 = 20.0;
const MAX: f64 = 200.0;
/// How much longer than in the long term an event may take before the limit shrinks.
const TOLERANCE: f64 = 1.5;
/// What is added each time, so that the limit can grow: the queue that is allowed for.
const QUEUE: f64 = 4.0;
/// Weight of the new limit in the smoothed one.
const SMOOTHING: f64 = 0.2;
/// The most by which one window may shrink the limit.
const GRADIENT_MIN: f64 = 0.5;
/// Windows of the long-term mean.
const LONG: f64 = 600.0;
/// Windows over which it is a plain mean.
const WARM: u32 = 10;
/// Above this ratio of long to short the long-term mean is taken down.
const DRIFT_RATIO: f64 = 2.0;
const DRIFT_DECAY: f64 = 0.95;
/// A window: at least this time and this many events.
const WINDOW: Duration = Duration::from_secs(1);
const SAMPLES: u64 = 10;

/// Limits the events that wait or are served by how their latency changes.
///
/// ```
/// use sluicegate::{Gradient2, bounded};
///
/// let queue = bounded(1024).admit(Gradient2::default());
/// ```
#[derive(Clone, Debug)]
pub struct Gradient2 {
    limit: f64,
    /// The long-term mean, in seconds, and how many windows are in it.
    long: f64,
    windows: u32,
    /// The window so far: its time, its events, the sum of their latencies, the most at once.
    span: Duration,
    count: u64,
    sum: Duration,
    peak: usize,
    /// The short-term latency of the last window.
    short: Option<Duration>,
}

impl Default for Gradient2 {
    fn default() -> Self {
        Self {
            limit: START,
            long: 0.0,
            windows: 0,
            span: Duration::ZERO,
            count: 0,
            sum: Duration::ZERO,
            peak: 0,
            short: None,
        }
    }
}

impl Gradient2 {
    fn update(&mut self, short: f64) {
        self.windows = self.windows.saturating_add(1);
        let weight = match self.windows {
            n if n <= WARM => 1.0 / f64::from(n),
            _ => 2.0 / (LONG + 1.0),
        };
        self.long += weight * (short - self.long);
        if self.long / short > DRIFT_RATIO {
            self.long *= DRIFT_DECAY;
        }
        // What is not used up says nothing about the limit.
        if (self.peak as f64) < self.limit / 2.0 {
            return;
        }
        let gradient = (TOLERANCE * self.long / short).clamp(GRADIENT_MIN, 1.0);
        let wanted = self.limit * gradient + QUEUE;
        self.limit = (self.limit * (1.0 - SMOOTHING) + wanted * SMOOTHING).clamp(MIN, MAX);
    }
}

impl Controller for Gradient2 {
    fn name(&self) -> &'static str {
        "gradient2"
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let waits = &sample.waits;
        self.span += sample.span;
        self.count += waits.count();
        self.sum += (waits.mean() + sample.cost).mul_f64(waits.count() as f64);
        self.peak = self.peak.max(sample.queued + sample.running);
        if self.span >= WINDOW && self.count >= SAMPLES {
            let short = self.sum.div_f64(self.count as f64);
            self.short = Some(short);
            self.update(short.as_secs_f64().max(f64::MIN_POSITIVE));
            (self.span, self.count) = (Duration::ZERO, 0);
            (self.sum, self.peak) = (Duration::ZERO, 0);
        }
        Adjust { events: self.limit as usize, measured: self.short, ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spread;
    use super::*;
    use crate::time::ms;

    /// The limit after so many windows of this wait, with so much in the stage.
    fn after(law: &mut Gradient2, windows: usize, wait: Duration, running: usize) -> usize {
        let mut waits = Spread::default();
        (0..100).for_each(|_| waits.add(wait));
        let sample = Sample { span: WINDOW, waits, cost: ms(1), running, ..Sample::default() };
        (0..windows).map(|_| law.tick(Time(0), &sample).events).last().unwrap_or(0)
    }

    #[test]
    fn a_step_of_latency_shrinks_the_limit_and_its_end_lets_it_grow() {
        let mut law = Gradient2::default();
        assert_eq!(after(&mut law, 50, ms(1), 200), 60, "0.8 a window while latency is flat");
        let shrunk = after(&mut law, 10, ms(20), 200);
        assert!((20..30).contains(&shrunk), "by a tenth a window: {shrunk}");
        let grown = after(&mut law, 50, ms(1), 200);
        assert!(grown > shrunk + 30, "{grown}");
    }

    #[test]
    fn a_limit_that_is_not_used_rests() {
        let mut law = Gradient2::default();
        assert_eq!(after(&mut law, 50, ms(1), 5), 20);
    }
}
