//! Reads answers of HTTP/1.1 from bytes that come in any pieces, and believes none that are odd.

use std::fmt;
use std::time::Duration;

/// Bytes of an answer's head.
pub const HEAD_MAX: usize = 16 << 10;
/// Fields of an answer's head.
pub const FIELDS_MAX: usize = 64;
/// Bytes of the line before a chunk, and of each line after the last.
pub const CHUNK_LINE_MAX: usize = 256;
/// The digits of a chunk's size: 2^60 bytes are enough.
const CHUNK_DIGITS_MAX: usize = 15;

/// An answer that came in whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Bytes of its body.
    pub body: u64,
    /// Whether the server ends the connection after it.
    pub close: bool,
    /// How long the server says that it took in all: `total` of Server-Timing.
    pub took: Option<Duration>,
}

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAnswer {
    /// What came is no head of HTTP/1.
    Head,
    /// The head is longer than [`HEAD_MAX`] or has more than [`FIELDS_MAX`] fields.
    LargeHead,
    /// Its length is given twice, or as no number.
    Length,
    /// A chunk is not as it should be.
    Chunk,
    /// More came than was asked for.
    Unasked,
    /// The connection ended in the middle.
    Cut,
}

/// What was read of the answers of one connection: one at a time, as nothing is asked ahead.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    /// The beginning of a head or a line whose end has not come.
    kept: Vec<u8>,
    status: u16,
    close: bool,
    body: u64,
    took: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    /// So many bytes of the body are to come.
    Length(u64),
    /// The body ends with the connection.
    UntilClose,
    /// The line with a chunk's size.
    Size,
    /// So many bytes of a chunk are to come.
    Chunk(u64),
    /// The end of the line after a chunk.
    AfterChunk,
    /// The lines after the last chunk.
    Trailer,
}

impl Parser {
    /// Takes bytes in; the answer when its last byte was among them.
    ///
    /// # Errors
    /// The bytes are no answer, or go on after its end. The connection is of no use any more.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Option<Answer>, BadAnswer> {
        let mut done = None;
        while !bytes.is_empty() {
            if done.is_some() {
                return Err(BadAnswer::Unasked);
            }
            done = self.step(&mut bytes)?;
        }
        Ok(done)
    }

    /// The connection ended: the answer, if that is its end.
    ///
    /// # Errors
    /// It ended in the middle of one.
    pub fn end(&mut self) -> Result<Option<Answer>, BadAnswer> {
        match self.state {
            State::Head if self.kept.is_empty() => Ok(None),
            State::UntilClose => Ok(self.whole()),
            _ => Err(BadAnswer::Cut),
        }
    }

    fn step(&mut self, bytes: &mut &[u8]) -> Result<Option<Answer>, BadAnswer> {
        match self.state {
            State::Head => return self.head(bytes),
            State::UntilClose => {
                self.skip(bytes, u64::MAX);
            }
            State::Length(left) => match left - self.skip(bytes, left) {
                0 => return Ok(self.whole()),
                left => self.state = State::Length(left),
            },
            State::Chunk(left) => {
                self.state = match left - self.skip(bytes, left) {
                    0 => State::AfterChunk,
                    left => State::Chunk(left),
                };
            }
            State::Size | State::AfterChunk | State::Trailer => {
                let Some(line) = self.line(bytes)? else { return Ok(None) };
                match self.state {
                    State::Size => self.size(&line)?,
                    State::AfterChunk if line.is_empty() => self.state = State::Size,
                    State::AfterChunk => return Err(BadAnswer::Chunk),
                    _ if line.is_empty() => return Ok(self.whole()),
                    _ => {}
                }
            }
        }
        Ok(None)
    }

    /// Takes a head off the front, if its end is among the bytes.
    fn head(&mut self, bytes: &mut &[u8]) -> Result<Option<Answer>, BadAnswer> {
        if !self.kept.is_empty() {
            return self.kept_head(bytes);
        }
        match self.parse(bytes)? {
            Some(length) => {
                *bytes = &bytes[length..];
                Ok(self.begun())
            }
            None => {
                self.kept.extend_from_slice(bytes);
                *bytes = &[];
                Ok(None)
            }
        }
    }

    /// The same when its beginning was kept, which is rare: it is read anew with what came.
    fn kept_head(&mut self, bytes: &mut &[u8]) -> Result<Option<Answer>, BadAnswer> {
        let mut all = std::mem::take(&mut self.kept);
        let before = all.len();
        all.extend_from_slice(&bytes[..bytes.len().min(HEAD_MAX + 1 - before.min(HEAD_MAX))]);
        let taken = match self.parse(&all)? {
            Some(length) => length - before,
            None => {
                let taken = all.len() - before;
                self.kept = all;
                *bytes = &bytes[taken..];
                return Ok(None);
            }
        };
        *bytes = &bytes[taken..];
        Ok(self.begun())
    }

    /// The length of the head at the front, and what it says; none while its end is missing.
    fn parse(&mut self, bytes: &[u8]) -> Result<Option<usize>, BadAnswer> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut head = httparse::Response::new(&mut fields);
        let length = match head.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length <= HEAD_MAX => length,
            Ok(httparse::Status::Partial) if bytes.len() <= HEAD_MAX => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(BadAnswer::LargeHead),
            Err(_) => return Err(BadAnswer::Head),
        };
        // httparse takes a bare LF as the end of a line; a server that sends one is broken.
        let bare = |at: usize| bytes[at] == b'\n' && (at == 0 || bytes[at - 1] != b'\r');
        if (0..length).any(bare) {
            return Err(BadAnswer::Head);
        }
        self.status = head.code.unwrap_or(0);
        self.close = head.version == Some(0);
        self.took = None;
        let (mut given, mut chunked) = (None, false);
        for field in head.headers.iter() {
            let name = field.name;
            if name.eq_ignore_ascii_case("content-length") {
                let value = number(field.value, 10).ok_or(BadAnswer::Length)?;
                if given.replace(value).is_some() {
                    return Err(BadAnswer::Length);
                }
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                    return Err(BadAnswer::Length);
                }
                chunked = true;
            } else if name.eq_ignore_ascii_case("server-timing") {
                self.took = self.took.or(total(field.value));
            } else if name.eq_ignore_ascii_case("connection") {
                for option in field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    if option.eq_ignore_ascii_case(b"keep-alive") {
                        self.close = false;
                    }
                }
            }
        }
        self.body = 0;
        self.state = match (given, chunked) {
            (Some(_), true) => return Err(BadAnswer::Length),
            _ if self.status < 200 => State::Head,
            _ if matches!(self.status, 204 | 304) => State::Length(0),
            (_, true) => State::Size,
            (Some(given), false) => State::Length(given),
            (None, false) => State::UntilClose,
        };
        Ok(Some(length))
    }

    /// The head was read: the answer, if it is all. One of 1xx is not; the real one follows.
    fn begun(&mut self) -> Option<Answer> {
        self.close |= self.state == State::UntilClose;
        if self.state == State::Length(0) { self.whole() } else { None }
    }

    fn size(&mut self, line: &[u8]) -> Result<(), BadAnswer> {
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if digits.len() > CHUNK_DIGITS_MAX {
            return Err(BadAnswer::Chunk);
        }
        self.state = match number(digits, 16).ok_or(BadAnswer::Chunk)? {
            0 => State::Trailer,
            size => State::Chunk(size),
        };
        Ok(())
    }

    /// The next line without its end; none while that is missing.
    fn line(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, BadAnswer> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if self.kept.len() + taken > CHUNK_LINE_MAX {
            return Err(BadAnswer::Chunk);
        }
        self.kept.extend_from_slice(&bytes[..taken]);
        *bytes = &bytes[taken..];
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.kept);
        line.pop();
        if line.pop() == Some(b'\r') { Ok(Some(line)) } else { Err(BadAnswer::Chunk) }
    }

    /// Takes at most `most` bytes of a body off the front, and says how many.
    fn skip(&mut self, bytes: &mut &[u8], most: u64) -> u64 {
        let taken = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
        *bytes = &bytes[taken..];
        self.body += taken as u64;
        taken as u64
    }

    fn whole(&mut self) -> Option<Answer> {
        self.state = State::Head;
        let Self { status, body, close, took, .. } = *self;
        Some(Answer { status, body, close, took })
    }
}

/// Digits alone, without a sign.
fn number(text: &[u8], radix: u32) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(|b| char::from(*b).is_digit(radix));
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    u64::from_str_radix(text, radix).ok()
}

/// The duration of the entry `total` of a field Server-Timing, as in `total;dur=1.250`; none where
/// it is not understood.
fn total(field: &[u8]) -> Option<Duration> {
    let mut entries = std::str::from_utf8(field).ok()?.split(',');
    entries.find_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_total = parts.next() == Some("total");
        let millis = parts.find_map(|part| part.strip_prefix("dur="))?.parse::<f64>().ok()?;
        Duration::try_from_secs_f64(millis / 1e3).ok().filter(|_| is_total)
    })
}

impl BadAnswer {
    /// The reason in a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Head => "no head of HTTP/1",
            Self::LargeHead => "a head that is too large",
            Self::Length => "an unclear length",
            Self::Chunk => "a bad chunk",
            Self::Unasked => "more than was asked for",
            Self::Cut => "cut off in the middle",
        }
    }
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a parser makes of `text` in pieces that end at `cuts`, and of the connection's end.
    fn read(text: &[u8], cuts: &[usize]) -> Result<Vec<Answer>, BadAnswer> {
        let (mut parser, mut answers, mut from) = (Parser::default(), Vec::new(), 0);
        for to in cuts.iter().copied().chain([text.len()]) {
            answers.extend(parser.feed(&text[from..to])?);
            from = to;
        }
        answers.extend(parser.end()?);
        Ok(answers)
    }

    const GOOD: [(&str, Answer); 8] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", answer(200, 3, false)),
        ("HTTP/1.1 503 No\r\ncontent-length: 0\r\nConnection: Close\r\n\r\n", answer(503, 0, true)),
        ("HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", answer(304, 0, false)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n\
             A\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
            answer(200, 13, false),
        ),
        ("HTTP/1.1 200 OK\r\n\r\nall of it", answer(200, 9, true)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", answer(200, 1, true)),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
            answer(200, 1, false),
        ),
        (
            "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
            answer(200, 1, false),
        ),
    ];

    const fn answer(status: u16, body: u64, close: bool) -> Answer {
        Answer { status, body, close, took: None }
    }

    #[test]
    fn how_long_the_server_took_is_heard_where_it_is_said() {
        let took = |fields: &str| {
            let text = format!("HTTP/1.1 503 No\r\nContent-Length: 0\r\n{fields}\r\n");
            read(text.as_bytes(), &[]).unwrap()[0].took
        };
        let said = "server-timing: total;dur=1.250, queue;dur=0.200, app;dur=1.050\r\n";
        assert_eq!(took(said), Some(Duration::from_micros(1250)));
        assert_eq!(
            took("Server-Timing: app;dur=1, total; dur=2\r\n"),
            Some(Duration::from_millis(2))
        );
        for nothing in ["", "Server-Timing: app;dur=1\r\n", "Server-Timing: total;dur=-1\r\n"] {
            assert_eq!(took(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn answers_are_read_however_they_are_cut() {
        for (text, wanted) in GOOD {
            assert_eq!(read(text.as_bytes(), &[]), Ok(vec![wanted]), "{text}");
            let all: Vec<usize> = (1..text.len()).collect();
            assert_eq!(read(text.as_bytes(), &all), Ok(vec![wanted]), "{text}");
            for cut in 1..text.len() {
                assert_eq!(read(text.as_bytes(), &[cut]), Ok(vec![wanted]), "{text} at {cut}");
            }
        }
    }

    #[test]
    fn what_is_odd_is_not_believed() {
        let many = "a: b\r\n".repeat(FIELDS_MAX + 1);
        let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(HEAD_MAX));
        let many = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
        let cases = [
            ("SSH-2.0-x\r\n".to_owned(), BadAnswer::Head),
            ("HTTP/1.1 200 OK\nContent-Length: 0\n\n".to_owned(), BadAnswer::Head),
            (long, BadAnswer::LargeHead),
            (many, BadAnswer::LargeHead),
            ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na".to_owned(), BadAnswer::Length),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na".to_owned(),
                BadAnswer::Length,
            ),
            (format!("{chunked}Content-Length: 1\r\n\r\na"), BadAnswer::Length),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(), BadAnswer::Length),
            (format!("{chunked}\r\nzz\r\n"), BadAnswer::Chunk),
            (format!("{chunked}\r\n1\r\nabc\r\n"), BadAnswer::Chunk),
            (format!("{chunked}\r\n1\n"), BadAnswer::Chunk),
            (format!("{chunked}\r\n{}\r\n", "0".repeat(CHUNK_LINE_MAX)), BadAnswer::Chunk),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab".to_owned(), BadAnswer::Unasked),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na".to_owned(), BadAnswer::Cut),
            ("HTTP/1.1 200 OK\r\nCont".to_owned(), BadAnswer::Cut),
            (format!("{chunked}\r\n0\r\n"), BadAnswer::Cut),
        ];
        for (text, why) in cases {
            assert_eq!(read(text.as_bytes(), &[]), Err(why), "{text:.80}");
            let all: Vec<usize> = (1..text.len()).collect();
            let one_by_one = read(text.as_bytes(), &all);
            // What comes alone after the end of an answer looks like the next head.
            assert!(one_by_one.is_err(), "{text:.80} byte by byte");
            assert!(one_by_one == Err(why) || why == BadAnswer::Unasked, "{one_by_one:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn no_bytes_make_it_panic_or_keep_more_than_a_head(
            pieces in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..2000), 1..20),
            good in 0..GOOD.len(),
        ) {
            let mut parser = Parser::default();
            let head = &GOOD[good].0.as_bytes()[..20];
            let mut broken = parser.feed(head).is_err();
            for piece in pieces {
                broken = broken || parser.feed(&piece).is_err();
                prop_assert!(broken || parser.kept.len() <= HEAD_MAX + 1);
            }
        }
    }
}
