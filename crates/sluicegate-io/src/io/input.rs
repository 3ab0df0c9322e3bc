//! Receiving: which connection is asked next, and what is told of it.

use std::collections::VecDeque;

use crate::backend::{Ready, Recv};
use crate::conn::{ConnId, How, Lease};
use crate::events::{Closed, Incoming, Received};
use crate::io::Io;
use crate::io::slot::{Heard, Phase, Reading};

impl Io {
    /// The next thing that came from a connection of the gate at `place`.
    pub(crate) fn next_incoming(&mut self, place: u16) -> Option<Incoming> {
        loop {
            let id = self.readable(place).pop_front()?;
            // Closed meanwhile.
            let Some(conn) = self.conns.get_mut(id) else { continue };
            conn.queued = false;
            if let Some(how) = conn.end {
                let state = self.conns.remove(id).and_then(|conn| conn.state);
                self.room_to_accept();
                return Some(self.closed(id, how, state));
            }
            if conn.reading != Reading::Yes || !conn.readable {
                continue;
            }
            match self.receive(id) {
                Got::Incoming(incoming) => return Some(incoming),
                Got::Nothing => {}
                Got::NoBuffer => {
                    self.hungry = true;
                    if let Some(conn) = self.conns.get_mut(id) {
                        conn.queued = true;
                        self.readable(place).push_front(id);
                    }
                    return None;
                }
            }
        }
    }

    /// Whether asking again may bring something, without new readiness and without buffers.
    pub(crate) fn has_incoming(&mut self, place: u16) -> bool {
        !self.hungry && !self.readable(place).is_empty()
    }

    /// Puts the connection among those to be asked for bytes.
    pub(crate) fn queue_read(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.queued {
            return;
        }
        conn.queued = true;
        let gate = &mut self.gates[usize::from(conn.gate)];
        gate.readable.push_back(id);
        let read = gate.read;
        self.raise(read);
    }

    /// Enters readiness into the connection that it is told of.
    pub(crate) fn conn_ready(&mut self, ready: Ready) {
        let id = ConnId::from_key(ready.key);
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.phase == Phase::Connecting {
            let gate = &mut self.gates[usize::from(conn.gate)];
            gate.decided.push_back(id);
            let connect = gate.connect;
            return self.raise(connect);
        }
        let heard = match (ready.finished, ready.dead) {
            (_, true) => Heard::Dead,
            (true, _) => Heard::Finished,
            _ => Heard::Nothing,
        };
        conn.heard = conn.heard.max(heard);
        if conn.is_lost() {
            return self.die(id, How::Reset);
        }
        let (reads, writes) = (ready.read || ready.finished || ready.dead, ready.write);
        conn.readable |= reads && conn.phase != Phase::HalfClosed;
        let mut write_waits = writes && !conn.writable && conn.output.is_some();
        if ready.sent > 0
            && let Some(output) = &mut conn.output
        {
            output.sent(ready.sent);
            conn.sent += ready.sent as u64;
            write_waits = true;
        }
        conn.writable |= writes;
        let (read_now, gate) = (conn.readable && conn.reading == Reading::Yes, conn.gate);
        if read_now {
            self.queue_read(id);
        }
        if write_waits {
            let gate = &mut self.gates[usize::from(gate)];
            gate.writable.push_back(id);
            let write = gate.write;
            self.raise(write);
        }
    }

    /// A buffer came home: reads go on.
    pub(crate) fn feed_hungry(&mut self) {
        if self.hungry && self.pool.available() > 0 {
            self.hungry = false;
            for place in 0..self.gates.len() {
                if !self.gates[place].readable.is_empty() {
                    self.raise(self.gates[place].read);
                }
            }
        }
    }

    fn receive(&mut self, id: ConnId) -> Got {
        let Some(conn) = self.conns.get_mut(id) else { return Got::Nothing };
        let Some(socket) = &conn.socket else { return Got::Nothing };
        match self.backend.recv(socket, &self.pool) {
            Recv::Bytes(bytes, drained) => {
                // After a finish no further readiness would tell of the end: it is asked for.
                conn.readable = !drained || conn.heard != Heard::Nothing;
                if conn.phase == Phase::Lingering {
                    self.discard(id, bytes.len());
                    return Got::Nothing;
                }
                self.ask_again(id);
                let conn = Lease::new(id, &self.abandoned);
                Got::Incoming(Incoming::Received(Received { conn, bytes }))
            }
            Recv::Later => {
                conn.readable = false;
                Got::Nothing
            }
            Recv::NoBuffer => Got::NoBuffer,
            Recv::Ended(how) => self.receive_end(id, how),
        }
    }

    fn receive_end(&mut self, id: ConnId, how: How) -> Got {
        let Some(conn) = self.conns.get_mut(id) else { return Got::Nothing };
        conn.readable = false;
        if conn.phase == Phase::Lingering {
            self.release(id, How::Closed);
            return Got::Nothing;
        }
        if how == How::Eof {
            conn.phase = Phase::HalfClosed;
            return Got::Incoming(self.closed(id, how, None));
        }
        // It is queued to be told, before the connections that were queued later.
        self.die(id, how);
        Got::Nothing
    }

    fn discard(&mut self, id: ConnId, n: usize) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.discarded = conn.discarded.saturating_add(n as u32);
        if conn.discarded as usize > self.settings.linger_bytes {
            self.release(id, How::Closed);
        } else {
            self.ask_again(id);
        }
    }

    /// Puts a connection that may have more behind all others; the read stage goes on with it
    /// without being told.
    fn ask_again(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.readable && !conn.queued {
            conn.queued = true;
            self.gates[usize::from(conn.gate)].readable.push_back(id);
        }
    }

    fn closed(&self, id: ConnId, how: How, state: Option<crate::events::State>) -> Incoming {
        Incoming::Closed(Closed { conn: Lease::new(id, &self.abandoned), how, state })
    }

    fn readable(&mut self, place: u16) -> &mut VecDeque<ConnId> {
        &mut self.gate_mut(place).readable
    }
}

enum Got {
    Incoming(Incoming),
    Nothing,
    NoBuffer,
}
