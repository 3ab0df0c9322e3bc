//! A test's own end of a simulated connection.

use crate::addr::Peer;
use crate::backend::Sent;
use crate::conn::How;
use crate::sim::end::Phase;
use crate::sim::transfer::Got;
use crate::sim::{Place, SimSocket};

/// A client (or whatever a test plays) in a simulated network. Nothing waits: what did not happen
/// yet is found when virtual time has moved on. Dropping it closes the connection.
pub struct SimPeer {
    socket: SimSocket,
    ended: Option<How>,
}

impl SimPeer {
    pub(crate) fn new(socket: SimSocket) -> Self {
        Self { socket, ended: None }
    }

    /// Sends as much as there is room for, and returns how much that was.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        match self.socket.net.world().send(self.end(), bytes) {
            Sent::Bytes(n) | Sent::Blocked(n) => n,
            Sent::Taken => unreachable!("the simulated network keeps no pieces"),
            Sent::Ended(how) => {
                self.ended.get_or_insert(how);
                0
            }
        }
    }

    /// All that came since this was last called.
    pub fn recv(&mut self) -> Vec<u8> {
        self.recv_at_most(usize::MAX)
    }

    /// What came since this was last called, at most `n` bytes.
    pub fn recv_at_most(&mut self, n: usize) -> Vec<u8> {
        let (mut all, mut some) = (Vec::new(), [0; 4096]);
        while all.len() < n {
            let room = some.len().min(n - all.len());
            match self.socket.net.world().recv(self.end(), &mut some[..room]) {
                Got::Bytes(n, _) => all.extend_from_slice(&some[..n]),
                Got::Later => break,
                Got::Ended(how) => {
                    self.ended.get_or_insert(how);
                    break;
                }
            }
        }
        all
    }

    /// How the connection ended, as far as sending or receiving found out.
    pub fn ended(&self) -> Option<How> {
        self.ended
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        self.socket.net.world().end(self.end()).phase == Phase::Open
    }

    /// The address by which the other end knows this one, once it was answered.
    pub fn addr(&self) -> Option<Peer> {
        let world = self.socket.net.world();
        Some(world.end(world.end(self.end()).peer?).who)
    }

    /// Sends no more; still receives.
    pub fn finish(&mut self) {
        self.socket.net.world().finish(self.end());
    }

    /// Breaks the connection off.
    pub fn reset(self) {
        self.socket.net.world().reset(self.end());
    }

    /// Falls silent for ever, as if its cable had been cut.
    pub fn vanish(&mut self) {
        self.socket.net.world().vanish(self.end());
    }

    fn end(&self) -> u32 {
        match self.socket.end {
            Place::End(end) => end,
            Place::Listener(_) => unreachable!("peers are ends of connections"),
        }
    }
}
