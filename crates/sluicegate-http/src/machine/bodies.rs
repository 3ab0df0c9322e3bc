//! How many bytes of bodies a worker holds, in its connections and with its handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::limits::BLOCK;
use crate::status::Problem;

/// All bodies of one worker; their exchanges may come to their end in other threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bodies(Arc<AtomicUsize>);

/// What one body takes of it, given back on drop.
#[derive(Debug)]
pub(crate) struct Share {
    bodies: Bodies,
    bytes: usize,
}

impl Bodies {
    /// Begins a body: a block, of the `most` bytes there are. So that who only announces bodies
    /// cannot take all places of the net either.
    pub fn share(&self, most: usize) -> Result<Share, Problem> {
        let mut share = Share { bodies: self.clone(), bytes: 0 };
        share.cover(1, most).map(|()| share)
    }
}

impl Share {
    /// Grows by whole blocks to `bytes`, unless all bodies together were more than `most`.
    pub fn cover(&mut self, bytes: usize, most: usize) -> Result<(), Problem> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let more = bytes.next_multiple_of(BLOCK) - self.bytes;
        if self.bodies.0.fetch_add(more, Relaxed) + more > most {
            self.bodies.0.fetch_sub(more, Relaxed);
            return Err(Problem::new(503, "too many bodies at once"));
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bodies.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_grow_by_blocks_and_are_given_back() {
        let (bodies, most) = (Bodies::default(), 3 * BLOCK);
        let mut first = bodies.share(most).unwrap();
        let second = bodies.share(most).unwrap();
        first.cover(BLOCK, most).unwrap();
        first.cover(BLOCK + 1, most).unwrap();
        assert_eq!(bodies.share(most).unwrap_err().status, 503);
        assert_eq!(first.cover(2 * BLOCK + 1, most).unwrap_err().status, 503);
        drop(second);
        first.cover(2 * BLOCK + 1, most).unwrap();
        drop(first);
        assert_eq!(bodies.0.load(Relaxed), 0);
    }
}
