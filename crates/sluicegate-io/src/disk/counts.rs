//! What became of reads, writes and syncs, for any observer.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluicegate::Histogram;

use crate::disk::DiskOp;

/// Counts of all that a [`disk`](crate::disk) stage does, on whichever threads. A read costs a few
/// atomic additions and a lock for it, beside which the device takes a hundred times as long.
#[derive(Debug, Default)]
pub struct DiskLedger {
    reads: AtomicU64,
    bytes: AtomicU64,
    writes: AtomicU64,
    written: AtomicU64,
    syncs: AtomicU64,
    calls: AtomicU64,
    merged: AtomicU64,
    errors: AtomicU64,
    in_flight: AtomicU64,
    /// Nanoseconds from when a call was made until it was answered: of reads, writes and syncs.
    latency: [Mutex<Histogram>; 3],
}

/// What a [`DiskLedger`] said at one time.
#[derive(Clone, Debug, Default)]
pub struct DiskCounts {
    /// Reads answered, those with an error too.
    pub reads: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// Writes answered, those with an error too.
    pub writes: u64,
    /// Bytes that went, also of writes that failed after them.
    pub written: u64,
    /// Syncs answered, those with an error too.
    pub syncs: u64,
    /// Calls to the device: fewer than what was asked for where neighbours, or syncs, were made
    /// one, more where one failed and each was tried alone.
    pub calls: u64,
    /// Reads, writes and syncs that were made one call with others.
    pub merged: u64,
    /// Reads, writes and syncs answered with an error.
    pub errors: u64,
    /// Calls that the device has not answered.
    pub in_flight: u64,
    /// Nanoseconds that the device took for a call to read that it answered.
    pub latency: Histogram,
    /// The same for a call to write.
    pub write_latency: Histogram,
    /// The same for a call to sync.
    pub sync_latency: Histogram,
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
            writes: self.writes.load(Relaxed),
            written: self.written.load(Relaxed),
            syncs: self.syncs.load(Relaxed),
            calls: self.calls.load(Relaxed),
            merged: self.merged.load(Relaxed),
            errors: self.errors.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            latency: self.latency(DiskOp::Read),
            write_latency: self.latency(DiskOp::Write),
            sync_latency: self.latency(DiskOp::Sync),
        }
    }

    fn latency(&self, op: DiskOp) -> Histogram {
        self.latency[op as usize].lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A call was made, for so many askers.
    pub(crate) fn called(&self, askers: usize) {
        self.calls.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        if askers > 1 {
            self.merged.fetch_add(askers as u64, Relaxed);
        }
    }

    /// The device answered a call.
    pub(crate) fn returned(&self, op: DiskOp, after: Duration) {
        self.in_flight.fetch_sub(1, Relaxed);
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let latency = &self.latency[op as usize];
        latency.lock().unwrap_or_else(PoisonError::into_inner).record(nanos, 1);
    }

    /// A call will not be answered to whoever made it.
    pub(crate) fn forgotten(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// A read is answered.
    pub(crate) fn read(&self, result: &io::Result<usize>) {
        self.reads.fetch_add(1, Relaxed);
        match result {
            Ok(bytes) => self.bytes.fetch_add(*bytes as u64, Relaxed),
            Err(_) => self.errors.fetch_add(1, Relaxed),
        };
    }

    /// A write is answered.
    pub(crate) fn written(&self, bytes: usize, result: &io::Result<()>) {
        self.writes.fetch_add(1, Relaxed);
        self.written.fetch_add(bytes as u64, Relaxed);
        self.failed(result);
    }

    /// A sync is answered.
    pub(crate) fn synced(&self, result: &io::Result<()>) {
        self.syncs.fetch_add(1, Relaxed);
        self.failed(result);
    }

    fn failed(&self, result: &io::Result<()>) {
        if result.is_err() {
            self.errors.fetch_add(1, Relaxed);
        }
    }
}
