//! Immutable bytes in pages of an arena.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use super::{Frames, PAGE};

/// Immutable bytes in pages of an [`Arena`](crate::Arena), in order but not side by side in memory.
/// A clone or a slice costs one reference count, whatever its length, and holds all pages: those of
/// the whole are home when the last clone and slice is dropped, the copy that a socket sends too.
///
/// ```
/// use sluicegate_io::{Arena, PAGE};
///
/// let mut frames = Arena::new(PAGE)?.take(1).expect("it is free");
/// frames.slices_mut().next().expect("a page")[..5].copy_from_slice(b"hello");
/// let page = frames.freeze(5);
/// let part = page.slice(1..3);
/// assert_eq!(part.chunks().next(), Some(&b"el"[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Paged {
    frames: Arc<Frames>,
    start: u32,
    end: u32,
}

impl Paged {
    pub(super) fn new(frames: Frames, len: u32) -> Self {
        Self { frames: Arc::new(frames), start: 0, end: len }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// A part of the bytes, in the same pages.
    ///
    /// # Panics
    /// Where the range is not within `0..len()`.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let first = match range.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.len(),
        };
        assert!(first <= end && end <= self.len(), "{first}..{end} of {} bytes", self.len());
        let (first, end) = (self.start + first as u32, self.start + end as u32);
        Self { frames: Arc::clone(&self.frames), start: first, end }
    }

    /// Forgets the first `n` bytes, at most all of them.
    pub fn advance(&mut self, n: usize) {
        self.start += n.min(self.len()) as u32;
    }

    /// The bytes in order, in as few slices as they lie in; none of them is empty.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let (start, end) = (self.start as usize, self.end as usize);
        let (mut skip, mut left) = (start % PAGE, end - start);
        let first = start / PAGE;
        let pages = if left == 0 { first } else { end.div_ceil(PAGE) };
        self.frames.slices_of(first, pages).map(move |slice| {
            let slice = &slice[std::mem::take(&mut skip)..];
            let slice = &slice[..slice.len().min(left)];
            left -= slice.len();
            slice
        })
    }
}

impl fmt::Debug for Paged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Paged({} bytes)", self.len())
    }
}
