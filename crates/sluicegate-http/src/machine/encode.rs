//! Replies as pieces of output.

use bytes::BufMut;
use sluicegate::Time;
use sluicegate_io::{Chunk, Then};
use smallvec::SmallVec;

use crate::machine::shared::Shared;
use crate::method::Version;
use crate::reply::{Body, Reply, ReplyHead, push_length, push_status};
use crate::status::is_bodiless;

/// Pieces of output that need no memory of their own.
pub type Chunks = SmallVec<[Chunk; 3]>;

/// What to write for one reply, or for the next pieces of one.
#[derive(Debug, Default)]
pub struct Answer {
    /// The pieces.
    pub chunks: Chunks,
    /// What to do with the connection behind them.
    pub then: Then,
    /// More pieces follow: the exchange is to be asked for them when these are sent.
    pub more: bool,
}

/// The framing of a body whose length is not known (RFC 9112 section 7.1).
const CHUNKED: &[u8] = b"Transfer-Encoding: chunked\r\n";
/// A body that is copied behind its head instead of being a piece of its own.
const COPIED_BODY_MAX: usize = 256;
/// Room for heads that is asked for at once.
pub(crate) const SCRATCH: usize = 16 * 1024;

/// The last thing known of a request while its reply is awaited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub version: Version,
    /// The method is HEAD.
    pub head_only: bool,
    pub keep_alive: bool,
    /// Whose [`Pages`](crate::Pages) are for it.
    pub whose: u16,
}

impl Default for Asked {
    fn default() -> Self {
        Self { version: Version::Http11, head_only: false, keep_alive: false, whose: 0 }
    }
}

/// Appends the head of `reply`, and its body where that is not a stream.
pub(crate) fn encode(
    reply: &mut Reply,
    asked: Asked,
    now: Time,
    shared: &mut Shared,
    chunks: &mut Chunks,
) {
    let tails = shared.tails.at(now);
    let tail = match (asked.keep_alive, asked.version) {
        (false, _) => &tails.close,
        (true, Version::Http11) => &tails.plain,
        (true, Version::Http10) => &tails.keep,
    };
    let lines = shared.extras.as_ref().map_or(&[][..], |extras| &extras.lines);
    // RFC 9110 section 9.3.2: a reply to HEAD has the fields of one to GET and no content.
    let body_allowed = !asked.head_only && !is_bodiless(reply.status);
    let is_open = matches!(reply.body, Body::Open);
    // RFC 9112 section 6.1: not in a reply to HTTP/1.0; in one to HEAD it may be left out.
    let chunked = is_open && body_allowed && asked.version == Version::Http11;
    match &mut reply.head {
        ReplyHead::Prebuilt(head) => {
            chunks.push(Chunk::Bytes(std::mem::take(head)));
            chunks.push(Chunk::Bytes(match lines {
                [] if !chunked => tail.clone(),
                lines => {
                    if chunked {
                        shared.scratch.put_slice(CHUNKED);
                    }
                    shared.scratch.put_slice(lines);
                    shared.scratch.put_slice(tail);
                    shared.scratch.split().freeze()
                }
            }));
            if body_allowed {
                push_body(&mut reply.body, chunks);
            }
        }
        ReplyHead::Lines { content_type, more } => {
            let out = &mut shared.scratch;
            if out.capacity() < more.len() + 2 * COPIED_BODY_MAX {
                out.reserve(SCRATCH.max(more.len() + 2 * COPIED_BODY_MAX));
            }
            push_status(out, reply.status);
            if let Some(content_type) = content_type {
                out.put_slice(b"Content-Type: ");
                out.put_slice(content_type.as_bytes());
                out.put_slice(b"\r\n");
            }
            out.put_slice(more);
            // RFC 9110 section 8.6: no Content-Length in a 204; in a 304 it may be left out.
            if chunked {
                out.put_slice(CHUNKED);
            } else if !is_open && !is_bodiless(reply.status) {
                push_length(out, reply.body.len());
            }
            out.put_slice(lines);
            out.put_slice(tail);
            match &reply.body {
                Body::Bytes(bytes) if body_allowed && bytes.len() <= COPIED_BODY_MAX => {
                    out.put_slice(bytes);
                    chunks.push(Chunk::Bytes(out.split().freeze()));
                }
                _ => {
                    chunks.push(Chunk::Bytes(out.split().freeze()));
                    if body_allowed {
                        push_body(&mut reply.body, chunks);
                    }
                }
            }
        }
    }
}

/// The bytes of an interim reply that asks for the body (RFC 9110 section 15.2.1).
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fn push_body(body: &mut Body, chunks: &mut Chunks) {
    match body {
        Body::Empty | Body::Stream { .. } | Body::Open => {}
        Body::Bytes(bytes) => push_piece(Chunk::Bytes(std::mem::take(bytes)), chunks),
        Body::Paged(_) => {
            if let Body::Paged(paged) = std::mem::take(body) {
                push_piece(Chunk::from(paged), chunks);
            }
        }
        // The vector stays where it is and goes back to the exchange.
        Body::Chunks(pieces) => pieces.drain(..).for_each(|piece| push_piece(piece, chunks)),
    }
}

fn push_piece(piece: Chunk, chunks: &mut Chunks) {
    if !piece.is_empty() {
        chunks.push(piece);
    }
}
