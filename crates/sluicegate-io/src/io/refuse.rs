//! Refusing: connections that are accepted only to be told that they cannot stay.

use std::sync::Arc;

use bytes::Bytes;
use sluicegate::{Tags, Time};

use crate::addr::Peer;
use crate::addresses::Addresses;
use crate::backend::Socket;
use smallvec::smallvec;

use crate::chunk::Chunk;
use crate::events::Then;
use crate::io::Io;
use crate::io::slot::Conn;
use crate::ledger::Refusal;

/// The most refused connections that may still be reading their answer, beside those of the
/// table; further ones are reset.
pub(super) const TURNED_AWAY_MAX: usize = 256;

/// What becomes of further connections when the table is full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// They wait in the kernel's queue until there is room: for peers that can wait.
    #[default]
    Wait,
    /// They are accepted, told this, and closed: for peers that can go elsewhere. Told nothing,
    /// they are reset.
    Refuse(Bytes),
}

impl Io {
    /// Bounds the connections of each address, in one count with all that share `addresses`.
    pub fn with_addresses(mut self, addresses: Arc<Addresses>) -> Self {
        self.addresses = Some(addresses);
        self
    }

    /// Whether no further connection may be opened.
    pub(super) fn is_full(&self) -> bool {
        self.conns.len() - self.turned_away >= self.settings.connections
    }

    /// Counts a connection that was accepted against its address; whether it may stay.
    pub(super) fn enter_address(&self, peer: Peer) -> bool {
        self.addresses.as_ref().is_none_or(|addresses| addresses.enter(peer))
    }

    /// A connection that was counted against its address is gone.
    pub(super) fn leave_address(&self, peer: Peer) {
        if let Some(addresses) = &self.addresses {
            addresses.leave(peer);
        }
    }

    /// Resets a connection of an address that has too many: an answer would cost more than the
    /// connection, and whoever opens so many does not read it.
    pub(super) fn refuse_address(&mut self, socket: Socket) {
        self.backend.reset(socket);
        self.ledger.refused(Refusal::Address);
    }

    /// Tells a connection for which there is no room so, and closes it in good order, so that the
    /// answer is not lost in a reset.
    pub(super) fn turn_away(&mut self, socket: Socket, peer: Peer, gate: u16, now: Time) {
        self.ledger.refused(Refusal::Full);
        let answer = match &self.gate_mut(gate).when_full {
            WhenFull::Refuse(answer) if !answer.is_empty() => answer.clone(),
            _ => return self.backend.reset(socket),
        };
        if self.turned_away >= TURNED_AWAY_MAX {
            return self.backend.reset(socket);
        }
        let conn = Conn { turned_away: true, ..Conn::new(socket, peer, gate, 0) };
        // Without memory for it the connection is closed without an answer.
        let Ok(id) = self.place(conn) else { return };
        self.turned_away += 1;
        self.unsent += 1;
        let mut output = self.spare.pop().unwrap_or_default();
        output.append(smallvec![Chunk::Bytes(answer)]);
        if let Some(conn) = self.conns.get_mut(id) {
            (conn.output, conn.then) = (Some(output), Then::Shutdown);
        }
        // The answer belongs to no flow.
        self.send(id, now, &mut Tags::default());
    }
}
