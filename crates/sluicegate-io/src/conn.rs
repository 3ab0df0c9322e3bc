//! Names of connections, and how connections end.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Bits of a slot's number: 2^28 connections a worker are more than fit into any memory.
const SLOT_BITS: u32 = 28;
/// The most slots of a table.
pub(crate) const SLOTS_MAX: usize = 1 << SLOT_BITS;
/// What is left of 32 bits tells the flows of a connection apart.
const LAPS: u8 = 15;

/// The name of a connection within its worker, never used twice within 2^32 uses of a slot.
///
/// It stays valid until the protocol closes the connection; after that all calls with it do
/// nothing and find nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    slot: u32,
    generation: u32,
}

/// A connection's name inside an event: whoever panics with it in hand closes the connection.
///
/// In all other respects it is a [`ConnId`]; dropping it does nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    conn: ConnId,
    home: u32,
}

/// Why a connection ended or, for `Eof`, half ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// The peer finished sending; we may still write.
    Eof,
    /// The peer broke the connection off; or closed it both ways, where that can be seen.
    Reset,
    /// The kernel reported another error.
    Error,
    /// The peer fell silent, or the protocol's patience ended.
    Timeout,
    /// The peer read so slowly that its output passed the bound.
    Slow,
    /// A handler panicked with the connection in hand.
    Abandoned,
    /// The protocol closed it.
    Closed,
}

impl How {
    /// All ways to end, in the order in which ledgers count them.
    pub const ALL: [Self; 7] = [
        Self::Eof,
        Self::Reset,
        Self::Error,
        Self::Timeout,
        Self::Slow,
        Self::Abandoned,
        Self::Closed,
    ];

    /// The name under which ledgers show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eof => "eof",
            Self::Reset => "reset",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Slow => "slow",
            Self::Abandoned => "abandoned",
            Self::Closed => "closed",
        }
    }
}

impl ConnId {
    pub(crate) const fn new(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }

    /// The place in the worker's table; used again when the connection is gone.
    pub fn slot(self) -> usize {
        self.slot as usize
    }

    pub(crate) fn generation(self) -> u32 {
        self.generation
    }

    /// The name as one number, for use as a key or as the number of a flow.
    pub fn key(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// A number for the `n`th flow of the connection, which is another than those of the fifteen
    /// before it: where replies wait to be sent there may be several.
    pub fn flow(self, n: u8) -> u64 {
        self.key() | u64::from(n & LAPS) << SLOT_BITS
    }

    /// The connection of a flow with such a number.
    pub fn of_flow(flow: u64) -> Self {
        Self::from_key(flow & !(u64::from(LAPS) << SLOT_BITS))
    }

    /// The name that has this key.
    pub fn from_key(key: u64) -> Self {
        Self { slot: key as u32, generation: (key >> 32) as u32 }
    }
}

impl Lease {
    pub(crate) fn new(conn: ConnId, home: &Abandoned) -> Self {
        Self { conn, home: home.number }
    }

    /// The plain name of the connection.
    pub fn id(&self) -> ConnId {
        self.conn
    }
}

impl Deref for Lease {
    type Target = ConnId;

    fn deref(&self) -> &ConnId {
        &self.conn
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if std::thread::panicking() {
            abandon(self.home, self.conn);
        }
    }
}

/// Where the leases of one worker's connections go when a panic drops them.
pub(crate) struct Abandoned {
    number: u32,
    list: Arc<List>,
}

struct List {
    /// Whether there is anything in the list: looked at far more often than it is true.
    some: AtomicBool,
    conns: Mutex<Vec<ConnId>>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

/// All lists of the process, by number. Touched when a machine starts or ends and in a panic
/// only, so that a lease needs no pointer to its home.
static LISTS: Mutex<Vec<(u32, Weak<List>)>> = Mutex::new(Vec::new());
static NUMBERS: AtomicU32 = AtomicU32::new(0);

impl Abandoned {
    pub fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let list = Arc::new(List { some: AtomicBool::new(false), conns: Mutex::default(), wake });
        let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
        lists.push((number, Arc::downgrade(&list)));
        Self { number, list }
    }

    /// The connections abandoned since this was last asked.
    pub fn take(&self) -> Vec<ConnId> {
        if !self.list.some.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut conns = self.list.conns.lock().unwrap_or_else(PoisonError::into_inner);
        self.list.some.store(false, Ordering::Relaxed);
        std::mem::take(&mut conns)
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|(number, _)| *number != self.number);
    }
}

fn abandon(home: u32, conn: ConnId) {
    let lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    let list =
        lists.iter().find(|(number, _)| *number == home).and_then(|(_, list)| list.upgrade());
    drop(lists);
    if let Some(list) = list {
        let mut conns = list.conns.lock().unwrap_or_else(PoisonError::into_inner);
        conns.push(conn);
        list.some.store(true, Ordering::Relaxed);
        drop(conns);
        (list.wake)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_key_names_its_connection() {
        let conn = ConnId::new(7, 9);
        assert_eq!(ConnId::from_key(conn.key()), conn);
        let conn = ConnId::new(SLOTS_MAX as u32 - 1, u32::MAX);
        let flows: std::collections::BTreeSet<u64> = (0..=u8::MAX).map(|n| conn.flow(n)).collect();
        assert_eq!(flows.len(), 16);
        assert!(flows.into_iter().all(|flow| ConnId::of_flow(flow) == conn));
    }

    #[test]
    fn only_a_panic_abandons() {
        let home = Abandoned::new(Arc::new(|| ()));
        let other = Abandoned::new(Arc::new(|| ()));
        drop(Lease::new(ConnId::new(1, 1), &home));
        let lease = Lease::new(ConnId::new(2, 1), &home);
        let caught = catch_unwind(AssertUnwindSafe(move || {
            let _held = lease;
            std::panic::resume_unwind(Box::new("the handler's panic"));
        }));
        assert!(caught.is_err());
        assert_eq!(home.take(), [ConnId::new(2, 1)]);
        assert!(other.take().is_empty());
    }
}
