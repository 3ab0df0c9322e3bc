//! A law for resources that are not work: memory, descriptors, the CPU itself.
//!
//! What Envoy's overload manager calls a resource monitor with a scaled trigger: from one threshold
//! on a share is refused that grows evenly to all of it at a second one, so that the last of a
//! resource is left to what was admitted. A reading needs nobody to be admitted, so that the law
//! recovers by itself.

use super::{Adjust, Controller, Gauge, Sample};
use crate::settings::OwnSettings;
use crate::time::Time;
use std::sync::Arc;

/// The use from which on some are refused, and that at which all are.
const FROM: f64 = 0.85;
const FULL: f64 = 0.95;
/// The most that may be set: ten times the budget.
const USE_MAX: f64 = 10.0;

/// Refuses a share of what asks as a [`Gauge`] comes near its budget, the least important classes
/// first. The law has the name of the gauge's resource.
///
/// Nothing is refused below 0.85 of the budget, and all from 0.95 on, unless other thresholds are
/// set [`between`](Self::between) which the share grows. While nothing is known of the resource
/// nothing is refused.
///
/// ```
/// use sluicegate::{Gauge, Headroom, Overload, bounded, ms};
///
/// let memory = Gauge::new("memory");
/// bounded(4096).admit(Overload::p99(ms(50))).admit(Headroom::of(&memory));
/// memory.set(Some(0.9)); // Half of what asks is refused.
/// ```
#[derive(Clone, Debug)]
pub struct Headroom {
    gauge: Arc<Gauge>,
    from: f64,
    full: f64,
}

impl Headroom {
    /// Goes by this gauge.
    pub fn of(gauge: &Arc<Gauge>) -> Self {
        Self { gauge: Arc::clone(gauge), from: FROM, full: FULL }
    }

    /// Refuses some from `from` on, and all from `full` on; `full` is taken to be no less. What
    /// answers slowly, such as a mean over seconds, needs them far apart, or the share swings
    /// between none and all.
    pub fn between(self, from: f64, full: f64) -> Self {
        Self { from, full: full.max(from), ..self }
    }
}

impl Controller for Headroom {
    fn name(&self) -> &'static str {
        self.gauge.name()
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "The use of the resource from which on some are refused.";
        own.number("from", "", about, 0.0..=USE_MAX, &mut self.from);
        let about = "The use at which all are refused; no less than `from` counts.";
        own.number("full", "", about, 0.0..=USE_MAX, &mut self.full);
    }

    fn tick(&mut self, _: Time, _: &Sample) -> Adjust {
        let full = self.full.max(self.from);
        let share = match self.gauge.used() {
            Some(used) if used >= full => 1.0,
            Some(used) if used > self.from => (used - self.from) / (full - self.from),
            _ => 0.0,
        };
        Adjust { share, pressure: share, ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_grows_evenly_between_the_thresholds() {
        let gauge = Gauge::new("memory");
        let mut law = Headroom::of(&gauge).between(0.5, 0.75);
        let mut shares = |readings: &[Option<f64>]| -> Vec<f64> {
            let share = |&used: &Option<f64>| {
                gauge.set(used);
                let said = law.tick(Time(0), &Sample::default());
                assert_eq!(said.pressure, said.share, "it had better be refused upstream");
                said.share
            };
            readings.iter().map(share).collect()
        };
        let known = [0.0, 0.5, 0.5625, 0.625, 0.75, 9.0, f64::INFINITY, 0.0].map(Some);
        assert_eq!(shares(&known), [0.0, 0.0, 0.25, 0.5, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(shares(&[None, Some(f64::NAN), Some(-1.0)]), [0.0; 3], "unknown is no reason");
    }

    #[test]
    fn thresholds_that_meet_or_cross_are_a_step() {
        let gauge = Gauge::new("x");
        for full in [0.5, 0.1] {
            let mut law = Headroom::of(&gauge).between(0.5, full);
            for (used, share) in [(0.49, 0.0), (0.5, 1.0)] {
                gauge.set(Some(used));
                assert_eq!(law.tick(Time(0), &Sample::default()).share, share, "{used}");
            }
        }
        assert_eq!(Headroom::of(&gauge).name(), "x");
    }
}
