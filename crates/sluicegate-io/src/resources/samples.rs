//! Samples: what other parts of a service measure of a resource, to be read as a mean.
//!
//! Such are how long a read of the disk takes, and whether a page was in the cache.

use sluicegate::Time;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The time over which the mean is taken, about.
const OVER: Duration = Duration::from_secs(10);
/// Fewer in that time say nothing.
const LEAST: f64 = 20.0;

/// What was measured by all who have a [`Sampler`].
#[derive(Debug, Default)]
pub struct Samples(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Of samplers that are gone.
    past: (u64, u64),
    cells: Vec<Arc<Cell>>,
}

/// What one measured: how often, and the sum. A line of its own, as each is written by another
/// worker.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Cell {
    count: AtomicU64,
    sum: AtomicU64,
}

/// Adds samples, from one thread at a time: two plain loads and stores each.
#[derive(Debug)]
pub struct Sampler(Arc<Cell>);

impl Samples {
    /// For one more who measures.
    pub fn sampler(&self) -> Sampler {
        let cell = Arc::default();
        self.lock().cells.push(Arc::clone(&cell));
        Sampler(cell)
    }

    /// How many there were, and their sum.
    pub fn total(&self) -> (u64, u64) {
        let mut inner = self.lock();
        let Inner { past, cells } = &mut *inner;
        let add = |to: (u64, u64), cell: &Cell| {
            // A mean may be off by the sample that is added meanwhile.
            let count = cell.count.load(Relaxed);
            (to.0.wrapping_add(count), to.1.wrapping_add(cell.sum.load(Relaxed)))
        };
        cells.retain(|cell| {
            let lives = Arc::strong_count(cell) > 1;
            if !lives {
                *past = add(*past, cell);
            }
            lives
        });
        cells.iter().fold(*past, |sum, cell| add(sum, cell))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sampler {
    /// One more, of this size.
    pub fn add(&mut self, size: u64) {
        let Cell { count, sum } = &*self.0;
        sum.store(sum.load(Relaxed).wrapping_add(size), Relaxed);
        count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
    }
}

/// Their mean over the last seconds.
#[derive(Debug, Default)]
pub(super) struct Mean {
    last: (u64, u64),
    looked: Time,
    /// How many there were lately and their sum, older ones weighing less.
    lately: (f64, f64),
}

impl Mean {
    /// The mean; nothing while there are too few.
    pub fn look(&mut self, now: Time, samples: &Samples) -> Option<f64> {
        let kept = (-now.since(self.looked).as_secs_f64() / OVER.as_secs_f64()).exp();
        self.looked = now;
        let seen = samples.total();
        let last = std::mem::replace(&mut self.last, seen);
        let (count, sum) = (seen.0.wrapping_sub(last.0), seen.1.wrapping_sub(last.1));
        self.lately.0 = self.lately.0 * kept + count as f64;
        self.lately.1 = self.lately.1 * kept + sum as f64;
        (self.lately.0 >= LEAST).then(|| self.lately.1 / self.lately.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(s: u64) -> Time {
        Time(0) + Duration::from_secs(s)
    }

    #[test]
    fn the_mean_follows_what_is_measured_and_says_nothing_of_what_is_long_past() {
        let (samples, mut mean) = (Samples::default(), Mean::default());
        let mut one = samples.sampler();
        assert_eq!(mean.look(at(0), &samples), None);
        (0..10).for_each(|_| one.add(100));
        assert_eq!(mean.look(at(1), &samples), None, "these are few");
        (0..90).for_each(|_| one.add(100));
        let first = mean.look(at(1), &samples).expect("enough");
        assert!((first - 100.0).abs() < 1e-9, "{first}");
        (0..100).for_each(|_| one.add(300));
        let second = mean.look(at(11), &samples).expect("enough");
        assert!((245.0..247.0).contains(&second), "the first weigh a third of it: {second}");
        assert_eq!(mean.look(at(60), &samples), None, "they are long past");
    }

    proptest! {
        /// Nothing is lost, whoever measured and when they went.
        #[test]
        fn the_total_is_that_of_all(
            adds in prop::collection::vec((0..4_usize, 0..1000_u64, any::<bool>()), 0..200),
        ) {
            let samples = Samples::default();
            let mut each: Vec<Option<Sampler>> = (0..4).map(|_| None).collect();
            let mut expected = (0, 0);
            for (who, size, goes) in adds {
                each[who].get_or_insert_with(|| samples.sampler()).add(size);
                expected = (expected.0 + 1, expected.1 + size);
                if goes {
                    each[who] = None;
                }
                prop_assert_eq!(samples.total(), expected);
            }
            prop_assert!(samples.lock().cells.len() <= 4);
        }
    }
}
