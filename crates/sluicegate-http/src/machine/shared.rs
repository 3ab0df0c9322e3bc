//! What the connections of one worker share: settings, dates, and memory to be used again.

use std::sync::Arc;

use bytes::BytesMut;

use crate::date::{Tails, WallClock};
use crate::exchange::Exchange;
use crate::in_pieces::InPieces;
use crate::limits::{Limits, SPARE_MAX};
use crate::machine::bodies::Bodies;
use crate::machine::busy::Busy;
use crate::machine::trail::Extras;
use crate::pages::Pages;
use crate::reader::Room;
use crate::refusals::Refusals;
use crate::reply::Reply;

/// Lent to every call of a connection's machine; one per worker.
pub struct Shared {
    pub(crate) limits: Limits,
    pub(crate) tails: Tails,
    /// Where heads are written.
    pub(crate) scratch: BytesMut,
    spare: Vec<Exchange>,
    pub(crate) bodies: Bodies,
    /// Buffers of the pool are scarce: none is kept.
    pub(crate) scarce: bool,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) pages: Option<Arc<dyn Pages>>,
    pub(crate) in_pieces: Option<InPieces>,
    /// Connections whose readers have made room.
    pub(crate) room: Arc<Room>,
    busy: Busy,
    greedy: Busy,
    /// For log, ids and times of requests; mostly none of them.
    pub(crate) extras: Option<Box<Extras>>,
}

impl Shared {
    /// Settings for all connections, and where the wall clock is read.
    pub fn new(limits: Limits, clock: WallClock) -> Self {
        Self {
            limits,
            tails: Tails::new(clock),
            scratch: BytesMut::new(),
            spare: Vec::new(),
            bodies: Bodies::default(),
            scarce: false,
            refusals: Arc::default(),
            pages: None,
            in_pieces: None,
            room: Arc::default(),
            busy: Busy::new(503),
            greedy: Busy::new(429),
            extras: None,
        }
    }

    /// Counts what is refused in `refusals`, together with others.
    pub fn with_refusals(mut self, refusals: Arc<Refusals>) -> Self {
        self.refusals = refusals;
        self
    }

    /// Hands these on before their body is complete.
    pub fn with_in_pieces(mut self, in_pieces: Option<InPieces>) -> Self {
        self.in_pieces = in_pieces;
        self
    }

    /// Answers with these where nobody else does.
    pub(crate) fn with_pages(mut self, pages: Option<Arc<dyn Pages>>) -> Self {
        self.pages = pages;
        self
    }

    /// The reply for a request that nobody else answers; `whose` was asked when it came.
    pub(crate) fn bare(&mut self, whose: u16, status: u16) -> Reply {
        let page = self.pages.as_ref().and_then(|pages| pages.reply(whose, status));
        match status {
            503 => self.busy.reply(page),
            429 => self.greedy.reply(page),
            _ => page.unwrap_or_else(|| Reply::plain(status)),
        }
    }

    /// Records requests for a log, names them, and tells how long they took.
    pub(crate) fn with_extras(mut self, extras: Option<Box<Extras>>) -> Self {
        self.extras = extras;
        self
    }

    /// The settings.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn take(&mut self) -> Exchange {
        self.spare.pop().unwrap_or_else(Exchange::new)
    }

    /// An exchange whose reply was sent is used again; at most [`SPARE_MAX`] are kept.
    pub fn recycle(&mut self, mut exchange: Exchange) {
        exchange.clear();
        if self.spare.len() < SPARE_MAX {
            self.spare.push(exchange);
        }
    }
}
