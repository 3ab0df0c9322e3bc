//! From content and a request to a reply: forms, conditions, ranges, redirects, pages for errors.
use crate::cache::{Forms, Job, Kept, Known, Large, Meta};
use crate::pick::pick;
use bytes::Bytes;
use sluicegate_files::{VARY, http_date};
use sluicegate_http::coding::accepted;
use sluicegate_http::conditional::{self, Validators, Verdict};
use sluicegate_http::multipart::{Multipart, Piece};
use sluicegate_http::range::{self, Ranged};
use sluicegate_http::{Body, Coding, Exchange, Head, Method, Reply};
use sluicegate_io::Chunk;
use std::io;
use std::sync::Arc;

/// What a static site is asked with.
const METHODS: &str = "GET, HEAD, OPTIONS";

impl Meta {
    /// What conditional requests are held against.
    pub fn validators(&self) -> Validators<'_> {
        Validators { etag: Some(self.tag.as_bytes()), modified: self.modified }
    }
}

/// The reply to a request that asks for no content; nothing where it asks for some.
pub fn methods(head: &Head) -> Option<Reply> {
    match head.method {
        Method::Get | Method::Head => None,
        Method::Options => Some(Reply::new(204).header("Allow", METHODS)),
        _ => Some(Reply::not_allowed(METHODS)),
    }
}

/// The reply with what is known of a name.
pub fn known(head: &Head, known: &Known) -> Reply {
    match known {
        Known::Page(kept) => page(head, kept),
        Known::Directory => slash(head),
        // Whether it may be shown is up to the site.
        Known::Listable | Known::Missing => Reply::plain(404),
    }
}

/// The variant that is to be made, for this client would like it better than what there is.
pub fn lacking(head: &Head, known: &Known) -> Option<Job> {
    match known {
        Known::Page(kept) if kept.lacks() => kept.lack(&accepted(head)?),
        _ => None,
    }
}

fn page(head: &Head, kept: &Kept) -> Reply {
    let page = kept.page();
    page.warm();
    let (coded, verdict) = pick(head, &page.meta, &kept.coded);
    let (meta, form) =
        coded.map_or((&page.meta, &kept.plain), |coded| (&coded.variant.meta, &coded.form));
    match part(head, meta, verdict) {
        Part::Whole => Reply::prebuilt(200, form.head.clone(), Body::Bytes(form.body.clone())),
        Part::Unchanged => Reply::prebuilt(304, form.unchanged.clone(), Body::Empty),
        Part::Bytes { first, last } => {
            partial(meta, first, last).with(Body::Bytes(slice(&form.body, first, last - first + 1)))
        }
        Part::Several(parts) => {
            let chunk = |piece: &Piece| match piece {
                Piece::Text(text) => Chunk::Bytes(text.clone()),
                Piece::Part { first, len } => Chunk::Bytes(slice(&form.body, *first, *len)),
            };
            let chunks = parts.pieces().iter().map(chunk).collect();
            several(meta, &parts).with(Body::Chunks(chunks))
        }
        Part::Other(reply) => reply,
    }
}

/// A page fits in memory, so that its offsets fit a `usize`.
fn slice(body: &Bytes, first: u64, len: u64) -> Bytes {
    body.slice(first as usize..(first + len) as usize)
}

/// Where a stream is: left in the exchange between its pieces.
#[derive(Debug)]
pub struct Streamed {
    large: Arc<Large>,
    extent: Extent,
}

/// What of a file is sent.
#[derive(Debug)]
enum Extent {
    /// All from this offset; the reply knows where it ends.
    From(u64),
    /// Several parts.
    Several(Multipart),
}

impl Streamed {
    /// Reads `len` bytes of the stream of which `given` bytes have gone before.
    ///
    /// # Errors
    /// As [`Large::piece`].
    pub fn piece(&self, given: u64, len: usize) -> io::Result<Vec<u8>> {
        let parts = match &self.extent {
            Extent::From(first) => return self.large.piece(first + given, len),
            Extent::Several(parts) => parts,
        };
        let mut bytes = Vec::with_capacity(len);
        for piece in parts.cut(given, len as u64) {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(&text),
                // At most `len`, so that it fits a `usize`.
                Piece::Part { first, len } => {
                    bytes.extend(self.large.piece(first, len as usize)?);
                }
            }
        }
        Ok(bytes)
    }
}

/// Replies with a file that is sent in pieces.
pub fn stream(exchange: &mut Exchange, forms: &Forms) {
    let (coded, verdict) = pick(exchange, &forms.plain.meta, &forms.coded);
    let (coding, large) = match coded {
        Some((coding, large)) => (Some(*coding), large),
        None => (None, &forms.plain),
    };
    let meta = &large.meta;
    let (len, extent, reply) = match part(exchange, meta, verdict) {
        Part::Whole => (meta.len, Extent::From(0), described(Reply::new(200), meta, coding)),
        Part::Bytes { first, last } => {
            (last - first + 1, Extent::From(first), partial(meta, first, last))
        }
        Part::Several(parts) => {
            (parts.len(), Extent::Several(parts.clone()), several(meta, &parts))
        }
        Part::Unchanged => {
            let reply = validated(Reply::new(304), meta);
            return exchange.reply(reply);
        }
        Part::Other(reply) => return exchange.reply(reply),
    };
    exchange.keep(Streamed { large: Arc::clone(large), extent });
    exchange.reply(reply.with(Body::Stream { len }));
}

/// Streams a file in the place of the content of a reply, whose status and fields stay.
pub fn stream_instead(exchange: &mut Exchange, forms: &Forms) {
    let large = &forms.plain;
    if let Some(reply) = exchange.take_reply() {
        exchange.keep(Streamed { large: Arc::clone(large), extent: Extent::From(0) });
        let body = Body::Stream { len: large.meta.len };
        exchange.reply(reply.with_content(large.meta.media, body));
    }
}

/// The reply to a directory that was asked for without its slash.
fn slash(head: &Head) -> Reply {
    let mut place = encode(head.path());
    place.push('/');
    if let Some(query) = head.query() {
        place.push('?');
        place.push_str(&String::from_utf8_lossy(query));
    }
    Reply::plain(301).header("Location", place)
}

/// Which part of some content a request is to get.
enum Part {
    Whole,
    Unchanged,
    Bytes { first: u64, last: u64 },
    Several(Multipart),
    Other(Reply),
}

fn part(head: &Head, meta: &Meta, verdict: Verdict) -> Part {
    match verdict {
        Verdict::NotModified => return Part::Unchanged,
        Verdict::Failed => return Part::Other(varied(Reply::plain(412), meta)),
        Verdict::Proceed => {}
    }
    let Some(asked) = conditional::range(head, &meta.validators()) else { return Part::Whole };
    match range::select(asked, meta.len) {
        Ranged::Whole => Part::Whole,
        Ranged::Part { first, last } => Part::Bytes { first, last },
        Ranged::Parts(parts) => {
            let parts = Multipart::new(&parts, meta.media, meta.len);
            // With its own lines it may be longer than all there is, which says more.
            if parts.len() < meta.len { Part::Several(parts) } else { Part::Whole }
        }
        Ranged::Unsatisfiable => {
            let reply = Reply::plain(416).header("Content-Range", range::unsatisfied(meta.len));
            Part::Other(varied(reply, meta))
        }
    }
}

fn partial(meta: &Meta, first: u64, last: u64) -> Reply {
    let place = range::content_range(first, last, meta.len);
    described(Reply::new(206).header("Content-Range", place), meta, None)
}

/// The content type of each part is told where it begins.
fn several(meta: &Meta, parts: &Multipart) -> Reply {
    let reply = Reply::new(206).header("Content-Type", parts.media());
    validated(reply.header("Accept-Ranges", "bytes"), meta)
}

fn described(reply: Reply, meta: &Meta, coding: Option<Coding>) -> Reply {
    // Ranges are of the content as it is alone.
    let form = coding.map_or(("Accept-Ranges", "bytes"), |c| ("Content-Encoding", c.name()));
    validated(reply.header("Content-Type", meta.media).header(form.0, form.1), meta)
}

fn validated(reply: Reply, meta: &Meta) -> Reply {
    let reply = varied(reply, meta).header("ETag", &meta.tag);
    match meta.modified {
        Some(time) => reply.header("Last-Modified", http_date(time)),
        None => reply,
    }
}

fn varied(reply: Reply, meta: &Meta) -> Reply {
    if meta.codings.is_empty() { reply } else { reply.header(VARY.0, VARY.1) }
}

/// A decoded path as it is written in a field or a link.
pub fn encode(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for &byte in path {
        if byte.is_ascii_alphanumeric() || b"/-_.~!$&'()*+,;=:@".contains(&byte) {
            text.push(byte.into());
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_it_may_stand_in_a_field() {
        assert_eq!(encode(b"/a-b/c.d~e"), "/a-b/c.d~e");
        assert_eq!(encode("/a b/\u{e9}?%\r\n".as_bytes()), "/a%20b/%C3%A9%3F%25%0D%0A");
    }
}
