//! From a response of the `http` crate to a reply, whole or in pieces.

use super::inside::Inside;
use crate::BoxError;
use bytes::{Buf, Bytes};
use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{HeaderMap, Response};
use http_body::Body;
use sluicegate_http::{Body as ReplyBody, Exchange, Method, Reply};
use sluicegate_io::Chunk;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// Bytes of a body that are sent at once; what is longer goes in pieces, however much of it is
/// there.
const PIECE: usize = 256 * 1024;
/// Bytes of a body of known length that are waited for, and go with the head.
const WHOLE: u64 = 64 * 1024;

/// A body that is being sent: left in its exchange between two pieces.
struct Sending<B> {
    body: Pin<Box<Inside<B, Handle>>>,
    /// What the body has given and was not sent.
    rest: Bytes,
}

/// What a body has given.
struct Given {
    pieces: Vec<Chunk>,
    bytes: usize,
    state: State,
}

enum State {
    /// There is more, and perhaps not yet.
    Open,
    Ended,
    Failed,
}

/// Replies with a response. Of its body goes with it what is there at once; all, if it is short.
pub(super) async fn begin<B>(exchange: &mut Exchange, response: Response<B>, runtime: &Handle)
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (parts, body) = response.into_parts();
    let Some(reply) = reply(&parts) else {
        // An interim or unknown status: nothing that could be the end of a request.
        return exchange.reply(Reply::plain(500));
    };
    let (exact, told) = (body.size_hint().exact(), told_length(&parts.headers));
    // It would make the future larger.
    drop(parts);
    let len = exact.or(told);
    if exchange.method == Method::Head {
        let len = told.or(exact);
        let unsent = len.map_or(ReplyBody::Open, |len| ReplyBody::Stream { len });
        return exchange.reply(reply.with(unsent));
    }
    if body.is_end_stream() {
        return exchange.reply(reply);
    }
    if exact.is_some_and(|len| len <= WHOLE) {
        let reply = match collect(pin!(body)).await {
            Some(body) => reply.with(body),
            None => Reply::plain(500),
        };
        return exchange.reply(reply);
    }
    let body = Box::pin(Inside::new(runtime.clone(), body));
    let mut sending = Sending { body, rest: Bytes::new() };
    let given = poll_fn(|cx| Poll::Ready(sending.ready(cx))).await;
    match (given.state, len) {
        (State::Failed, _) => exchange.reply(Reply::plain(500)),
        (State::Ended, _) => exchange.reply(reply.with(whole(given.pieces))),
        (State::Open, len) => {
            let framing = len.map_or(ReplyBody::Open, |len| ReplyBody::Stream { len });
            exchange.reply(reply.with(framing));
            given.pieces.into_iter().for_each(|piece| exchange.give(piece));
            exchange.keep(sending);
        }
    }
}

/// Gives the next pieces of a body, when there are any.
pub(super) async fn go_on<B>(exchange: &mut Exchange)
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Some(mut sending) = exchange.take_kept::<Sending<B>>() else { return exchange.fail() };
    let given = poll_fn(|cx| {
        let given = sending.ready(cx);
        match given.state {
            State::Open if given.bytes == 0 => Poll::Pending,
            _ => Poll::Ready(given),
        }
    });
    let given = given.await;
    given.pieces.into_iter().for_each(|piece| exchange.give(piece));
    match given.state {
        State::Open => exchange.keep(sending),
        State::Ended if exchange.left() == 0 => exchange.end(),
        // The head has promised more.
        State::Ended | State::Failed => exchange.fail(),
    }
}

/// All of a short body; none if it fails.
async fn collect<B: Body>(mut body: Pin<&mut B>) -> Option<ReplyBody> {
    // Mostly there is one, which needs no list.
    let (mut first, mut pieces) = (None, Vec::new());
    // No more is asked for than there is: it may be dear.
    while !body.is_end_stream() {
        let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await else { break };
        if let Ok(mut data) = frame.ok()?.into_data() {
            let piece = data.copy_to_bytes(data.remaining());
            match first {
                None => first = Some(piece),
                Some(_) => pieces.push(Chunk::Bytes(piece)),
            }
        }
    }
    Some(match first {
        None => ReplyBody::Empty,
        Some(piece) if pieces.is_empty() => ReplyBody::Bytes(piece),
        Some(piece) => {
            pieces.insert(0, Chunk::Bytes(piece));
            ReplyBody::Chunks(pieces)
        }
    })
}

impl<B> Sending<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// What there is of the body at this moment, a piece of it at most.
    fn ready(&mut self, cx: &mut Context<'_>) -> Given {
        let mut given = Given { pieces: Vec::new(), bytes: 0, state: State::Open };
        while given.bytes < PIECE {
            if !self.rest.is_empty() {
                let bytes = self.rest.split_to(self.rest.len().min(PIECE - given.bytes));
                given.bytes += bytes.len();
                given.pieces.push(Chunk::Bytes(bytes));
                continue;
            }
            given.state = match self.body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers have no place in a reply.
                    if let Ok(mut data) = frame.into_data() {
                        self.rest = data.copy_to_bytes(data.remaining());
                    }
                    continue;
                }
                Poll::Ready(Some(Err(_))) => State::Failed,
                Poll::Ready(None) => State::Ended,
                Poll::Pending => State::Open,
            };
            return given;
        }
        if self.rest.is_empty() && self.body.is_end_stream() {
            given.state = State::Ended;
        }
        given
    }
}

fn whole(mut pieces: Vec<Chunk>) -> ReplyBody {
    match (pieces.len(), pieces.pop()) {
        (1, Some(Chunk::Bytes(bytes))) => ReplyBody::Bytes(bytes),
        (_, Some(last)) => {
            pieces.push(last);
            ReplyBody::Chunks(pieces)
        }
        (_, None) => ReplyBody::Empty,
    }
}

/// Status and fields; none where the status is not one with which a request ends.
fn reply(parts: &Parts) -> Option<Reply> {
    let status = parts.status.as_u16();
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    (200..600).contains(&status).then(|| Reply::new(status).fields(fields))
}

/// The length of a body as a field of the response tells it.
fn told_length(fields: &HeaderMap) -> Option<u64> {
    fields.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
