//! What has become of the variants that were asked for.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counted in the pool, read by whoever looks.
#[derive(Debug, Default)]
pub struct Counts {
    /// Made and kept.
    pub made: AtomicU64,
    /// Of these, read from files that were coded ahead.
    pub ahead: AtomicU64,
    /// Given up because they saved too little.
    pub too_large: AtomicU64,
    /// Given up because the page or its files changed, or there was no room in the budget.
    pub dropped: AtomicU64,
    /// Bytes that the variants made are shorter than their pages.
    pub saved: AtomicU64,
}

impl Counts {
    pub(super) fn count(which: &AtomicU64, n: u64) {
        which.fetch_add(n, Relaxed);
    }
}
