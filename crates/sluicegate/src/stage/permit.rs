//! Permits: places in a queue that are taken before the events for them exist.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// Places that a [`reserve`](crate::Out::reserve) took. Dropping it is the abort: what was not
/// used goes back to the queue, so that nothing can dangle.
pub struct Permit<T> {
    queue: Arc<dyn Places>,
    left: usize,
    kind: PhantomData<fn(T)>,
}

/// A queue whose places can be given back.
pub(crate) trait Places: Send + Sync {
    fn give_back(&self, n: usize);
}

impl<T> Permit<T> {
    pub(crate) fn new(queue: Arc<dyn Places>, left: usize) -> Self {
        Self { queue, left, kind: PhantomData }
    }

    /// How many events may still be sent with it.
    pub fn left(&self) -> usize {
        self.left
    }

    pub(crate) fn spend(&mut self) -> bool {
        let any = self.left > 0;
        self.left -= usize::from(any);
        any
    }
}

impl<T> Drop for Permit<T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.queue.give_back(self.left);
        }
    }
}

impl<T> fmt::Debug for Permit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("left", &self.left).finish_non_exhaustive()
    }
}
