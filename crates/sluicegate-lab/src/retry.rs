//! What a client does after an attempt that failed: nothing, again at once, or later.

use std::time::Duration;

use sluicegate::sim::Random;

/// When a client tries again after it was refused, got no answer in time, or an error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Retry {
    /// Never.
    #[default]
    Never,
    /// At once, at most so many times.
    AtOnce(u32),
    /// After a pause whose bound doubles each time and of which a random part is waited ("full
    /// jitter": Brooker, AWS Architecture Blog, 2015).
    Backoff {
        /// At most so many times.
        times: u32,
        /// The bound of the first pause.
        base: Duration,
        /// The bound of all.
        most: Duration,
    },
}

impl Retry {
    /// How long to wait before the retry that follows `tries` attempts; none when there is no
    /// further one.
    pub(crate) fn pause(&self, tries: u32, random: &mut Random) -> Option<Duration> {
        match *self {
            Self::AtOnce(times) if tries <= times => Some(Duration::ZERO),
            Self::Backoff { times, base, most } if tries <= times => {
                let factor = 1_u32.checked_shl(tries - 1).unwrap_or(u32::MAX);
                Some(base.saturating_mul(factor).min(most).mul_f64(random.unit()))
            }
            Self::Never | Self::AtOnce(_) | Self::Backoff { .. } => None,
        }
    }

    /// How often it tries at most, with the first attempt.
    pub(crate) fn tries(&self) -> u32 {
        match *self {
            Self::Never => 1,
            Self::AtOnce(times) | Self::Backoff { times, .. } => times.saturating_add(1),
        }
    }
}

/// Retries that a population may make, in percent of its first attempts (as in Finagle and in
/// the SRE book, chapter 22).
///
/// Each first attempt brings `percent` hundredths of a retry, and a retry takes a whole one; so in
/// every run retries are at most that share, rounded down. Kept in whole hundredths: exact.
#[derive(Clone, Debug)]
pub struct Budget {
    percent: Option<u32>,
    hundredths: u64,
}

impl Budget {
    /// A budget of `percent`; without one every retry is allowed.
    pub fn new(percent: Option<u32>) -> Self {
        Self { percent, hundredths: 0 }
    }

    /// A first attempt was made.
    pub fn first(&mut self) {
        self.hundredths = self.hundredths.saturating_add(self.percent.unwrap_or(0).into());
    }

    /// Whether a retry may be made, which is then taken off.
    pub fn take(&mut self) -> bool {
        if self.percent.is_none() {
            return true;
        }
        let left = self.hundredths.checked_sub(100);
        self.hundredths = left.unwrap_or(self.hundredths);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_end() {
        let (base, most) = (Duration::from_millis(10), Duration::from_millis(35));
        let retry = Retry::Backoff { times: 4, base, most };
        let mut random = Random::new(1);
        for (tries, bound) in [(1, 10), (2, 20), (3, 35), (4, 35)] {
            let pauses: Vec<Duration> =
                (0..1000).map(|_| retry.pause(tries, &mut random).unwrap()).collect();
            let longest = *pauses.iter().max().unwrap();
            let bound = Duration::from_millis(bound);
            assert!(longest < bound && longest > bound.mul_f64(0.9), "{tries}: {longest:?}");
        }
        assert_eq!(retry.pause(5, &mut random), None);
        assert_eq!(Retry::Never.pause(1, &mut random), None);
        assert_eq!(Retry::AtOnce(2).pause(2, &mut random), Some(Duration::ZERO));
        assert_eq!(Retry::AtOnce(2).pause(3, &mut random), None);
    }

    #[test]
    fn a_budget_is_a_share_of_first_attempts_rounded_down() {
        let mut budget = Budget::new(Some(10));
        let mut taken = 0;
        for first in 1..=1005 {
            budget.first();
            taken += u64::from(budget.take()) + u64::from(budget.take());
            assert_eq!(taken, first / 10);
        }
        assert!((0..1000).all(|_| Budget::new(None).take()));
    }
}
