//! SEDA's response-time controller, with the constants of its paper.
//!
//! Matt Welsh and David Culler, Adaptive Overload Control for Busy Internet Servers, USITS 2003,
//! section 3 and figure 4 (and Welsh's thesis, 2002, section 5.5): a token bucket whose rate rises
//! by addition and falls by division on the 90th percentile of response times. It was built for
//! services of some hundred requests a second: a rate that climbs by one or two a second and ends
//! at 5000 is slow or useless for faster ones. It is kept as it was published, to compare with.

use super::{Adjust, Controller, Sample, Spread, TARGETS};
use crate::settings::OwnSettings;
use crate::time::Time;
use std::time::Duration;

/// Samples before the controller runs (`nreq`).
pub(super) const SAMPLES: u64 = 100;
/// It runs after this time anyway (`timeout`).
const TIMEOUT: Duration = Duration::from_secs(1);
/// Which of the samples counts.
const QUANTILE: f64 = 0.9;
/// Weight of the old value in the smoothed one (`alpha`).
const ALPHA: f64 = 0.7;
/// The rate rises when the error is below (`err_i`).
pub(super) const ERR_I: f64 = -0.5;
/// The rate falls when the error is above (`err_d`).
pub(super) const ERR_D: f64 = 0.0;
/// Factor of the rise (`adj_i`), in requests a second.
pub(super) const ADJ_I: f64 = 2.0;
/// Divisor of the fall (`adj_d`).
pub(super) const ADJ_D: f64 = 1.2;
/// The error at which the rise would be nothing (`c_i`).
pub(super) const C_I: f64 = -0.1;
/// Bounds of the rate, in requests a second.
pub(super) const RATE_MIN: f64 = 0.05;
pub(super) const RATE_MAX: f64 = 5000.0;
/// The rate at the start, from the released code.
pub(super) const RATE_START: f64 = 100.0;
/// Depth of the token bucket, from the released code.
const DEPTH: f64 = 10.0;

/// Welsh's admission controller for one class: a rate by additive increase and multiplicative
/// decrease.
///
/// ```
/// use sluicegate::{Seda, bounded, ms};
///
/// let queue = bounded(1024).admit(Seda::p90(ms(100)));
/// ```
#[derive(Clone, Debug)]
pub struct Seda {
    target: Duration,
    rate: f64,
    observed: Observed,
}

/// What the controller goes by: the smoothed quantile of response times.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// `None` before the first sample.
    smooth: Option<f64>,
    samples: Spread,
    since: Duration,
}

impl Observed {
    /// Hears of the `responses` of this `span`. When it is time for the controller to run, how far
    /// the quantile is above the target, relative to that.
    pub fn error(&mut self, span: Duration, responses: &Spread, target: Duration) -> Option<f64> {
        self.samples += responses;
        self.since += span;
        if self.samples.count() < SAMPLES && self.since < TIMEOUT {
            return None;
        }
        let samples = std::mem::take(&mut self.samples);
        self.since = Duration::ZERO;
        // Without any sample there is nothing to learn, as when nothing is offered.
        if samples.count() == 0 {
            return None;
        }
        let sample = samples.quantile(QUANTILE).as_secs_f64();
        let smooth = self.smooth.map_or(sample, |old| ALPHA * old + (1.0 - ALPHA) * sample);
        self.smooth = Some(smooth);
        let target = target.as_secs_f64().max(f64::MIN_POSITIVE);
        Some((smooth - target) / target)
    }

    /// What was compared with the target.
    pub fn measured(&self) -> Option<Duration> {
        self.smooth.map(Duration::from_secs_f64)
    }
}

impl Seda {
    /// 90 of 100 flows shall have been served `target` after they were born.
    pub fn p90(target: Duration) -> Self {
        Self { target, rate: RATE_START, observed: Observed::default() }
    }

    /// One run of the paper's controller.
    fn run(&mut self, error: f64) {
        if error > ERR_D {
            self.rate /= ADJ_D;
        } else if error < ERR_I {
            self.rate += -(error - C_I) * ADJ_I;
        }
        self.rate = self.rate.clamp(RATE_MIN, RATE_MAX);
    }
}

impl Controller for Seda {
    fn name(&self) -> &'static str {
        "seda"
    }

    fn target(&self) -> Option<Duration> {
        Some(self.target)
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "90 of 100 flows have been served so long after they were born.";
        own.time("target", about, TARGETS, &mut self.target);
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let error = self.observed.error(sample.span, &sample.responses, self.target);
        error.into_iter().for_each(|error| self.run(error));
        Adjust {
            rate: self.rate,
            burst: DEPTH,
            measured: self.observed.measured(),
            ..Adjust::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    /// The rates after each of `runs` in which all responses took `took`.
    fn rates(law: &mut Seda, runs: usize, took: Duration) -> Vec<f64> {
        let mut responses = Spread::default();
        (0..SAMPLES).for_each(|_| responses.add(took));
        let sample = Sample { span: ms(10), responses, ..Sample::default() };
        (0..runs).map(|_| law.tick(Time(0), &sample).rate).collect()
    }

    #[test]
    fn the_rate_climbs_by_less_than_two_a_run_and_falls_by_a_sixth() {
        let mut law = Seda::p90(ms(100));
        let up = rates(&mut law, 50, ms(1));
        let step = -(-0.99 - C_I) * ADJ_I;
        assert!((up[0] - RATE_START - step).abs() < 0.01, "{up:?}");
        assert!((up[49] - RATE_START - 50.0 * step).abs() < 0.5, "{up:?}");
        // The smoothed quantile passes the target in the first run, from where the rate falls.
        let down = rates(&mut law, 20, ms(1000));
        assert!((up[49] / down[0] - ADJ_D).abs() < 0.001);
        assert!((down[18] / down[19] - ADJ_D).abs() < 0.001);
        let floor = rates(&mut law, 100, ms(1000));
        assert_eq!(floor[99], RATE_MIN);
    }

    #[test]
    fn between_half_the_target_and_the_target_the_rate_rests() {
        let mut law = Seda::p90(ms(100));
        assert!(rates(&mut law, 20, ms(75)).iter().all(|&rate| rate == RATE_START));
    }

    #[test]
    fn it_runs_after_a_second_with_few_samples_and_not_without_any() {
        let mut law = Seda::p90(ms(100));
        let mut responses = Spread::default();
        responses.add(ms(500));
        let few = Sample { span: ms(500), responses, ..Sample::default() };
        assert_eq!(law.tick(Time(0), &few).rate, RATE_START);
        assert!(law.tick(Time(0), &few).rate < RATE_START);
        let (rate, none) = (law.rate, Sample { span: ms(500), ..Sample::default() });
        assert!((0..10).all(|_| law.tick(Time(0), &none).rate == rate));
    }
}
