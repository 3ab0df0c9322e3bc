//! Distributions of times and sizes in buckets of a fixed relative width, as those of
//! HdrHistogram are: exact below 16, then eight buckets to each doubling.

use crate::observe::Count;
use std::time::Duration;

/// Bits of a value that tell the buckets of one doubling apart.
const SUB_BITS: u32 = 3;
const SUBS: usize = 1 << SUB_BITS;
/// Values of this many bits have buckets of their own; larger ones are counted in the last.
const BITS: u32 = 40;

/// Numbers of buckets: times in nanoseconds up to 18 minutes, or sizes.
const BUCKETS: usize = (BITS - SUB_BITS + 1) as usize * SUBS;

/// A distribution of whole numbers: times in nanoseconds, or sizes.
///
/// Count, sum and maximum are exact, and so are quantiles below 16. Above it a quantile is the
/// middle of a bucket, which differs from the value itself by at most [`Histogram::ERROR`] of that,
/// up to 2^40; in nanoseconds that is 18 minutes.
///
/// ```
/// use sluicegate::Histogram;
///
/// let mut times = Histogram::default();
/// (1..=1000).for_each(|n| times.record(n, 1));
/// assert_eq!((times.count(), times.max(), times.mean()), (1000, 1000, 500.5));
/// assert!((times.quantile(0.99) as f64 / 990.0 - 1.0).abs() <= Histogram::ERROR);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By bucket; those after the last that counts something are left out.
    counts: Vec<u64>,
    sum: u64,
    max: u64,
}

impl Histogram {
    /// The largest relative error of a quantile.
    pub const ERROR: f64 = 0.5 / SUBS as f64;

    /// Counts `n` values.
    pub fn record(&mut self, value: u64, n: u64) {
        if n == 0 {
            return;
        }
        let bucket = bucket(value);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += n;
        self.sum = self.sum.wrapping_add(value.wrapping_mul(n));
        self.max = self.max.max(value);
    }

    /// Adds all that another one has counted.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.sum = self.sum.wrapping_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Their mean; 0 of none.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count().max(1) as f64
    }

    /// The largest; 0 of none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that a share `q` of all, from 0 to 1, do not exceed; 0 of none.
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = ((self.count() as f64 * q).ceil() as u64).max(1);
        let mut below = 0;
        for (bucket, n) in self.counts.iter().enumerate() {
            below += n;
            if below >= rank {
                let middle = least(bucket) + (most(bucket) - least(bucket)) / 2;
                return middle.min(self.max);
            }
        }
        self.max
    }

    /// The same as a time, of one that counts nanoseconds.
    pub fn time(&self, q: f64) -> Duration {
        Duration::from_nanos(self.quantile(q))
    }

    /// The largest value of each bucket that counted any, and how many; `u64::MAX` for the last
    /// one, of all that are larger than the others.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let counts = self.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        counts.map(|(bucket, n)| (most(bucket), *n))
    }
}

/// A histogram with one writer, read by anyone.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: [Count; BUCKETS],
    sum: Count,
    max: Count,
}

impl Default for Tally {
    fn default() -> Self {
        let counts = std::array::from_fn(|_| Count::default());
        Self { counts, sum: Count::default(), max: Count::default() }
    }
}

impl Tally {
    /// Counts `n` values.
    #[inline]
    pub fn record(&self, value: u64, n: u64) {
        self.counts[bucket(value)].add(n);
        self.sum.add(value.wrapping_mul(n));
        if value > self.max.get() {
            self.max.set(value);
        }
    }

    /// Adds what it counted until now. What is recorded meanwhile may be there in part.
    pub fn add_to(&self, to: &mut Histogram) {
        // Large nets have thousands of these: buckets above that of the largest are not read.
        let max = self.max.get();
        let counts = &self.counts[..=bucket(max)];
        let last = counts.iter().rposition(|n| n.get() > 0).map_or(0, |last| last + 1);
        if to.counts.len() < last {
            to.counts.resize(last, 0);
        }
        to.counts.iter_mut().zip(&counts[..last]).for_each(|(sum, n)| *sum += n.get());
        to.sum = to.sum.wrapping_add(self.sum.get());
        to.max = to.max.max(max);
    }
}

/// The bucket of a value.
#[inline]
const fn bucket(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    if bits <= SUB_BITS {
        return value as usize;
    }
    if bits > BITS {
        return BUCKETS - 1;
    }
    let shift = bits - 1 - SUB_BITS;
    // Its highest bits, the first of which is 1, after those of the doublings below.
    shift as usize * SUBS + (value >> shift) as usize
}

/// The smallest value of a bucket.
const fn least(bucket: usize) -> u64 {
    if bucket < 2 * SUBS {
        return bucket as u64;
    }
    let shift = bucket / SUBS - 1;
    ((bucket % SUBS + SUBS) as u64) << shift
}

/// The largest value of a bucket.
const fn most(bucket: usize) -> u64 {
    if bucket + 1 >= BUCKETS { u64::MAX } else { least(bucket + 1) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for bucket in 0..BUCKETS {
            assert_eq!(
                (super::bucket(least(bucket)), super::bucket(most(bucket))),
                (bucket, bucket)
            );
        }
        assert_eq!(super::bucket(u64::MAX), BUCKETS - 1);
        // The last is no wider than the others for what is not beyond all buckets.
        assert_eq!(super::bucket((1 << BITS) - 1), BUCKETS - 1);
    }

    /// Values of all sizes.
    fn value() -> impl Strategy<Value = u64> {
        (0..BITS, any::<u64>()).prop_map(|(bits, n)| n & ((1 << bits) - 1))
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        /// Against a sorted list: count, sum, maximum, and each quantile within the error.
        #[test]
        fn it_says_what_a_sorted_list_says(
            parts in prop::collection::vec(prop::collection::vec((value(), 1..9_u64), 0..50), 1..4),
            q in 0.0..=1.0_f64,
        ) {
            let (mut merged, mut read) = (Histogram::default(), Histogram::default());
            let mut sorted = Vec::new();
            for part in &parts {
                let (mut plain, tally) = (Histogram::default(), Tally::default());
                for &(value, n) in part {
                    plain.record(value, n);
                    tally.record(value, n);
                    sorted.extend((0..n).map(|_| value));
                }
                merged.merge(&plain);
                tally.add_to(&mut read);
            }
            sorted.sort_unstable();
            prop_assert_eq!(&merged, &read);
            prop_assert_eq!(read.count(), sorted.len() as u64);
            prop_assert_eq!(read.sum(), sorted.iter().sum::<u64>());
            prop_assert_eq!(read.max(), sorted.last().copied().unwrap_or(0));
            prop_assert_eq!(read.buckets().map(|(_, n)| n).sum::<u64>(), read.count());
            if let Some(last) = sorted.len().checked_sub(1) {
                let rank = (sorted.len() as f64 * q).ceil() as usize;
                let exact = sorted[rank.saturating_sub(1).min(last)];
                let error = read.quantile(q).abs_diff(exact) as f64;
                prop_assert!(error <= exact as f64 * Histogram::ERROR, "{error} of {exact}");
            }
        }
    }
}
