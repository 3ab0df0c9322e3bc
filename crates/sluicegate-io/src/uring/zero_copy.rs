//! Sends without a copy: the kernel sends from the pages themselves, and says when it is done with
//! them, and whether it copied them after all.

use rustix::io::Errno;
use smallvec::SmallVec;

use crate::backend::{Ready, ZeroCopy};
use crate::chunk::{Chunk, Homed};
use crate::conn::ConnId;
use crate::uring::Uring;
use crate::uring::op::Op;

/// Bytes from which on a send is worth it: below, a copy costs less than to hold pages and to be
/// told that they are free.
const ZERO_COPY_MIN: usize = 32 << 10;
/// So many reports in a row that the kernel copied, and it is tried seldom: where the way leads
/// through this machine alone, or the device cannot gather, it always copies.
const COPIED_MAX: u32 = 16;
/// One in so many sends is tried then, as others may go another way.
const SELDOM: u32 = 256;
/// Sends that the kernel has not let go of; further ones are copied, as what clients do not
/// acknowledge holds memory for as long as they please.
const PINNED_MAX: usize = 4096;

/// Asks the kernel to tell whether it copied.
pub(super) const REPORT: u16 = 1 << 3;
/// It did.
const COPIED: u32 = 1 << 31;

/// What the kernel sends from, until it says that it is done.
pub(super) struct Pinned {
    /// Whose it is, or was.
    conn: ConnId,
    /// Clones, which hold the memory.
    _chunks: SmallVec<[Chunk; 1]>,
}

/// What came of sends without a copy.
#[derive(Default)]
pub(super) struct Experience {
    /// Reports in a row that the kernel copied.
    copied: u32,
    /// Sends that were worth it since then.
    passed: u32,
    /// What was not told yet.
    pub news: ZeroCopy,
}

impl Experience {
    /// Whether a send that is worth it is to be tried.
    fn tries(&mut self) -> bool {
        if self.copied < COPIED_MAX {
            return true;
        }
        self.passed += 1;
        self.passed.is_multiple_of(SELDOM)
    }

    fn reported(&mut self, copied: bool) {
        self.copied = if copied { self.copied.saturating_add(1) } else { 0 };
        self.news.copied += u64::from(copied);
    }
}

impl Uring {
    /// Takes what the connection sends next into a table, if it is content in pages of an arena
    /// and worth to be sent without a copy. Its place there.
    pub(super) fn pin(&mut self, id: ConnId, chunks: &[Chunk]) -> Option<ConnId> {
        let first = matches!(chunks.first(), Some(Chunk::Homed(Homed::Paged(_))));
        let large = first && chunks.iter().map(Chunk::len).sum::<usize>() >= ZERO_COPY_MIN;
        if !large || !self.has_zero_copy || self.pinned.len() >= PINNED_MAX {
            return None;
        }
        if self.conns.get(id).is_none_or(|sock| sock.copies) {
            return None;
        }
        if !self.experience.tries() {
            return None;
        }
        let clones: Option<SmallVec<_>> = chunks.iter().map(Chunk::shared).collect();
        let place = self.pinned.insert(Pinned { conn: id, _chunks: clones? }).ok()?;
        self.experience.news.sends += 1;
        Some(place)
    }

    /// A send without a copy is in the socket, or failed; `more` where the kernel keeps the pages.
    pub(super) fn zero_copied(
        &mut self,
        place: ConnId,
        result: Result<usize, Errno>,
        more: bool,
        ready: &mut Vec<Ready>,
    ) {
        let Some(conn) = self.pinned.get(place).map(|pinned| pinned.conn) else { return };
        if !more {
            self.pinned.remove(place);
        }
        let Some(sock) = self.conns.get_mut(conn) else { return };
        sock.pin = None;
        let unfit =
            matches!(result, Err(Errno::NOMEM | Errno::NOBUFS | Errno::INVAL | Errno::OPNOTSUPP));
        if unfit && !sock.closing {
            // The socket or the system does not have it, or may hold no more: as ever, then.
            sock.copies = true;
            self.experience.reported(true);
            if let Some(sending) = sock.sending.take() {
                self.submit(conn, sending);
            }
            return;
        }
        self.sent(conn, result, ready);
    }

    /// The kernel is done with the pages.
    pub(super) fn unpin(&mut self, place: ConnId, result: i32) {
        let Some(pinned) = self.pinned.remove(place) else { return };
        let copied = result as u32 & COPIED != 0;
        self.experience.reported(copied);
        if copied && let Some(sock) = self.conns.get_mut(pinned.conn) {
            sock.copies = true;
        }
    }

    /// What cancels the send of a connection.
    pub(super) fn cancel_send(&mut self, id: ConnId) {
        match self.conns.get(id).and_then(|sock| sock.pin) {
            Some(place) => self.cancel(Op::ZeroCopy, place),
            None => self.cancel(Op::Send, id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_many_copies_it_is_tried_seldom_until_one_is_saved() {
        let mut experience = Experience::default();
        let tried = |experience: &mut Experience| -> u32 {
            (0..2 * SELDOM).map(|_| u32::from(experience.tries())).sum()
        };
        for _ in 0..COPIED_MAX {
            assert_eq!(tried(&mut experience), 2 * SELDOM);
            experience.reported(true);
        }
        assert_eq!(tried(&mut experience), 2);
        experience.reported(false);
        assert_eq!(tried(&mut experience), 2 * SELDOM);
        assert_eq!(experience.news.copied, u64::from(COPIED_MAX));
    }
}
