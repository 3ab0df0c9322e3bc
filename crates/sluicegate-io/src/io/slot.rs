//! What the machine knows of one connection.

use sluicegate::StageId;

use crate::addr::Peer;
use crate::backend::Socket;
use crate::conn::How;
use crate::events::{State, Then};
use crate::output::Output;

/// One connection's slot. An idle connection costs this, its protocol state, and no buffer.
pub(crate) struct Conn {
    /// `None` once the connection is gone and its protocol has not been told yet.
    pub socket: Option<Socket>,
    pub peer: Peer,
    pub state: Option<State>,
    /// What waits to be written.
    pub output: Option<Box<Output>>,
    /// Bytes that the kernel has taken.
    pub sent: u64,
    /// Bytes that were read and thrown away.
    pub discarded: u32,
    pub gate: u16,
    pub service: u16,
    /// Who wants to know when the output has been written.
    pub watch: Option<StageId>,
    /// What follows when the output has been written.
    pub then: Then,
    /// How the connection ended, until its protocol has been told.
    pub end: Option<How>,
    pub phase: Phase,
    /// Worth asking the backend for bytes.
    pub readable: bool,
    /// Worth giving the backend bytes.
    pub writable: bool,
    /// What the backend said of the end.
    pub heard: Heard,
    /// Whether the protocol wants bytes.
    pub reading: Reading,
    /// In the queue of connections to read.
    pub queued: bool,
    /// In the list of connections with new output.
    pub dirty: bool,
    /// Counted against the peer's address.
    pub by_address: bool,
    /// Never opened: it is told that there is no room.
    pub turned_away: bool,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Open,
    /// The peer finished sending, and the protocol was told.
    HalfClosed,
    /// We finished sending for good; what comes is thrown away.
    Lingering,
}

/// What was heard of a connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Heard {
    Nothing,
    /// An end follows the bytes.
    Finished,
    /// It is dead in both directions.
    Dead,
}

/// What the protocol wants of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    No,
    Yes,
    /// No bytes, but to know when the peer has left.
    Watched,
}

impl Conn {
    pub fn new(socket: Socket, peer: Peer, gate: u16, service: u16) -> Self {
        Self {
            socket: Some(socket),
            peer,
            state: None,
            output: None,
            sent: 0,
            discarded: 0,
            gate,
            service,
            watch: None,
            then: Then::Keep,
            end: None,
            phase: Phase::Open,
            readable: false,
            // A new connection has room; should it not, the first write finds out.
            writable: true,
            heard: Heard::Nothing,
            reading: Reading::No,
            queued: false,
            dirty: false,
            by_address: false,
            turned_away: false,
        }
    }

    /// Whether it is dead, and this has to be told though nothing is read.
    pub fn is_lost(&self) -> bool {
        let unread = self.phase == Phase::HalfClosed || self.reading == Reading::Watched;
        self.heard == Heard::Dead && unread && self.socket.is_some()
    }

    /// Whether writes are still taken.
    pub fn takes_output(&self) -> bool {
        self.socket.is_some() && self.then == Then::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_slot_is_small() {
        assert!(size_of::<Conn>() <= 96, "{}", size_of::<Conn>());
    }
}
