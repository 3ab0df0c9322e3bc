//! What became of requests, second by second: counts and histograms.

use std::time::Duration;

/// The longest time that a histogram tells apart.
const LONGEST: Duration = Duration::from_secs(3600);
/// Digits that a histogram keeps: 2 are an error of 1 % at most.
const DIGITS: u8 = 2;

/// Times, to within 1 % or 1 us.
#[derive(Clone, Debug)]
pub struct Histogram(hdrhistogram::Histogram<u32>);

impl Default for Histogram {
    fn default() -> Self {
        let micros = hdrhistogram::Histogram::new(DIGITS);
        Self(micros.expect("so many digits are possible"))
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, time: Duration) {
        let micros = time.min(LONGEST).as_micros() as u64;
        // It grows to what is recorded, seldom and within bounds.
        self.0.record(micros).expect("a histogram grows to any time that is bounded");
    }

    /// The time that the share `quantile` (0 to 1) of all does not exceed; zero without any.
    pub fn at(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// The mean.
    pub fn mean(&self) -> Duration {
        Duration::from_secs_f64(self.0.mean() / 1e6)
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("a histogram that grows takes in any other");
    }
}

/// What became of the requests and attempts that were meant to be sent in one second.
///
/// `first = good + late + failed` and
/// `attempts = ok + refused + odd + timeouts + errors` hold once all is settled.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Requests: first attempts.
    pub first: u64,
    /// Requests answered with 2xx within the target: goodput.
    pub good: u64,
    /// Requests answered with 2xx too late.
    pub late: u64,
    /// Requests that no attempt brought a 2xx.
    pub failed: u64,
    /// Arrivals for which the generator had no room. None in a run that is believed.
    pub missed: u64,
    /// Attempts, with the first.
    pub attempts: u64,
    /// Attempts answered with 2xx.
    pub ok: u64,
    /// Attempts answered with 503 or 429.
    pub refused: u64,
    /// Attempts answered with any other status.
    pub odd: u64,
    /// Attempts given up.
    pub timeouts: u64,
    /// Attempts without an answer that can be understood.
    pub errors: u64,
    /// Retries that the budget forbade.
    pub unpaid: u64,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// What the answers to all requests would cost the server, by [`Ask::cost`](crate::Ask::cost).
    pub asked_work: Duration,
    /// What those that were good cost it.
    pub good_work: Duration,
    /// What attempts answered with 2xx cost it, in time or not.
    pub ok_work: Duration,
    /// Of requests answered with 2xx, from when they were meant to be sent.
    pub latency: Histogram,
    /// Of refused attempts, from when each was meant to be sent.
    pub refusal: Histogram,
    /// Of requests answered with 2xx, as the server tells of their last attempt in Server-Timing.
    pub told: Histogram,
    /// Of the generator itself, from when it could send until it was written.
    pub lag: Histogram,
}

impl Row {
    /// Adds the figures of another.
    pub fn add(&mut self, other: &Self) {
        let counts = |row: &Self| {
            [
                row.first,
                row.good,
                row.late,
                row.failed,
                row.missed,
                row.attempts,
                row.ok,
                row.refused,
                row.odd,
                row.timeouts,
                row.errors,
                row.unpaid,
                row.bytes,
            ]
        };
        let sums: Vec<u64> = counts(self).iter().zip(counts(other)).map(|(a, b)| a + b).collect();
        [
            self.first,
            self.good,
            self.late,
            self.failed,
            self.missed,
            self.attempts,
            self.ok,
            self.refused,
            self.odd,
            self.timeouts,
            self.errors,
            self.unpaid,
            self.bytes,
        ] = sums.try_into().expect("as many sums as counts");
        self.asked_work += other.asked_work;
        self.good_work += other.good_work;
        self.ok_work += other.ok_work;
        self.latency.add(&other.latency);
        self.refusal.add(&other.refusal);
        self.told.add(&other.told);
        self.lag.add(&other.lag);
    }

    /// Attempts beyond the first.
    pub fn retries(&self) -> u64 {
        self.attempts.saturating_sub(self.first)
    }

    /// Whether every request and attempt has one outcome.
    pub fn is_settled(&self) -> bool {
        let outcomes = self.ok + self.refused + self.odd + self.timeouts + self.errors;
        self.first == self.good + self.late + self.failed && self.attempts == outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_sums() {
        let mut one = Row { first: 1, good: 1, attempts: 2, bytes: 3, ..Row::default() };
        one.good_work = Duration::from_millis(5);
        one.latency.record(Duration::from_millis(1));
        let mut two = one.clone();
        two.latency.record(Duration::from_secs(9999));
        two.add(&one);
        assert_eq!((two.first, two.good, two.retries(), two.bytes), (2, 2, 2, 6));
        assert_eq!(two.good_work, Duration::from_millis(10));
        assert_eq!(two.latency.count(), 3);
        let error = |time: Duration, wanted: f64| (time.as_secs_f64() / wanted - 1.0).abs();
        assert!(error(two.latency.at(0.5), 0.001) <= 0.01);
        assert!(error(two.latency.longest(), LONGEST.as_secs_f64()) <= 0.01);
    }
}
