//! Owned buffers from a bounded pool.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Bytes of one buffer unless the settings say otherwise: one page holds nearly every request head.
pub const BUFFER_SIZE: usize = 4096;

/// A bounded set of equal buffers of one worker, last returned first taken so that it stays warm.
///
/// Buffers are made when first needed, at most `capacity` of them, and are kept until the pool
/// is dropped. Those still out at that time are freed when they are dropped.
///
/// ```
/// use sluicegate_io::Pool;
///
/// let pool = Pool::new(1, 4096);
/// let mut buf = pool.take().expect("one is free");
/// assert_eq!(buf.push(b"hello"), 5);
/// assert!(pool.take().is_none(), "it has one alone");
/// drop(buf);
/// assert_eq!(pool.in_use(), 0);
/// ```
pub struct Pool {
    home: Arc<Home>,
}

/// An owned buffer with the bytes that are in it; goes home to its pool on drop, from any thread.
///
/// Sixteen bytes, so that it can travel in an event. Reads as the filled part (`Deref<[u8]>`).
///
/// ```
/// use sluicegate_io::Pool;
///
/// let mut buf = Pool::new(1, 4096).take().expect("one is free");
/// buf.push(b"GET / HTTP/1.1");
/// buf.advance(4);
/// assert_eq!(&buf[..1], b"/");
/// ```
pub struct Buf {
    /// Taken out by `drop` alone.
    block: ManuallyDrop<Box<Block>>,
    start: u32,
    end: u32,
}

struct Block {
    home: Arc<Home>,
    bytes: Box<[u8]>,
}

struct Home {
    size: usize,
    capacity: usize,
    /// Somebody asked in vain; the next buffer that comes home calls `wake`.
    starved: AtomicBool,
    wake: OnceLock<Arc<dyn Fn() + Send + Sync>>,
    stack: Mutex<Stack>,
}

struct Stack {
    #[expect(
        clippy::vec_box,
        reason = "a block keeps its box while it is out, and costs no new one"
    )]
    free: Vec<Box<Block>>,
    made: usize,
    closed: bool,
}

impl Pool {
    /// A pool of at most `capacity` buffers of `size` bytes each.
    ///
    /// `size` is held between 1 byte and 1 GiB.
    pub fn new(capacity: usize, size: usize) -> Self {
        let size = size.clamp(1, 1 << 30);
        let stack = Stack { free: Vec::new(), made: 0, closed: false };
        let starved = AtomicBool::new(false);
        let (wake, stack) = (OnceLock::new(), Mutex::new(stack));
        Self { home: Arc::new(Home { size, capacity, starved, wake, stack }) }
    }

    /// An empty buffer, or `None` when all are out: whoever asked waits.
    pub fn take(&self) -> Option<Buf> {
        let mut stack = self.home.stack();
        let block = match stack.free.pop() {
            Some(block) => block,
            None if stack.made < self.home.capacity => {
                stack.made += 1;
                drop(stack);
                let bytes = vec![0; self.home.size].into_boxed_slice();
                Box::new(Block { home: Arc::clone(&self.home), bytes })
            }
            None => {
                self.home.starved.store(true, Ordering::Relaxed);
                return None;
            }
        };
        Some(Buf { block: ManuallyDrop::new(block), start: 0, end: 0 })
    }

    /// Called from the dropping thread when a buffer comes home after a `take` in vain.
    ///
    /// The first caller wins; a pool has one waiter.
    pub fn on_return(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        let _ = self.home.wake.set(wake);
    }

    /// Buffers that `take` can still give out.
    pub fn available(&self) -> usize {
        let stack = self.home.stack();
        stack.free.len() + (self.home.capacity - stack.made)
    }

    /// Buffers that are out at this moment.
    pub fn in_use(&self) -> usize {
        self.home.capacity - self.available()
    }

    /// The most buffers that may be out at once.
    pub fn capacity(&self) -> usize {
        self.home.capacity
    }

    /// Bytes of one buffer.
    pub fn buffer_size(&self) -> usize {
        self.home.size
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let free = {
            let mut stack = self.home.stack();
            stack.closed = true;
            std::mem::take(&mut stack.free)
        };
        drop(free);
    }
}

impl Home {
    fn stack(&self) -> MutexGuard<'_, Stack> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, block: Box<Block>) {
        let mut stack = self.stack();
        if stack.closed {
            drop(stack);
            return;
        }
        stack.free.push(block);
        // Under the lock, so that a `take` in vain is either seen here or finds this buffer.
        let starved =
            self.starved.load(Ordering::Relaxed) && self.starved.swap(false, Ordering::Relaxed);
        drop(stack);
        if starved && let Some(wake) = self.wake.get() {
            wake();
        }
    }
}

impl Buf {
    /// Forgets the first `n` bytes, at most all of them.
    pub fn advance(&mut self, n: usize) {
        self.start += n.min(self.len()) as u32;
    }

    /// Keeps the first `n` bytes and forgets the rest.
    pub fn truncate(&mut self, n: usize) {
        self.end = self.start + n.min(self.len()) as u32;
    }

    /// Bytes that fit in this buffer altogether.
    pub fn capacity(&self) -> usize {
        self.block.bytes.len()
    }

    /// Appends as much of `bytes` as fits behind what is there and returns how much that was.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let spare = self.spare();
        let n = bytes.len().min(spare.len());
        spare[..n].copy_from_slice(&bytes[..n]);
        self.filled(n);
        n
    }

    /// The room behind the bytes that are there; say with [`Buf::filled`] how much was written.
    pub fn spare(&mut self) -> &mut [u8] {
        let end = self.end as usize;
        &mut self.block.bytes[end..]
    }

    /// The first `n` bytes of [`Buf::spare`] now belong to the contents.
    pub fn filled(&mut self, n: usize) {
        self.end = (self.end as usize + n).min(self.capacity()) as u32;
    }
}

impl Deref for Buf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let (start, end) = (self.start as usize, self.end as usize);
        &self.block.bytes[start..end]
    }
}

impl DerefMut for Buf {
    fn deref_mut(&mut self) -> &mut [u8] {
        let (start, end) = (self.start as usize, self.end as usize);
        &mut self.block.bytes[start..end]
    }
}

impl AsRef<[u8]> for Buf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Buf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buf({:?})", String::from_utf8_lossy(self))
    }
}

impl Drop for Buf {
    fn drop(&mut self) {
        // SAFETY: what is dropped is used no more.
        let block = unsafe { ManuallyDrop::take(&mut self.block) };
        let home = Arc::clone(&block.home);
        home.put(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_buffer_stays_small() {
        assert_eq!((size_of::<Buf>(), size_of::<Option<Buf>>()), (16, 16));
    }

    #[test]
    fn the_last_returned_is_taken_first() {
        let pool = Pool::new(2, 8);
        let (mut a, mut b) = (pool.take().unwrap(), pool.take().unwrap());
        a.push(b"a");
        b.push(b"b");
        drop(a);
        drop(b);
        let mut again = pool.take().unwrap();
        assert!(again.is_empty());
        again.filled(1);
        assert_eq!(&*again, b"b");
    }

    #[test]
    fn a_return_after_a_take_in_vain_wakes_once() {
        let pool = Pool::new(1, 8);
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        pool.on_return(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        drop(pool.take());
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        let held = pool.take().unwrap();
        assert!(pool.take().is_none());
        std::thread::spawn(move || drop(held)).join().unwrap();
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert_eq!(pool.available(), 1);
    }

    #[test]
    fn buffers_outlive_their_pool() {
        let pool = Pool::new(2, 8);
        let mut buf = pool.take().unwrap();
        drop(pool.take());
        drop(pool);
        assert_eq!(buf.push(b"0123456789"), 8);
        buf.advance(2);
        buf.truncate(3);
        assert_eq!(&*buf, b"234");
    }
}
