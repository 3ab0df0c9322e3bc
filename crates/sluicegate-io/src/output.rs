//! What waits to be written on one connection, and which tags end with it.

use std::collections::VecDeque;

use crate::chunk::Chunk;

/// Pieces in order, with a mark behind the last byte of every event that has a tag.
#[derive(Default)]
pub(crate) struct Output {
    chunks: VecDeque<Chunk>,
    /// Behind which byte which tag ends; the tags are in the write stage's `Tags`.
    marks: VecDeque<(u64, u32)>,
    /// Bytes appended and bytes sent since this was empty.
    appended: u64,
    sent: u64,
    /// The turn in which the backend last took pieces; the kernel sees them at its end.
    pub taken_in: u32,
}

impl Output {
    /// Bytes that are not sent yet.
    pub fn len(&self) -> usize {
        (self.appended - self.sent) as usize
    }

    /// Whether bytes are left, here or with a backend that has taken them.
    pub fn has_bytes(&self) -> bool {
        self.sent < self.appended
    }

    /// Whether neither bytes nor tags are left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.marks.is_empty()
    }

    pub fn push(&mut self, chunk: Chunk) {
        let len = chunk.len() as u64;
        if len > 0 {
            self.appended += len;
            self.chunks.push_back(chunk);
        }
    }

    /// The tag ends when all that was pushed so far is sent.
    pub fn mark(&mut self, tag: u32) {
        self.marks.push_back((self.appended, tag));
    }

    /// The pieces, for a backend that takes sent bytes off the front; then call `sent`.
    pub fn chunks(&mut self) -> &mut VecDeque<Chunk> {
        &mut self.chunks
    }

    /// The kernel took `n` bytes.
    pub fn sent(&mut self, n: usize) {
        self.sent += n as u64;
        debug_assert!(self.sent <= self.appended, "more was sent than there was");
    }

    /// The next tag whose last byte is sent.
    pub fn pop_finished(&mut self) -> Option<u32> {
        let (end, _) = self.marks.front()?;
        if *end <= self.sent { self.marks.pop_front().map(|(_, tag)| tag) } else { None }
    }

    /// Forgets all pieces and gives out the tags that will not be answered.
    pub fn abandon(&mut self) -> impl Iterator<Item = u32> + '_ {
        self.chunks.clear();
        (self.appended, self.sent) = (0, 0);
        self.marks.drain(..).map(|(_, tag)| tag)
    }

    /// Forgets the tags, which nobody holds any more.
    pub fn forget_marks(&mut self) {
        self.marks.clear();
    }

    /// Starts from zero again, keeping the memory.
    pub fn reset(&mut self) {
        debug_assert!(self.is_empty(), "output was forgotten");
        (self.appended, self.sent) = (0, 0);
    }
}

/// Pieces of so many bytes are sent behind those before them, not together with them.
const LARGE: usize = 32 * 1024;

/// The pieces at the front that are to be sent by one call, at most `most`: up to a large one that
/// is not the first.
///
/// What stands before a large piece goes ahead of it: the receiver wakes by it and takes the large
/// piece in on its own processor while that is still being copied. Sent together, 100 KiB cost
/// the sender half as much again (`bench/results/head-first`).
pub(crate) fn together(chunks: &VecDeque<Chunk>, most: usize) -> impl Iterator<Item = &[u8]> {
    let pieces = chunks.iter().take(most).map(Chunk::as_slice).enumerate();
    pieces.take_while(|(at, piece)| *at == 0 || piece.len() < LARGE).map(|(_, piece)| piece)
}

/// Takes `n` sent bytes off the front of `chunks`.
pub(crate) fn consume(chunks: &mut VecDeque<Chunk>, mut n: usize) {
    while n > 0 {
        let Some(front) = chunks.front_mut() else { return };
        let len = front.len();
        if n < len {
            front.advance(n);
            return;
        }
        n -= len;
        chunks.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_piece_goes_behind_what_is_before_it() {
        let (small, large) = (&[b'x'; LARGE - 1][..], &[b'x'; LARGE][..]);
        let count = |pieces: &[&'static [u8]]| {
            together(&pieces.iter().map(|piece| Chunk::from(*piece)).collect(), 3).count()
        };
        assert_eq!(count(&[small, small]), 2);
        assert_eq!(count(&[small; 4]), 3);
        assert_eq!(count(&[small, small, large]), 2);
        assert_eq!(count(&[large, small, large]), 2);
        assert_eq!(count(&[small, small, small, large]), 3);
    }

    #[test]
    fn consuming_stops_inside_a_piece() {
        let mut chunks: VecDeque<Chunk> = VecDeque::new();
        chunks.extend([Chunk::from(&b"abc"[..]), Chunk::from(&b"defg"[..])]);
        consume(&mut chunks, 5);
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].as_slice(), b"fg");
        consume(&mut chunks, 2);
        assert!(chunks.is_empty());
    }
}
