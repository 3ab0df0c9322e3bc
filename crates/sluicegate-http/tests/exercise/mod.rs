//! Feeds a machine bytes in pieces, answers what it asks, and writes down all that comes out.

// Each user of this file takes a part of it.
#![allow(dead_code)]

use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sluicegate::Time;
use sluicegate_http::{
    Answer, Body, BodyError, BodyReader, Exchange, HttpConn, InPieces, Limits, Next, Reply, Shared,
    prebuild,
};
use sluicegate_io::{Pool, Then};

/// Limits small enough for short inputs to meet them.
pub fn small() -> Limits {
    let body_in_pieces = Some(256);
    let limits = Limits { head: 512, line: 128, fields: 8, body: 256, ..Limits::default() };
    Limits { ahead: 256, body_in_pieces, ..limits }
}

/// What came out of a connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Method, path, query and body of each request.
    pub requests: Vec<String>,
    /// Each reply, whole.
    pub replies: Vec<String>,
    /// How the connection was left.
    pub then: Then,
}

impl Seen {
    /// The status of each reply, then how the connection was left: `200 400 Shutdown`.
    pub fn summary(&self) -> String {
        let status = |reply: &String| reply.split(' ').nth(1).unwrap_or("?").to_owned();
        let mut words: Vec<_> = self.replies.iter().map(status).collect();
        words.push(format!("{:?}", self.then));
        words.join(" ")
    }
}

/// One connection with handlers that answer by the path of the request.
pub struct Drive {
    /// What came out so far.
    pub seen: Seen,
    /// The machine.
    pub conn: HttpConn,
    /// What a worker would share.
    pub shared: Shared,
    /// The time of all calls.
    pub now: Time,
    /// Requests are left waiting until this is unset.
    pub lags: bool,
    /// How often a body was asked for.
    pub continues: usize,
    waiting: Option<Asked>,
    pool: Pool,
}

/// A request that is to be answered.
struct Asked {
    exchange: Exchange,
    /// Where its body comes in pieces: what reads it, until it is complete.
    reader: Option<BodyReader>,
    body: Vec<u8>,
}

/// Bytes of one received buffer.
const BUFFER: usize = 4096;

impl Drive {
    pub fn new(limits: Limits) -> Self {
        let clock = |now: Time| SystemTime::UNIX_EPOCH + Duration::from_nanos(now.0);
        Self {
            seen: Seen::default(),
            conn: HttpConn::new(1, Time(0)),
            shared: Shared::new(limits, clock),
            now: Time(0),
            lags: false,
            continues: 0,
            waiting: None,
            // A machine holds at most the buffer in hand and, with its request, the last of a body.
            pool: Pool::new(3, BUFFER),
        }
    }

    /// All bodies come in pieces.
    pub fn in_pieces(mut self) -> Self {
        self.shared = self.shared.with_in_pieces(Some(InPieces::new(|_| true)));
        self
    }

    /// Feeds bytes; a machine that wants no more gets its replies first.
    pub fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(BUFFER) {
            if !self.conn.wants_input(self.shared.limits()) {
                self.answer_all();
            }
            let mut buf = self.pool.take().expect("the machine keeps too many buffers");
            buf.push(piece);
            self.conn.receive(buf, self.now);
            self.go_on();
            self.check_bounds();
        }
    }

    pub fn finish(&mut self) {
        self.conn.finished();
        self.go_on();
        self.answer_all();
    }

    /// Answers what waits, and all that follows.
    pub fn answer_all(&mut self) {
        let lags = std::mem::replace(&mut self.lags, false);
        self.go_on();
        self.lags = lags;
    }

    /// As far as it goes.
    pub fn go_on(&mut self) {
        loop {
            match self.conn.advance(self.now, &mut self.shared) {
                Next::Wait if self.lags || self.waiting.is_none() => return,
                Next::Wait if self.read() => {}
                Next::Wait => return,
                Next::Begun { .. } => {}
                Next::Request { mut exchange, .. } => {
                    let reader = exchange.body_reader();
                    let body = join(exchange.body().iter().flat_map(|chunk| chunk.slices()));
                    self.waiting = Some(Asked { exchange, reader, body });
                }
                Next::Write(answer) => self.write(answer),
            }
        }
    }

    /// Reads what came of the body, and answers when it is complete. Whether it was.
    fn read(&mut self) -> bool {
        let Some(mut asked) = self.waiting.take() else { return false };
        let mut cx = Context::from_waker(Waker::noop());
        let error = loop {
            let Some(reader) = &mut asked.reader else { break None };
            match reader.poll_piece(&mut cx) {
                Poll::Pending => {
                    self.waiting = Some(asked);
                    return false;
                }
                Poll::Ready(Some(Ok(piece))) => asked.body.extend_from_slice(&piece),
                Poll::Ready(Some(Err(error))) => break Some(error),
                Poll::Ready(None) => break None,
            }
        };
        let Asked { mut exchange, body, .. } = asked;
        match error {
            None => {
                self.seen.requests.push(describe(&exchange, &body));
                handle(&mut exchange, body);
            }
            // As the machine itself says it, where nobody reads.
            Some(BodyError::Refused(problem)) => {
                exchange.reply(Reply::text(problem.status, problem.why));
            }
            Some(BodyError::Gone) => panic!("it is gone, and was not closed"),
        }
        self.answer(exchange);
        true
    }

    /// The deadline passed, with that many bytes of output unsent.
    pub fn time_out(&mut self, queued: usize) {
        if let Next::Write(answer) = self.conn.timeout(self.now, queued, &mut self.shared) {
            self.write(answer);
        }
        self.go_on();
    }

    pub fn decline(&mut self, status: u16) {
        self.waiting = None;
        let answer = self.conn.decline(status, 0, self.now, &mut self.shared);
        self.write(answer);
        self.go_on();
    }

    fn answer(&mut self, mut exchange: Exchange) {
        let mut answer = self.conn.answer(&mut exchange, 0, self.now, &mut self.shared);
        let mut whole = Answer::default();
        loop {
            whole.chunks.append(&mut answer.chunks);
            whole.then = answer.then;
            if !answer.more {
                break;
            }
            give(&mut exchange);
            answer = self.conn.answer(&mut exchange, 0, self.now, &mut self.shared);
        }
        self.shared.recycle(exchange);
        self.write(whole);
    }

    fn write(&mut self, answer: Answer) {
        assert!(self.seen.then == Then::Keep, "something was said after the last word");
        let bytes = join(answer.chunks.iter().flat_map(|chunk| chunk.slices()));
        // Whether 100 is sent depends on whether the body is there already.
        if bytes == b"HTTP/1.1 100 Continue\r\n\r\n" {
            self.continues += 1;
        } else if !bytes.is_empty() {
            self.seen.replies.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        self.seen.then = answer.then;
        assert_eq!(self.conn.is_over(), answer.then != Then::Keep);
    }

    fn check_bounds(&self) {
        let limits = self.shared.limits();
        let most = limits.ahead + BUFFER + limits.head + 1 + limits.body as usize;
        assert!(self.conn.held() <= most, "{} bytes are held", self.conn.held());
    }
}

fn join<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    pieces.flatten().copied().collect()
}

fn describe(exchange: &Exchange, body: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (method, path) = (text(exchange.method_name()), text(exchange.path()));
    format!("{method} {path} {:?} {:?}", exchange.query().map(text), text(body))
}

fn handle(exchange: &mut Exchange, body: Vec<u8>) {
    let reply = match exchange.path() {
        b"/none" => return,
        b"/echo" => Reply::new(200).with(Body::Bytes(body.into())),
        b"/big" => Reply::text(200, vec![b'x'; 1000]),
        b"/close" => Reply::text(200, "bye").close(),
        b"/204" => Reply::text(204, "never sent"),
        b"/304" => Reply::text(304, "never sent"),
        b"/405" => Reply::not_allowed("GET, HEAD"),
        b"/stream" | b"/fails" | b"/much" => Reply::new(200).with(Body::Stream { len: 10 }),
        b"/ahead" => {
            exchange.give(Bytes::from_static(b"01234"));
            Reply::new(200).with(Body::Stream { len: 10 })
        }
        b"/open" | b"/open-fails" => Reply::new(200).with(Body::Open),
        b"/open-ahead" | b"/open-whole" => {
            exchange.give(Bytes::from_static(b"01234"));
            if exchange.path() == b"/open-whole" {
                exchange.end();
            }
            Reply::new(200).with(Body::Open)
        }
        b"/tunnel" => {
            exchange.tunnel();
            exchange.give(Bytes::from_static(b"HTTP/1.1 101 here it ends"));
            return exchange.end();
        }
        b"/open-prebuilt" => {
            exchange.end();
            Reply::prebuilt(200, prebuild(200, &[("ETag", "\"x\"")], None), Body::Open)
        }
        b"/prebuilt" => {
            let head = prebuild(200, &[("ETag", "\"x\"")], Some(5));
            Reply::prebuilt(200, head, Body::Bytes(Bytes::from_static(b"hello")))
        }
        _ => Reply::text(200, "ok"),
    };
    exchange.reply(reply);
}

/// Four bytes at a time, with two paths that go wrong.
fn give(exchange: &mut Exchange) {
    let start = exchange.given() as usize;
    let fails: [&[u8]; 2] = [b"/fails", b"/open-fails"];
    if fails.contains(&exchange.path()) && start > 0 {
        return exchange.fail();
    }
    if start + 4 >= 10 && exchange.path().starts_with(b"/open") {
        exchange.end();
    }
    let end = if exchange.path() == b"/much" { start + 4 } else { (start + 4).min(10) };
    let piece: Vec<u8> = (start..end).map(|n| b'0' + (n % 10) as u8).collect();
    exchange.give(Bytes::from(piece));
}

/// What comes out when `pieces` go in, and the peer perhaps finishes.
pub fn run(limits: &Limits, pieces: &[&[u8]], lags: bool, finish: bool) -> Seen {
    play(Drive::new(limits.clone()), pieces, lags, finish)
}

fn play(mut drive: Drive, pieces: &[&[u8]], lags: bool, finish: bool) -> Seen {
    drive.lags = lags;
    pieces.iter().for_each(|piece| drive.feed(piece));
    drive.answer_all();
    if finish && drive.seen.then == Then::Keep {
        drive.finish();
    }
    drive.seen
}

/// The heart of the fuzzer: the same comes out however the bytes are split, however late the
/// replies are, and whether or not handlers take bodies in pieces. `cuts` picks the split.
pub fn splits_do_not_matter(input: &[u8], cuts: &[u8]) {
    let limits = small();
    let whole = run(&limits, &[input], false, false);
    let (mut pieces, mut rest, mut cuts) = (Vec::new(), input, cuts.iter().cycle());
    while !rest.is_empty() {
        let step = cuts.next().map_or(1, |&cut| usize::from(cut) % 40 + 1);
        let (piece, tail) = rest.split_at(step.min(rest.len()));
        pieces.push(piece);
        rest = tail;
    }
    for lags in [false, true] {
        assert_eq!(run(&limits, &pieces, lags, false), whole, "lags: {lags}");
        let in_pieces = play(Drive::new(limits.clone()).in_pieces(), &pieces, lags, false);
        assert_eq!(in_pieces, whole, "bodies in pieces, lags: {lags}");
    }
}
