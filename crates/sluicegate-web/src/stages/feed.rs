//! Feeds replies that are sent in pieces of a volume: asks `pages` for the next one of each.
use super::pages::Next;
use super::waiting::Waiting;
use crate::streamed::{Source, Streamed};
use crate::volume::{Fetch, Fetched, Got};
use sluicegate::{Batch, Cx, Ended, Event, Out, Stage};
use sluicegate_http::Exchange;
use sluicegate_http::multipart::Piece as Stretch;
use sluicegate_io::Chunk;
use sluicegate_macros::{From, Ports};
use sluicegate_volume::PIECE;
use std::collections::VecDeque;
use std::sync::Arc;

/// Pieces behind the one that is asked for that are read too.
const AHEAD: u64 = 1;

/// All that the stage listens to.
#[derive(From)]
pub enum FeedIn {
    /// A reply that wants its next piece.
    Pulled(Exchange),
    /// A piece.
    Fetched(Fetched),
}

/// Where the stage sends.
#[derive(Ports)]
pub struct FeedOut {
    /// Replies with their next piece.
    pub reply: Out<Exchange>,
    /// Pieces that are to be had.
    pub fetch: Out<Next>,
}

/// One worker's replies that wait for pieces.
#[derive(Debug, Default)]
pub struct Feed {
    waiting: Waiting<Fetch>,
    /// Fed, and waiting for room to be sent.
    ready: VecDeque<Event<Exchange>>,
}

impl Stage for Feed {
    type In = FeedIn;
    type Out = FeedOut;

    fn handle(&mut self, mut batch: Batch<'_, FeedIn>, cx: &mut Cx<'_, FeedOut>) {
        self.go_on(cx);
        while self.ready.len() < cx.out.reply.room()
            && let Some(event) = batch.next()
        {
            let (tag, body) = event.split();
            match body {
                FeedIn::Pulled(exchange) => self.pulled(tag.with(exchange)),
                FeedIn::Fetched(Fetched { fetch, got }) => {
                    let Some((waited, _)) = self.waiting.answered(&fetch, tag) else { continue };
                    for mut event in waited {
                        match &got {
                            Ok(Got::Piece(piece)) => feed(&mut event, piece.pages()),
                            // The head has promised more.
                            _ => event.fail(),
                        }
                        self.ready.push_back(event);
                    }
                }
            }
        }
        self.go_on(cx);
    }

    fn signal(&mut self, cx: &mut Cx<'_, FeedOut>) {
        self.go_on(cx);
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, FeedOut>) {
        if let Some(tag) = ended.tag {
            for mut event in self.waiting.died(tag) {
                event.fail();
                self.ready.push_back(event);
            }
        }
        self.go_on(cx);
    }
}

impl Feed {
    fn pulled(&mut self, mut event: Event<Exchange>) {
        match next(&mut event) {
            Some(fetch) => self.waiting.join(fetch, event),
            None => self.ready.push_back(event),
        }
    }

    fn go_on(&mut self, cx: &mut Cx<'_, FeedOut>) {
        while cx.out.reply.room() > 0
            && let Some(event) = self.ready.pop_front()
        {
            cx.out.reply.emit(event);
        }
        if !self.ready.is_empty() {
            cx.again();
        }
        let now = cx.now();
        self.waiting.ask(&mut cx.out.fetch, now);
    }
}

/// The piece that a reply needs next. A text between parts it gets at once; where there is nothing
/// to come it has failed.
fn next(exchange: &mut Exchange) -> Option<Fetch> {
    let (given, left) = (exchange.given(), exchange.left());
    let Some(Streamed { source: Source::Object(object, form), extent }) = exchange.kept() else {
        exchange.fail();
        return None;
    };
    match extent.next(given, left) {
        Stretch::Part { first, len } if len > 0 => {
            let (number, last) = (first / PIECE, (first + len - 1) / PIECE);
            let (object, form) = (Arc::clone(object), *form);
            let ahead = (last - number).min(AHEAD);
            Some(Fetch::Piece { object, form, number, ahead, name: None })
        }
        Stretch::Text(text) if !text.is_empty() => {
            exchange.give(text);
            None
        }
        Stretch::Part { .. } | Stretch::Text(_) => {
            exchange.fail();
            None
        }
    }
}

/// Gives a reply what it needs next of a piece.
fn feed(exchange: &mut Exchange, pages: &sluicegate_io::Paged) {
    let (given, left) = (exchange.given(), exchange.left());
    let next = exchange.kept::<Streamed>().map(|streamed| streamed.extent.next(given, left));
    let Some(Stretch::Part { first, len }) = next else { return exchange.fail() };
    // Both are within a piece.
    let start = (first % PIECE) as usize;
    let end = (start as u64 + len).min(pages.len() as u64) as usize;
    match start < end {
        true => exchange.give(Chunk::from(pages.slice(start..end))),
        false => exchange.fail(),
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
