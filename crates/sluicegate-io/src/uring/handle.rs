//! What operations name a socket by: a descriptor of the process, or a place in the ring's table.

use std::os::fd::{AsRawFd, OwnedFd};

use io_uring::{squeue, types};

/// A socket as the ring knows it. A direct descriptor is not closed when this is dropped.
pub(super) enum Handle {
    /// A descriptor of the process.
    Fd(OwnedFd),
    /// A direct descriptor: a place in the table of the ring, known to nobody else.
    Direct(u32),
}

impl Handle {
    /// The operation that `build` makes, on this socket.
    pub fn entry(&self, build: impl FnOnce(types::Fd) -> squeue::Entry) -> squeue::Entry {
        match self {
            Self::Fd(fd) => build(types::Fd(fd.as_raw_fd())),
            // One field holds either number, and a flag tells which it is.
            Self::Direct(at) => build(types::Fd(*at as i32)).flags(squeue::Flags::FIXED_FILE),
        }
    }
}
