//! Which page goes when the budget is full: S3-FIFO (Yang and others, SOSP 2023), by bytes.
//!
//! New pages wait in a small queue. One that was asked for again by the time it reaches the end
//! moves to the main queue; the others go, so that a crawler that reads everything once cannot
//! wash out what is asked for often. A ghost remembers whom it sent away: who comes back enters
//! the main queue at once. A hit costs one bounded counter on the page and moves nothing.
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};

/// Heat stops here: how often a page passes the end of the main queue after its last hit.
pub const HEAT_MAX: u8 = 3;
/// In the small queue one hit may be the echo of the load itself; more earn a place in the main.
const HEAT_TO_STAY: u8 = 2;
/// The small queue has one part in this many of the bytes.
const SMALL_SHARE: u64 = 10;
/// The ghost remembers as many as are kept, but never fewer than this.
const GHOST_MIN: usize = 64;

/// Where the heat of a key is kept: on the page, where hits can reach it.
pub trait Heat<K> {
    /// How often the key was asked for lately; nothing for one that is no longer kept.
    fn heat(&self, key: &K) -> Option<u8>;
    /// Sets it.
    fn set_heat(&self, key: &K, heat: u8);
}

/// The order in which keys go.
#[derive(Debug)]
pub struct Policy<K> {
    small: Line<K>,
    main: Line<K>,
    ghost: Ghost,
}

#[derive(Debug)]
struct Line<K> {
    items: VecDeque<(K, u64)>,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Ghost {
    order: VecDeque<u64>,
    known: HashSet<u64>,
    hasher: RandomState,
}

impl<K: Hash> Policy<K> {
    /// Nothing is kept yet.
    pub fn new() -> Policy<K> {
        let line = || Line { items: VecDeque::new(), bytes: 0 };
        Policy { small: line(), main: line(), ghost: Ghost::default() }
    }

    /// Keeps a key of so many bytes, which must not be kept already.
    pub fn admit(&mut self, key: K, bytes: u64) {
        let line = if self.ghost.recall(&key) { &mut self.main } else { &mut self.small };
        line.push(key, bytes);
    }

    /// Takes the key that goes next. Keys without heat left the cache otherwise; they are passed.
    pub fn evict(&mut self, heats: &impl Heat<K>) -> Option<K> {
        loop {
            let from_small =
                self.main.items.is_empty() || self.small.bytes * SMALL_SHARE > self.bytes();
            if from_small && !self.small.items.is_empty() {
                let (key, bytes) = self.small.pop()?;
                match heats.heat(&key) {
                    None => {}
                    Some(heat) if heat >= HEAT_TO_STAY => {
                        heats.set_heat(&key, 0);
                        self.main.push(key, bytes);
                    }
                    Some(_) => {
                        let room = self.len().max(GHOST_MIN);
                        self.ghost.remember(&key, room);
                        return Some(key);
                    }
                }
            } else {
                let (key, bytes) = self.main.pop()?;
                match heats.heat(&key) {
                    None => {}
                    Some(0) => return Some(key),
                    Some(heat) => {
                        heats.set_heat(&key, heat - 1);
                        self.main.push(key, bytes);
                    }
                }
            }
        }
    }

    /// Lets go of all keys that left the cache otherwise.
    pub fn sweep(&mut self, heats: &impl Heat<K>) {
        for line in [&mut self.small, &mut self.main] {
            line.items.retain(|(key, _)| heats.heat(key).is_some());
            line.bytes = line.items.iter().map(|(_, bytes)| bytes).sum();
        }
    }

    /// How many keys are queued, with those that left otherwise and were not swept yet.
    pub fn len(&self) -> usize {
        self.small.items.len() + self.main.items.len()
    }

    fn bytes(&self) -> u64 {
        self.small.bytes + self.main.bytes
    }
}

impl<K> Line<K> {
    fn push(&mut self, key: K, bytes: u64) {
        self.items.push_back((key, bytes));
        self.bytes += bytes;
    }

    fn pop(&mut self) -> Option<(K, u64)> {
        let (key, bytes) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some((key, bytes))
    }
}

impl Ghost {
    /// Remembers a key by its hash: being wrong once in 2^64 only keeps a page longer.
    fn remember(&mut self, key: &impl Hash, room: usize) {
        let hash = self.hasher.hash_one(key);
        if self.known.insert(hash) {
            self.order.push_back(hash);
        }
        while self.order.len() > room {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// Whether the key was sent away lately; then it is forgotten here.
    fn recall(&mut self, key: &impl Hash) -> bool {
        let hash = self.hasher.hash_one(key);
        let known = self.known.remove(&hash);
        if known {
            self.order.retain(|other| *other != hash);
        }
        known
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
