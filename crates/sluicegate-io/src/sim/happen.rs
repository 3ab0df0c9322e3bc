//! What happens in a simulated network when its time has come.

use std::net::{IpAddr, SocketAddr};

use crate::addr::{Addr, Peer};
use crate::backend::Ready;
use crate::conn::How;
use crate::sim::end::{End, Phase};
use crate::sim::world::{Listen, World};

/// Something on its way.
pub(crate) enum Action {
    Ask {
        from: u32,
        known_by: IpAddr,
        addr: Addr,
    },
    Answer {
        to: u32,
        yes: bool,
    },
    Bytes {
        to: u32,
        bytes: Vec<u8>,
    },
    Finish {
        to: u32,
    },
    Reset {
        to: u32,
    },
    /// There may be room to send again.
    Room {
        to: u32,
    },
    GiveUp {
        end: u32,
    },
}

impl World {
    /// Lets `action` take effect.
    pub(super) fn happen(&mut self, action: Action) {
        match action {
            Action::Ask { from, known_by, addr } => self.asked(from, known_by, &addr),
            Action::Answer { to, yes } => self.answered(to, yes),
            Action::Bytes { to, bytes } => self.arrived(to, &bytes),
            Action::Finish { to } => {
                let end = &mut self.ends[to as usize];
                if end.hears() {
                    end.finished_in = true;
                    self.tell(to, Ready { read: true, finished: true, ..Ready::default() });
                }
            }
            Action::Reset { to } => self.ended(to, How::Reset),
            Action::Room { to } => {
                let end = &mut self.ends[to as usize];
                if end.hears() && std::mem::take(&mut end.blocked) {
                    self.tell(to, Ready { write: true, ..Ready::default() });
                }
            }
            Action::GiveUp { end } => self.ended(end, How::Timeout),
        }
    }

    fn asked(&mut self, from: u32, known_by: IpAddr, addr: &Addr) {
        let open = |listen: &Listen| listen.open && listen.addr == *addr;
        let open: Vec<usize> =
            (0..self.listeners.len()).filter(|at| open(&self.listeners[*at])).collect();
        let chosen = (!open.is_empty()).then(|| open[self.random.below(open.len())]);
        if chosen.is_some_and(|at| self.listeners[at].silent) {
            return;
        }
        let chosen = chosen.filter(|at| self.listeners[*at].backlog.len() < self.options.backlog);
        let at = self.arrival(from);
        self.plan(at, Action::Answer { to: from, yes: chosen.is_some() });
        let Some(chosen) = chosen else { return };
        let who = match addr {
            // Each end that connects has a port of its own.
            Addr::Tcp(_) => {
                let port = 1024 + (from % 64_000) as u16;
                Peer::tcp(SocketAddr::new(known_by, port))
            }
            Addr::Unix(_) => Peer::UNIX,
        };
        let end = self.add_end(End::new(None, who, Phase::Open, self.now));
        self.ends[end as usize].peer = Some(from);
        self.ends[from as usize].peer = Some(end);
        let listen = &mut self.listeners[chosen];
        listen.backlog.push_back(end);
        if let Some((host, key)) = listen.owner {
            self.hosts[host].news.push(Ready { key, read: true, ..Ready::default() });
        }
    }

    fn answered(&mut self, to: u32, yes: bool) {
        let end = &mut self.ends[to as usize];
        if end.phase == Phase::Connecting {
            end.phase = if yes { Phase::Open } else { Phase::Refused };
            let (finished, closed) = (end.finished_out, end.closed);
            self.tell(to, Ready { write: true, dead: !yes, ..Ready::default() });
            // What the owner did before it was answered takes effect now.
            if closed || finished {
                self.ends[to as usize].finished_out = false;
                self.finish(to);
            }
        } else if let (Phase::Dead(_), Some(peer), false) = (end.phase, end.peer, end.vanished) {
            // Who broke off before it was answered is not there for the other end either.
            let at = self.arrival(peer);
            self.plan(at, Action::Reset { to: peer });
        }
    }

    fn arrived(&mut self, to: u32, bytes: &[u8]) {
        let end = &mut self.ends[to as usize];
        if end.vanished {
            return self.plan_to_give_up(to);
        }
        end.coming -= bytes.len();
        if end.closed && end.hears() {
            return self.reset(to);
        }
        if end.hears() {
            end.inbox.extend(bytes);
            self.tell(to, Ready { read: true, ..Ready::default() });
        }
    }

    /// Bytes went to somebody who vanished: the sender waits for a while.
    fn plan_to_give_up(&mut self, vanished: u32) {
        let Some(end) = self.ends[vanished as usize].peer else { return };
        if !std::mem::replace(&mut self.ends[end as usize].giving_up, true) {
            self.plan(self.now + self.options.give_up, Action::GiveUp { end });
        }
    }

    fn ended(&mut self, end: u32, how: How) {
        let mine = &mut self.ends[end as usize];
        if mine.hears() {
            mine.phase = Phase::Dead(how);
            mine.inbox.clear();
            let ready =
                Ready { read: true, write: true, finished: true, dead: true, ..Ready::default() };
            self.tell(end, ready);
        }
    }
}
