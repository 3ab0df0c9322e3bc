//! What becomes of what is asked of volumes: counted by each worker, added up by whoever looks.
use super::memory::Memory;
use sluicegate_io::PAGE;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counts of one worker, which alone writes them.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests that were answered with what the worker knew.
    pub hits: AtomicU64,
    /// Questions that were answered with what is kept.
    pub kept: AtomicU64,
    /// Pieces and fronts that had to be read.
    pub misses: AtomicU64,
    /// Questions that waited for what was being read already.
    pub joined: AtomicU64,
    /// Questions refused for too many that wait, or for pages.
    pub refused: AtomicU64,
    /// Questions given up, as the device did not answer.
    pub late: AtomicU64,
    /// Pieces that were read before they were asked for.
    pub ahead: AtomicU64,
    /// Bytes that were read.
    pub bytes: AtomicU64,
    /// Reads that failed, or ended too early.
    pub errors: AtomicU64,
    /// Fronts and pieces that are not what was packed.
    pub damaged: AtomicU64,
    /// Fronts and pieces that had to go.
    pub evictions: AtomicU64,
    /// Pages that are kept.
    pub pages: AtomicU64,
    /// Pages that are being read into.
    pub loading: AtomicU64,
}

impl Counts {
    /// Counts `n` more.
    pub fn add(which: &AtomicU64, n: u64) {
        // One writer: there is nothing to be lost between the two.
        which.store(which.load(Relaxed) + n, Relaxed);
    }
}

/// The counts of all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// What was asked, by what came of it.
    pub asked: [(&'static str, u64); 6],
    /// Bytes that were read.
    pub bytes: u64,
    /// Pieces that were read ahead.
    pub ahead: u64,
    /// What could not be had, by kind.
    pub faults: [(&'static str, u64); 2],
    /// What had to go.
    pub evictions: u64,
    /// Bytes that are in use, of pages and of what is known of objects.
    pub used: u64,
    /// Of these, bytes of pages that are neither kept nor read into: sockets still send them.
    pub pinned: u64,
    /// Bytes that may be in use.
    pub budget: u64,
}

impl Sum {
    /// The part of what was asked that needed no reading; nothing where nothing was asked.
    pub fn hit_rate(&self) -> Option<f64> {
        let [(_, hits), (_, kept), (_, missed), (_, joined), ..] = self.asked;
        let all = hits + kept + missed + joined;
        (all > 0).then(|| (hits + kept) as f64 / all as f64)
    }

    /// What has been counted so far.
    pub fn of(memory: &Memory) -> Sum {
        let shares = memory.shares();
        let sum = |which: fn(&Counts) -> &AtomicU64| -> u64 {
            shares.iter().map(|share| which(&share.counts).load(Relaxed)).sum()
        };
        let bytes = |pages: usize| (pages * PAGE) as u64;
        let used: usize = shares.iter().map(|share| share.used()).sum();
        let held = (sum(|counts| &counts.pages) + sum(|counts| &counts.loading)) as usize;
        let fronts: u64 = shares.iter().map(|share| share.fronts.used()).sum();
        let limits = shares.iter().map(|share| bytes(share.arena.pages()) + share.fronts.limit());
        Sum {
            asked: [
                ("hit", sum(|counts| &counts.hits)),
                ("kept", sum(|counts| &counts.kept)),
                ("missed", sum(|counts| &counts.misses)),
                ("joined", sum(|counts| &counts.joined)),
                ("refused", sum(|counts| &counts.refused)),
                ("late", sum(|counts| &counts.late)),
            ],
            bytes: sum(|counts| &counts.bytes),
            ahead: sum(|counts| &counts.ahead),
            faults: [
                ("error", sum(|counts| &counts.errors)),
                ("damaged", sum(|counts| &counts.damaged)),
            ],
            evictions: sum(|counts| &counts.evictions),
            used: bytes(used) + fronts,
            pinned: bytes(used.saturating_sub(held)),
            budget: limits.sum(),
        }
    }
}
