//! What the stages of the machine emit and take.

use std::any::Any;
use std::io;
use std::net::IpAddr;

use smallvec::SmallVec;

use crate::addr::{Addr, Peer};
use crate::buf::Buf;
use crate::chunk::Chunk;
use crate::conn::{ConnId, How, Lease};

/// What a protocol keeps for a connection, in the connection's slot.
pub type State = Box<dyn Any + Send>;

/// A connection was opened. Nothing is received before the protocol says so: [`crate::Io::read`].
#[derive(Debug)]
pub struct Opened {
    /// Its name.
    pub conn: Lease,
    /// Who is at the other end.
    pub peer: Peer,
    /// The service of the listener that accepted it; 0 for one that was connected.
    pub service: u16,
    /// What the asker gave to [`Connect`]; 0 for one that was accepted.
    pub token: u64,
}

/// Asks for a connection to somebody. Its tag comes back with [`Opened`] or [`ConnectFailed`].
#[derive(Debug)]
pub struct Connect {
    /// To whom.
    pub to: Addr,
    /// From which address of this machine; the kernel chooses when `None`. A Unix socket has none
    /// to choose: that is answered with an error.
    pub from: Option<IpAddr>,
    /// Comes back with the answer.
    pub token: u64,
}

/// A connection could not be opened.
#[derive(Debug)]
pub struct ConnectFailed {
    /// What the asker gave to [`Connect`].
    pub token: u64,
    /// What the operating system said.
    pub error: io::Error,
}

/// What came from a connection.
#[derive(Debug)]
pub enum Incoming {
    /// Bytes.
    Received(Received),
    /// The end, or half of it.
    Closed(Closed),
}

/// Bytes came.
#[derive(Debug)]
pub struct Received {
    /// From where.
    pub conn: Lease,
    /// At least one byte.
    pub bytes: Buf,
}

/// The connection ended; with `How::Eof` only its receiving half.
///
/// After `Eof` the protocol can still write and must close in the end. After any other the
/// connection is gone and its name finds nothing.
#[derive(Debug)]
pub struct Closed {
    /// Which one.
    pub conn: Lease,
    /// How it ended.
    pub how: How,
    /// What the protocol kept for the connection; still in its place after `Eof`.
    pub state: Option<State>,
}

/// Pieces of one write that need no memory of their own: head, body, and the end of a frame.
pub const PIECES: usize = 3;

/// Writes to a connection. A flow's tag in the event ends when the last byte of this write was
/// handed to the kernel, and is refused as `Gone` when the connection ended before.
#[derive(Debug)]
pub struct Write {
    /// To where.
    pub conn: ConnId,
    /// What, in order. May be empty.
    pub chunks: SmallVec<[Chunk; PIECES]>,
    /// What to do when all is written.
    pub then: Then,
}

/// What to do with a connection when all that was to be written is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// Keep it.
    #[default]
    Keep,
    /// Finish sending, read and throw away what still comes for a bounded while, then close: so
    /// that the answer is not lost in a reset because of bytes that nobody reads.
    Shutdown,
    /// Finish sending, and go on receiving.
    Finish,
    /// Close at once.
    Close,
    /// Break it off now, without writing anything: the peer sees a reset.
    Reset,
}

impl Write {
    /// One piece, and the connection is kept.
    pub fn one(conn: ConnId, chunk: impl Into<Chunk>) -> Self {
        Self { conn, chunks: smallvec::smallvec![chunk.into()], then: Then::Keep }
    }

    /// No piece: only what `then` says, once all before it is written.
    pub fn only(conn: ConnId, then: Then) -> Self {
        Self { conn, chunks: SmallVec::new(), then }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_stay_small() {
        assert!(size_of::<Incoming>() <= 40, "{}", size_of::<Incoming>());
        assert!(size_of::<Opened>() <= 64, "{}", size_of::<Opened>());
    }
}
