//! What the owners of ends do: send, receive, finish, close.

use crate::backend::Sent;
use crate::conn::How;
use crate::sim::end::Phase;
use crate::sim::happen::Action;
use crate::sim::world::World;

/// What a receive found.
#[derive(Debug)]
pub(crate) enum Got {
    /// So many bytes; whether that was all.
    Bytes(usize, bool),
    Later,
    Ended(How),
}

impl World {
    pub fn send(&mut self, end: u32, bytes: &[u8]) -> Sent {
        let from = &self.ends[end as usize];
        let peer = match (from.phase, from.peer) {
            (Phase::Dead(how), _) => return Sent::Ended(how),
            _ if from.finished_out || from.closed => return Sent::Ended(How::Reset),
            (Phase::Open, Some(peer)) => peer,
            _ => return Sent::Blocked(0),
        };
        let to = &self.ends[peer as usize];
        let used = to.inbox.len() + to.coming;
        let room = bytes.len().min(self.options.window.saturating_sub(used));
        let n = self.short(room);
        if n > 0 {
            self.ends[peer as usize].coming += n;
            let at = self.arrival(peer);
            self.plan(at, Action::Bytes { to: peer, bytes: bytes[..n].to_vec() });
        }
        if n == bytes.len() {
            return Sent::Bytes(n);
        }
        self.ends[end as usize].blocked = true;
        if n < room {
            let at = self.arrival(end);
            self.plan(at, Action::Room { to: end });
        }
        Sent::Blocked(n)
    }

    pub fn recv(&mut self, end: u32, into: &mut [u8]) -> Got {
        let mine = &self.ends[end as usize];
        let most = mine.inbox.len().min(into.len());
        if most == 0 {
            return match mine.phase {
                Phase::Dead(how) => Got::Ended(how),
                Phase::Refused => Got::Ended(How::Error),
                Phase::Open if mine.finished_in => Got::Ended(How::Eof),
                Phase::Open | Phase::Connecting => Got::Later,
            };
        }
        let n = self.short(most);
        let mine = &mut self.ends[end as usize];
        let (front, back) = mine.inbox.as_slices();
        let split = front.len().min(n);
        into[..split].copy_from_slice(&front[..split]);
        into[split..n].copy_from_slice(&back[..n - split]);
        mine.inbox.drain(..n);
        let drained = mine.inbox.is_empty();
        if let Some(peer) = mine.peer
            && self.ends[peer as usize].blocked
        {
            let at = self.arrival(peer);
            self.plan(at, Action::Room { to: peer });
        }
        Got::Bytes(n, drained)
    }

    /// Sends no more.
    pub fn finish(&mut self, end: u32) {
        let mine = &mut self.ends[end as usize];
        if std::mem::replace(&mut mine.finished_out, true) {
            return;
        }
        if let (Phase::Open, Some(peer), false) = (mine.phase, mine.peer, mine.vanished) {
            let at = self.arrival(peer);
            self.plan(at, Action::Finish { to: peer });
        }
    }

    /// The owner lets go. What it did not receive turns the end into a reset.
    pub fn close(&mut self, end: u32) {
        if !self.ends[end as usize].inbox.is_empty() {
            self.reset(end);
        }
        self.finish(end);
        self.let_go(end);
    }

    /// Breaks the connection off.
    pub fn reset(&mut self, end: u32) {
        let mine = &mut self.ends[end as usize];
        if let (Phase::Open, Some(peer), false) = (mine.phase, mine.peer, mine.vanished) {
            let at = self.arrival(peer);
            self.plan(at, Action::Reset { to: peer });
        }
        let mine = &mut self.ends[end as usize];
        mine.phase = Phase::Dead(How::Reset);
        mine.inbox.clear();
    }

    fn let_go(&mut self, end: u32) {
        let mine = &mut self.ends[end as usize];
        mine.key = None;
        if !std::mem::replace(&mut mine.closed, true)
            && let Some(host) = mine.host
        {
            self.hosts[host].open -= 1;
        }
    }

    /// `n`, or less by chance, but at least 1 of it.
    fn short(&mut self, n: usize) -> usize {
        if n > 1 && self.random.below(100) < usize::from(self.options.short) {
            1 + self.random.below(n - 1)
        } else {
            n
        }
    }
}
