//! What became of reads, for any observer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluicegate::Histogram;

/// Counts of all reads of a [`disk`](crate::disk) stage, on whichever threads. A read costs a few
/// atomic additions and a lock for it, beside which the device takes a hundred times as long.
#[derive(Debug, Default)]
pub struct DiskLedger {
    reads: AtomicU64,
    bytes: AtomicU64,
    calls: AtomicU64,
    merged: AtomicU64,
    errors: AtomicU64,
    in_flight: AtomicU64,
    /// Nanoseconds from when a call was made until it was answered.
    latency: Mutex<Histogram>,
}

/// What a [`DiskLedger`] said at one time.
#[derive(Clone, Debug, Default)]
pub struct DiskCounts {
    /// Reads answered, those with an error too.
    pub reads: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// Calls to the device: fewer than reads where neighbours were read as one, more where one
    /// failed and each was read alone.
    pub calls: u64,
    /// Reads that were read as one with others.
    pub merged: u64,
    /// Reads answered with an error.
    pub errors: u64,
    /// Calls that the device has not answered.
    pub in_flight: u64,
    /// Nanoseconds that the device took for a call that it answered.
    pub latency: Histogram,
}

impl DiskLedger {
    /// A new, shared ledger.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The counts now; each is right by itself.
    pub fn count(&self) -> DiskCounts {
        DiskCounts {
            reads: self.reads.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            calls: self.calls.load(Relaxed),
            merged: self.merged.load(Relaxed),
            errors: self.errors.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            latency: self.latency.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// A call was made, for so many reads.
    pub(crate) fn called(&self, reads: usize) {
        self.calls.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        if reads > 1 {
            self.merged.fetch_add(reads as u64, Relaxed);
        }
    }

    /// The device answered a call.
    pub(crate) fn returned(&self, after: Duration) {
        self.in_flight.fetch_sub(1, Relaxed);
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).record(nanos, 1);
    }

    /// A call will not be answered to whoever made it.
    pub(crate) fn forgotten(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// A read is answered.
    pub(crate) fn answered(&self, result: &std::io::Result<usize>) {
        self.reads.fetch_add(1, Relaxed);
        match result {
            Ok(bytes) => self.bytes.fetch_add(*bytes as u64, Relaxed),
            Err(_) => self.errors.fetch_add(1, Relaxed),
        };
    }
}
