//! Spreads of times: histograms whose buckets are an eighth of a power of two wide.

use crate::observe::Count;
use std::ops::AddAssign;
use std::time::Duration;

/// Times below 2^10 ns share a bucket: no wait is as short.
const FIRST_BITS: u32 = 10;
/// Buckets of each power of two: a quantile is right within 7 %.
const SUB_BITS: u32 = 3;
/// What is 2^40 ns (18 minutes) or longer shares a bucket.
const BUCKETS: usize = ((40 - FIRST_BITS) << SUB_BITS) as usize;

/// How a number of times are spread.
///
/// ```
/// use sluicegate::{Spread, ms};
/// use std::time::Duration;
///
/// let mut waits = Spread::default();
/// (1..=100).for_each(|n| waits.add(ms(n)));
/// assert_eq!((waits.count(), waits.mean()), (100, Duration::from_micros(50_500)));
/// assert!(waits.quantile(0.99).abs_diff(ms(99)) < ms(7));
/// ```
#[derive(Clone, Debug)]
pub struct Spread {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    /// Nanoseconds.
    sum: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), count: 0, sum: 0 }
    }
}

impl Spread {
    /// Adds a time.
    pub fn add(&mut self, time: Duration) {
        let nanos = crate::time::nanos(time);
        self.buckets[bucket(nanos)] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(nanos);
    }

    /// How many times there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; zero when there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum / self.count.max(1))
    }

    /// The time below which a share of them lies, right within 7 %; zero when there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (n, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(middle(n));
            }
        }
        Duration::ZERO
    }
}

impl AddAssign<&Self> for Spread {
    fn add_assign(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&*other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
    }
}

/// A spread with one writer, to be read by others; it only grows.
#[derive(Debug)]
pub(super) struct Tally {
    buckets: Box<[Count]>,
    sum: Count,
}

impl Default for Tally {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| Count::default()).collect(), sum: Count::default() }
    }
}

impl Tally {
    pub fn add(&self, nanos: u64) {
        self.buckets[bucket(nanos)].add(1);
        self.sum.add(nanos);
    }

    /// Adds to `into` what came since this was last called with the same `before`.
    pub fn take_since(&self, before: &mut Spread, into: &mut Spread) {
        for (n, bucket) in self.buckets.iter().enumerate() {
            let now = bucket.get();
            let new = now - std::mem::replace(&mut before.buckets[n], now);
            into.buckets[n] += new;
            into.count += new;
        }
        let sum = self.sum.get();
        into.sum += sum - std::mem::replace(&mut before.sum, sum);
    }
}

fn bucket(nanos: u64) -> usize {
    let power = nanos.max(1).ilog2();
    if power < FIRST_BITS {
        return 0;
    }
    let sub = (nanos >> (power - SUB_BITS)) as usize & ((1 << SUB_BITS) - 1);
    ((((power - FIRST_BITS) as usize) << SUB_BITS) + sub).min(BUCKETS - 1)
}

/// The middle of a bucket.
fn middle(n: usize) -> u64 {
    let power = (n >> SUB_BITS) as u32 + FIRST_BITS;
    let sub = (n & ((1 << SUB_BITS) - 1)) as u64;
    let width = 1 << (power - SUB_BITS);
    (1 << power) + sub * width + width / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn quantiles_are_those_of_a_sorted_list(
            mut times in prop::collection::vec(1024_u64..10_000_000_000, 1..200),
            share in 0.0_f64..1.0,
        ) {
            let (mut spread, tally) = (Spread::default(), Tally::default());
            for &time in &times {
                spread.add(Duration::from_nanos(time));
                tally.add(time);
            }
            times.sort_unstable();
            let rank = ((share * times.len() as f64).ceil() as usize).max(1);
            let exact = times[rank - 1] as f64;
            let (mut before, mut read) = (Spread::default(), Spread::default());
            tally.take_since(&mut before, &mut read);
            for found in [spread.quantile(share), read.quantile(share)] {
                let off = (found.as_nanos() as f64 - exact).abs() / exact;
                prop_assert!(off < 0.07, "{found:?} is not {exact}");
            }
            prop_assert_eq!((read.count(), read.mean()), (spread.count(), spread.mean()));
            let mut again = Spread::default();
            tally.take_since(&mut before, &mut again);
            prop_assert_eq!(again.count(), 0, "nothing came since");
        }
    }

    #[test]
    fn none_and_extremes() {
        let mut spread = Spread::default();
        assert_eq!((spread.quantile(0.5), spread.mean()), (Duration::ZERO, Duration::ZERO));
        spread.add(Duration::MAX);
        spread.add(Duration::ZERO);
        assert_eq!(spread.count(), 2);
    }
}
