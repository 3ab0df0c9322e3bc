//! Output in the kernel's hands: the pieces of one send, kept until it completes.

use std::collections::VecDeque;
use std::mem::zeroed;

use io_uring::{opcode, squeue, types};

use crate::chunk::Chunk;
use crate::output::{consume, together};

/// The most pieces of one send.
const PIECES_MAX: usize = 64;

/// Pieces that are being sent. Boxed, as the kernel reads it where it lies.
pub(super) struct Sending {
    chunks: VecDeque<Chunk>,
    /// Where the pieces lie, as the kernel wants to be told.
    places: Vec<libc::iovec>,
    message: libc::msghdr,
}

impl Default for Sending {
    fn default() -> Self {
        // SAFETY: a message consists of pointers and lengths, for which zero will do.
        let message = unsafe { zeroed() };
        Self { chunks: VecDeque::new(), places: Vec::new(), message }
    }
}

impl Sending {
    /// Takes pieces off the front of `chunks`, of which there is at least one.
    pub fn load(&mut self, chunks: &mut VecDeque<Chunk>) {
        debug_assert!(self.chunks.is_empty(), "pieces were forgotten");
        let now = together(chunks, PIECES_MAX).count();
        if now == chunks.len() {
            // Both keep their memory, in turns.
            std::mem::swap(&mut self.chunks, chunks);
        } else {
            self.chunks.extend(chunks.drain(..now));
        }
    }

    /// The operation that sends them. It points to the pieces and to this: both stay where they
    /// are until it completes.
    pub fn entry(&mut self, fd: types::Fd) -> squeue::Entry {
        if let [only] = self.chunks.make_contiguous() {
            let bytes = only.as_slice();
            // What is more than fits the number is sent next.
            let len = bytes.len().min(i32::MAX as usize);
            let send = opcode::Send::new(fd, bytes.as_ptr(), len as u32);
            return send.flags(libc::MSG_NOSIGNAL).build();
        }
        self.places.clear();
        self.places.extend(self.chunks.iter().map(|chunk| {
            let bytes = chunk.as_slice();
            libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
        }));
        self.message.msg_iov = self.places.as_mut_ptr();
        self.message.msg_iovlen = self.places.len();
        let send = opcode::SendMsg::new(fd, &raw const self.message);
        send.flags(libc::MSG_NOSIGNAL as u32).build()
    }

    /// Lets go of `n` bytes that are sent; whether all are.
    pub fn sent(&mut self, n: usize) -> bool {
        consume(&mut self.chunks, n);
        self.chunks.is_empty()
    }

    /// Lets go of all pieces.
    pub fn clear(&mut self) {
        self.chunks.clear();
    }
}
