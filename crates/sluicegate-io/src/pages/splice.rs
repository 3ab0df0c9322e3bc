//! Sends page memory through a pipe: the socket gets references to the pages, not a copy.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::{
    IoSliceRaw, PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice, vmsplice,
};

use super::{LARGE, is_page_memory};
use crate::chunk::Chunk;

/// Bytes that are spliced by one call, where the pipe may be so large: else what a pipe holds.
const AT_ONCE: usize = 256 * 1024;

/// What page memory is sent through. It is empty between two sends.
#[derive(Default)]
pub(crate) struct Splice {
    /// Made when it is first needed, and anew when a socket took less than is in it.
    pipe: Option<(OwnedFd, OwnedFd)>,
}

impl Splice {
    /// Whether a piece is worth being sent this way, and can be.
    pub fn takes(piece: &Chunk) -> bool {
        piece.len() >= LARGE && piece.as_slice().is_some_and(is_page_memory)
    }

    /// Sends from the front of a piece that this [takes](Self::takes) to a socket that does not
    /// block: how many bytes it took, of how many. `None` where there is no pipe to be had.
    ///
    /// To a socket that the peer has reset the kernel raises SIGPIPE, and no flag prevents it: the
    /// process must ignore that signal, as every program whose `main` is Rust's does.
    pub fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        piece: &Chunk,
    ) -> Option<Result<(usize, usize), Errno>> {
        debug_assert!(Self::takes(piece), "the kernel refers to memory that may change");
        let (out, into) = match self.pipe.take() {
            Some(pipe) => pipe,
            None => new_pipe()?,
        };
        let bytes = piece.as_slice()?;
        let bytes = &bytes[..bytes.len().min(AT_ONCE)];
        // SAFETY: the pages are never written again, and are given back to the system instead of
        // being used again; the kernel may refer to them for as long as it likes.
        let lent = unsafe {
            vmsplice(into.as_fd(), &[IoSliceRaw::from_slice(bytes)], SpliceFlags::NONBLOCK)
        };
        let Ok(lent) = lent else { return None };
        let sent = splice(out.as_fd(), None, socket, None, lent, SpliceFlags::NONBLOCK);
        // Rather a new pipe next time than to empty this one.
        if sent == Ok(lent) {
            self.pipe = Some((out, into));
        }
        Some(sent.map(|sent| (sent, lent)))
    }
}

fn new_pipe() -> Option<(OwnedFd, OwnedFd)> {
    let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
    // Refused, it stays at 64 KiB, and more calls are needed.
    let _ = fcntl_setpipe_size(&into, AT_ONCE);
    Some((out, into))
}
