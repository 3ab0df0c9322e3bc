//! Connections to others: begun, decided, given up.

use std::io;
use std::net::IpAddr;

use crate::addr::{Addr, Peer};
use crate::backend::Decision;
use crate::conn::{ConnId, Lease};
use crate::events::Opened;
use crate::io::Io;
use crate::io::slot::Phase;

impl Io {
    /// Begins to connect, from an address of this machine if one is given.
    pub(crate) fn connect(
        &mut self,
        to: &Addr,
        from: Option<IpAddr>,
        gate: u16,
    ) -> io::Result<ConnId> {
        let socket = self.backend.connect(to, from, &self.settings)?;
        let peer = match to {
            Addr::Tcp(addr) => Peer::tcp(*addr),
            Addr::Unix(_) => Peer::UNIX,
        };
        let id = self.insert(socket, peer, gate, 0)?;
        if let Some(conn) = self.conns.get_mut(id) {
            conn.phase = Phase::Connecting;
        }
        Ok(id)
    }

    /// The next connection of a gate that was decided, and how.
    pub(crate) fn next_decided(&mut self, place: u16) -> Option<(ConnId, io::Result<()>)> {
        loop {
            let id = self.gate_mut(place).decided.pop_front()?;
            let Some(conn) = self.conns.get_mut(id) else { continue };
            let (Some(socket), Phase::Connecting) = (&conn.socket, conn.phase) else { continue };
            match self.backend.connected(socket) {
                Decision::Later => {}
                Decision::Done => return Some((id, Ok(()))),
                Decision::Failed(error) => return Some((id, Err(error))),
            }
        }
    }

    /// From now on the connection counts as opened. Fails when it is gone.
    pub(crate) fn connection_stands(&mut self, id: ConnId, token: u64) -> io::Result<Opened> {
        let Some(conn) = self.conns.get_mut(id) else {
            return Err(io::ErrorKind::ConnectionAborted.into());
        };
        conn.phase = Phase::Open;
        // Readiness that came before the decision was taken for the decision.
        conn.readable = true;
        self.ledger.opened();
        let (peer, service) = (conn.peer, conn.service);
        Ok(Opened { conn: Lease::new(id, &self.abandoned), peer, service, token })
    }

    /// Forgets a connection that was never opened.
    pub(crate) fn give_up(&mut self, id: ConnId) {
        if self.conns.get(id).is_some_and(|conn| conn.phase == Phase::Connecting) {
            if let Some(conn) = self.conns.remove(id) {
                self.close_socket(conn);
            }
            self.room_to_accept();
        }
    }

    /// Gives up all that are not decided: nobody waits for them any more.
    pub(crate) fn forget_connecting(&mut self, place: u16) {
        let connecting = |conn: &super::Conn| conn.gate == place && conn.phase == Phase::Connecting;
        let ids: Vec<ConnId> =
            self.conns.ids().filter(|id| self.conns.get(*id).is_some_and(connecting)).collect();
        for id in ids {
            self.give_up(id);
        }
    }
}
