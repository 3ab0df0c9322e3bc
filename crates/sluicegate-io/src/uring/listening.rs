//! Listeners: accepting until further notice, one by one in need, and to the last.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use io_uring::{opcode, types};
use rustix::io::Errno;
use rustix::net::{self, SocketFlags};
use sluicegate::Wait;

use crate::addr::Peer;
use crate::backend::{Accept, Shed, Socket};
use crate::conn::ConnId;
use crate::system::is_of_one;
use crate::uring::handle::Handle;
use crate::uring::op::Op;
use crate::uring::sock::{Accepted, Asking, Connecting, Sock};
use crate::uring::{Uring, set_blocking};

impl Uring {
    pub(super) fn next_accepted(&mut self, id: ConnId) -> Accept {
        let Some(ear) = self.ears.get_mut(id) else { return Accept::Later };
        if let Some(accepted) = ear.accepted.pop_front() {
            return self.admit(accepted);
        }
        if let Some(error) = ear.failed.take() {
            ear.starving = true;
            return Accept::Starved(error);
        }
        if !ear.last && !ear.starving {
            self.ask(id, Asking::Accept);
            return Accept::Later;
        }
        match accept_now(ear.fd.as_fd()) {
            Ok(fd) => {
                ear.starving = false;
                self.admit(Accepted { handle: Handle::Fd(fd), peer: None })
            }
            Err(Errno::AGAIN) => {
                self.await_next(id);
                Accept::Later
            }
            Err(error) if is_of_one(error) => Accept::Lost,
            Err(error) => {
                ear.starving = true;
                Accept::Starved(error.into())
            }
        }
    }

    pub(super) fn shed_next(&mut self, id: ConnId) -> Shed {
        let Some(ear) = self.ears.get(id) else { return Shed::Later };
        let shed = self.reserve.shed(|| accept_now(ear.fd.as_fd()));
        if shed == Shed::Later {
            self.await_next(id);
        }
        shed
    }

    /// Takes the backlog out of the kernel's hands.
    pub(super) fn empty_backlog(&mut self, id: ConnId) {
        let Some(ear) = self.ears.get_mut(id) else { return };
        ear.last = true;
        self.stop_asking(id);
        let mut early = std::mem::take(&mut self.early);
        while self.ears.get(id).is_some_and(|ear| ear.asking != Asking::Nothing) {
            self.turn(Wait::Forever, &mut early);
        }
        self.early = early;
    }

    pub(super) fn close_listener(&mut self, id: ConnId) {
        if let Some(ear) = self.ears.get_mut(id) {
            ear.closing = true;
            for accepted in std::mem::take(&mut ear.accepted) {
                self.close_handle(accepted.handle);
            }
        }
        self.stop_asking(id);
        self.settle_listener(id);
    }

    /// Closes the listener if it is to be closed and the kernel is done with it.
    pub(super) fn settle_listener(&mut self, id: ConnId) {
        if self.ears.get(id).is_some_and(|ear| ear.closing && ear.asking == Asking::Nothing)
            && let Some(ear) = self.ears.remove(id)
        {
            self.drop_calls(&ear.calls);
        }
    }

    /// Has the operation of the listener end.
    pub(super) fn stop_asking(&mut self, id: ConnId) {
        let Some(ear) = self.ears.get_mut(id) else { return };
        let op = match ear.asking {
            Asking::Nothing => return,
            Asking::Accept => Op::Accept,
            Asking::Await => Op::Await,
        };
        if std::mem::replace(&mut ear.stopping, true) {
            return;
        }
        if ear.calling > 0 { self.stop_calling(id) } else { self.cancel(op, id) }
    }

    /// Waits for the next connection without accepting it.
    fn await_next(&mut self, id: ConnId) {
        if self.ears.get(id).is_some_and(|ear| !ear.last) {
            self.ask(id, Asking::Await);
        }
    }

    fn ask(&mut self, id: ConnId, asking: Asking) {
        if asking == Asking::Accept && self.places.is_some() {
            return self.call(id);
        }
        let Some(ear) = self.ears.get_mut(id).filter(|ear| ear.asking == Asking::Nothing) else {
            return;
        };
        let fd = types::Fd(ear.fd.as_raw_fd());
        let entry = match asking {
            Asking::Nothing => return,
            Asking::Accept => {
                let accept = opcode::AcceptMulti::new(fd).flags(libc::SOCK_CLOEXEC);
                accept.build().user_data(Op::Accept.of(id))
            }
            Asking::Await => {
                let poll = opcode::PollAdd::new(fd, libc::POLLIN as u32);
                poll.build().user_data(Op::Await.of(id))
            }
        };
        ear.asking = asking;
        // SAFETY: the place of a listener, and with it the descriptor, stays until the operation
        // has completed; no memory is named.
        unsafe { self.ring.push(&entry) };
    }

    /// Puts an accepted connection into the table. Who it is has to be asked for: an operation
    /// that goes on tells it of none.
    fn admit(&mut self, accepted: Accepted) -> Accept {
        let peer = match (&accepted.handle, accepted.peer) {
            (_, Some(peer)) => Some(peer),
            (Handle::Fd(fd), None) => net::getpeername(fd).ok().map(|from| {
                let tcp = from.and_then(|from| SocketAddr::try_from(from).ok());
                tcp.map_or(Peer::UNIX, Peer::tcp)
            }),
            (Handle::Direct(_), None) => None,
        };
        // It is gone already.
        let Some(peer) = peer else { return Accept::Lost };
        match self.conns.insert(Sock::new(accepted.handle, Connecting::No)) {
            Ok(id) => Accept::Conn(Socket::Place(id), peer),
            Err(sock) => {
                self.close_handle(sock.handle);
                Accept::Starved(super::full())
            }
        }
    }
}

/// Accepts without waiting on a listener that blocks.
///
/// Workers share the flags of a Unix listener: were they to change them at the same time, one
/// could wait for ever. So they take turns, which only those need that ran out of descriptors or
/// drain.
fn accept_now(listener: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = |_| Errno::NOMEM;
    set_blocking(listener, false).map_err(failed)?;
    let accepted = net::accept_with(listener, SocketFlags::CLOEXEC);
    set_blocking(listener, true).map_err(failed)?;
    accepted
}
