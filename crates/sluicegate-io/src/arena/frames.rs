//! Pages that somebody has for himself, to fill them.

use std::fmt;
use std::sync::Arc;

use super::{PAGE, Paged, Shared};

/// Pages taken from an [`Arena`](crate::Arena), exclusive and writable, in order but not side by
/// side in memory. What they hold at first is what they were used for before, or zeroes.
///
/// They come home when they are dropped.
///
/// ```
/// use sluicegate_io::{Arena, PAGE};
///
/// let mut frames = Arena::new(4 * PAGE)?.take(3).expect("four are free");
/// let others = frames.split_off(1);
/// assert_eq!((frames.len(), others.len()), (PAGE, 2 * PAGE));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Frames {
    arena: Arc<Shared>,
    pages: Vec<u32>,
}

impl Frames {
    pub(super) fn new(arena: Arc<Shared>, pages: Vec<u32>) -> Self {
        Self { arena, pages }
    }

    /// Bytes of all pages.
    pub fn len(&self) -> usize {
        self.pages.len() * PAGE
    }

    /// Whether there is no page.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Takes the pages from the one with the number `at` on, counted from 0: what was read as one
    /// may be kept apart.
    ///
    /// # Panics
    /// If there are fewer than `at`.
    pub fn split_off(&mut self, at: usize) -> Self {
        Self::new(Arc::clone(&self.arena), self.pages.split_off(at))
    }

    /// Their bytes in order, in as few slices as they lie in.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.slices_of(0, self.pages.len())
    }

    /// The same, to write to.
    pub fn slices_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let arena = &*self.arena;
        self.pages.chunk_by(|a, b| a + 1 == *b).map(|run| {
            // SAFETY: the pages are mapped as long as `arena` is there, side by side, and nobody
            // else has them; no run has a page of another.
            unsafe { std::slice::from_raw_parts_mut(arena.at(run[0]), run.len() * PAGE) }
        })
    }

    /// The slices of the pages from `first` up to `end`.
    pub(super) fn slices_of(&self, first: usize, end: usize) -> impl Iterator<Item = &[u8]> {
        let arena = &*self.arena;
        self.pages[first..end].chunk_by(|a, b| a + 1 == *b).map(|run| {
            // SAFETY: the pages are mapped as long as `arena` is there, side by side, and are
            // written by nobody while `self` is borrowed.
            unsafe { std::slice::from_raw_parts(arena.at(run[0]), run.len() * PAGE) }
        })
    }

    /// Makes their first `len` bytes, at most all, immutable and shareable. Pages that hold none of
    /// them go home.
    pub fn freeze(mut self, len: usize) -> Paged {
        let len = len.min(self.len()).min(u32::MAX as usize);
        let spare = self.pages.split_off(len.div_ceil(PAGE));
        if !spare.is_empty() {
            self.arena.give_back(&spare);
        }
        Paged::new(self, len as u32)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if !self.pages.is_empty() {
            self.arena.give_back(&self.pages);
        }
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frames({} pages)", self.pages.len())
    }
}
