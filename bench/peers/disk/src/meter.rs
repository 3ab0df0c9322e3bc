//! How long reads took, counted alike by whoever reads: a few atomic additions, no lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sluicegate::Histogram;

/// Eight buckets to each doubling.
const SUB_BITS: u32 = 3;
const BUCKETS: usize = 64 << SUB_BITS;
/// Those who count seldom meet in one.
const SHARDS: usize = 16;

/// Times in nanoseconds.
pub struct Meter(Vec<Shard>);

struct Shard {
    buckets: Vec<AtomicU64>,
    sum: AtomicU64,
}

/// What was counted up to one time.
pub struct Counted {
    buckets: Vec<u64>,
    sum: u64,
}

impl Default for Meter {
    fn default() -> Self {
        let zeroes = || (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        let shard = |_| Shard { buckets: zeroes(), sum: AtomicU64::new(0) };
        Self((0..SHARDS).map(shard).collect())
    }
}

impl Meter {
    /// Counts one read.
    pub fn count(&self, who: usize, nanos: u64) {
        let shard = &self.0[who % SHARDS];
        shard.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        shard.sum.fetch_add(nanos, Relaxed);
    }

    /// What was counted so far.
    pub fn counted(&self) -> Counted {
        let count = |n: usize| self.0.iter().map(|shard| shard.buckets[n].load(Relaxed)).sum();
        let sum = self.0.iter().map(|shard| shard.sum.load(Relaxed)).sum();
        Counted { buckets: (0..BUCKETS).map(count).collect(), sum }
    }
}

impl Counted {
    /// How many reads.
    pub fn reads(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What came since an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&before.buckets);
        Self { buckets: pairs.map(|(now, then)| now - then).collect(), sum: self.sum - before.sum }
    }

    /// The mean, in microseconds.
    pub fn mean_us(&self) -> f64 {
        self.sum as f64 / self.reads().max(1) as f64 / 1e3
    }

    /// So many of all took no longer, in microseconds.
    pub fn quantile_us(&self, share: f64) -> f64 {
        let mut all = Histogram::default();
        self.buckets.iter().enumerate().for_each(|(n, &count)| all.record(middle(n), count));
        all.quantile(share) as f64 / 1e3
    }
}

fn bucket(value: u64) -> usize {
    match value.checked_ilog2() {
        Some(top) if top >= SUB_BITS => {
            let sub = value >> (top - SUB_BITS) & ((1 << SUB_BITS) - 1);
            ((top as usize) << SUB_BITS) + sub as usize
        }
        _ => value as usize,
    }
}

fn middle(bucket: usize) -> u64 {
    let (top, sub) = (bucket >> SUB_BITS, bucket as u64 & ((1 << SUB_BITS) - 1));
    match (top as u32).checked_sub(SUB_BITS) {
        Some(shift) => (((1 << SUB_BITS) + sub) << shift) + (1 << shift >> 1),
        None => bucket as u64,
    }
}
