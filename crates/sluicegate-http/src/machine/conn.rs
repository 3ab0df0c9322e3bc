//! The machine of one connection: what it is doing, and what each thing that happens leads to.

use sluicegate::Time;
use sluicegate_io::{Buf, Peer};

use crate::exchange::Exchange;
use crate::limits::Limits;
use crate::machine::body::{Left, collect};
use crate::machine::encode::{Answer, Asked, CONTINUE};
use crate::machine::framing::{Framing, examine};
use crate::machine::input::Input;
use crate::machine::intake::Aside;
use crate::machine::patience::{Late, Patience, Waiting};
use crate::machine::pieces::Rest;
use crate::machine::reader::Reader;
use crate::machine::shared::Shared;
use crate::machine::trail::Trail;
use crate::method::Method;
use crate::status::Problem;

/// A server's side of one HTTP/1.1 connection.
#[derive(Debug)]
pub struct HttpConn {
    pub(super) key: u64,
    pub(super) peer: Option<Peer>,
    pub(super) phase: Phase,
    pub(super) input: Input,
    pub(super) reader: Reader,
    /// When the first byte of the request in hand was received.
    pub(super) born: Time,
    pub(super) asked: Asked,
    pub(super) aside: Option<Box<Aside>>,
    pub(super) patience: Patience,
    /// Requests whose replies were begun.
    pub(super) answered: u32,
    /// The peer has finished sending.
    pub(super) eof: bool,
    pub(super) draining: bool,
    /// Where requests are logged, named or timed.
    pub(super) trail: Option<Box<Trail>>,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// Between requests, or in a head.
    Head,
    Body {
        exchange: Exchange,
        left: Left,
        /// 100 (Continue) is due unless the body comes by itself.
        owes_continue: bool,
        /// What is not there is taken while the handlers have the request.
        in_pieces: bool,
    },
    /// The request is with the handlers.
    Asked,
    /// Its reply is being sent in pieces.
    Stream { rest: Rest },
    /// The last word was said; nothing that comes is interpreted.
    Over,
}

/// What is to be done after something happened.
#[derive(Debug)]
pub enum Next {
    /// Nothing, until bytes, a reply or the deadline come.
    Wait,
    /// A head with a body behind it is complete: a flow begins here, stamped with the arrival of
    /// the first byte. Advance again, or decline.
    Begun {
        /// When the first byte came.
        born: Time,
    },
    /// A request is complete: to be answered, or declined.
    Request {
        /// The request.
        exchange: Exchange,
        /// When its first byte came.
        born: Time,
    },
    /// This is to be written, and is no handler's answer.
    Write(Answer),
}

impl HttpConn {
    /// A connection that was opened at `now`. `key` names it in its exchanges.
    pub fn new(key: u64, now: Time) -> Self {
        Self {
            key,
            peer: None,
            phase: Phase::Head,
            input: Input::default(),
            reader: Reader::default(),
            born: now,
            asked: Asked::default(),
            aside: None,
            patience: Patience::new(now),
            answered: 0,
            eof: false,
            draining: false,
            trail: None,
        }
    }

    /// Says who is at the other end.
    pub fn with_peer(mut self, peer: Peer) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Takes received bytes. Then advance.
    pub fn receive(&mut self, bytes: Buf, now: Time) {
        if !self.is_over() {
            self.input.push(bytes, now);
        }
    }

    /// Bytes that wait move out of their buffer, which goes back to its pool.
    pub fn unpin(&mut self) {
        self.input.unpin();
    }

    /// The peer has finished sending: what is complete is still answered. Then advance.
    pub fn finished(&mut self) {
        self.eof = true;
    }

    /// The server drains: what was begun is answered, and soon the connection is closed.
    pub fn drain(&mut self, now: Time, limits: &Limits) {
        self.draining = true;
        self.patience.drain(now, limits);
    }

    /// Goes as far as the bytes reach. To be called until it says `Wait`.
    pub fn advance(&mut self, now: Time, shared: &mut Shared) -> Next {
        if self.aside.is_some()
            && let Some(next) = self.take_in(now, shared)
        {
            return next;
        }
        match &self.phase {
            Phase::Head => self.read_head(now, shared),
            Phase::Body { .. } => self.read_body(now, shared),
            Phase::Asked | Phase::Stream { .. } | Phase::Over => Next::Wait,
        }
    }

    /// When to call [`timeout`](Self::timeout). It moves with every byte: look again then.
    pub fn deadline(&self, limits: &Limits) -> Option<Time> {
        self.patience.deadline(limits)
    }

    /// Says what is late at `now`, if anything; `queued` bytes of output are unsent.
    pub fn timeout(&mut self, now: Time, queued: usize, shared: &mut Shared) -> Next {
        match self.patience.judge(now, queued, &shared.limits) {
            Late::No => Next::Wait,
            Late::Idle => self.close(),
            // RFC 9110 section 15.5.9: 408 with Connection: close.
            Late::Head => self.refuse(Problem::new(408, "the head took too long"), now, shared),
            Late::Body if self.intake().is_some() => {
                self.break_body(Problem::new(408, "the body came too slowly"), now, shared)
            }
            Late::Body => self.refuse(Problem::new(408, "the body came too slowly"), now, shared),
            Late::Write => Next::Write(self.reset()),
        }
    }

    /// Whether more bytes should be read: not while enough of them wait.
    pub fn wants_input(&self, limits: &Limits) -> bool {
        self.input.len() < limits.ahead
    }

    /// Whether a request of this connection is with the handlers.
    pub fn is_asked(&self) -> bool {
        matches!(self.phase, Phase::Asked | Phase::Stream { .. })
    }

    /// Whether the peer waits for an answer, and not at the other end of a tunnel.
    pub fn is_waited_for(&self) -> bool {
        self.is_asked() && !matches!(self.phase, Phase::Stream { rest: Rest::Raw })
    }

    /// Whether a body is still coming whose request was handed on.
    pub fn takes_in(&self) -> bool {
        self.intake().is_some()
    }

    /// Whether to advance brings nothing, for nothing came that is not used up.
    pub fn is_idle(&self) -> bool {
        !self.eof && self.input.is_empty() && self.intake().is_none()
    }

    /// Whether the last word was said.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Bytes that wait here, of further requests and of the one that is being read.
    pub fn held(&self) -> usize {
        let body = match &self.phase {
            Phase::Body { exchange, .. } => exchange.body_len() as usize,
            _ => 0,
        };
        self.input.len() + self.reader.len() + body
    }

    /// Why the machine itself refused the peer's request.
    pub fn problem(&self) -> Option<Problem> {
        match self.aside.as_deref() {
            Some(Aside::Problem(problem)) => Some(*problem),
            _ => None,
        }
    }

    fn read_head(&mut self, now: Time, shared: &mut Shared) -> Next {
        if !self.input.is_empty() {
            if self.reader.is_fresh() {
                self.born = self.input.since();
            }
            match self.reader.read(&mut self.input, shared) {
                Ok(Some(exchange)) => return self.understand(exchange, now, shared),
                Ok(None) => {}
                Err(problem) => return self.refuse(problem, now, shared),
            }
        }
        let begun = self.reader.len() > 0;
        if self.eof {
            return self.close();
        }
        self.patience.wait_for(if begun { Waiting::Head } else { Waiting::Idle }, now);
        Next::Wait
    }

    fn understand(&mut self, mut exchange: Exchange, now: Time, shared: &mut Shared) -> Next {
        let head = exchange.head_mut();
        let (version, head_only) = (head.version, head.method == Method::Head);
        self.asked = Asked { version, head_only, ..Asked::default() };
        let mut in_pieces = false;
        let meaning = head.take_target().and_then(|()| examine(head)).and_then(|meaning| {
            let has_body = meaning.framing != Framing::Sized(0);
            let which = shared.in_pieces.as_ref().filter(|_| has_body);
            in_pieces = which.is_some_and(|which| which.takes(head));
            match meaning.framing {
                // RFC 9110 section 15.5.14.
                Framing::Sized(len) if len > most(in_pieces, &shared.limits) => {
                    Err(Problem::new(413, "the body is too large"))
                }
                _ => Ok(meaning),
            }
        });
        if let Some(extras) = &mut shared.extras {
            self.begin_trail(&mut exchange, meaning.is_ok(), now, extras);
        }
        let meaning = match meaning {
            Ok(meaning) => meaning,
            Err(problem) => {
                shared.recycle(exchange);
                return self.refuse(problem, now, shared);
            }
        };
        self.asked.keep_alive = meaning.keep_alive;
        if let Some(pages) = &shared.pages {
            self.asked.whose = pages.whose(&exchange);
        }
        exchange.set_source(self.key, self.peer);
        let left = match meaning.framing {
            Framing::Sized(0) => return self.hand_on(exchange, now),
            Framing::Sized(len) => Left::Sized(len),
            Framing::Chunked => Left::Chunked(Box::default()),
        };
        match shared.bodies.share(shared.limits.bodies) {
            Ok(share) => exchange.collected().share = Some(share),
            Err(problem) => {
                shared.recycle(exchange);
                return self.refuse(problem, now, shared);
            }
        }
        self.patience.wait_for(Waiting::Body, now);
        let owes_continue = meaning.expects;
        self.phase = Phase::Body { exchange, left, owes_continue, in_pieces };
        Next::Begun { born: self.born }
    }

    fn hand_on(&mut self, exchange: Exchange, now: Time) -> Next {
        self.phase = Phase::Asked;
        self.patience.wait_for(Waiting::Nothing, now);
        Next::Request { exchange, born: self.born }
    }

    fn read_body(&mut self, now: Time, shared: &mut Shared) -> Next {
        let Phase::Body { exchange, left, owes_continue, in_pieces } = &mut self.phase else {
            return Next::Wait;
        };
        // RFC 9110 section 10.1.1: 100 may be left out when the body is coming already.
        if std::mem::take(owes_continue) && self.input.is_empty() && !self.eof {
            let mut answer = Answer::default();
            answer.chunks.push(CONTINUE.into());
            self.trail_on(&answer, CONTINUE.len(), now, shared);
            return Next::Write(answer);
        }
        let most = most(*in_pieces, &shared.limits);
        match collect(exchange, left, &mut self.input, &mut self.patience, most, shared) {
            Ok(true) => match std::mem::replace(&mut self.phase, Phase::Asked) {
                Phase::Body { exchange, .. } => {
                    self.trail_asked(now);
                    self.hand_on(exchange, now)
                }
                _ => Next::Wait,
            },
            // RFC 9112 section 8: the message is incomplete; nobody waits for an answer.
            Ok(false) if self.eof => {
                self.abort_trail(now, shared);
                self.close()
            }
            Ok(false) if *in_pieces => match std::mem::replace(&mut self.phase, Phase::Asked) {
                Phase::Body { exchange, left, .. } => {
                    self.hand_on_early(exchange, left, now, shared)
                }
                _ => Next::Wait,
            },
            Ok(false) => Next::Wait,
            Err(problem) => self.refuse(problem, now, shared),
        }
    }
}

/// The most bytes of a body.
fn most(in_pieces: bool, limits: &Limits) -> u64 {
    if in_pieces { limits.body_in_pieces.unwrap_or(u64::MAX) } else { limits.body }
}
