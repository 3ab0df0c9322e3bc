//! A request and its reply: one pointer that travels to the handlers and back.

use std::any::Any;
use std::fmt;
use std::ops::Deref;

use sluicegate::{Tag, TraceParent};
use sluicegate_io::{Chunk, Peer};

use crate::head::Head;
use crate::limits::Limits;
use crate::machine::input::Collected;
use crate::machine::{HttpConn, Next, Shared};
use crate::reader::{BodyReader, Feed, pipe};
use crate::reply::{Body, Reply};
use crate::status::Problem;
use crate::traceparent;

/// One request with its body, and the place for the reply. Reads as the request's [`Head`].
///
/// A handler stage takes it from an event, calls [`reply`](Self::reply), and emits it with the
/// same tag. It is used again for later requests with the memory it has.
pub struct Exchange(Box<Inner>);

#[derive(Default)]
struct Inner {
    head: Head,
    body: Collected,
    pipe: Option<PipeEnd>,
    conn: u64,
    /// Which request of its connection this is.
    serial: u32,
    peer: Option<Peer>,
    reply: Option<Reply>,
    pieces: Vec<Chunk>,
    given: u64,
    ended: bool,
    failed: bool,
    kept: Option<Box<dyn Any + Send>>,
    /// Empty where requests have no ids.
    request_id: Vec<u8>,
    missed: bool,
}

/// What few exchanges have.
enum PipeEnd {
    /// A body in pieces that nobody has begun to read.
    Body(BodyReader),
    /// A tunnel for the connection to begin.
    Tunnel(Feed),
}

/// What the handlers left.
pub(crate) struct Outcome<'a> {
    pub reply: &'a mut Option<Reply>,
    pub given: Given<'a>,
}

/// Pieces of a reply that is sent in pieces.
pub(crate) struct Given<'a> {
    pub pieces: &'a mut Vec<Chunk>,
    /// There are no more.
    pub ended: bool,
}

impl Given<'_> {
    /// Whether all of it is still to come.
    pub fn is_nothing(&self) -> bool {
        self.pieces.is_empty() && !self.ended
    }
}

impl Exchange {
    pub(crate) fn new() -> Self {
        Self(Box::default())
    }

    /// The key of the connection that the request came on.
    pub fn conn(&self) -> u64 {
        self.0.conn
    }

    /// Who asked. `None` where there is no network, as in tests of handlers.
    pub fn peer(&self) -> Option<Peer> {
        self.0.peer
    }

    /// The name of the request in logs, where requests are named: see
    /// [`IdSettings`](crate::IdSettings).
    pub fn request_id(&self) -> Option<&str> {
        std::str::from_utf8(&self.0.request_id).ok().filter(|id| !id.is_empty())
    }

    /// The field `traceparent` for what a handler asks of others for this request, so that theirs
    /// is part of the same trace: the request's own, where it names one, with the flow's span as
    /// the parent; else one that begins here. `tag` is that with which the exchange came. Nothing
    /// is looked for or made until this is asked for.
    ///
    /// Where the request has a `traceparent` that can be read, its `tracestate` is to be passed on
    /// as it is: [`all`](Head::all) gives it, which may be several fields.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Out, from_fn};
    /// use sluicegate_http::{Exchange, Reply};
    ///
    /// let stage = from_fn(|batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>| {
    ///     for event in batch {
    ///         let (tag, mut exchange) = event.split();
    ///         let field = format!("traceparent: {}\r\n", exchange.traceparent(&tag));
    ///         // To be sent to another service.
    ///         exchange.reply(Reply::plain(200));
    ///         cx.out.emit(tag.with(exchange));
    ///     }
    /// });
    /// # sluicegate::Rig::of(stage);
    /// ```
    pub fn traceparent(&self, tag: &Tag) -> TraceParent {
        tag.traceparent(traceparent::of(self).flatten())
    }

    /// Says that the answer had to be fetched first: told in Server-Timing.
    pub fn set_missed(&mut self) {
        self.0.missed = true;
    }

    /// The request's body in pieces.
    pub fn body(&self) -> &[Chunk] {
        &self.0.body.chunks
    }

    /// Bytes of the request's body.
    pub fn body_len(&self) -> u64 {
        self.0.body.len
    }

    /// Takes the request's body out, for instance to send it back.
    pub fn take_body(&mut self) -> Vec<Chunk> {
        self.0.body.len = 0;
        std::mem::take(&mut self.0.body.chunks)
    }

    /// What reads the body, where the request was handed on before that was complete: all of it,
    /// once. `None` where the body is complete in [`body`](Self::body), and where there is none.
    /// Only for requests that [`InPieces`](crate::InPieces) takes.
    ///
    /// A reply may be given before the body is read to its end. What is left then is read over
    /// where it is little; else the connection is closed behind the reply.
    pub fn body_reader(&mut self) -> Option<BodyReader> {
        match self.0.pipe.take_if(|pipe| matches!(pipe, PipeEnd::Body(_))) {
            Some(PipeEnd::Body(reader)) => Some(reader),
            _ => None,
        }
    }

    /// Takes the connection over, in the place of a reply: for other protocols, behind an upgrade.
    /// From when the exchange comes back what the client sends goes to the reader, until it
    /// finishes sending, and what is [given](Self::give) goes out as it is, as for a `Body::Open`,
    /// until [`end`](Self::end), behind which the connection is closed. Not even a head is written.
    ///
    /// A tunnel may rest for as long as it likes. It is one flow, and in the log one request with
    /// status 101. The rest of a body that comes in pieces goes to it as it comes.
    pub fn tunnel(&mut self) -> BodyReader {
        let (feed, reader) = pipe(None);
        self.0.pipe = Some(PipeEnd::Tunnel(feed));
        reader
    }

    /// Sets the reply; the last one counts.
    #[inline]
    pub fn reply(&mut self, reply: Reply) {
        self.0.reply = Some(reply);
    }

    /// The reply so far.
    pub fn replied(&self) -> Option<&Reply> {
        self.0.reply.as_ref()
    }

    /// Takes the reply so far out, to add to it.
    pub fn take_reply(&mut self) -> Option<Reply> {
        self.0.reply.take()
    }

    /// Gives the next piece of a `Body::Stream` or a `Body::Open`. When its pieces are sent, the
    /// exchange comes to the `pull` port for more, until [`left`](Self::left) is zero, or until
    /// [`end`](Self::end). An exchange that comes back from there without a piece has failed.
    pub fn give(&mut self, piece: impl Into<Chunk>) {
        let piece = piece.into();
        self.0.given += piece.len() as u64;
        self.0.pieces.push(piece);
    }

    /// There are no more pieces of a `Body::Open` than those that were given.
    pub fn end(&mut self) {
        self.0.ended = true;
    }

    /// Bytes of the stream that were given so far: the offset of the next piece.
    pub fn given(&self) -> u64 {
        self.0.given
    }

    /// Bytes of the stream that are still to be given; none of a `Body::Open`.
    pub fn left(&self) -> u64 {
        match &self.0.reply {
            Some(Reply { body: Body::Stream { len }, .. }) => len.saturating_sub(self.0.given),
            _ => 0,
        }
    }

    /// The stream cannot go on: the connection is reset, so that the client sees that it is not
    /// whole.
    pub fn fail(&mut self) {
        self.0.failed = true;
    }

    /// Leaves something of the handler's own in the exchange, such as an open file, until the
    /// reply is sent.
    pub fn keep(&mut self, state: impl Any + Send) {
        self.0.kept = Some(Box::new(state));
    }

    /// What [`keep`](Self::keep) left, where it is a `T`.
    pub fn kept<T: Any>(&mut self) -> Option<&mut T> {
        self.0.kept.as_mut()?.downcast_mut()
    }

    /// Takes out what [`keep`](Self::keep) left, where it is a `T`.
    pub fn take_kept<T: Any>(&mut self) -> Option<T> {
        let state = self.0.kept.take_if(|state| state.is::<T>())?;
        state.downcast().ok().map(|state| *state)
    }

    /// An exchange with the request that `bytes` are, whole: for tests of handlers.
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let mut shared = Shared::new(Limits::default(), |_| std::time::SystemTime::UNIX_EPOCH);
        let now = sluicegate::Time(0);
        let mut conn = HttpConn::new(0, now);
        // Room for the bytes exactly.
        let pool = sluicegate_io::Pool::new(1, bytes.len());
        if let Some(mut buf) = pool.take() {
            buf.push(bytes);
            conn.receive(buf, now);
        }
        loop {
            match conn.advance(now, &mut shared) {
                Next::Begun { .. } => {}
                Next::Request { exchange, .. } => return Ok(exchange),
                _ => {
                    return Err(conn.problem().unwrap_or(Problem::bad("the request is cut short")));
                }
            }
        }
    }

    pub(crate) fn head_mut(&mut self) -> &mut Head {
        &mut self.0.head
    }

    pub(crate) fn collected(&mut self) -> &mut Collected {
        &mut self.0.body
    }

    pub(crate) fn take_tunnel(&mut self) -> Option<Feed> {
        match self.0.pipe.take() {
            Some(PipeEnd::Tunnel(feed)) => Some(feed),
            _ => None,
        }
    }

    /// Whether it has an end of a pipe: few have.
    pub(crate) fn has_pipe(&self) -> bool {
        self.0.pipe.is_some()
    }

    pub(crate) fn set_body_reader(&mut self, reader: BodyReader) {
        self.0.pipe = Some(PipeEnd::Body(reader));
    }

    pub(crate) fn set_source(&mut self, conn: u64, peer: Option<Peer>) {
        (self.0.conn, self.0.peer) = (conn, peer);
    }

    pub(crate) fn set_request_id(&mut self, id: &[u8]) {
        self.0.request_id.clear();
        self.0.request_id.extend_from_slice(id);
    }

    pub(crate) fn is_missed(&self) -> bool {
        self.0.missed
    }

    pub(crate) fn set_serial(&mut self, serial: u32) {
        self.0.serial = serial;
    }

    pub(crate) fn serial(&self) -> u32 {
        self.0.serial
    }

    pub(crate) fn outcome(&mut self) -> Outcome<'_> {
        let Inner { reply, pieces, ended, .. } = &mut *self.0;
        Outcome { reply, given: Given { pieces, ended: *ended } }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.0.failed
    }

    /// Makes it ready for another request, keeping its memory.
    pub(crate) fn clear(&mut self) {
        let inner = &mut *self.0;
        // A body that was sent back brings the vector of its pieces home.
        if let Some(Reply { body: Body::Chunks(chunks), .. }) = inner.reply.take()
            && inner.body.chunks.capacity() == 0
        {
            inner.body.chunks = chunks;
        }
        inner.body.clear();
        inner.pieces.clear();
        (inner.given, inner.ended, inner.failed, inner.missed) = (0, false, false, false);
        (inner.kept, inner.pipe) = (None, None);
        inner.request_id.clear();
    }
}

impl Deref for Exchange {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.0.head
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = String::from_utf8_lossy(self.raw_target());
        let method = String::from_utf8_lossy(self.method_name());
        write!(f, "Exchange({method} {target}, {} bytes)", self.body_len())?;
        match self.replied() {
            Some(reply) => write!(f, " -> {} with {} bytes", reply.status, reply.body.len()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_travels_as_one_pointer() {
        assert_eq!(size_of::<Exchange>(), size_of::<usize>());
        fn sent(_: impl Send) {}
        sent(Exchange::new());
    }

    #[test]
    fn a_test_of_a_handler_reads_one() {
        let text = b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        let mut exchange = Exchange::read(text).unwrap();
        assert_eq!((exchange.path(), exchange.body_len()), (&b"/a"[..], 3));
        assert_eq!(exchange.body()[0].as_slice(), Some(&b"abc"[..]));
        exchange.keep(7u32);
        assert!(exchange.kept::<u8>().is_none());
        assert_eq!(exchange.kept::<u32>(), Some(&mut 7));
        assert_eq!(exchange.take_kept::<u32>(), Some(7));
        assert_eq!(Exchange::read(b"GET / HTTP/1.1\r\n\r\n").unwrap_err().status, 400);
        assert_eq!(Exchange::read(&text[..text.len() - 1]).unwrap_err().status, 400);
    }
}
