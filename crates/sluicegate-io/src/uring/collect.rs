//! Completions: what each kind of operation leads to when it completes.

use std::os::fd::{FromRawFd, OwnedFd};

use io_uring::cqueue;
use rustix::io::Errno;

use crate::backend::Ready;
use crate::conn::{ConnId, How};
use crate::system::{how, is_of_one};
use crate::uring::Uring;
use crate::uring::handle::Handle;
use crate::uring::op::Op;
use crate::uring::sock::{ACCEPTED_MAX, Accepted, Asking, Connecting, Receiving};
use crate::uring::transfer::DEAD;

impl Uring {
    /// Handles all completions that are there, and tells what became ready.
    pub(super) fn collect(&mut self, ready: &mut Vec<Ready>) {
        let mut done = std::mem::take(&mut self.done);
        self.ring.take(&mut done);
        for (number, result, flags) in done.drain(..) {
            let (op, id) = Op::read(number);
            let more = cqueue::more(flags);
            match op {
                Op::Wake if !more => self.watch_wake(),
                Op::Wake | Op::Cancel => {}
                Op::Receive => self.received(id, result, flags, ready),
                Op::Send => self.sent(id, outcome(result), ready),
                Op::Accept => {
                    let accepted = outcome(result).map(|_| {
                        // SAFETY: the kernel made the descriptor for us, and nobody else knows
                        // of it.
                        let fd = unsafe { OwnedFd::from_raw_fd(result) };
                        Accepted { handle: Handle::Fd(fd), peer: None }
                    });
                    self.accepted(id, accepted, more, ready);
                }
                Op::Await => self.came(id, ready),
                Op::Connect => self.decided(id, ready),
                Op::Watch => self.lost(id, result, more, ready),
                Op::Call => self.called(id, outcome(result), ready),
                Op::Shutdown => self.shut_down(id),
                Op::Close => self.place_is_free(ready),
                Op::ZeroCopy if cqueue::notif(flags) => self.unpin(id, result),
                Op::ZeroCopy => self.zero_copied(id, outcome(result), more, ready),
                Op::Disk => self.disk_went(id, outcome(result)),
            }
        }
        self.done = done;
    }

    fn received(&mut self, id: ConnId, result: i32, flags: u32, ready: &mut Vec<Ready>) {
        // Taken in any case, so that it goes home.
        let buf = cqueue::buffer_select(flags).and_then(|number| self.lent.take(number));
        let Some(sock) = self.conns.get_mut(id) else { return };
        if !cqueue::more(flags) {
            sock.receiving = Receiving::No;
        }
        if sock.closing {
            return self.settle(id);
        }
        let mut told = Ready { key: sock.key, read: true, ..Ready::default() };
        match (outcome(result), buf) {
            (Ok(n), Some(mut buf)) if n > 0 => {
                buf.filled(n);
                sock.inbox.push(buf);
                self.held += 1;
            }
            (Ok(_), _) => {
                sock.end = Some(How::Eof);
                told.finished = true;
            }
            (Err(Errno::NOBUFS), _) => {
                sock.receiving = Receiving::Hungry;
                return self.hungry.push_back(id);
            }
            // It was cancelled, or broken off for nothing: it is begun again below.
            (Err(Errno::CANCELED | Errno::AGAIN | Errno::INTR), _) => told.read = false,
            (Err(error), _) => {
                // A send that is in flight fails as well; nothing is sent after it.
                sock.end = Some(how(error));
                sock.broken.get_or_insert(how(error));
                told.dead = true;
                told.write = true;
            }
        }
        let full = sock.is_full();
        match sock.receiving {
            Receiving::Yes if full => {
                sock.receiving = Receiving::Stopping;
                self.cancel(Op::Receive, id);
            }
            Receiving::No if !full => self.receive(id),
            _ => {}
        }
        if told.read {
            ready.push(told);
        }
    }

    pub(super) fn sent(
        &mut self,
        id: ConnId,
        result: Result<usize, Errno>,
        ready: &mut Vec<Ready>,
    ) {
        let Some(sock) = self.conns.get_mut(id) else { return };
        let Some(mut sending) = sock.sending.take() else { return };
        if sock.closing {
            self.keep(sending);
            return self.settle(id);
        }
        let key = sock.key;
        match result {
            Ok(n) => {
                let all = sending.sent(n);
                ready.push(Ready { key, write: all, sent: n, ..Ready::default() });
                if all { self.keep(sending) } else { self.submit(id, sending) }
            }
            Err(Errno::AGAIN | Errno::INTR) => self.submit(id, sending),
            Err(error) => {
                sock.broken.get_or_insert(how(error));
                let dead = Ready { key, read: true, write: true, dead: true, ..Ready::default() };
                ready.push(dead);
                self.keep(sending);
            }
        }
    }

    pub(super) fn accepted(
        &mut self,
        id: ConnId,
        accepted: Result<Accepted, Errno>,
        more: bool,
        ready: &mut Vec<Ready>,
    ) {
        let Some(ear) = self.ears.get_mut(id) else { return };
        if !more {
            (ear.asking, ear.stopping) = (Asking::Nothing, false);
        }
        if ear.closing {
            if let Ok(accepted) = accepted {
                self.close_handle(accepted.handle);
            }
            return self.settle_listener(id);
        }
        match accepted {
            Ok(accepted) => ear.accepted.push_back(accepted),
            // It was cancelled, or failed for one connection: it is begun again when asked.
            Err(Errno::CANCELED | Errno::AGAIN) => {}
            Err(error) if is_of_one(error) => {}
            Err(error) => ear.failed = Some(error.into()),
        }
        ready.push(Ready { key: ear.key, read: true, ..Ready::default() });
        if more && ear.accepted.len() >= ACCEPTED_MAX {
            self.stop_asking(id);
        }
    }

    fn came(&mut self, id: ConnId, ready: &mut Vec<Ready>) {
        let Some(ear) = self.ears.get_mut(id) else { return };
        (ear.asking, ear.stopping) = (Asking::Nothing, false);
        if ear.closing {
            return self.settle_listener(id);
        }
        ready.push(Ready { key: ear.key, read: true, ..Ready::default() });
    }

    fn lost(&mut self, id: ConnId, result: i32, more: bool, ready: &mut Vec<Ready>) {
        let Some(sock) = self.conns.get_mut(id) else { return };
        sock.watching = more;
        if sock.closing {
            return self.settle(id);
        }
        if outcome(result).is_ok_and(|events| events as u32 & DEAD != 0) {
            let key = sock.key;
            ready.push(Ready { key, read: true, write: true, dead: true, ..Ready::default() });
        }
    }

    fn shut_down(&mut self, id: ConnId) {
        let Some(sock) = self.conns.get_mut(id) else { return };
        sock.shutting = false;
        self.settle(id);
    }

    fn decided(&mut self, id: ConnId, ready: &mut Vec<Ready>) {
        let Some(sock) = self.conns.get_mut(id) else { return };
        sock.connecting = Connecting::Begun;
        if sock.closing {
            return self.settle(id);
        }
        ready.push(Ready { key: sock.key, write: true, ..Ready::default() });
    }
}

/// A result as a number or an error.
fn outcome(result: i32) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno::from_raw_os_error(-result))
}
