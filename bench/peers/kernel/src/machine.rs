//! A machine that counts the wakes of its worker, and the processor on which a thread runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use sluicegate::{Machine, Park, Raised, Time, Wait, Waker};

/// The kernel's own machine for workers without an outside, with a count of calls of the waker.
pub struct Counting {
    park: Park,
    wakes: Arc<AtomicU64>,
}

impl Counting {
    pub fn new(wakes: &Arc<AtomicU64>) -> Self {
        Self { park: Park::new(), wakes: Arc::clone(wakes) }
    }
}

impl Machine for Counting {
    fn poll(&mut self, now: Time, wait: Wait, raised: &mut Raised) {
        self.park.poll(now, wait, raised);
    }

    fn waker(&self) -> Waker {
        let (waker, wakes) = (self.park.waker(), Arc::clone(&self.wakes));
        Arc::new(move || {
            wakes.fetch_add(1, Relaxed);
            waker();
        })
    }
}

/// Keeps the calling thread on one processor; where there is none of this number, on any.
pub fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    let _ = sched_setaffinity(None, &set);
}

/// Waits so long and returns how long it really was.
pub fn wait(seconds: f64) -> f64 {
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(seconds);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return begun.elapsed().as_secs_f64();
        }
        std::thread::park_timeout(left);
    }
}

/// How much a count grows in a second, measured for so many seconds after a quarter of that.
pub fn rate(count: &AtomicU64, seconds: f64) -> f64 {
    wait(seconds / 4.0);
    let before = count.load(Relaxed);
    let took = wait(seconds);
    (count.load(Relaxed) - before) as f64 / took
}
