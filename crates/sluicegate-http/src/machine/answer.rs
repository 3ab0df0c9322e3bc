//! The other half of the machine: replies on their way out, and how a connection ends.

use sluicegate::Time;
use sluicegate_io::Then;

use crate::exchange::{Exchange, Given, Outcome};
use crate::machine::body::Left;
use crate::machine::conn::{HttpConn, Next, Phase};
use crate::machine::encode::{Answer, Asked, encode};
use crate::machine::intake::{Aside, Intake};
use crate::machine::patience::Waiting;
use crate::machine::pieces::{Broken, Rest};
use crate::machine::reader::Reader;
use crate::machine::shared::Shared;
use crate::method::Version;
use crate::reader::Feed;
use crate::reply::{Body, Reply};
use crate::status::{Problem, is_bodiless};

/// What a tunnel counts as: whoever has the connection now says what it is (RFC 9110 section
/// 15.2.2).
const SWITCHING_PROTOCOLS: u16 = 101;

impl HttpConn {
    /// Encodes the reply in an exchange that came back, or the next pieces of its stream.
    /// `queued` bytes of earlier output are unsent. Then advance, or pull when `more`.
    pub fn answer(
        &mut self,
        exchange: &mut Exchange,
        queued: usize,
        now: Time,
        shared: &mut Shared,
    ) -> Answer {
        let mut answer = Answer::default();
        let failed = exchange.has_failed();
        if exchange.is_missed() {
            self.trail_missed();
        }
        let tunnel = if exchange.has_pipe() { exchange.take_tunnel() } else { None };
        let Outcome { reply, given } = exchange.outcome();
        match self.phase {
            Phase::Asked if !failed && let Some(feed) = tunnel => {
                self.begin_tunnel(feed, given, shared, &mut answer);
            }
            Phase::Asked => {
                if failed {
                    *reply = None;
                }
                let reply = reply.get_or_insert_with(|| shared.bare(self.asked.whose, 500));
                self.begin_reply(reply, Some(given), now, shared, &mut answer);
            }
            Phase::Stream { .. } if failed => answer = self.reset(),
            Phase::Stream { rest } => self.go_on(given, rest, shared, &mut answer),
            Phase::Head | Phase::Body { .. } | Phase::Over => {}
        }
        self.count(&answer, queued, now, shared);
        answer
    }

    /// Answers the request in hand, for nobody else will: 503, 429, 504, 500, as `Pages` have
    /// it; the first two say when to come again.
    /// A reply that was begun is broken off instead.
    pub fn decline(
        &mut self,
        status: u16,
        queued: usize,
        now: Time,
        shared: &mut Shared,
    ) -> Answer {
        let mut answer = Answer::default();
        shared.refusals.count(status);
        match std::mem::replace(&mut self.phase, Phase::Asked) {
            Phase::Asked => {
                let mut reply = shared.bare(self.asked.whose, status);
                self.begin_reply(&mut reply, None, now, shared, &mut answer);
            }
            Phase::Body { exchange, .. } => {
                shared.recycle(exchange);
                let mut reply = shared.bare(self.asked.whose, status).close();
                self.begin_reply(&mut reply, None, now, shared, &mut answer);
            }
            Phase::Stream { .. } => answer = self.reset(),
            phase @ (Phase::Head | Phase::Over) => self.phase = phase,
        }
        self.count(&answer, queued, now, shared);
        answer
    }

    /// Writes the head into `answer`, and what there is of the body. Pieces of it may have been
    /// given.
    fn begin_reply(
        &mut self,
        reply: &mut Reply,
        given: Option<Given<'_>>,
        now: Time,
        shared: &mut Shared,
        answer: &mut Answer,
    ) {
        self.answered = self.answered.saturating_add(1);
        let used_up = shared.limits.requests.is_some_and(|most| u64::from(self.answered) >= most);
        // What was read already is answered, however little it is.
        let last = self.input.is_empty() && (self.draining || self.eof);
        let rest = self.rest_of(reply);
        self.asked.keep_alive &= !(reply.close || used_up || last);
        if rest == Some(Rest::Raw) {
            self.asked.keep_alive = false;
        }
        // Behind a reply in pieces it is seen then.
        if rest.is_none() && self.intake().is_some_and(|intake| !intake.is_short()) {
            self.asked.keep_alive = false;
        }
        let follows = shared.extras.as_mut().map(|extras| self.announce(reply, now, extras));
        encode(reply, self.asked, now, shared, &mut answer.chunks);
        if let Some(follows) = follows {
            self.trail_head(reply.status, follows, answer);
        }
        match (rest, given) {
            (Some(rest), Some(given)) => self.begin_pieces(given, rest, shared, answer),
            _ => self.end_reply(answer),
        }
    }

    /// Hands the connection over: from now on bytes are bytes.
    #[cold]
    fn begin_tunnel(
        &mut self,
        feed: Feed,
        given: Given<'_>,
        shared: &mut Shared,
        answer: &mut Answer,
    ) {
        self.asked.keep_alive = false;
        self.trail_head(SWITCHING_PROTOCOLS, 0, answer);
        self.aside = Some(Box::new(Aside::Intake(Intake::new(Left::Raw, feed))));
        self.begin_pieces(given, Rest::Raw, shared, answer);
    }

    /// How the body of a reply is sent in pieces, where it is. In HTTP/1.0 the end of the
    /// connection is the end of one whose length is not known (RFC 9112 section 6.3, item 8).
    fn rest_of(&self, reply: &Reply) -> Option<Rest> {
        let rest = match (&reply.body, self.asked.version) {
            (&Body::Stream { len }, _) => Rest::Bytes(len),
            (Body::Open, Version::Http11) => Rest::Chunks,
            (Body::Open, Version::Http10) => Rest::Raw,
            (Body::Empty | Body::Bytes(_) | Body::Paged(_) | Body::Chunks(_), _) => return None,
        };
        (!self.asked.head_only && !is_bodiless(reply.status)).then_some(rest)
    }

    fn begin_pieces(
        &mut self,
        given: Given<'_>,
        rest: Rest,
        shared: &mut Shared,
        answer: &mut Answer,
    ) {
        if rest.is_due() && given.is_nothing() {
            self.phase = Phase::Stream { rest };
            answer.more = true;
        } else {
            self.go_on(given, rest, shared, answer);
        }
    }

    /// Appends the pieces that were given.
    fn go_on(&mut self, given: Given<'_>, rest: Rest, shared: &mut Shared, answer: &mut Answer) {
        let Given { pieces, ended } = given;
        match rest.take(pieces, ended, &mut shared.scratch, &mut answer.chunks) {
            Ok(Some(rest)) => {
                self.phase = Phase::Stream { rest };
                answer.more = true;
            }
            Ok(None) => self.end_reply(answer),
            Err(Broken) => *answer = self.reset(),
        }
    }

    fn end_reply(&mut self, answer: &mut Answer) {
        if (self.aside.is_none() || self.give_up_body()) && self.asked.keep_alive {
            self.phase = Phase::Head;
        } else {
            answer.then = self.end();
        }
    }

    /// Answers with an error and interprets nothing more.
    pub(super) fn refuse(&mut self, problem: Problem, now: Time, shared: &mut Shared) -> Next {
        self.aside = Some(Box::new(Aside::Problem(problem)));
        if let Some(extras) = &mut shared.extras {
            self.begin_blank_trail(now, extras);
        }
        shared.refusals.count(problem.status);
        if let Phase::Body { exchange, .. } = std::mem::replace(&mut self.phase, Phase::Asked) {
            shared.recycle(exchange);
        }
        let mut reply = Reply::text(problem.status, problem.why).close();
        let mut answer = Answer::default();
        self.begin_reply(&mut reply, None, now, shared, &mut answer);
        self.asked = Asked::default();
        self.count(&answer, 0, now, shared);
        Next::Write(answer)
    }

    pub(super) fn close(&mut self) -> Next {
        self.end();
        self.patience.end();
        Next::Write(Answer { then: Then::Close, ..Answer::default() })
    }

    pub(super) fn reset(&mut self) -> Answer {
        self.end();
        self.patience.end();
        Answer { then: Then::Reset, ..Answer::default() }
    }

    /// Says how to close behind an answer.
    pub(super) fn end(&mut self) -> Then {
        self.phase = Phase::Over;
        self.aside.take_if(|aside| matches!(**aside, Aside::Intake(_)));
        self.input.clear();
        self.reader = Reader::default();
        // RFC 9112 section 9.6: half-close, then read until the peer closes, lest the answer be
        // lost in a reset.
        if self.eof { Then::Close } else { Then::Shutdown }
    }

    fn count(&mut self, answer: &Answer, queued: usize, now: Time, shared: &mut Shared) {
        let bytes: usize = answer.chunks.iter().map(|chunk| chunk.len()).sum();
        if bytes > 0 {
            self.patience.wrote(bytes as u64, queued, now);
        }
        self.trail_on(answer, bytes, now, shared);
        match self.phase {
            Phase::Over => self.patience.wait_for(Waiting::Nothing, now),
            Phase::Head => self.patience.wait_for(Waiting::Idle, now),
            Phase::Body { .. } | Phase::Asked | Phase::Stream { .. } => {}
        }
    }
}
