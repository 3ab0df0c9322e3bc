//! How connections come into the table and leave it, each counted once.

use std::io;

use sluicegate::Time;

use crate::addr::Peer;
use crate::backend::Socket;
use crate::conn::{ConnId, How};
use crate::events::Then;
use crate::io::slot::{Conn, Phase, Reading};
use crate::io::{Io, SPARE_OUTPUTS};
use crate::output::Output;

impl Io {
    /// Puts an open connection into the table. Its socket is closed when that is not possible.
    pub(crate) fn open(
        &mut self,
        socket: Socket,
        peer: Peer,
        gate: u16,
        service: u16,
    ) -> io::Result<ConnId> {
        let id = self.insert(socket, peer, gate, service)?;
        if let Some(conn) = self.conns.get_mut(id) {
            conn.by_address = self.addresses.is_some();
        }
        self.ledger.opened();
        Ok(id)
    }

    /// Puts a socket into the table, not counted yet.
    pub(crate) fn insert(
        &mut self,
        socket: Socket,
        peer: Peer,
        gate: u16,
        service: u16,
    ) -> io::Result<ConnId> {
        let conn = Conn::new(socket, peer, gate, service);
        if self.is_full() {
            self.close_socket(conn);
            return Err(full());
        }
        self.place(conn)
    }

    /// Puts a slot into the table, also above the bound that others are held to.
    pub(super) fn place(&mut self, conn: Conn) -> io::Result<ConnId> {
        let id = match self.conns.insert(conn) {
            Ok(id) => id,
            Err(conn) => {
                self.close_socket(conn);
                return Err(full());
            }
        };
        let attached = match self.conns.get(id).and_then(|conn| conn.socket.as_ref()) {
            Some(socket) => self.backend.attach(id.key(), socket),
            None => Ok(()),
        };
        if attached.is_err()
            && let Some(conn) = self.conns.remove(id)
        {
            self.close_socket(conn);
        }
        attached.map(|()| id)
    }

    /// Closes the socket of a connection that was never opened.
    pub(crate) fn close_socket(&mut self, conn: Conn) {
        if let Some(socket) = conn.socket {
            self.backend.close(socket);
        }
    }

    /// The connection ended by itself: closes the socket and has the protocol told, unless the
    /// protocol is done with the connection anyway.
    pub(crate) fn die(&mut self, id: ConnId, how: How) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.phase == Phase::Lingering {
            self.release(id, How::Closed);
            return;
        }
        if matches!(conn.then, Then::Close | Then::Shutdown) {
            self.release(id, how);
            return;
        }
        conn.end = Some(how);
        self.drop_socket(id, how);
        self.queue_read(id);
    }

    /// Takes the connection out of the table, closing its socket if it is still there.
    pub(crate) fn release(&mut self, id: ConnId, how: How) -> Option<Conn> {
        self.drop_socket(id, how);
        let conn = self.conns.remove(id)?;
        self.room_to_accept();
        Some(conn)
    }

    /// Breaks the connection off, so that the peer sees a reset.
    pub(crate) fn break_off(&mut self, id: ConnId) {
        if let Some(socket) = self.take_socket(id, How::Closed) {
            self.backend.reset(socket);
        }
        self.release(id, How::Closed);
    }

    /// Takes the socket out and counts the connection as ended.
    fn take_socket(&mut self, id: ConnId, how: How) -> Option<Socket> {
        let conn = self.conns.get_mut(id)?;
        let socket = conn.socket.take()?;
        let (peer, by_address) = (conn.peer, conn.by_address);
        if conn.turned_away {
            self.turned_away -= 1;
        } else {
            self.ledger.closed(how);
            self.tell_end(id);
        }
        if by_address {
            self.leave_address(peer);
        }
        Some(socket)
    }

    fn drop_socket(&mut self, id: ConnId, how: How) {
        match self.take_socket(id, how) {
            // Else the kernel would keep all that is unsent, for minutes.
            Some(socket) if how == How::Slow => self.backend.reset(socket),
            Some(socket) => self.backend.close(socket),
            None => {}
        }
        let Some(conn) = self.conns.get_mut(id) else { return };
        if let Some(mut output) = conn.output.take() {
            let gate = &mut self.gates[usize::from(conn.gate)];
            gate.orphans.extend(output.abandon());
            let write = gate.write.filter(|_| !gate.orphans.is_empty());
            self.raise(write);
            self.keep_output(output);
        }
    }

    /// Finishes sending and throws away what still comes, until the peer finishes too, too much
    /// came, or it took too long.
    pub(crate) fn linger(&mut self, id: ConnId, now: Time) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(socket) = &conn.socket else { return };
        self.backend.shutdown(socket);
        if conn.phase == Phase::HalfClosed {
            self.release(id, How::Eof);
            return;
        }
        conn.phase = Phase::Lingering;
        conn.state = None;
        conn.reading = Reading::Yes;
        let readable = conn.readable;
        self.lingering.push_back((now + self.settings.linger_time, id));
        if readable {
            self.queue_read(id);
        }
    }

    /// Closes the connections that lingered long enough.
    pub(crate) fn end_lingering(&mut self, now: Time) {
        while self.lingers_until().is_some_and(|until| until <= now) {
            if let Some((_, id)) = self.lingering.pop_front() {
                self.release(id, How::Closed);
            }
        }
    }

    /// When the next connection has lingered long enough.
    pub(crate) fn lingers_until(&mut self) -> Option<Time> {
        while let Some((until, id)) = self.lingering.front() {
            if self.conns.get(*id).is_some() {
                return Some(*until);
            }
            self.lingering.pop_front();
        }
        None
    }

    /// Whether all output is written and nobody lingers.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let conns = &self.conns;
        self.lingering.retain(|(_, id)| conns.get(*id).is_some());
        self.unsent == 0 && self.lingering.is_empty()
    }

    /// Puts an empty output queue away for use again.
    pub(crate) fn keep_output(&mut self, mut output: Box<Output>) {
        self.unsent -= 1;
        if self.spare.len() < SPARE_OUTPUTS {
            output.reset();
            self.spare.push(output);
        }
    }
}

fn full() -> io::Error {
    io::Error::other("the table of connections is full")
}
