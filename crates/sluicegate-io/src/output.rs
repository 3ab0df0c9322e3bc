//! What waits to be written on one connection, and which tags end with it.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::chunk::Chunk;
use crate::events::PIECES;
use crate::pieces::Pieces;

/// Pieces in order, with a mark behind the last byte of every event that has a tag.
#[derive(Default)]
pub(crate) struct Output {
    pieces: Pieces,
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

    pub fn append(&mut self, chunks: SmallVec<[Chunk; PIECES]>) {
        self.appended += self.pieces.append(chunks) as u64;
    }

    /// The tag ends when all that was pushed so far is sent.
    pub fn mark(&mut self, tag: u32) {
        self.marks.push_back((self.appended, tag));
    }

    /// The pieces, for a backend that takes sent bytes off the front; then call `sent`.
    pub fn pieces(&mut self) -> &mut Pieces {
        &mut self.pieces
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
        self.pieces.clear();
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
