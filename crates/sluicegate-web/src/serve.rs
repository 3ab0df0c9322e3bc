//! From content and a request to a reply: forms, conditions, ranges, redirects, pages for errors.
use crate::cache::{Form, Job, Kept, Known, Lack, Meta, Payload};
use crate::pick::pick;
use crate::streamed::{Extent, Streamed};
use sluicegate_files::{VARY, http_date};
use sluicegate_http::coding::accepted;
use sluicegate_http::conditional::{self, Validators, Verdict};
use sluicegate_http::multipart::Multipart;
use sluicegate_http::range::{self, Ranged};
use sluicegate_http::{Body, Exchange, Head, Method, Reply};
use sluicegate_io::Chunk;

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

/// Replies with what is known of a name; or says what is to be fetched before.
///
/// # Errors
/// The form that is elsewhere.
pub fn known(exchange: &mut Exchange, known: &Known) -> Result<(), Lack> {
    let reply = match known {
        Known::Page(kept) => return page(exchange, kept),
        Known::Directory => slash(exchange),
        // Whether it may be shown is up to the site.
        Known::Listable | Known::Missing => Reply::plain(404),
    };
    exchange.reply(reply);
    Ok(())
}

/// Puts content in the place of a reply's own; its status and fields stay.
///
/// # Errors
/// As [`known`].
pub fn instead(exchange: &mut Exchange, kept: &Kept) -> Result<(), Lack> {
    let form = &kept.plain;
    let body = body(exchange, kept, form, Extent::Whole(form.meta.len))?;
    if let Some(reply) = exchange.take_reply() {
        exchange.reply(reply.with_content(form.meta.media.clone(), body));
    }
    Ok(())
}

/// The variant that is to be made, for this client would like it better than what there is.
pub fn lacking(head: &Head, known: &Known) -> Option<Job> {
    match known {
        Known::Page(kept) if kept.lacks() => kept.lack(&accepted(head)?),
        _ => None,
    }
}

/// Replies with a page, in the form that the client takes and as far as it asks for it.
///
/// # Errors
/// The form that is elsewhere.
pub fn page(exchange: &mut Exchange, kept: &Kept) -> Result<(), Lack> {
    kept.warm();
    let (coded, verdict) = pick(exchange, &kept.plain.meta, &kept.coded);
    let form = coded.unwrap_or(&kept.plain);
    let meta = &form.meta;
    let reply = match part(exchange, meta, verdict) {
        Part::Whole => {
            let body = match &form.payload {
                // Most replies are this: nothing is cut, and nothing comes later.
                Payload::Bytes(bytes) => Body::Bytes(bytes.clone()),
                _ => body(exchange, kept, form, Extent::Whole(meta.len))?,
            };
            Reply::prebuilt(200, form.head.clone(), body)
        }
        Part::Unchanged => Reply::prebuilt(304, form.unchanged.clone(), Body::Empty),
        Part::Bytes { first, last } => {
            let extent = Extent::Part { first, len: last - first + 1 };
            partial(meta, first, last).with(body(exchange, kept, form, extent)?)
        }
        Part::Several(parts) => {
            several(meta, &parts).with(body(exchange, kept, form, Extent::Several(parts))?)
        }
        Part::Other(reply) => reply,
    };
    exchange.reply(reply);
    Ok(())
}

/// The bytes of a reply, or where they will come from.
fn body(exchange: &mut Exchange, kept: &Kept, form: &Form, extent: Extent) -> Result<Body, Lack> {
    let len = extent.len();
    match &form.payload {
        Payload::Bytes(bytes) => {
            Ok(extent.cut(|first, len| Chunk::Bytes(bytes.slice(offsets(first, len)))))
        }
        Payload::Piece(piece) => {
            piece.life.warm();
            let pages = piece.pages();
            Ok(extent.cut(|first, len| Chunk::from(pages.slice(offsets(first, len)))))
        }
        Payload::Stream(source) => {
            exchange.keep(Streamed { source: source.clone(), extent });
            Ok(Body::Stream { len })
        }
        // Of which nothing is sent but its length.
        Payload::Elsewhere if exchange.method == Method::Head => Ok(Body::Stream { len }),
        Payload::Elsewhere => match kept.lack_of(form) {
            Some(lack) => Err(lack),
            None => Ok(Body::Empty),
        },
    }
}

/// What is in memory is at most a few megabytes, so that its offsets fit a `usize`.
fn offsets(first: u64, len: u64) -> std::ops::Range<usize> {
    first as usize..(first + len) as usize
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
            let parts = Multipart::new(&parts, &meta.media, meta.len);
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
    let reply = Reply::new(206).header("Content-Range", place);
    let reply = reply.header("Content-Type", &*meta.media);
    validated(reply.header("Accept-Ranges", "bytes"), meta)
}

/// The content type of each part is told where it begins.
fn several(meta: &Meta, parts: &Multipart) -> Reply {
    let reply = Reply::new(206).header("Content-Type", parts.media());
    validated(reply.header("Accept-Ranges", "bytes"), meta)
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
