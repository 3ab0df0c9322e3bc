//! Accepting: from the backlogs into the table, and what happens when there is no more room.

use std::io;
use std::sync::Arc;

use sluicegate::Time;

use crate::backend::{Accept, Ready, Shed, Socket};
use crate::conn::Lease;
use crate::events::Opened;
use crate::io::{Io, WhenFull};
use crate::listen::{Listener, Succession};
use crate::unix::SocketFile;

/// The slot number that marks the key of a listener; no connection has it.
const LISTENER: u32 = u32::MAX;
/// The most connections refused at once when descriptors have run out.
const SHED_MAX: usize = 64;
/// The most connections found dead or refused in one backlog before others are looked after.
const LOST_MAX: usize = 64;

/// A listener of this worker.
pub(crate) struct Listening {
    socket: Option<Socket>,
    gate: u16,
    service: u16,
    /// Worth asking the backend for a connection.
    acceptable: bool,
    /// Removes the file of a Unix socket in the end.
    file: Option<Arc<SocketFile>>,
    /// Whether somebody else goes on with the backlog.
    succession: Succession,
}

/// What the backlogs of a gate gave.
pub(crate) enum Next {
    Opened(Opened),
    /// All are empty.
    Nothing,
    /// Only connections that were dead or refused; there may be more.
    Again,
    /// The table is full: when a connection closes, the flag is raised.
    Crowded,
    /// Descriptors or memory have run out: ask again after a pause, or when the flag is raised.
    Starved,
}

impl Io {
    /// Listens for the gate at `place`, which starts with what is in the backlog.
    pub(crate) fn listen(&mut self, place: u16, listener: Listener) -> io::Result<()> {
        let key = u64::from(LISTENER) | (self.listeners.len() as u64) << 32;
        let (service, file) = (listener.service(), listener.file());
        let succession = listener.succession();
        let socket = Some(self.backend.listen(key, listener)?);
        succession.begin();
        self.listeners.push(Listening {
            socket,
            gate: place,
            service,
            acceptable: true,
            file,
            succession,
        });
        Ok(())
    }

    /// Whether the gate at `place` was given its listeners.
    pub(crate) fn has_listeners(&self, place: u16) -> bool {
        self.listeners.iter().any(|listening| listening.gate == place)
    }

    /// Takes the next connection out of the backlogs of a gate, the backlogs taking turns.
    pub(crate) fn next_opened(&mut self, place: u16, now: Time) -> Next {
        for _ in 0..self.listeners.len() {
            self.turn = (self.turn + 1) % self.listeners.len();
            if !self.listeners[self.turn].asks(place) {
                continue;
            }
            if self.is_full() && self.gate_mut(place).when_full == WhenFull::Wait {
                self.crowded = true;
                return Next::Crowded;
            }
            match self.accept(self.turn, now) {
                Next::Nothing => {}
                next => return next,
            }
        }
        Next::Nothing
    }

    /// Refuses connections that wait in the backlogs of a gate, so that their peers know.
    pub(crate) fn shed(&mut self, place: u16) {
        let mut shed = 0;
        for listening in self.listeners.iter_mut().filter(|listening| listening.asks(place)) {
            let Some(socket) = &listening.socket else { continue };
            while shed < SHED_MAX {
                match self.backend.shed(socket) {
                    Shed::One => shed += 1,
                    Shed::Later => {
                        listening.acceptable = false;
                        break;
                    }
                    Shed::Impossible => break,
                }
            }
        }
        self.ledger.shed(shed as u64);
    }

    /// Lets nobody new into the backlogs that nobody else goes on with; whether there are any.
    pub(crate) fn deafen(&mut self, place: u16) -> bool {
        let mut any = false;
        for listening in self.listeners.iter().filter(|listening| listening.gate == place) {
            if let Some(socket) = &listening.socket
                && !listening.succession.is_passed_on()
            {
                self.backend.deafen(socket);
                any = true;
            }
        }
        any
    }

    /// From now on a backlog that is found empty is closed.
    pub(crate) fn last_call(&mut self, place: u16) {
        for listening in self.listeners.iter_mut().filter(|listening| listening.gate == place) {
            listening.acceptable = listening.socket.is_some();
            if let Some(socket) = &listening.socket {
                self.backend.last_call(socket);
            }
        }
    }

    /// Stops listening where the backlog is empty; whether no listener of the gate is left.
    pub(crate) fn close_empty(&mut self, place: u16) -> bool {
        let mut left = false;
        for listening in self.listeners.iter_mut().filter(|listening| listening.gate == place) {
            if listening.acceptable {
                left = true;
            } else if let Some(socket) = listening.socket.take() {
                self.backend.unlisten(socket);
                listening.file = None;
                listening.succession.end();
            }
        }
        !left
    }

    pub(crate) fn is_listener(ready: Ready) -> bool {
        ready.key as u32 == LISTENER
    }

    pub(crate) fn listener_ready(&mut self, ready: Ready) {
        let Some(listening) = self.listeners.get_mut((ready.key >> 32) as usize) else { return };
        listening.acceptable = listening.socket.is_some();
        let accept = self.gates[usize::from(listening.gate)].accept;
        self.raise(accept);
    }

    /// A connection left: those that wait to be accepted may come.
    pub(crate) fn room_to_accept(&mut self) {
        if self.starved || self.crowded {
            (self.starved, self.crowded) = (false, false);
            for place in 0..self.gates.len() {
                self.raise(self.gates[place].accept);
            }
        }
    }

    fn accept(&mut self, index: usize, now: Time) -> Next {
        for _ in 0..LOST_MAX {
            let listening = &self.listeners[index];
            let Some(socket) = &listening.socket else { return Next::Nothing };
            let (gate, service) = (listening.gate, listening.service);
            match self.backend.accept(socket) {
                Accept::Conn(socket, peer) if !self.enter_address(peer) => {
                    self.refuse_address(socket);
                }
                Accept::Conn(socket, peer) if self.is_full() => {
                    self.leave_address(peer);
                    self.turn_away(socket, peer, gate, now);
                }
                Accept::Conn(socket, peer) => {
                    let Ok(id) = self.open(socket, peer, gate, service) else {
                        self.leave_address(peer);
                        return self.starve();
                    };
                    let conn = Lease::new(id, &self.abandoned);
                    return Next::Opened(Opened { conn, peer, service, token: 0 });
                }
                Accept::Later => {
                    self.listeners[index].acceptable = false;
                    return Next::Nothing;
                }
                Accept::Lost => {}
                Accept::Starved(_) => return self.starve(),
            }
        }
        Next::Again
    }

    fn starve(&mut self) -> Next {
        self.starved = true;
        self.ledger.starved();
        Next::Starved
    }
}

impl Listening {
    fn asks(&self, place: u16) -> bool {
        self.gate == place && self.acceptable
    }
}
