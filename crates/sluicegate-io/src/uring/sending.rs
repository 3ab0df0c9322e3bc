//! Output in the kernel's hands: the pieces of one send, kept until it completes.

use std::mem::zeroed;

use io_uring::{opcode, squeue, types};

use crate::chunk::{Chunk, gather};
use crate::pieces::Pieces;
use crate::send::SLICES_MAX;
use crate::uring::zero_copy::REPORT;

/// Pieces that are being sent. Boxed, as the kernel reads it where it lies.
pub(super) struct Sending {
    pieces: Pieces,
    /// Where the pieces lie, as the kernel wants to be told.
    places: Vec<libc::iovec>,
    message: libc::msghdr,
}

impl Default for Sending {
    fn default() -> Self {
        // SAFETY: a message consists of pointers and lengths, for which zero will do.
        let message = unsafe { zeroed() };
        Self { pieces: Pieces::default(), places: Vec::new(), message }
    }
}

impl Sending {
    /// Takes pieces off the front of `pieces`, of which there is at least one.
    pub fn load(&mut self, pieces: &mut Pieces) {
        pieces.split_front(pieces.together(SLICES_MAX).len(), &mut self.pieces);
    }

    /// The operation that sends them. It points to the pieces and to this: both stay where they
    /// are until it completes.
    pub fn entry(&mut self, fd: types::Fd) -> squeue::Entry {
        if let [only] = self.pieces.as_slice()
            && let Some(bytes) = only.as_slice()
        {
            // What is more than fits the number is sent next.
            let len = bytes.len().min(i32::MAX as usize);
            let send = opcode::Send::new(fd, bytes.as_ptr(), len as u32);
            return send.flags(libc::MSG_NOSIGNAL).build();
        }
        let send = opcode::SendMsg::new(fd, self.message());
        send.flags(libc::MSG_NOSIGNAL as u32).build()
    }

    /// The operation that sends them without a copy.
    pub fn zero_copy_entry(&mut self, fd: types::Fd) -> squeue::Entry {
        let send = opcode::SendMsgZc::new(fd, self.message()).ioprio(REPORT);
        send.flags(libc::MSG_NOSIGNAL as u32).build()
    }

    /// What is to be sent.
    pub fn chunks(&self) -> &[Chunk] {
        self.pieces.as_slice()
    }

    fn message(&mut self) -> *const libc::msghdr {
        self.places.clear();
        // Of pages that lie apart there may be more, which are sent next.
        gather(self.pieces.as_slice(), SLICES_MAX, |bytes| {
            let iov_base = bytes.as_ptr().cast_mut().cast();
            self.places.push(libc::iovec { iov_base, iov_len: bytes.len() });
        });
        self.message.msg_iov = self.places.as_mut_ptr();
        self.message.msg_iovlen = self.places.len();
        &raw const self.message
    }

    /// Lets go of `n` bytes that are sent; whether all are.
    pub fn sent(&mut self, n: usize) -> bool {
        self.pieces.consume(n);
        self.pieces.is_empty()
    }

    /// Lets go of all pieces.
    pub fn clear(&mut self) {
        self.pieces.clear();
    }
}
