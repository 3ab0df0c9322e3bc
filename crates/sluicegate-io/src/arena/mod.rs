//! Memory of a fixed size in pages, which reads fill and sockets send from: what a cache of content
//! is made of, so that its memory is a number that somebody sets.

mod frames;
mod mapping;
mod paged;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate::Waker;

pub use frames::Frames;
use mapping::Mapping;
pub use mapping::{Backing, PageKind};
pub use paged::Paged;

/// Bytes of a page: the alignment that direct I/O needs on nearly every device.
pub const PAGE: usize = 4096;

/// A fixed number of pages out of one mapping; clones are the same arena.
///
/// Pages are taken as [`Frames`], which one reader fills, and become [`Paged`], which many share.
/// They come home when the last of these is dropped, on whichever thread that is. There is never a
/// page beyond the budget: where none are free, nothing is given out, and whoever asked lets go of
/// something, waits, or refuses.
///
/// ```
/// use sluicegate_io::Arena;
///
/// let arena = Arena::new(64 << 10)?;
/// let mut frames = arena.take(2).expect("16 are free");
/// frames.slices_mut().for_each(|slice| slice.fill(b'x'));
/// let page = frames.freeze(5000);
/// assert_eq!((page.len(), arena.free()), (5000, 14));
/// drop(page);
/// assert_eq!(arena.free(), 16);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Arena(Arc<Shared>);

struct Shared {
    mapping: Mapping,
    backing: Backing,
    /// Locked once for all pages of a read or of what comes home, beside which a read from a disk
    /// or a send costs a thousand times as much; workers with an arena each never wait for it.
    free: Mutex<Free>,
}

struct Free {
    /// The numbers of free pages, the last that came home on top: they are the warmest.
    pages: Vec<u32>,
    /// Somebody asked in vain; what comes home next is told.
    starved: bool,
    waiters: Vec<Waker>,
}

impl Arena {
    /// An arena of `bytes` bytes, rounded down to whole pages; to whole huge pages where they come
    /// from the system's pool. Unless it is of that pool, none of it costs memory before it is
    /// used.
    ///
    /// # Errors
    /// Less than one page or more than 16 TiB is asked for, or the process may not have so many
    /// addresses.
    pub fn new(bytes: usize) -> io::Result<Self> {
        if !(1..=u32::MAX as usize).contains(&(bytes / PAGE)) {
            let text = format!("an arena has {PAGE} bytes at least and 16 TiB at most");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let (mapping, backing) = Mapping::new(bytes / PAGE * PAGE)?;
        let pages = (0..(mapping.len() / PAGE) as u32).rev().collect();
        let free = Mutex::new(Free { pages, starved: false, waiters: Vec::new() });
        Ok(Self(Arc::new(Shared { mapping, backing, free })))
    }

    /// Takes so many pages, or none where fewer are free.
    pub fn take(&self, pages: usize) -> Option<Frames> {
        let mut numbers = Vec::new();
        let mut free = self.0.free();
        let Some(left) = free.pages.len().checked_sub(pages) else {
            free.starved = true;
            return None;
        };
        numbers.reserve_exact(pages);
        numbers.extend(free.pages.drain(left..));
        drop(free);
        // Neighbours are read and sent as one.
        numbers.sort_unstable();
        Some(Frames::new(Arc::clone(&self.0), numbers))
    }

    /// Has `wake` be called from the thread on which pages come home after a [`take`](Self::take)
    /// in vain; once for each time that was so, whoever asked. Everybody who waits is called.
    pub fn on_return(&self, wake: Waker) {
        self.0.free().waiters.push(wake);
    }

    /// Pages in all: the budget.
    pub fn pages(&self) -> usize {
        self.0.pages()
    }

    /// Pages that nobody has.
    pub fn free(&self) -> usize {
        self.0.free().pages.len()
    }

    /// Where its bytes begin, and how many there are: mapped as long as it is there.
    pub(crate) fn bytes(&self) -> (*mut u8, usize) {
        (self.0.mapping.at(0), self.0.mapping.len())
    }

    /// What memory it is, and why not better.
    pub fn backing(&self) -> &Backing {
        &self.0.backing
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena({} of {} pages free)", self.free(), self.pages())
    }
}

impl Shared {
    fn free(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes pages back, which nobody refers to any more.
    fn give_back(&self, pages: &[u32]) {
        let mut free = self.free();
        free.pages.extend(pages.iter().rev());
        debug_assert!(free.pages.len() <= self.pages(), "a page came home twice");
        let told = match std::mem::take(&mut free.starved) {
            true => free.waiters.clone(),
            false => Vec::new(),
        };
        drop(free);
        told.iter().for_each(|wake| wake());
    }

    fn pages(&self) -> usize {
        self.mapping.len() / PAGE
    }

    /// Where a page begins.
    fn at(&self, page: u32) -> *mut u8 {
        self.mapping.at(page as usize * PAGE)
    }
}
