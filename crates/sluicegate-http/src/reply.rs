//! What a handler answers.

use std::borrow::Cow;

use bytes::{BufMut, Bytes};
use sluicegate_io::{Chunk, Paged};

use crate::machine::framing;
use crate::status::reason;

/// Room for the lines of a few fields, so that it is mostly asked for once.
const FIELDS_ROOM: usize = 256;

/// An answer to one request. The machine adds Date, Connection and the framing, leaves the body
/// out where it must not be, and knows nothing of caching.
#[derive(Debug)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) head: ReplyHead,
    pub(crate) body: Body,
    pub(crate) close: bool,
}

#[derive(Debug)]
pub(crate) enum ReplyHead {
    /// A content type and further lines, each with its line end.
    Lines { content_type: Option<Cow<'static, str>>, more: Vec<u8> },
    /// Made by [`prebuild`].
    Prebuilt(Bytes),
}

/// The content of a reply.
#[derive(Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// Shared bytes.
    Bytes(Bytes),
    /// Pages of an arena, which are pinned until they are sent.
    Paged(Paged),
    /// Pieces, such as the body of a request sent back without a copy.
    Chunks(Vec<Chunk>),
    /// `len` bytes that follow in pieces: see [`Exchange::give`](crate::Exchange::give).
    Stream {
        /// All bytes of the body.
        len: u64,
    },
    /// Bytes that follow in pieces, as many as there will be, until
    /// [`Exchange::end`](crate::Exchange::end). A prebuilt head for one is made without a length.
    Open,
}

impl Body {
    /// How many bytes it has; none of an open one, whose length is not known.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty | Self::Open => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Paged(paged) => paged.len() as u64,
            Self::Chunks(chunks) => chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            Self::Stream { len } => *len,
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Reply {
    /// A reply without content and fields. `status` is a final one: 200 to 599.
    pub fn new(status: u16) -> Self {
        assert!((200..600).contains(&status), "{status} is no final status: 200 to 599 are");
        let head = ReplyHead::Lines { content_type: None, more: Vec::new() };
        Self { status, head, body: Body::Empty, close: false }
    }

    /// Content of the given media type.
    pub fn content(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let head = ReplyHead::Lines { content_type: Some(content_type.into()), more: Vec::new() };
        Self { head, body: Body::Bytes(body.into()), ..Self::new(status) }
    }

    /// Plain text.
    pub fn text(status: u16, text: impl Into<Bytes>) -> Self {
        Self::content(status, "text/plain; charset=utf-8", text)
    }

    /// The status with its reason phrase as text: for 404 and the like.
    pub fn plain(status: u16) -> Self {
        Self::text(status, reason(status))
    }

    /// 405 with the methods that are allowed, such as `"GET, HEAD"` (RFC 9110 section 15.5.6).
    pub fn not_allowed(methods: &str) -> Self {
        Self::plain(405).header("Allow", methods)
    }

    /// A reply with a head made ahead by [`prebuild`]: nothing of it is formatted or copied when
    /// it is sent. The body's length must be the one that the head tells.
    #[inline]
    pub fn prebuilt(status: u16, head: Bytes, body: Body) -> Self {
        Self { head: ReplyHead::Prebuilt(head), body, ..Self::new(status) }
    }

    /// Adds a field. Bytes that a value must not have become blanks (RFC 9110 section 5.5). A
    /// prebuilt head is copied for it.
    ///
    /// # Panics
    /// If `name` is no token, or belongs to the machine: `Content-Length`, `Transfer-Encoding`,
    /// `Connection`, `Date`.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        assert!(is_token(name), "{name:?} is no field name: letters, digits and -_.~ are");
        assert!(!is_reserved(name), "{name} is written by the machine");
        match &mut self.head {
            ReplyHead::Lines { more, .. } => push_line(more, name, value.as_ref()),
            ReplyHead::Prebuilt(head) => {
                let mut longer = head.to_vec();
                push_line(&mut longer, name, value.as_ref());
                *head = longer.into();
            }
        }
        self
    }

    /// Adds the fields of a reply that was made elsewhere, such as those of a map. What the machine
    /// writes itself is left out: `Content-Length`, `Transfer-Encoding`, `Date`, and of
    /// `Connection` all but `close`, which closes the connection. So is a name that is no token.
    pub fn fields<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut all = match &mut self.head {
            ReplyHead::Lines { more, .. } => std::mem::take(more),
            ReplyHead::Prebuilt(head) => head.to_vec(),
        };
        all.reserve(FIELDS_ROOM);
        for (name, value) in fields {
            if name.eq_ignore_ascii_case("connection") {
                self.close |= framing::tokens(value).any(|it| it.eq_ignore_ascii_case(b"close"));
            } else if is_field_name(name) {
                push_line(&mut all, name, value);
            }
        }
        match &mut self.head {
            ReplyHead::Lines { more, .. } => *more = all,
            ReplyHead::Prebuilt(head) => *head = all.into(),
        }
        self
    }

    /// Replaces the body and says what it is; fields added before stay.
    pub fn with_content(mut self, media: impl Into<Cow<'static, str>>, body: Body) -> Self {
        if let ReplyHead::Lines { content_type, .. } = &mut self.head {
            *content_type = Some(media.into());
        }
        self.with(body)
    }

    /// Whether it has a field with this name among those that were added.
    pub fn has(&self, name: &str) -> bool {
        self.raw_lines().split(|byte| *byte == b'\n').any(|line| {
            let key = line.split(|byte| *byte == b':').next();
            key.is_some_and(|key| key.eq_ignore_ascii_case(name.as_bytes()))
        })
    }

    /// Whether its head was made by [`prebuild`].
    pub fn is_prebuilt(&self) -> bool {
        matches!(self.head, ReplyHead::Prebuilt(_))
    }

    /// Replaces the body.
    pub fn with(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The connection is closed behind this reply.
    pub fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// The fields that were added, as lines: for tests of handlers.
    pub fn lines(&self) -> String {
        String::from_utf8_lossy(self.raw_lines()).into_owned()
    }

    fn raw_lines(&self) -> &[u8] {
        match &self.head {
            ReplyHead::Lines { more, .. } => more,
            ReplyHead::Prebuilt(head) => head,
        }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The content.
    pub fn body(&self) -> &Body {
        &self.body
    }
}

/// The head of a reply, made once and sent often: status line, `fields`, Content-Length (`None`
/// for 204 and 304). Date, Connection and the empty line follow when it is sent.
///
/// # Panics
/// As [`Reply::header`] does.
pub fn prebuild(status: u16, fields: &[(&str, &str)], len: Option<u64>) -> Bytes {
    let mut head = Vec::with_capacity(256);
    push_status(&mut head, status);
    for (name, value) in fields {
        assert!(is_token(name) && !is_reserved(name), "{name:?} is no field for a prebuilt head");
        push_line(&mut head, name, value.as_bytes());
    }
    if let Some(len) = len {
        push_length(&mut head, len);
    }
    head.into()
}

/// A whole reply for a connection that is closed behind it unheard, because there is no room for
/// it: 503, to be tried again after so many seconds. Without a Date, which a reply that tells of an
/// error of the server needs not have (RFC 9110 section 6.6.1).
pub fn unheard(retry_after: u32) -> Bytes {
    let mut reply = Vec::with_capacity(128);
    push_status(&mut reply, 503);
    push_line(&mut reply, "Retry-After", retry_after.to_string().as_bytes());
    push_line(&mut reply, "Connection", b"close");
    push_length(&mut reply, 0);
    reply.put_slice(b"\r\n");
    reply.into()
}

pub(crate) fn push_status(out: &mut impl BufMut, status: u16) {
    out.put_slice(b"HTTP/1.1 ");
    push_number(out, status.into());
    out.put_slice(b" ");
    out.put_slice(reason(status).as_bytes());
    out.put_slice(b"\r\n");
}

pub(crate) fn push_length(out: &mut impl BufMut, len: u64) {
    out.put_slice(b"Content-Length: ");
    push_number(out, len);
    out.put_slice(b"\r\n");
}

fn push_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    let allowed = |byte: u8| byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
    // Mostly all are; without an early end the compiler looks at many at once.
    match value.iter().fold(true, |all, &byte| all & allowed(byte)) {
        true => out.put_slice(value),
        false => out.extend(value.iter().map(|&byte| if allowed(byte) { byte } else { b' ' })),
    }
    out.put_slice(b"\r\n");
}

fn push_number(out: &mut impl BufMut, mut number: u64) {
    // 2^64 has twenty digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
}

/// Whether handlers may add a field with this name: a token, and not written by the machine.
pub fn is_field_name(name: &str) -> bool {
    is_token(name) && !is_reserved(name)
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| TOKEN[usize::from(byte)])
}

/// Which bytes a token may have (RFC 9110 section 5.6.2): one look for each byte of a name.
const TOKEN: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0);
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let (others, mut at) = (b"!#$%&'*+-.^_`|~", 0);
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

fn is_reserved(name: &str) -> bool {
    let own = match name.len() {
        4 => "date",
        10 => "connection",
        14 => "content-length",
        17 => "transfer-encoding",
        _ => return false,
    };
    name.eq_ignore_ascii_case(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_made_ahead() {
        let head = prebuild(200, &[("ETag", "\"x\"")], Some(1024));
        assert_eq!(head, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 1024\r\n");
        assert_eq!(prebuild(304, &[], None), "HTTP/1.1 304 Not Modified\r\n");
    }

    #[test]
    fn who_is_not_heard_is_told_when_to_come_again() {
        let told = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
                    Connection: close\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(unheard(5), told);
    }

    #[test]
    fn a_field_is_known_by_its_whole_name() {
        let reply = Reply::new(200).header("Cache-Control", "no-store").header("X-A", "vary: b");
        assert!(reply.has("cache-control") && reply.has("X-A"));
        assert!(!reply.has("cache") && !reply.has("vary"));
    }

    #[test]
    fn a_value_cannot_break_out() {
        // RFC 9110 section 5.5: CR, LF and NUL are replaced with SP.
        let reply = Reply::new(200).header("X", "a\r\nY: b\0");
        let ReplyHead::Lines { more, .. } = reply.head else { panic!("lines were given") };
        assert_eq!(more, b"X: a  Y: b \r\n");
    }

    #[test]
    fn a_prebuilt_head_is_copied_for_one_more_field() {
        let head = prebuild(200, &[], Some(0));
        let reply = Reply::prebuilt(200, head.clone(), Body::Empty).header("X", "y");
        let ReplyHead::Prebuilt(longer) = reply.head else { panic!("it was prebuilt") };
        assert_eq!(longer, [&head[..], b"X: y\r\n"].concat());
    }

    #[test]
    fn fields_made_elsewhere_are_taken_as_far_as_they_may_be() {
        let fields: [(&str, &[u8]); 8] = [
            ("content-type", b"text/css"),
            ("content-length", b"7"),
            ("Transfer-Encoding", b"chunked"),
            ("date", b"today"),
            ("x y", b"no token"),
            ("", b"no token"),
            ("Connection", b"upgrade, keep-alive"),
            ("set-cookie", b"a=\r\nb"),
        ];
        let reply = Reply::new(200).header("X", "y").fields(fields);
        assert_eq!(reply.lines(), "X: y\r\ncontent-type: text/css\r\nset-cookie: a=  b\r\n");
        assert!(!reply.close);
        assert!(Reply::new(200).fields([("connection", &b"x, Close"[..])]).close);
        let reply = Reply::prebuilt(200, prebuild(200, &[], None), Body::Empty);
        assert_eq!(reply.fields([("a", &b"b"[..])]).lines(), "HTTP/1.1 200 OK\r\na: b\r\n");
    }

    #[test]
    #[should_panic(expected = "written by the machine")]
    fn framing_is_the_machines() {
        let _ = Reply::new(200).header("Content-length", "1");
    }

    #[test]
    fn numbers_are_written_out() {
        for number in [0, 9, 10, 12345, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
