//! The ledger of connections: opened = closed + open, by how they closed, for any observer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::backend::ZeroCopy;
use crate::conn::How;

/// Why a connection was refused right after it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The table of connections was full.
    Full,
    /// Its address had as many connections as it may.
    Address,
}

impl Refusal {
    /// All reasons, in the order in which ledgers count them.
    pub const ALL: [Self; 2] = [Self::Full, Self::Address];

    /// The name under which ledgers show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
        }
    }
}

/// Counts of one worker's connections, written by that worker alone and read by anybody.
///
/// ```
/// use sluicegate_io::ConnLedger;
///
/// // Given to the machines of all workers; whoever looks sees the sum.
/// let ledger = ConnLedger::new();
/// let counts = ledger.count();
/// assert!(counts.balanced() && counts.open == 0);
/// ```
#[derive(Debug, Default)]
pub struct ConnLedger {
    opened: AtomicU64,
    open: AtomicU64,
    closed: [AtomicU64; How::ALL.len()],
    shed: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    starved: AtomicU64,
    zero_copy: AtomicU64,
    copied: AtomicU64,
}

/// What a [`ConnLedger`] said at one time, or the sum of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnCounts {
    /// Connections accepted or connected.
    pub opened: u64,
    /// Connections that are open: counted as such, not derived.
    pub open: u64,
    /// Connections closed, in the order of [`How::ALL`].
    pub closed: [u64; How::ALL.len()],
    /// Connections refused in the backlog because descriptors had run out; never opened.
    pub shed: u64,
    /// Connections refused right after they were accepted, in the order of [`Refusal::ALL`]; never
    /// opened.
    pub refused: [u64; Refusal::ALL.len()],
    /// How often accepting stopped for want of descriptors or memory.
    pub starved: u64,
    /// Sends of pages that the kernel was asked to make without a copy.
    pub zero_copy: u64,
    /// Those of them that it copied all the same.
    pub copied: u64,
}

impl ConnLedger {
    /// A new, shared ledger.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The counts now. Exact when the worker rests; else each is right by itself.
    pub fn count(&self) -> ConnCounts {
        ConnCounts {
            opened: self.opened.load(Relaxed),
            open: self.open.load(Relaxed),
            closed: std::array::from_fn(|how| self.closed[how].load(Relaxed)),
            shed: self.shed.load(Relaxed),
            refused: std::array::from_fn(|why| self.refused[why].load(Relaxed)),
            starved: self.starved.load(Relaxed),
            zero_copy: self.zero_copy.load(Relaxed),
            copied: self.copied.load(Relaxed),
        }
    }

    pub(crate) fn opened(&self) {
        add(&self.opened, 1);
        add(&self.open, 1);
    }

    pub(crate) fn closed(&self, how: How) {
        add(&self.closed[how as usize], 1);
        self.open.store(self.open.load(Relaxed) - 1, Relaxed);
    }

    pub(crate) fn shed(&self, n: u64) {
        add(&self.shed, n);
    }

    pub(crate) fn refused(&self, why: Refusal) {
        add(&self.refused[why as usize], 1);
    }

    pub(crate) fn zero_copied(&self, news: ZeroCopy) {
        add(&self.zero_copy, news.sends);
        add(&self.copied, news.copied);
    }

    pub(crate) fn starved(&self) {
        add(&self.starved, 1);
    }
}

impl ConnCounts {
    /// How many connections closed in any way.
    pub fn closed_total(&self) -> u64 {
        self.closed.iter().sum()
    }

    /// How many connections closed so.
    pub fn closed(&self, how: How) -> u64 {
        self.closed[how as usize]
    }

    /// How many connections were refused for this reason.
    pub fn refused(&self, why: Refusal) -> u64 {
        self.refused[why as usize]
    }

    /// Whether no connection vanished.
    pub fn balanced(&self) -> bool {
        self.opened == self.closed_total() + self.open
    }
}

impl std::ops::AddAssign for ConnCounts {
    fn add_assign(&mut self, other: Self) {
        self.opened += other.opened;
        self.open += other.open;
        self.shed += other.shed;
        self.starved += other.starved;
        self.zero_copy += other.zero_copy;
        self.copied += other.copied;
        for (mine, theirs) in self.closed.iter_mut().zip(other.closed) {
            *mine += theirs;
        }
        for (mine, theirs) in self.refused.iter_mut().zip(other.refused) {
            *mine += theirs;
        }
    }
}

/// One writer: a load and a store are enough, and cheaper than an atomic addition.
fn add(cell: &AtomicU64, n: u64) {
    cell.store(cell.load(Relaxed) + n, Relaxed);
}
