//! When the requests of an open loop are due: a Poisson process whose rate changes by pieces.

use std::time::Duration;

use crate::plan::Rate;
use sluicegate::sim::Random;

/// The due times of one population, each drawn when it is asked for.
///
/// A Poisson process whose rate varies is one of rate 1 in another time: the area under the rate.
/// So gaps of mean 1 are drawn and turned back into time piece by piece, which is exact across
/// any step of the rate.
#[derive(Clone, Debug)]
pub struct Arrivals {
    rate: Rate,
    random: Random,
    /// The piece in which the last arrival was, and how far into it.
    piece: usize,
    within: f64,
    /// When that piece began, in seconds.
    began: f64,
}

impl Arrivals {
    /// The arrivals at `rate` that belong to `random`.
    pub fn new(rate: Rate, random: Random) -> Self {
        Self { rate, random, piece: 0, within: 0.0, began: 0.0 }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    /// The next due time since the start; none when the last piece is over.
    fn next(&mut self) -> Option<Duration> {
        let mut area = if self.rate.poisson { self.random.exponential() } else { 1.0 };
        loop {
            let piece = self.rate.pieces.get(self.piece)?;
            let left = piece.time.as_secs_f64() - self.within;
            if area < left * piece.rate {
                self.within += area / piece.rate;
                return Some(Duration::from_secs_f64(self.began + self.within));
            }
            area -= left * piece.rate;
            self.began += piece.time.as_secs_f64();
            self.piece += 1;
            self.within = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Piece;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn counts(arrivals: Arrivals, seconds: usize) -> Vec<f64> {
        let mut counts = vec![0.0; seconds];
        for due in arrivals {
            counts[due.as_secs() as usize] += 1.0;
        }
        counts
    }

    #[test]
    fn a_poisson_second_has_the_mean_and_the_variance_of_its_rate() {
        let rate = Rate::steady(400.0, secs(1000));
        let counts = counts(Arrivals::new(rate, Random::new(3)), 1000);
        let mean = counts.iter().sum::<f64>() / 1000.0;
        let variance = counts.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 999.0;
        // Three standard errors: sqrt(400 / 1000) and 400 * sqrt(2 / 1000).
        assert!((mean - 400.0).abs() < 1.9, "{mean}");
        assert!((variance - 400.0).abs() < 54.0, "{variance}");
    }

    #[test]
    fn gaps_are_exponential() {
        let arrivals = Arrivals::new(Rate::steady(1000.0, secs(100)), Random::new(5));
        let times: Vec<f64> = arrivals.map(|due| due.as_secs_f64()).collect();
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // Of exponential gaps the share above k means is e^-k.
        for k in [0.5, 1.0, 2.0, 3.0] {
            let above = gaps.iter().filter(|gap| **gap > k / 1000.0).count() as f64;
            let share = above / gaps.len() as f64;
            assert!((share - (-k).exp()).abs() < 0.005, "{k}: {share}");
        }
    }

    #[test]
    fn each_piece_has_its_rate_and_a_piece_of_rest_has_none() {
        let pieces = [(100.0, 10), (0.0, 5), (2000.0, 10), (100.0, 10)]
            .map(|(rate, time)| Piece { rate, time: secs(time) });
        let rate = Rate { pieces: pieces.to_vec(), poisson: true };
        let counts = counts(Arrivals::new(rate, Random::new(1)), 35);
        let sum = |from: usize, to: usize| counts[from..to].iter().sum::<f64>();
        assert!((sum(0, 10) - 1000.0).abs() < 95.0);
        assert_eq!(sum(10, 15), 0.0);
        assert!((sum(15, 25) - 20_000.0).abs() < 425.0);
        assert!((sum(25, 35) - 1000.0).abs() < 95.0);
    }

    #[test]
    fn a_seed_makes_one_plan_and_another_seed_another() {
        let plan = |seed| {
            let rate = Rate::steady(50.0, secs(2));
            Arrivals::new(rate, Random::new(seed)).collect::<Vec<_>>()
        };
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
    }

    #[test]
    fn even_arrivals_are_even() {
        let rate = Rate { poisson: false, ..Rate::steady(4.0, secs(1)) };
        let times: Vec<u128> =
            Arrivals::new(rate, Random::new(1)).map(|due| due.as_millis()).collect();
        assert_eq!(times, [250, 500, 750]);
    }
}
