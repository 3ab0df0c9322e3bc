//! Why io_uring cannot be used, found by trying.

use std::fmt;
use std::io;

/// Why io_uring cannot be used here.
#[derive(Debug)]
pub enum Unfit {
    /// The kernel refuses to set a ring up.
    Refused(io::Error),
    /// The kernel's io_uring does not have this.
    Lacks(&'static str),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => f.write_str("io_uring is not permitted here"),
                Some(libc::ENOSYS) => f.write_str("this kernel has no io_uring"),
                _ => write!(f, "io_uring cannot be set up: {error}"),
            },
            Self::Lacks(what) => {
                write!(f, "this kernel's io_uring has no {what}; that of Linux 6.1 would do")
            }
        }
    }
}

impl std::error::Error for Unfit {}
