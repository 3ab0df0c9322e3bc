//! What one connection may cost: sizes, times and rates, each with its default.

use std::time::Duration;

/// Bounds of every connection of a server. Start from `Limits::default()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request head, from the method to the empty line. 16 KiB; at most [`HEAD_MAX`].
    pub head: usize,
    /// Bytes of a request line, its line end included. 8 KiB.
    pub line: usize,
    /// Header fields in a head. 100; at most [`FIELDS_MAX`].
    pub fields: usize,
    /// Bytes of a request's body. 1 MiB.
    pub body: u64,
    /// Bytes of a request's body that is handed on [in pieces](crate::InPieces). No bound, for
    /// little of it is held at a time.
    pub body_in_pieces: Option<u64>,
    /// Bytes of all bodies that a worker holds, each from its first byte until its request is
    /// answered and at least [`BLOCK`]; one in pieces counts [`UNREAD_MAX`] until it is read.
    /// Further bodies are refused as 503. 128 MiB.
    pub bodies: usize,
    /// A head is complete this long after its first byte, however it drips. 10 s.
    pub head_time: Duration,
    /// A connection without a request is kept this long. 75 s.
    pub idle: Duration,
    /// The same while the server drains: long enough for a request that is on its way. 200 ms.
    pub farewell: Duration,
    /// Bodies and writes move at least this many bytes per second once `grace` has passed; what
    /// moved faster counts for [`CREDIT`] at most. 1 KiB.
    pub rate: u64,
    /// How long a body or a write may take before its rate counts. 10 s.
    pub grace: Duration,
    /// While the server drains, output of which the client takes nothing for this long is given up,
    /// whatever it took before: for replies that nobody need have to their end. As ever.
    pub write_farewell: Option<Duration>,
    /// Requests answered on one connection before it is closed. No bound.
    pub requests: Option<u64>,
    /// Bytes of further requests that wait while one is being answered; then reading stops. 16 KiB.
    pub ahead: usize,
    /// Bytes of replies that may be unsent when a further request of the connection is begun.
    /// 256 KiB.
    pub unsent: usize,
    /// Bytes of replies kept back while a further complete request waits. 64 KiB; at most
    /// [`HELD_MAX`] replies, and no longer than [`HOLD_TIME`].
    pub hold: usize,
}

/// The largest head that can be set: places within a head are kept in 16 bits.
pub const HEAD_MAX: usize = u16::MAX as usize;
/// The most header fields that can be set.
pub const FIELDS_MAX: usize = 256;
/// Bytes of chunk extensions in one body; they are read over.
pub const EXTENSIONS_MAX: usize = 1024;
/// Bytes of a trailer section; its fields are checked and dropped.
pub const TRAILERS_MAX: usize = 4096;
/// Empty lines before a request line that are read over.
pub const EMPTY_LINES_MAX: u8 = 4;
/// Replies of one connection kept back at once.
pub const HELD_MAX: usize = 32;
/// How long a reply is kept back at most: a further request may take its time.
pub const HOLD_TIME: Duration = Duration::from_millis(10);
/// How long a body or a write may rest on what it moved before. Of a write only what the kernel
/// takes is seen, and that comes in leaps of up to megabytes; without this bound who takes one leap
/// and then nothing would be kept for most of an hour.
pub const CREDIT: Duration = Duration::from_secs(120);
/// Exchanges kept for the next requests of a worker.
pub const SPARE_MAX: usize = 1024;
/// Bytes of a body in pieces, or of a tunnel, that wait for who reads them; then no more is read
/// from the connection. What came at once is not torn apart: so it may be a receive buffer more.
pub const UNREAD_MAX: usize = 64 * 1024;
/// The most bytes of a body that nobody reads which are read for the sake of the next request;
/// where more is to come the connection is closed.
pub const UNREAD_LEFT_MAX: u64 = 64 * 1024;
/// Collected body bytes of one block.
pub const BLOCK: usize = 16 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 16 * 1024,
            line: 8 * 1024,
            fields: 100,
            body: 1024 * 1024,
            body_in_pieces: None,
            bodies: 128 * 1024 * 1024,
            head_time: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            farewell: Duration::from_millis(200),
            rate: 1024,
            grace: Duration::from_secs(10),
            write_farewell: None,
            requests: None,
            ahead: 16 * 1024,
            unsent: 256 * 1024,
            hold: 64 * 1024,
        }
    }
}

impl Limits {
    /// How long `bytes` may take at the least rate.
    pub(crate) fn worth(&self, bytes: u64) -> Duration {
        // So it mostly is, and the division is a long one.
        if bytes == 0 {
            return Duration::ZERO;
        }
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
