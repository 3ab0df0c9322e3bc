//! Connections: receiving, sending, and letting go.

use std::os::fd::{AsFd, OwnedFd};

use io_uring::opcode;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;

use crate::backend::Sent;
use crate::conn::{ConnId, How};
use crate::pages::Splice;
use crate::pieces::Pieces;
use crate::send::{SLICES_MAX, send_now};
use crate::system::how;
use crate::uring::buffers::GROUP;
use crate::uring::handle::Handle;
use crate::uring::op::Op;
use crate::uring::sending::Sending;
use crate::uring::sock::{Connecting, Receiving};
use crate::uring::{SPARE_SENDS, Uring};

impl Uring {
    /// Has the kernel receive on the connection until further notice, unless it does.
    pub(super) fn receive(&mut self, id: ConnId) {
        let Some(sock) = self.conns.get_mut(id) else { return };
        if sock.receiving != Receiving::No || sock.closing || sock.end.is_some() {
            return;
        }
        sock.receiving = Receiving::Yes;
        let entry = sock.handle.entry(|fd| opcode::RecvMulti::new(fd, GROUP).build());
        // SAFETY: the place of a socket, and with it the descriptor, stays until the operation
        // has completed; so do the buffers in `lent`.
        unsafe { self.ring.push(&entry.user_data(Op::Receive.of(id))) };
    }

    /// Has as many of the hungry receive as there are buffers; whether more could, should these
    /// leave some.
    pub(super) fn feed(&mut self) -> bool {
        for _ in 0..self.lent.len().min(self.hungry.len()) {
            let Some(id) = self.hungry.pop_front() else { break };
            if let Some(sock) = self.conns.get_mut(id)
                && sock.receiving == Receiving::Hungry
            {
                sock.receiving = Receiving::No;
                // Else it goes on when what waits is taken.
                if !sock.is_full() {
                    self.receive(id);
                }
            }
        }
        !self.hungry.is_empty() && self.lent.len() > 0
    }

    pub(super) fn send_pieces(&mut self, id: ConnId, pieces: &mut Pieces) -> Sent {
        let Some(sock) = self.conns.get(id) else { return Sent::Ended(How::Closed) };
        if let Some(how) = sock.broken {
            return Sent::Ended(how);
        }
        debug_assert!(sock.sending.is_none(), "one send at a time keeps the order");
        if let Handle::Fd(fd) = &sock.handle
            && pieces.lead_to_page_memory(SLICES_MAX)
            && let Some(sent) = send_pages(fd, pieces, &mut self.splice)
        {
            return sent;
        }
        let mut sending = self.spare.pop().unwrap_or_default();
        sending.load(pieces);
        self.submit(id, sending);
        Sent::Taken
    }

    /// Has the kernel send, and keeps what is sent.
    pub(super) fn submit(&mut self, id: ConnId, mut sending: Box<Sending>) {
        let pin = self.pin(id, sending.chunks());
        let Some(sock) = self.conns.get_mut(id) else { return };
        sock.pin = pin;
        let (entry, number) = match pin {
            Some(place) => {
                (sock.handle.entry(|fd| sending.zero_copy_entry(fd)), Op::ZeroCopy.of(place))
            }
            None => (sock.handle.entry(|fd| sending.entry(fd)), Op::Send.of(id)),
        };
        sock.sending = Some(sending);
        // SAFETY: the place of a socket, and with it the descriptor and the boxed send, which
        // owns the pieces, stays until the operation has completed; clones of what is sent without
        // a copy stay in `pinned` until the kernel is done with the pages.
        unsafe { self.ring.push(&entry.user_data(number)) };
    }

    /// Puts a send away for use again.
    pub(super) fn keep(&mut self, mut sending: Box<Sending>) {
        sending.clear();
        if self.spare.len() < SPARE_SENDS {
            self.spare.push(sending);
        }
    }

    /// Waits until it is known whether the connection stands.
    pub(super) fn await_decision(&mut self, id: ConnId) {
        let Some(sock) = self.conns.get_mut(id) else { return };
        if sock.connecting != Connecting::Begun {
            return;
        }
        sock.connecting = Connecting::Waiting;
        let poll = |fd| opcode::PollAdd::new(fd, libc::POLLOUT as u32).build();
        let entry = sock.handle.entry(poll);
        // SAFETY: the descriptor stays until the operation has completed; no memory is named.
        unsafe { self.ring.push(&entry.user_data(Op::Connect.of(id))) };
    }

    /// Waits until the connection is dead. Its ends are told whatever is polled for, also that the
    /// peer finished, after which the operation has to go on.
    pub(super) fn watch_conn(&mut self, id: ConnId) {
        let Some(sock) = self.conns.get_mut(id) else { return };
        if sock.watching || sock.closing {
            return;
        }
        sock.watching = true;
        let poll = |fd| opcode::PollAdd::new(fd, DEAD).multi(true).build();
        let entry = sock.handle.entry(poll);
        // SAFETY: the descriptor stays until the operation has completed; no memory is named.
        unsafe { self.ring.push(&entry.user_data(Op::Watch.of(id))) };
    }

    /// Cancels what is in flight; the socket is closed when that has ended.
    pub(super) fn close_conn(&mut self, id: ConnId) {
        let Some(sock) = self.conns.get_mut(id) else { return };
        if sock.closing {
            return;
        }
        sock.closing = true;
        self.held -= sock.inbox.len();
        self.aside -= sock.aside.take().map_or(0, |aside| aside.left().len());
        sock.inbox.clear();
        let operations = [
            (sock.receiving == Receiving::Yes, Op::Receive),
            (sock.connecting == Connecting::Waiting, Op::Connect),
            (sock.watching, Op::Watch),
        ];
        if sock.sending.is_some() {
            self.cancel_send(id);
        }
        for (in_flight, op) in operations {
            if in_flight {
                self.cancel(op, id);
            }
        }
        self.settle(id);
    }

    /// Closes the socket if it is to be closed and the kernel is done with it.
    pub(super) fn settle(&mut self, id: ConnId) {
        if self.conns.get(id).is_some_and(|sock| sock.closing && !sock.in_flight())
            && let Some(sock) = self.conns.remove(id)
        {
            if sock.reset {
                self.dissolve(&sock.handle);
            }
            self.close_handle(sock.handle);
        }
    }
}

/// What a poll says of a connection that is dead in both directions.
pub(super) const DEAD: u32 = (libc::POLLHUP | libc::POLLERR) as u32;

/// Sends page memory, and what goes ahead of it, by calls: no operation of the ring takes pages
/// without copying them or handing the work to a thread. `None` where the ring has to wait until
/// there is room.
fn send_pages(fd: &OwnedFd, pieces: &mut Pieces, splice: &mut Splice) -> Option<Sent> {
    // Splicing into a socket that blocks would wait; an operation on one that does not would fail
    // where it should wait. None begins while it is one.
    let lends = pieces.as_slice().first().is_some_and(Splice::takes);
    if lends && fcntl_setfl(fd, OFlags::NONBLOCK).is_err() {
        return None;
    }
    let sent = send_now(fd.as_fd(), pieces, splice);
    if lends && let Err(error) = fcntl_setfl(fd, OFlags::empty()) {
        return Some(Sent::Ended(how(error)));
    }
    match sent {
        Ok((n, _)) => Some(Sent::Bytes(n)),
        Err(Errno::AGAIN | Errno::INTR) => None,
        Err(error) => Some(Sent::Ended(how(error))),
    }
}
