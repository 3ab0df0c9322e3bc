//! When to look at a connection again: each has at most one entry that counts, the earliest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use sluicegate::Time;

/// Deadlines of connections by their keys, the nearest first.
#[derive(Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Time, u64)>>,
}

impl Deadlines {
    /// Notes that the connection is to be looked at then.
    pub fn set(&mut self, at: Time, key: u64) {
        self.heap.push(Reverse((at, key)));
    }

    /// The next connection whose deadline has passed, with the deadline.
    pub fn passed(&mut self, now: Time) -> Option<(Time, u64)> {
        let Reverse((at, _)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// How long nothing passes.
    pub fn left(&self, now: Time) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, _))| at.since(now))
    }
}
