//! Who watches the net: each gets the newest event when what it got before is sent, and no other.
use bytes::Bytes;
use sluicegate::{Event, Out};
use sluicegate_http::{Body, Exchange, Reply};
use std::collections::VecDeque;
use std::sync::Arc;

/// The most that watch at once; further ones are refused, and the page asks for itself.
pub const VIEWERS_MAX: usize = 256;

/// What is sent where there is no event to send, so that who is gone is found: a comment.
const BEAT: &str = ":\n\n";

/// Left in a viewer's exchange.
#[derive(Debug)]
struct Viewer {
    /// The number of the event that it was given last.
    given: u64,
    _seat: Arc<()>,
}

/// Counts those who watch: each one's exchange has a copy, wherever it is, while it is one.
#[derive(Debug, Default)]
pub struct Seats(Arc<()>);

impl Seats {
    /// How many watch.
    pub fn taken(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// All who watch. Most of the time their exchanges wait here; else they are being sent.
#[derive(Debug, Default)]
pub struct Viewers {
    /// Those that have got the newest event.
    waiting: Vec<Event<Exchange>>,
    /// Those with something to be sent, when there is room.
    ready: VecDeque<Event<Exchange>>,
    /// The newest event and its number.
    event: Option<Bytes>,
    number: u64,
}

impl Viewers {
    /// Has somebody take a seat and watch, with the head of `reply` and this piece first.
    pub fn admit(&mut self, mut event: Event<Exchange>, reply: Reply, first: Bytes, seats: &Seats) {
        if seats.taken() >= VIEWERS_MAX {
            let full = format!("{VIEWERS_MAX} watch already, which is the most that may\n");
            let full = Reply::text(503, full);
            event.reply(full.header("Retry-After", "10"));
            return self.ready.push_back(event);
        }
        // Closed when it ends, so that a drain need not wait for another request.
        event.reply(reply.with(Body::Open).close());
        event.give(first);
        let newest = self.event.clone();
        let given = if newest.is_some() { self.number } else { 0 };
        newest.into_iter().for_each(|newest| event.give(newest));
        event.keep(Viewer { given, _seat: Arc::clone(&seats.0) });
        self.ready.push_back(event);
    }

    /// Takes an exchange back whose pieces are sent.
    pub fn sent(&mut self, mut event: Event<Exchange>) {
        match (event.kept::<Viewer>(), self.event.clone()) {
            (Some(viewer), Some(newest)) if viewer.given < self.number => {
                viewer.given = self.number;
                event.give(newest);
                self.ready.push_back(event);
            }
            _ => self.waiting.push(event),
        }
    }

    /// Whether an exchange is of somebody who watches.
    pub fn is_one(exchange: &mut Exchange) -> bool {
        exchange.kept::<Viewer>().is_some()
    }

    /// Has all be sent the newest event. Who has not been sent the last one gets only this one.
    pub fn show(&mut self, event: Option<String>) {
        self.number += 1;
        self.event = event.map(Bytes::from);
        let newest = self.event.clone().unwrap_or_else(|| Bytes::from_static(BEAT.as_bytes()));
        for mut event in self.waiting.drain(..) {
            if let Some(viewer) = event.kept::<Viewer>() {
                viewer.given = self.number;
            }
            event.give(newest.clone());
            self.ready.push_back(event);
        }
    }

    /// Ends what all are sent.
    pub fn end(&mut self) {
        self.ready.extend(self.waiting.drain(..));
        self.ready.iter_mut().for_each(|event| event.end());
    }

    /// Sends what is ready, as far as there is room; whether that was all.
    pub fn send(&mut self, out: &mut Out<Exchange>) -> bool {
        while out.room() > 0
            && let Some(event) = self.ready.pop_front()
        {
            out.emit(event);
        }
        self.ready.is_empty()
    }
}
