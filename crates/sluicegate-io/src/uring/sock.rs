//! What the backend knows of one connection and of one listener.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use smallvec::SmallVec;

use crate::addr::Peer;
use crate::buf::Buf;
use crate::conn::{ConnId, How};
use crate::uring::handle::Handle;
use crate::uring::sending::Sending;

/// Buffers of a connection that nobody takes before it receives no more: what follows stays in
/// the kernel. The kernel may fill a few more before it hears of it.
pub(super) const INBOX_MAX: usize = 8;
/// Bytes of all connections together that are kept out of buffers; a connection that would make
/// them more is broken off.
pub(super) const ASIDE_MAX: usize = 64 << 20;
/// Connections of a listener that nobody takes before it accepts no more: what follows stays in
/// the backlog.
pub(super) const ACCEPTED_MAX: usize = 64;

/// One connection.
pub(super) struct Sock {
    pub handle: Handle,
    /// Its name to the machine.
    pub key: u64,
    pub receiving: Receiving,
    /// What was received and not taken, the newest of it.
    pub inbox: SmallVec<[Buf; 1]>,
    /// What was received before and had to leave its buffers, where buffers are scarce.
    pub aside: Option<Box<Aside>>,
    /// What follows the bytes in `inbox`.
    pub end: Option<How>,
    /// The pieces of the send that is in flight.
    pub sending: Option<Box<Sending>>,
    /// Where it is among those without a copy, if it is one.
    pub pin: Option<ConnId>,
    /// Sends without a copy are not tried any more: the kernel copies.
    pub copies: bool,
    /// How the connection failed, in both directions.
    pub broken: Option<How>,
    /// It was begun here, and waits to be decided.
    pub connecting: Connecting,
    /// An operation waits for the connection's end.
    pub watching: bool,
    /// An operation finishes sending.
    pub shutting: bool,
    /// The peer is to see a reset.
    pub reset: bool,
    /// The machine let go of it; it stays until the kernel did so too.
    pub closing: bool,
}

/// Received bytes outside of buffers; few connections have any.
#[derive(Default)]
pub(super) struct Aside {
    bytes: Vec<u8>,
    /// So many of them were taken.
    taken: usize,
}

impl Aside {
    /// The bytes that were not taken.
    pub fn left(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The first `n` of them are taken; whether that was all.
    pub fn take(&mut self, n: usize) -> bool {
        self.taken += n;
        self.taken == self.bytes.len()
    }
}

/// How a connection receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    /// No operation is in flight.
    No,
    /// No operation is in flight for want of buffers; it is in the list of those that wait.
    Hungry,
    /// The operation is in flight.
    Yes,
    /// It is in flight and being cancelled.
    Stopping,
}

/// Whether a connection that was begun here is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connecting {
    /// It stands, or was accepted.
    No,
    /// Not known to stand.
    Begun,
    /// The same, and an operation waits for it.
    Waiting,
}

impl Sock {
    pub fn new(handle: Handle, connecting: Connecting) -> Self {
        Self {
            handle,
            key: u64::MAX,
            receiving: Receiving::No,
            inbox: SmallVec::new(),
            aside: None,
            end: None,
            sending: None,
            pin: None,
            copies: false,
            broken: None,
            connecting,
            watching: false,
            shutting: false,
            reset: false,
            closing: false,
        }
    }

    /// Whether so much waits that the rest is to wait in the kernel.
    pub fn is_full(&self) -> bool {
        self.inbox.len() >= INBOX_MAX || self.aside.is_some()
    }

    /// Whether the kernel has an operation of this connection.
    pub fn in_flight(&self) -> bool {
        matches!(self.receiving, Receiving::Yes | Receiving::Stopping)
            || self.sending.is_some()
            || self.watching
            || self.shutting
            || self.connecting == Connecting::Waiting
    }
}

/// One listener.
pub(super) struct Ear {
    pub fd: OwnedFd,
    /// Its name to the machine.
    pub key: u64,
    pub asking: Asking,
    /// The operation is being cancelled.
    pub stopping: bool,
    /// What was accepted and not taken.
    pub accepted: VecDeque<Accepted>,
    /// Its accepts into direct descriptors, and how many of them are in flight.
    pub calls: Vec<ConnId>,
    pub calling: usize,
    /// It accepts less than it could until a direct descriptor is closed.
    pub wants_place: bool,
    /// What ended the last operation, until it is told.
    pub failed: Option<io::Error>,
    /// Accepting failed, and has not succeeded since: connections are taken one by one.
    pub starving: bool,
    /// Nobody new comes: what is in the backlog is taken one by one.
    pub last: bool,
    /// The machine let go of it; it stays until the kernel did so too.
    pub closing: bool,
}

/// A connection that was accepted, and who it is if that is known.
pub(super) struct Accepted {
    pub handle: Handle,
    pub peer: Option<Peer>,
}

/// The operation of a listener that is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    Nothing,
    /// It accepts whatever comes.
    Accept,
    /// It waits until something comes.
    Await,
}

impl Ear {
    pub fn new(fd: OwnedFd, key: u64) -> Self {
        Self {
            fd,
            key,
            asking: Asking::Nothing,
            stopping: false,
            accepted: VecDeque::new(),
            calls: Vec::new(),
            calling: 0,
            wants_place: false,
            failed: None,
            starving: false,
            last: false,
            closing: false,
        }
    }
}
