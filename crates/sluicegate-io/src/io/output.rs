//! Sending: writes are gathered, then each connection is written to once.

use sluicegate::{Tag, Tags, Time, Why};

use crate::backend::Sent;
use crate::conn::{ConnId, How};
use crate::events::{Then, Write};
use crate::io::Io;

impl Io {
    /// Appends a write to its connection's output; `flush` sends it.
    pub(crate) fn append(&mut self, place: u16, write: Write, tag: Tag, tags: &mut Tags) {
        let Write { conn: id, chunks, then } = write;
        let Some(conn) = self.conns.get(id).filter(|conn| conn.takes_output()) else {
            return tag.refuse(Why::Gone);
        };
        assert_eq!(conn.gate, place, "a connection is written to by its own write stage");
        if then == Then::Reset {
            tag.refuse(Why::Gone);
            return self.break_off(id);
        }
        let Some(conn) = self.conns.get_mut(id) else { return };
        let output = conn.output.get_or_insert_with(|| {
            self.unsent += 1;
            self.spare.pop().unwrap_or_default()
        });
        output.append(chunks);
        if tag.is_flow() {
            output.mark(tags.insert(tag));
        }
        conn.then = then;
        if !conn.dirty {
            conn.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Sends what was appended: one call of the backend per connection, unless there is much.
    pub(crate) fn flush(&mut self, now: Time, tags: &mut Tags) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            if let Some(conn) = self.conns.get_mut(id) {
                conn.dirty = false;
                self.send(id, now, tags);
            }
        }
        self.dirty = dirty;
    }

    /// Sends on the connections of a gate that became writable, and refuses what never will be
    /// written.
    pub(crate) fn write_signal(&mut self, place: u16, now: Time, tags: &mut Tags) {
        while let Some(id) = self.gate_mut(place).writable.pop_front() {
            self.send(id, now, tags);
        }
        self.refuse_orphans(place, tags);
    }

    /// Refuses the tags of output that was lost with its connection.
    pub(crate) fn refuse_orphans(&mut self, place: u16, tags: &mut Tags) {
        while let Some(tag) = self.gate_mut(place).orphans.pop_front() {
            if let Some(tag) = tags.take(tag) {
                tag.refuse(Why::Gone);
            }
        }
    }

    /// The write stage was rebuilt: the tags that it held have ended.
    pub(crate) fn forget_tags(&mut self, place: u16) {
        self.gate_mut(place).orphans.clear();
        let ids: Vec<ConnId> = self.conns.ids().collect();
        for id in ids {
            if let Some(conn) = self.conns.get_mut(id).filter(|conn| conn.gate == place)
                && let Some(output) = &mut conn.output
            {
                output.forget_marks();
            }
        }
    }

    pub(super) fn send(&mut self, id: ConnId, now: Time, tags: &mut Tags) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let (Some(socket), Some(output)) = (&conn.socket, &mut conn.output) else { return };
        while conn.writable && output.has_bytes() {
            match self.backend.send(socket, output.pieces()) {
                Sent::Bytes(n) => {
                    output.sent(n);
                    conn.sent += n as u64;
                }
                Sent::Blocked(n) => {
                    output.sent(n);
                    conn.sent += n as u64;
                    conn.writable = false;
                }
                Sent::Taken => {
                    conn.writable = false;
                    output.taken_in = self.polls;
                }
                Sent::Ended(how) => return self.die(id, how),
            }
        }
        while let Some(tag) = output.pop_finished() {
            if let Some(tag) = tags.take(tag) {
                tag.finish();
            }
        }
        if output.is_empty() {
            self.sent_all(id, now);
        } else if output.len() > self.settings.output
            // The kernel has had its chance to take some of it.
            && output.taken_in != self.polls
        {
            self.die(id, How::Slow);
        }
    }

    fn finish(&mut self, id: ConnId) {
        if let Some(socket) = self.conns.get(id).and_then(|conn| conn.socket.as_ref()) {
            self.backend.shutdown(socket);
        }
    }

    fn sent_all(&mut self, id: ConnId, now: Time) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let (output, watch, then) = (conn.output.take(), conn.watch.take(), conn.then);
        if let Some(output) = output {
            self.keep_output(output);
        }
        if let Some(stage) = watch {
            self.tell_drained(id, stage);
        }
        match then {
            Then::Keep | Then::Reset => {}
            Then::Shutdown => self.linger(id, now),
            Then::Finish => self.finish(id),
            Then::Close => self.close(id),
        }
    }
}
