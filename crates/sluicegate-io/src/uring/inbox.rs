//! What was received and not taken: handed out in order, and kept out of the way of others.

use crate::backend::Recv;
use crate::buf::Pool;
use crate::conn::{ConnId, How};
use crate::uring::Uring;
use crate::uring::sock::ASIDE_MAX;

/// Inboxes are emptied when they hold at least this part of all buffers and none is left.
const SHARE: usize = 4;

impl Uring {
    pub(super) fn next_received(&mut self, id: ConnId, pool: &Pool) -> Recv {
        let Some(sock) = self.conns.get_mut(id) else { return Recv::Ended(How::Closed) };
        let buf = if let Some(aside) = &mut sock.aside {
            let Some(mut buf) = pool.take() else { return Recv::NoBuffer };
            let n = buf.push(aside.left());
            self.aside -= n;
            if aside.take(n) {
                sock.aside = None;
            }
            buf
        } else if !sock.inbox.is_empty() {
            self.held -= 1;
            sock.inbox.remove(0)
        } else {
            return match (sock.broken, sock.end) {
                // An error of the socket is told once, to whoever asks first: had the send asked,
                // the receive found but an end.
                (Some(how), _) | (None, Some(how)) => Recv::Ended(how),
                (None, None) => {
                    self.receive(id);
                    Recv::Later
                }
            };
        };
        let last = sock.inbox.is_empty() && sock.aside.is_none();
        let drained = last && sock.end.is_none() && sock.broken.is_none();
        if last {
            self.receive(id);
        }
        Recv::Bytes(buf, drained)
    }

    /// No buffer is left. Where connections that nobody reads hold many, what is in them is moved
    /// out, so that others go on; each of these receives no more until all of it is taken.
    pub(super) fn make_room(&mut self, pool: &Pool) {
        // With one buffer there would be none for those that go on.
        if self.held * SHARE < pool.capacity() || pool.capacity() == 1 {
            return;
        }
        for id in self.conns.ids().collect::<Vec<_>>() {
            let Some(sock) = self.conns.get_mut(id) else { continue };
            for buf in sock.inbox.drain(..) {
                if self.aside + buf.len() > ASIDE_MAX {
                    sock.broken.get_or_insert(How::Error);
                    break;
                }
                self.aside += buf.len();
                sock.aside.get_or_insert_default().add(&buf);
            }
        }
        self.held = 0;
        self.lent.fill(pool);
    }
}
