//! From content and a request to a reply: conditions, ranges, redirects, pages for errors.
use crate::cache::{Kept, Known, Large, Meta};
use sluicegate_http::conditional::{self, Validators, Verdict};
use sluicegate_http::range::{self, Ranged};
use sluicegate_http::{Body, Exchange, Head, Method, Reply};
use std::sync::Arc;
use std::time::SystemTime;

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

fn page(head: &Head, kept: &Kept) -> Reply {
    let page = kept.page();
    page.warm();
    match part(head, &page.meta) {
        Part::Whole => Reply::prebuilt(200, kept.head.clone(), Body::Bytes(kept.body.clone())),
        Part::Unchanged => Reply::prebuilt(304, kept.unchanged.clone(), Body::Empty),
        Part::Bytes { first, last } => {
            // A page fits in memory, so that its offsets fit a `usize`.
            let body = kept.body.slice(first as usize..=last as usize);
            partial(&page.meta, first, last).with(Body::Bytes(body))
        }
        Part::Other(reply) => reply,
    }
}

/// Where a stream is: left in the exchange between its pieces.
#[derive(Debug)]
pub struct Streamed {
    /// The file.
    pub large: Arc<Large>,
    /// Where in the file the reply begins.
    pub first: u64,
}

/// Replies with a file that is sent in pieces.
pub fn stream(exchange: &mut Exchange, large: &Arc<Large>) {
    let (first, last, reply) = match part(exchange, &large.meta) {
        Part::Whole => (0, large.meta.len, described(Reply::new(200), &large.meta)),
        Part::Bytes { first, last } => (first, last + 1, partial(&large.meta, first, last)),
        Part::Unchanged => {
            let reply = validated(Reply::new(304), &large.meta);
            return exchange.reply(reply);
        }
        Part::Other(reply) => return exchange.reply(reply),
    };
    exchange.keep(Streamed { large: Arc::clone(large), first });
    exchange.reply(reply.with(Body::Stream { len: last - first }));
}

/// Streams a file in the place of the content of a reply, whose status and fields stay.
pub fn stream_instead(exchange: &mut Exchange, large: &Arc<Large>) {
    if let Some(reply) = exchange.take_reply() {
        exchange.keep(Streamed { large: Arc::clone(large), first: 0 });
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

/// A date as fields have it.
pub fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

/// Which part of some content a request is to get.
enum Part {
    Whole,
    Unchanged,
    Bytes { first: u64, last: u64 },
    Other(Reply),
}

fn part(head: &Head, meta: &Meta) -> Part {
    let validators = meta.validators();
    match conditional::evaluate(head, &validators) {
        Verdict::NotModified => return Part::Unchanged,
        Verdict::Failed => return Part::Other(Reply::plain(412)),
        Verdict::Proceed => {}
    }
    let Some(asked) = conditional::range(head, &validators) else { return Part::Whole };
    match range::select(asked, meta.len) {
        Ranged::Whole => Part::Whole,
        Ranged::Part { first, last } => Part::Bytes { first, last },
        Ranged::Unsatisfiable => {
            Part::Other(Reply::plain(416).header("Content-Range", range::unsatisfied(meta.len)))
        }
    }
}

fn partial(meta: &Meta, first: u64, last: u64) -> Reply {
    let place = range::content_range(first, last, meta.len);
    described(Reply::new(206).header("Content-Range", place), meta)
}

fn described(reply: Reply, meta: &Meta) -> Reply {
    validated(reply.header("Content-Type", meta.media).header("Accept-Ranges", "bytes"), meta)
}

fn validated(reply: Reply, meta: &Meta) -> Reply {
    let reply = reply.header("ETag", &meta.tag);
    match meta.modified {
        Some(time) => reply.header("Last-Modified", http_date(time)),
        None => reply,
    }
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
