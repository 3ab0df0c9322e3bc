//! CPU tokens: so much of the processor's time is given out as is to be used, and no more.
//!
//! After the admission control of CockroachDB (`pkg/util/admission`, `cpu_time_token`), 2025: tokens
//! are time of the processor, filled up at a share of what there is, and a request takes what it is
//! thought to cost. Here that is a rate: the share over the measured pace. There is no bound on what
//! waits, for nothing has to wait while the estimate is right.

use super::{Adjust, Controller, Sample};
use crate::time::Time;

/// The share of the time that is given out (`goal_util`).
const GOAL: f64 = 0.8;
/// Seconds of tokens that can be saved up. There it is one, from which it has bursts.
const BURST: f64 = 0.01;

/// Limits the rate to a share of what the handlers can do.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTokens;

impl Controller for CpuTokens {
    fn name(&self) -> &'static str {
        "cpu-tokens"
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let pace = sample.pace.as_secs_f64();
        let rate = if pace > 0.0 { GOAL / pace } else { f64::INFINITY };
        let burst = (rate * BURST).max(1.0);
        Adjust { rate, burst, measured: Some(sample.work), ..Adjust::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn the_rate_is_the_share_of_what_can_be_done() {
        let rate = |pace| {
            let adjust = CpuTokens.tick(Time(0), &Sample { pace, ..Sample::default() });
            (adjust.rate, adjust.burst)
        };
        assert_eq!(rate(ms(2)), (400.0, 4.0));
        assert_eq!(rate(ms(100)), (8.0, 1.0));
        assert_eq!(rate(ms(0)).0, f64::INFINITY, "nothing is known");
    }
}
