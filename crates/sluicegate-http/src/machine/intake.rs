//! A body that comes while its request is with the handlers, or what comes through a tunnel: moved
//! into the pipe of who reads it.

use sluicegate::Time;
use sluicegate_io::Chunk;

use crate::exchange::Exchange;
use crate::limits::{UNREAD_LEFT_MAX, UNREAD_MAX};
use crate::machine::body::Left;
use crate::machine::conn::{HttpConn, Next, Phase};
use crate::machine::encode::Answer;
use crate::machine::input::Input;
use crate::machine::patience::{Patience, Waiting};
use crate::machine::shared::Shared;
use crate::reader::{BodyError, Feed, Takes, pipe};
use crate::status::Problem;

/// What is still to come, and where it goes.
#[derive(Debug)]
pub(crate) struct Intake {
    left: Left,
    /// Where nobody reads, what is little is thrown away.
    feed: Option<Feed>,
    /// Bytes that may be thrown away.
    spare: u64,
}

/// What few connections have: one pointer for all of it.
#[derive(Debug)]
pub(crate) enum Aside {
    /// A body that comes while its request is with the handlers, or is answered.
    Intake(Intake),
    /// Why the machine refused the peer's request.
    Problem(Problem),
}

/// How far it came.
enum Taken {
    /// It is complete.
    All,
    /// All input was moved.
    Some,
    /// Input waits until it is read, or for ever.
    Full,
}

impl Intake {
    pub fn new(left: Left, feed: Feed) -> Self {
        Self { left, feed: Some(feed), spare: UNREAD_LEFT_MAX }
    }

    /// Nobody is to read any more. Whether so little may be left that the rest is thrown away.
    fn give_up(&mut self) -> bool {
        self.feed = None;
        self.is_short()
    }

    /// Whether, as far as is known, so little is left that it is read for the sake of the next
    /// request.
    pub fn is_short(&self) -> bool {
        match self.left {
            Left::Sized(left) => left <= self.spare,
            Left::Chunked(_) => self.spare > 0,
            Left::Raw => false,
        }
    }

    fn take(
        &mut self,
        input: &mut Input,
        patience: &mut Patience,
        key: u64,
        shared: &Shared,
    ) -> Result<Taken, Problem> {
        let most = shared.limits.body_in_pieces.unwrap_or(u64::MAX);
        while !input.is_empty() {
            let takes = self.feed.as_ref().map(|feed| feed.takes(&shared.room, key));
            match takes.unwrap_or(Takes::Never) {
                Takes::Some => {}
                Takes::Nothing => return Ok(Taken::Full),
                Takes::Never if self.give_up() => {}
                Takes::Never => return Ok(Taken::Full),
            }
            let part = self.left.part(input.bytes(), most)?;
            let data = &input.bytes()[part.skip..part.skip + part.data];
            match &self.feed {
                Some(feed) => feed.push(data),
                None => self.spare = self.spare.saturating_sub(data.len() as u64),
            }
            input.consume(part.skip + part.data);
            patience.got((part.skip + part.data) as u64);
            if part.ends {
                return Ok(Taken::All);
            }
        }
        Ok(Taken::Some)
    }
}

impl HttpConn {
    /// Hands on a request whose body is not complete; what came of it goes ahead.
    #[cold]
    pub(super) fn hand_on_early(
        &mut self,
        mut exchange: Exchange,
        left: Left,
        now: Time,
        shared: &mut Shared,
    ) -> Next {
        let body = exchange.collected();
        if let Err(problem) = body.reserve(UNREAD_MAX, shared.limits.bodies) {
            shared.recycle(exchange);
            return self.refuse(problem, now, shared);
        }
        body.close_block();
        let all = match left {
            Left::Sized(left) => Some(left + body.len),
            Left::Chunked(_) | Left::Raw => None,
        };
        let (feed, reader) = pipe(all);
        feed.charge(body.share.take());
        body.chunks.iter().flat_map(Chunk::slices).for_each(|slice| feed.push(slice));
        body.clear();
        exchange.set_body_reader(reader);
        self.aside = Some(Box::new(Aside::Intake(Intake::new(left, feed))));
        self.trail_asked(now);
        self.phase = Phase::Asked;
        Next::Request { exchange, born: self.born }
    }

    /// Moves on what came. `None` where nothing is to come any more.
    #[cold]
    pub(super) fn take_in(&mut self, now: Time, shared: &mut Shared) -> Option<Next> {
        let talks = matches!(self.phase, Phase::Stream { .. });
        let Some(Aside::Intake(intake)) = self.aside.as_deref_mut() else { return None };
        let waiting = match intake.take(&mut self.input, &mut self.patience, self.key, shared) {
            Err(problem) => return Some(self.break_body(problem, now, shared)),
            Ok(Taken::Full) if matches!(self.phase, Phase::Head) => return Some(self.part()),
            Ok(Taken::Full) => Waiting::Nothing,
            Ok(taken) => match (taken, &intake.left) {
                (Taken::All, _) => return self.all_taken(now),
                (_, Left::Raw) if self.eof => return self.all_taken(now),
                // RFC 9112 section 8: the message is incomplete; nobody waits for an answer.
                _ if self.eof => {
                    self.abort_trail(now, shared);
                    return Some(self.close());
                }
                // In a dialogue, whose reply has begun, who has nothing to say may be silent.
                (_, Left::Raw) => Waiting::Nothing,
                _ if talks => Waiting::Nothing,
                _ => Waiting::Body,
            },
        };
        self.patience.wait_for(waiting, now);
        Some(Next::Wait)
    }

    fn all_taken(&mut self, now: Time) -> Option<Next> {
        self.end_intake(Ok(()));
        self.patience.wait_for(Waiting::Nothing, now);
        None
    }

    /// The body cannot be read on. Who reads it hears of that and answers; what follows in the
    /// connection means nothing any more.
    pub(super) fn break_body(&mut self, problem: Problem, now: Time, shared: &mut Shared) -> Next {
        if matches!(self.phase, Phase::Head) {
            return self.part();
        }
        shared.refusals.count(problem.status);
        self.end_intake(Err(BodyError::Refused(problem)));
        self.aside = Some(Box::new(Aside::Problem(problem)));
        self.input.clear();
        self.asked.keep_alive = false;
        self.patience.wait_for(Waiting::Nothing, now);
        Next::Wait
    }

    /// The request was answered, but the rest of its body is not worth reading.
    fn part(&mut self) -> Next {
        Next::Write(Answer { then: self.end(), ..Answer::default() })
    }

    /// The reply is complete. Whether the connection can go on as far as the request's body goes.
    pub(super) fn give_up_body(&mut self) -> bool {
        match self.aside.as_deref_mut() {
            Some(Aside::Intake(intake)) => intake.give_up(),
            _ => true,
        }
    }

    pub(super) fn intake(&self) -> Option<&Intake> {
        match self.aside.as_deref() {
            Some(Aside::Intake(intake)) => Some(intake),
            _ => None,
        }
    }

    fn end_intake(&mut self, end: Result<(), BodyError>) {
        let aside = self.aside.take().map(|aside| *aside);
        if let Some(Aside::Intake(Intake { feed: Some(feed), .. })) = aside {
            feed.end(end);
        }
    }
}
