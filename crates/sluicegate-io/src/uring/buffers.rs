//! Receive buffers lent to the kernel, which fills them in the order in which it got them.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;

use crate::buf::{Buf, Pool};
use crate::uring::ring::Ring;
use crate::uring::unfit::Unfit;

/// The most buffers lent at once: more than one poll ever fills, few enough to stay in a cache.
const BUFFERS: usize = 256;
/// The only group of buffers in a ring.
pub(super) const GROUP: u16 = 0;

/// What kernel and process share: entries, and in the first of them the tail.
#[repr(C, align(4096))]
struct Shared([BufRingEntry; BUFFERS]);

/// Buffers of the pool in the kernel's hands, each under a number.
///
/// They are ordinary buffers; one that was filled is handed out as it is.
pub(super) struct Lent {
    shared: NonNull<Shared>,
    buffers: Vec<Option<Buf>>,
    /// The numbers that no buffer has.
    free: Vec<u16>,
    /// Where the next entry goes.
    tail: u16,
}

impl Lent {
    /// Registers an empty ring of buffers.
    pub fn new(ring: &Ring) -> Result<Self, Unfit> {
        // SAFETY: an entry consists of numbers, for which zero will do.
        let shared = unsafe { Box::<Shared>::new_zeroed().assume_init() };
        let shared = NonNull::from(Box::leak(shared));
        let buffers = (0..BUFFERS).map(|_| None).collect();
        let free = (0..BUFFERS as u16).rev().collect();
        let lent = Self { shared, buffers, free, tail: 0 };
        // SAFETY: `shared` stays until `lent` is dropped, which its owner does after the ring;
        // it is touched in `lend` only, where the kernel expects it.
        unsafe { ring.register_buffers(shared.as_ptr() as u64, BUFFERS as u16, GROUP) }
            .map_err(|_| Unfit::Lacks("ring of receive buffers"))?;
        Ok(lent)
    }

    /// Buffers that the kernel can fill.
    pub fn len(&self) -> usize {
        BUFFERS - self.free.len()
    }

    /// Lends buffers of `pool`, of which at least half stays for others, as far as there are any.
    pub fn fill(&mut self, pool: &Pool) {
        let most = (pool.capacity() / 2).clamp(1, BUFFERS);
        if self.len() >= most {
            return;
        }
        while self.len() < most
            && let Some(buf) = pool.take()
        {
            self.lend(buf);
        }
        // SAFETY: the tail lies inside of `shared`, is aligned, and is written here alone; the
        // kernel reads it after the entries before it, as `Release` orders them.
        let tail = unsafe {
            AtomicU16::from_ptr(BufRingEntry::tail(self.shared.as_ptr().cast()).cast_mut())
        };
        tail.store(self.tail, Ordering::Release);
    }

    /// The buffer with this number, which the kernel has filled.
    pub fn take(&mut self, number: u16) -> Option<Buf> {
        let buf = self.buffers.get_mut(usize::from(number))?.take();
        if buf.is_some() {
            self.free.push(number);
        }
        buf
    }

    /// Forgets the buffers without freeing them: the kernel may still write to them.
    pub fn leak(&mut self) {
        std::mem::forget(std::mem::take(&mut self.buffers));
    }

    fn lend(&mut self, mut buf: Buf) {
        let Some(number) = self.free.pop() else { return };
        let room = buf.spare();
        let (at, len) = (room.as_mut_ptr() as u64, room.len() as u32);
        let place = usize::from(self.tail) % BUFFERS;
        // SAFETY: `place` is an entry of `shared`, and the kernel does not look at it before the
        // tail has passed it: there are no more buffers than entries.
        let entry = unsafe { &mut *self.shared.as_ptr().cast::<BufRingEntry>().add(place) };
        entry.set_addr(at);
        entry.set_len(len);
        entry.set_bid(number);
        self.tail = self.tail.wrapping_add(1);
        // Nobody touches the buffer until the kernel has given it back.
        self.buffers[usize::from(number)] = Some(buf);
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and the ring that knew it is gone.
        drop(unsafe { Box::from_raw(self.shared.as_ptr()) });
    }
}
