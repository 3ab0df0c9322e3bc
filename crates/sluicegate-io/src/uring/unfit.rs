//! Why io_uring cannot be used, found by trying.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Why io_uring cannot be used here.
#[derive(Debug)]
pub enum Unfit {
    /// The kernel refuses to set a ring up.
    Refused(io::Error),
    /// The kernel's io_uring does not have this.
    Lacks(&'static str),
    /// A ring may not have so many direct descriptors.
    Places(usize),
    /// Direct descriptors are asked for, and epoll has none; why it is not io_uring, if known.
    Epoll(Option<Arc<str>>),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => f.write_str("io_uring is not permitted here"),
                Some(libc::ENOSYS) => f.write_str("this kernel has no io_uring"),
                _ => write!(f, "io_uring cannot be set up: {error}"),
            },
            Self::Epoll(why) => {
                f.write_str("only io_uring has direct descriptors, and this is epoll")?;
                if let Some(why) = why {
                    write!(f, ", as {why}")?;
                }
                f.write_str("; do without them, or let io_uring be used")
            }
            Self::Places(places) => write!(
                f,
                "{places} direct descriptors for each worker are more than the process may have \
                 open files: allow fewer connections for each worker, on more workers if need be"
            ),
            Self::Lacks(what) => {
                write!(f, "this kernel's io_uring has no {what}; that of Linux 6.1 would do")
            }
        }
    }
}

impl std::error::Error for Unfit {}
