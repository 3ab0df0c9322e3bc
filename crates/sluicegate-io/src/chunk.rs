//! Pieces of output: shared bytes, pages of an arena, or received buffers sent on.

use bytes::Bytes;

use crate::arena::Paged;
use crate::buf::Buf;

/// One piece of output: immutable bytes that many share, or what goes home when it is sent.
///
/// ```
/// use bytes::Bytes;
/// use sluicegate_io::Chunk;
///
/// let mut chunk = Chunk::Bytes(Bytes::from_static(b"hello"));
/// chunk.advance(1);
/// assert_eq!((chunk.len(), chunk.as_slice()), (4, Some(&b"ello"[..])));
/// ```
#[derive(Debug)]
pub enum Chunk {
    /// Shared, reference-counted bytes.
    Bytes(Bytes),
    /// Memory that goes home. In an enum of its own, as a chunk of three kinds would be larger.
    Homed(Homed),
}

/// Memory that goes home to where it was taken, once it is sent.
#[derive(Debug)]
pub enum Homed {
    /// A received buffer, sent on without a copy.
    Buf(Buf),
    /// Pages of an arena, which others may share.
    Paged(Paged),
}

impl Chunk {
    /// The bytes of this piece in order, in as few slices as they lie in. An empty one has none, or
    /// an empty slice.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let (whole, pages) = match self {
            Self::Bytes(bytes) => (Some(&bytes[..]), None),
            Self::Homed(Homed::Buf(buf)) => (Some(&buf[..]), None),
            Self::Homed(Homed::Paged(paged)) => (None, Some(paged.chunks())),
        };
        whole.into_iter().chain(pages.into_iter().flatten())
    }

    /// All bytes of this piece, where they lie side by side.
    pub fn as_slice(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Homed(Homed::Buf(buf)) => Some(buf),
            Self::Homed(Homed::Paged(paged)) => {
                let first = paged.chunks().next().unwrap_or_default();
                (first.len() == paged.len()).then_some(first)
            }
        }
    }

    /// Another of it that holds the same memory. None of a buffer, which one alone has.
    pub(crate) fn shared(&self) -> Option<Self> {
        match self {
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Homed(Homed::Buf(_)) => None,
            Self::Homed(Homed::Paged(paged)) => Some(Self::from(paged.clone())),
        }
    }

    /// How many bytes this piece has.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Homed(Homed::Buf(buf)) => buf.len(),
            Self::Homed(Homed::Paged(paged)) => paged.len(),
        }
    }

    /// Whether nothing is (left) in this piece.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the first `n` bytes, at most all of them.
    pub fn advance(&mut self, n: usize) {
        match self {
            Self::Bytes(bytes) => drop(bytes.split_to(n.min(bytes.len()))),
            Self::Homed(Homed::Buf(buf)) => buf.advance(n),
            Self::Homed(Homed::Paged(paged)) => paged.advance(n),
        }
    }
}

/// Gives out the slices of several pieces in order, at most `most` of them. Nearly all pieces are
/// one slice, which costs no more than a look.
pub(crate) fn gather<'a>(chunks: &'a [Chunk], most: usize, mut add: impl FnMut(&'a [u8])) {
    let mut left = most;
    for chunk in chunks {
        match chunk {
            _ if left == 0 => return,
            Chunk::Homed(Homed::Paged(paged)) => {
                paged.chunks().take(left).for_each(|slice| {
                    left -= 1;
                    add(slice);
                });
            }
            Chunk::Bytes(bytes) => {
                left -= 1;
                add(bytes);
            }
            Chunk::Homed(Homed::Buf(buf)) => {
                left -= 1;
                add(buf);
            }
        }
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&'static [u8]> for Chunk {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Bytes(Bytes::from_static(bytes))
    }
}

impl From<Buf> for Chunk {
    fn from(buf: Buf) -> Self {
        Self::Homed(Homed::Buf(buf))
    }
}

impl From<Paged> for Chunk {
    fn from(paged: Paged) -> Self {
        Self::Homed(Homed::Paged(paged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::Pool;
    use crate::arena::{Arena, Frames, PAGE};

    #[test]
    fn a_chunk_stays_small() {
        assert_eq!(size_of::<Chunk>(), 32);
    }

    #[test]
    fn all_kinds_advance() {
        let mut buf = Pool::new(1, 8).take().unwrap();
        buf.push(b"abc");
        let mut frames = Arena::new(PAGE).unwrap().take(1).unwrap();
        frames.slices_mut().for_each(|slice| slice[..3].copy_from_slice(b"abc"));
        let paged = frames.freeze(3);
        for mut chunk in [Chunk::from(&b"abc"[..]), Chunk::from(buf), Chunk::from(paged)] {
            chunk.advance(2);
            assert_eq!((chunk.as_slice(), chunk.len()), (Some(&b"c"[..]), 1));
            chunk.advance(9);
            assert!(chunk.is_empty() && chunk.slices().all(<[u8]>::is_empty));
        }
    }

    /// An arena of which every other page of the first half is out.
    fn holes() -> (Arena, Vec<Frames>) {
        let arena = Arena::new(64 * PAGE).unwrap();
        let taken: Vec<_> = (0..32).map(|_| arena.take(1).unwrap()).collect();
        let out = taken.into_iter().step_by(2).collect();
        (arena, out)
    }

    proptest! {
        /// Slices are those of all pieces, up to a bound, whatever was taken off before.
        #[test]
        fn slices_are_gathered_in_order(
            pieces in prop::collection::vec((any::<bool>(), 0..6 * PAGE, 0..3 * PAGE), 0..6),
            most in 0..12_usize,
        ) {
            let ((arena, _out), mut chunks, mut model) = (holes(), Vec::new(), Vec::new());
            for (n, (paged, len, skip)) in pieces.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..len).map(|at| (at % 251 + n) as u8).collect();
                let pages = arena.take(len.div_ceil(PAGE)).filter(|_| paged);
                let mut chunk = match pages {
                    None => Chunk::from(Bytes::from(bytes.clone())),
                    Some(mut frames) => {
                        let mut rest = &bytes[..];
                        for slice in frames.slices_mut() {
                            let (now, later) = rest.split_at(rest.len().min(slice.len()));
                            slice[..now.len()].copy_from_slice(now);
                            rest = later;
                        }
                        Chunk::from(frames.freeze(len))
                    }
                };
                chunk.advance(skip);
                model.extend_from_slice(&bytes[skip.min(len)..]);
                chunks.push(chunk);
            }
            let all: Vec<&[u8]> = chunks.iter().flat_map(Chunk::slices).collect();
            prop_assert!(all.concat() == model);
            let mut gathered = Vec::new();
            gather(&chunks, most, |slice| gathered.push(slice));
            prop_assert_eq!(gathered, all.into_iter().take(most).collect::<Vec<_>>());
        }
    }

    #[test]
    fn pages_that_do_not_lie_side_by_side_are_slices() {
        let arena = Arena::new(4 * PAGE).unwrap();
        let mut pages: Vec<_> = (0..4).map(|_| arena.take(1).unwrap()).collect();
        // What is left free are the first and the third.
        drop(pages.remove(2));
        drop(pages.remove(0));
        let mut frames = arena.take(2).unwrap();
        for (slice, byte) in frames.slices_mut().zip(b"ab") {
            slice.fill(*byte);
        }
        let mut chunk = Chunk::from(frames.freeze(2 * PAGE));
        assert_eq!((chunk.as_slice(), chunk.len()), (None, 2 * PAGE));
        chunk.advance(PAGE - 1);
        let slices: Vec<&[u8]> = chunk.slices().collect();
        assert_eq!(slices, [b"a", &[b'b'; PAGE][..]]);
        chunk.advance(1);
        assert_eq!(chunk.as_slice(), Some(&[b'b'; PAGE][..]));
    }
}
