//! What became of the records of a service that are not in its log, for those who look.
use sluicegate_http::log::Lost;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Counts, for all threads.
#[derive(Debug, Default)]
pub struct Counts {
    /// Records that were lost.
    pub lost: Arc<Lost>,
    /// Those that were left out by sampling ...
    left_out: AtomicU64,
    /// ... and those that no line tells of yet.
    untold: AtomicU64,
    /// One in so many ordinary records is written; 0 before the first.
    one_in: AtomicU64,
    failing: AtomicBool,
    rotated: AtomicU64,
}

impl Counts {
    /// Records that were left out by sampling.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Relaxed)
    }

    /// Counts more of them.
    pub fn leave_out(&self, n: u64) {
        self.left_out.fetch_add(n, Relaxed);
        self.untold.fetch_add(n, Relaxed);
    }

    /// Those that no line tells of yet; from now on they count as told.
    pub fn take_untold(&self) -> u64 {
        self.untold.swap(0, Relaxed)
    }

    /// The line that would have told of them was not written.
    pub fn untell(&self, n: u64) {
        self.untold.fetch_add(n, Relaxed);
    }

    /// One in so many ordinary records is written.
    pub fn one_in(&self) -> u64 {
        self.one_in.load(Relaxed).max(1)
    }

    /// From now on it is one in so many.
    pub fn set_one_in(&self, one_in: u64) {
        self.one_in.store(one_in, Relaxed);
    }

    /// Whether the last write failed.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    /// Notes how the last write went, and how many files it ended.
    pub fn wrote(&self, failing: bool, rotated: u64) {
        self.failing.store(failing, Relaxed);
        self.rotated.fetch_add(rotated, Relaxed);
    }

    /// Files that were ended and begun anew.
    pub fn rotated(&self) -> u64 {
        self.rotated.load(Relaxed)
    }
}
