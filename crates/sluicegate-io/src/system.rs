//! What the backends of the operating system share: its errors, a descriptor kept in reserve, and
//! listeners that hear nobody new.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use socket2::{SockFilter, SockRef};

use crate::backend::Shed;
use crate::conn::How;

/// A descriptor to give up for a moment when there is no other, so that a connection can be
/// accepted only to be closed.
pub(crate) struct Reserve(Option<File>);

impl Reserve {
    pub fn new() -> io::Result<Self> {
        Ok(Self(Some(spare_descriptor()?)))
    }

    /// Refuses the connection that `accept` takes, which never blocks.
    pub fn shed(&mut self, accept: impl FnOnce() -> Result<OwnedFd, Errno>) -> Shed {
        if self.0.take().is_none() {
            self.0 = spare_descriptor().ok();
            return Shed::Impossible;
        }
        let accepted = accept();
        let shed = match &accepted {
            Ok(_) => Shed::One,
            Err(Errno::AGAIN) => Shed::Later,
            Err(error) if is_of_one(*error) => Shed::One,
            Err(_) => Shed::Impossible,
        };
        drop(accepted);
        self.0 = spare_descriptor().ok();
        shed
    }
}

/// Whether accept failed for one connection only: broken off in the backlog, interrupted, or an
/// error of its network that Linux passes on.
pub(crate) fn is_of_one(error: Errno) -> bool {
    matches!(
        error,
        Errno::CONNABORTED
            | Errno::INTR
            | Errno::PROTO
            | Errno::PERM
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NONET
            | Errno::NOPROTOOPT
            | Errno::OPNOTSUPP
    )
}

/// How a connection ended that had this error.
pub(crate) fn how(error: Errno) -> How {
    match error {
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => How::Reset,
        Errno::TIMEDOUT => How::Timeout,
        _ => How::Error,
    }
}

/// Has a TCP listener ignore who begins to connect from now on; those who did so before still get
/// into its backlog. A client that is ignored asks again, and finds a successor or nobody.
pub(crate) fn deafen(listener: BorrowedFd<'_>) {
    /// The byte of a TCP header, where a socket's filter begins, that holds the flags.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const SYN_AND_ACK: u32 = 0x12;
    /// The lengths that a filter keeps of a packet.
    const NOTHING: u32 = 0;
    const ALL: u32 = u32::MAX;
    // `ldb [FLAGS]; and #SYN_AND_ACK; jeq #SYN, drop, keep`, in the numbers of `linux/filter.h`.
    let filter = [
        SockFilter::new(0x30, 0, 0, FLAGS),
        SockFilter::new(0x54, 0, 0, SYN_AND_ACK),
        SockFilter::new(0x15, 0, 1, SYN),
        SockFilter::new(0x06, 0, 0, NOTHING),
        SockFilter::new(0x06, 0, 0, ALL),
    ];
    let tcp = rustix::net::getsockname(listener)
        .is_ok_and(|addr| std::net::SocketAddr::try_from(addr).is_ok());
    if tcp {
        // Without it who comes in the last moment is reset: the best that is left.
        let _ = SockRef::from(&listener).attach_filter(&filter);
    }
}

fn spare_descriptor() -> io::Result<File> {
    File::open("/dev/null")
}
