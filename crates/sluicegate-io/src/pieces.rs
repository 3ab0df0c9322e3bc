//! Pieces of output in order, sent from the front.

use smallvec::SmallVec;

use crate::chunk::Chunk;
use crate::events::PIECES;
use crate::pages::{LARGE, Splice};

/// Pieces that wait to be sent, none of them empty. Those of one write need no memory of their
/// own, and come in as a whole.
#[derive(Debug, Default)]
pub struct Pieces {
    chunks: SmallVec<[Chunk; PIECES]>,
    /// Those before this one are sent and let go of.
    first: usize,
}

impl Pieces {
    /// Whether all is sent.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The pieces that are left, in order.
    pub fn as_slice(&self) -> &[Chunk] {
        &self.chunks[self.first..]
    }

    /// Adds pieces at the end; returns how many bytes they have.
    pub fn append(&mut self, mut chunks: SmallVec<[Chunk; PIECES]>) -> usize {
        let mut bytes = 0;
        chunks.retain(|chunk| {
            bytes += chunk.len();
            !chunk.is_empty()
        });
        if self.chunks.is_empty() {
            self.chunks = chunks;
        } else {
            self.chunks.extend(chunks);
        }
        bytes
    }

    /// The pieces at the front that are to be sent by one call, at most `most`: up to a large one
    /// that is not the first. One that lies in [`PageMemory`](crate::PageMemory) goes alone. Those
    /// that lie in pages may have more slices than one call takes.
    ///
    /// What stands before a large piece goes ahead of it: the receiver wakes by it and takes the
    /// large piece in on its own processor while that is still being copied. Sent together, 100 KiB
    /// cost the sender half as much again (`bench/results/head-first`).
    pub fn together(&self, most: usize) -> &[Chunk] {
        let left = self.as_slice();
        let left = &left[..left.len().min(most)];
        if left.first().is_some_and(Splice::takes) {
            return &left[..1];
        }
        let behind = left.iter().skip(1).position(|chunk| chunk.len() >= LARGE);
        behind.map_or(left, |at| &left[..=at])
    }

    /// Whether the first piece lies in [`PageMemory`](crate::PageMemory), or is sent before one
    /// that does.
    pub(crate) fn lead_to_page_memory(&self, most: usize) -> bool {
        let (left, now) = (self.as_slice(), self.together(most).len());
        left.first().is_some_and(Splice::takes) || left.get(now).is_some_and(Splice::takes)
    }

    /// Takes `n` sent bytes off the front.
    pub fn consume(&mut self, mut n: usize) {
        while let Some(front) = self.chunks.get_mut(self.first) {
            let len = front.len();
            if n < len {
                front.advance(n);
                return self.close_up();
            }
            n -= len;
            // Its buffer goes home now.
            *front = Chunk::from(&b""[..]);
            self.first += 1;
        }
        self.clear();
    }

    /// Moves the first `n` pieces to `into`, which is empty.
    pub fn split_front(&mut self, n: usize, into: &mut Self) {
        debug_assert!(into.is_empty(), "pieces were forgotten");
        if n == self.as_slice().len() {
            std::mem::swap(self, into);
        } else {
            into.chunks.extend(self.chunks.drain(self.first..self.first + n));
        }
    }

    /// Lets go of all pieces.
    pub fn clear(&mut self) {
        self.chunks.clear();
        self.first = 0;
    }

    /// Moves what is left to the front once it is the smaller part, so that each piece is moved
    /// about once.
    fn close_up(&mut self) {
        if self.first * 2 > self.chunks.len() {
            self.chunks.drain(..self.first);
            self.first = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(chunks: &[&'static [u8]]) -> Pieces {
        let mut pieces = Pieces::default();
        pieces.append(chunks.iter().map(|chunk| Chunk::from(*chunk)).collect());
        pieces
    }

    #[test]
    fn a_large_piece_goes_behind_what_is_before_it() {
        let (small, large) = (&[b'x'; LARGE - 1][..], &[b'x'; LARGE][..]);
        let count = |chunks: &[&'static [u8]]| pieces(chunks).together(3).len();
        assert_eq!(count(&[small, small]), 2);
        assert_eq!(count(&[small; 4]), 3);
        assert_eq!(count(&[small, small, large]), 2);
        assert_eq!(count(&[large, small, large]), 2);
        assert_eq!(count(&[small, small, small, large]), 3);
    }

    /// Different bytes, so that each is known by what it is.
    static BYTES: [u8; 128] = {
        let mut bytes = [0; 128];
        let mut at = 0;
        while at < bytes.len() {
            bytes[at] = at as u8;
            at += 1;
        }
        bytes
    };

    fn bytes(pieces: &Pieces) -> Vec<u8> {
        pieces.as_slice().iter().flat_map(Chunk::slices).flatten().copied().collect()
    }

    proptest! {
        #[test]
        fn they_are_the_bytes_that_were_appended_and_not_consumed(
            steps in prop::collection::vec(
                (prop::collection::vec(0_usize..40, 0..6), 0_usize..100, any::<bool>()), 0..40),
        ) {
            let (mut all, mut model) = (Pieces::default(), Vec::new());
            for (lens, n, split) in steps {
                let parts: Vec<&'static [u8]> =
                    lens.iter().map(|len| &BYTES[*len..][..*len]).collect();
                let added = all.append(parts.iter().map(|part| Chunk::from(*part)).collect());
                prop_assert_eq!(added, lens.iter().sum::<usize>());
                model.extend(parts.concat());
                if split {
                    let (mut front, now) = (Pieces::default(), all.together(2).len());
                    all.split_front(now, &mut front);
                    let sent = bytes(&front);
                    prop_assert_eq!(&sent[..], &model[..sent.len()]);
                    model.drain(..sent.len());
                }
                let n = n.min(model.len());
                all.consume(n);
                model.drain(..n);
                prop_assert_eq!(&bytes(&all), &model);
                prop_assert_eq!(all.is_empty(), model.is_empty());
                prop_assert!(all.as_slice().iter().all(|chunk| !chunk.is_empty()));
            }
        }
    }
}
