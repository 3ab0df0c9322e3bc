//! CoDel for requests, with adaptive LIFO.
//!
//! Ben Maurer, Fail at Scale, ACM Queue 13(8), 2015, after Kathleen Nichols and Van Jacobson,
//! Controlling Queue Delay, ACM Queue 10(5), 2012: a queue that has not been empty for an interval
//! is a standing queue, in which events may wait for a short time only and the newest goes first,
//! for its client still waits. It knows nothing of importance and of cost.

use super::{Adjust, Controller, Sample, TARGETS};
use crate::settings::OwnSettings;
use crate::time::Time;
use std::time::Duration;

/// How long an event may wait in a standing queue (`M`).
const TARGET: Duration = Duration::from_millis(5);
/// How long a queue may go without being empty before it is a standing one, and how long an event
/// may wait till then (`N`).
const INTERVAL: Duration = Duration::from_millis(100);

/// Drops what waited too long, and turns the queue round while it stands.
///
/// ```
/// use sluicegate::{Codel, bounded, ms};
///
/// let queue = bounded(1024).admit(Codel::target(ms(5)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Codel {
    target: Duration,
    interval: Duration,
}

impl Codel {
    /// With another target; the interval is twenty times the target.
    pub fn target(target: Duration) -> Self {
        let ratio = (INTERVAL.as_millis() / TARGET.as_millis()) as u32;
        Self { target, interval: target.saturating_mul(ratio) }
    }
}

impl Default for Codel {
    /// With the published 5 ms and 100 ms.
    fn default() -> Self {
        Self::target(TARGET)
    }
}

impl Controller for Codel {
    fn name(&self) -> &'static str {
        "codel"
    }

    fn target(&self) -> Option<Duration> {
        Some(self.target)
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "How long an event may wait in a queue that stands.";
        own.time("target", about, TARGETS, &mut self.target);
        let about = "How long a queue goes without being empty before it stands.";
        own.time("interval", about, TARGETS, &mut self.interval);
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let stands = sample.standing > self.interval;
        Adjust {
            patience: if stands { self.target } else { self.interval },
            newest_first: stands,
            measured: Some(sample.standing),
            ..Adjust::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn a_standing_queue_is_turned_round_after_an_interval_and_back_at_once() {
        let mut law = Codel::default();
        let mut at = |standing| {
            let adjust = law.tick(Time(0), &Sample { standing, ..Sample::default() });
            (adjust.newest_first, adjust.patience)
        };
        let patient = [0, 50, 100].map(|n| at(ms(n)));
        assert_eq!(patient, [(false, ms(100)); 3]);
        assert_eq!([at(ms(110)), at(ms(5000))], [(true, ms(5)); 2]);
        assert_eq!(at(ms(0)), (false, ms(100)));
    }
}
