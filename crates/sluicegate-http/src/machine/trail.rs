//! What is known of a request beside its exchange, which may get lost: for the access log, and
//! for the fields Server-Timing and the request id. Without these a connection has no trail.

use std::fmt::Write;

use bytes::BufMut;
use sluicegate::Time;
use sluicegate_io::{Peer, Then};

use crate::exchange::Exchange;
use crate::head::Head;
use crate::id::Ids;
use crate::journal::Journal;
use crate::log::{ABSENT, LogSettings, TEXTS, push_text};
use crate::machine::conn::{HttpConn, Phase};
use crate::machine::encode::Answer;
use crate::machine::shared::Shared;
use crate::reply::{Body, Reply};
use crate::status::is_bodiless;

/// The client left before it got an answer: a status of the log alone.
const LEFT: u16 = 499;

/// What the connections of one worker share for their trails.
pub(crate) struct Extras {
    pub journal: Option<Journal>,
    pub ids: Option<Ids>,
    pub timing: bool,
    /// Lines for the head of the reply that is being encoded.
    pub lines: Vec<u8>,
}

/// The trail of one connection.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// Whether a request is in hand.
    begun: bool,
    /// It, where there is a log.
    entry: Option<Box<Entry>>,
    /// Its id, where there are ids.
    id: Vec<u8>,
    /// When it was complete.
    asked: Time,
    /// What was answered had to be fetched first.
    missed: bool,
    /// Bytes of all replies so far, on their way or sent.
    handed: u64,
}

/// One request on its way into the log.
#[derive(Debug)]
pub(crate) struct Entry {
    pub conn: u64,
    pub peer: Option<Peer>,
    pub born: Time,
    /// When the end of its reply was handed on.
    pub answered: Time,
    pub status: u16,
    /// Where, in the bytes of its connection, the body of the reply begins, and the reply ends.
    pub body: u64,
    pub end: u64,
    /// Bytes of the connection that were sent when this was last looked at.
    pub seen: u64,
    /// The client kept its reply waiting.
    pub slow: bool,
    pub lens: [u16; TEXTS],
    pub text: Vec<u8>,
}

/// The end of a reply that never came to its end.
pub(crate) const NEVER: u64 = u64::MAX;

impl HttpConn {
    /// A head was read: `whole`, unless it was not understood. Names the request.
    pub(super) fn begin_trail(
        &mut self,
        exchange: &mut Exchange,
        whole: bool,
        now: Time,
        extras: &mut Extras,
    ) {
        let trail = self.trail.get_or_insert_default();
        (trail.begun, trail.asked, trail.missed) = (true, now, false);
        if let Some(ids) = &mut extras.ids {
            ids.name(exchange.head_mut(), now, &mut trail.id);
            exchange.set_request_id(&trail.id);
        }
        if let Some(journal) = &mut extras.journal {
            let head = exchange.head_mut();
            let mut entry = journal.entry(self.key, self.peer, self.born);
            let wants = journal.settings();
            entry.lens = texts(head, whole, &trail.id, wants, &mut entry.text);
            trail.entry = Some(entry);
        }
    }

    /// A request is refused: gives it a trail where it has none yet.
    pub(super) fn begin_blank_trail(&mut self, now: Time, extras: &mut Extras) {
        let trail = self.trail.get_or_insert_default();
        if trail.begun {
            return;
        }
        (trail.begun, trail.asked, trail.missed) = (true, now, false);
        if let Some(ids) = &mut extras.ids {
            ids.make(now, &mut trail.id);
        }
        if let Some(journal) = &mut extras.journal {
            let mut entry = journal.entry(self.key, self.peer, self.born);
            entry.lens = [ABSENT; TEXTS];
            if !trail.id.is_empty() {
                entry.lens[TEXTS - 1] = push_text(&mut entry.text, &trail.id);
            }
            trail.entry = Some(entry);
        }
    }

    /// The request in hand is complete only now.
    pub(super) fn trail_asked(&mut self, now: Time) {
        if let Some(trail) = &mut self.trail {
            trail.asked = now;
        }
    }

    /// What is answered had to be fetched first.
    pub(super) fn trail_missed(&mut self) {
        if let Some(trail) = &mut self.trail {
            trail.missed = true;
        }
    }

    /// Writes the lines for the head of `reply`. Returns the bytes of its body that follow the
    /// head at once.
    pub(super) fn announce(&mut self, reply: &Reply, now: Time, extras: &mut Extras) -> u64 {
        let lines = &mut extras.lines;
        lines.clear();
        if let (Some(ids), Some(trail)) = (&extras.ids, &self.trail) {
            lines.put_slice(ids.field.as_bytes());
            lines.put_slice(b": ");
            lines.put_slice(&trail.id);
            lines.put_slice(b"\r\n");
        }
        if extras.timing {
            let asked = self.trail.as_ref().map_or(now, |trail| trail.asked);
            let text = Timing { total: now - self.born, queue: asked - self.born };
            let missed = self.trail.as_ref().is_some_and(|trail| trail.missed);
            text.push(missed, lines);
        }
        match &reply.body {
            _ if self.asked.head_only || is_bodiless(reply.status) => 0,
            Body::Stream { .. } | Body::Open => 0,
            body => body.len(),
        }
    }

    /// The head of a reply was encoded, with `body` bytes behind it.
    pub(super) fn trail_head(&mut self, status: u16, body: u64, answer: &Answer) {
        let Some(trail) = &mut self.trail else { return };
        let Some(entry) = &mut trail.entry else { return };
        entry.status = status;
        entry.body = trail.handed + bytes(answer) - body;
    }

    /// `answer` of so many bytes is handed on. When the reply ends with it, its entry waits for
    /// the bytes to go.
    pub(super) fn trail_on(
        &mut self,
        answer: &Answer,
        bytes: usize,
        now: Time,
        shared: &mut Shared,
    ) {
        let Some(trail) = &mut self.trail else { return };
        trail.handed += bytes as u64;
        let broken = answer.then == Then::Reset;
        if broken || (matches!(self.phase, Phase::Head | Phase::Over) && !answer.more) {
            let end = if broken { NEVER } else { trail.handed };
            self.end_trail(end, now, shared);
        }
    }

    /// The request in hand ends without (all of) its reply. Bytes that were sent before count.
    pub(crate) fn abort_trail(&mut self, now: Time, shared: &mut Shared) {
        if self.trail.is_some() {
            self.end_trail(NEVER, now, shared);
        }
    }

    fn end_trail(&mut self, end: u64, now: Time, shared: &mut Shared) {
        let Some(trail) = &mut self.trail else { return };
        trail.begun = false;
        let Some(mut entry) = trail.entry.take() else { return };
        if entry.status == 0 {
            (entry.status, entry.body) = (LEFT, NEVER);
        }
        (entry.end, entry.answered) = (end, now);
        if let Some(journal) = shared.extras.as_mut().and_then(|extras| extras.journal.as_mut()) {
            journal.ends(entry);
        }
    }
}

fn bytes(answer: &Answer) -> u64 {
    answer.chunks.iter().map(|chunk| chunk.len() as u64).sum()
}

/// Copies what the log wants of a head.
fn texts(
    head: &Head,
    whole: bool,
    id: &[u8],
    wants: &LogSettings,
    out: &mut Vec<u8>,
) -> [u16; TEXTS] {
    let mut lens = [ABSENT; TEXTS];
    lens[0] = push_text(out, head.request_line());
    let mut push = |place: usize, text: Option<&[u8]>| {
        if let Some(text) = text {
            lens[place] = push_text(out, text);
        }
    };
    if wants.host {
        // The authority of an absolute target is known only where the head was understood.
        push(1, if whole { head.host() } else { head.header("host") });
    }
    if wants.browser {
        push(2, head.header("referer"));
        push(3, head.header("user-agent"));
    }
    push(4, (!id.is_empty()).then_some(id));
    lens
}

/// How long a request has taken.
struct Timing {
    total: std::time::Duration,
    /// Until the stage took it up whole.
    queue: std::time::Duration,
}

impl Timing {
    fn push(&self, missed: bool, out: &mut Vec<u8>) {
        // By whole microseconds: floats take twice as long to write.
        let parts = |time: std::time::Duration| {
            let micros = time.as_micros() as u64;
            (micros / 1000, micros % 1000)
        };
        let app = self.total.saturating_sub(self.queue);
        let [(total, t), (queue, q), (app, a)] = [self.total, self.queue, app].map(parts);
        let mut text = String::with_capacity(96);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "Server-Timing: total;dur={total}.{t:03}, queue;dur={queue}.{q:03}, \
             app;dur={app}.{a:03}"
        );
        text.push_str(if missed { ", cache;desc=miss\r\n" } else { "\r\n" });
        out.put_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_told_in_milliseconds_to_the_microsecond() {
        let us = Duration::from_micros;
        let mut out = Vec::new();
        Timing { total: us(12_050), queue: us(1) }.push(false, &mut out);
        Timing { total: us(0), queue: us(0) }.push(true, &mut out);
        let told = "Server-Timing: total;dur=12.050, queue;dur=0.001, app;dur=12.049\r\n\
                    Server-Timing: total;dur=0.000, queue;dur=0.000, app;dur=0.000, \
                    cache;desc=miss\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), told);
    }
}
