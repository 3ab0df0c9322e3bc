//! Policies: which stage of a worker runs next.

use std::collections::VecDeque;

/// The replicas of a worker that have something to do. Replicas are numbered by their distance
/// to the exit of the net: 0 is the nearest.
#[derive(Clone, Copy, Debug)]
pub struct Ready(pub(crate) u64);

impl Ready {
    /// Whether the replica with number `n` is ready.
    pub fn contains(self, n: usize) -> bool {
        n < 64 && self.0 & (1 << n) != 0
    }

    /// The ready replica that is nearest to the exit.
    pub fn nearest_exit(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
    }

    /// The ready replicas, nearest to the exit first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = Self(left).nearest_exit()?;
            left &= left - 1;
            Some(next)
        })
    }
}

/// Says which stage a worker runs next.
pub trait Policy: 'static {
    /// One of the ready replicas, of which there is at least one. `None` or a replica that is not
    /// ready lets the worker look at its machine first and ask again.
    fn next(&mut self, ready: Ready) -> Option<usize>;
}

/// The stages that free resources first: what is nearest to the exit. With it a batch is carried
/// through the net while its buffers are warm, and few of them are in use at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExitFirst;

impl Policy for ExitFirst {
    fn next(&mut self, ready: Ready) -> Option<usize> {
        ready.nearest_exit()
    }
}

/// Stages in the order in which they became ready.
#[derive(Clone, Debug, Default)]
pub struct Fifo {
    /// At most one entry a replica.
    order: VecDeque<usize>,
    known: u64,
}

impl Policy for Fifo {
    fn next(&mut self, ready: Ready) -> Option<usize> {
        for new in Ready(ready.0 & !self.known).iter() {
            self.order.push_back(new);
            self.known |= 1 << new;
        }
        while let Some(next) = self.order.pop_front() {
            self.known &= !(1 << next);
            if ready.contains(next) {
                return Some(next);
            }
        }
        None
    }
}
