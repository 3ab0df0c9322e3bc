//! Records as lines: common, combined or JSON. Whatever bytes a client sent, a record is one line.
use sluicegate_http::log::Line;
use sluicegate_io::Peer;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

/// How a line of the access log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The common log format.
    Common,
    /// The same with Referer and User-Agent.
    Combined,
    /// One object a line.
    Json,
}

/// What the log says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// So many records are missing before this line.
    Lost(u64),
    /// From here on some records are left out; others tell for how many they stand.
    Sampling,
    /// From here on all are written again; so many were left out.
    Sampled(u64),
}

/// Makes lines. Times are made once a second.
#[derive(Debug)]
pub struct Formatter {
    format: Format,
    /// The second since the Unix epoch of `stamp`.
    second: Option<u64>,
    stamp: String,
}

impl Formatter {
    /// One for this format.
    pub fn new(format: Format) -> Formatter {
        Formatter { format, second: None, stamp: String::new() }
    }

    /// Appends the line of a record that stands for `weight` of them.
    pub fn line(&mut self, line: &Line<'_>, weight: u64, out: &mut Vec<u8>) {
        let since = self.stamp(line.at);
        match self.format {
            Format::Json => self.json(line, weight, since, out),
            Format::Common | Format::Combined => self.common(line, weight, out),
        }
    }

    /// Appends a line in which the log speaks of itself. No client can make one: it has no address.
    pub fn note(&mut self, note: Note, at: SystemTime, out: &mut Vec<u8>) {
        let since = self.stamp(at);
        if self.format == Format::Json {
            self.json_time(since, out);
            let (text, number): (&[u8], _) = match note {
                Note::Lost(n) => (b",\"lost\":", Some(n)),
                Note::Sampling => (b",\"sampling\":true", None),
                Note::Sampled(n) => (b",\"sampling\":false,\"left_out\":", Some(n)),
            };
            out.extend_from_slice(text);
            number.into_iter().for_each(|n| push_number(n, out));
            out.extend_from_slice(b"}\n");
            return;
        }
        out.extend_from_slice(b"- - - ");
        out.extend_from_slice(self.stamp.as_bytes());
        let (text, number): (&[u8], _) = match note {
            Note::Lost(n) => (b" \"LOST ", Some(n)),
            Note::Sampling => (b" \"SAMPLING", None),
            Note::Sampled(n) => (b" \"SAMPLED ", Some(n)),
        };
        out.extend_from_slice(text);
        number.into_iter().for_each(|n| push_number(n, out));
        out.extend_from_slice(b"\" 0 0");
        if self.format == Format::Combined {
            out.extend_from_slice(b" \"-\" \"-\"");
        }
        out.push(b'\n');
    }

    fn common(&self, line: &Line<'_>, weight: u64, out: &mut Vec<u8>) {
        push_peer(line.peer, out);
        out.extend_from_slice(b" - - ");
        out.extend_from_slice(self.stamp.as_bytes());
        out.extend_from_slice(b" ");
        push_quoted(line.request, out);
        out.push(b' ');
        push_number(line.status.into(), out);
        out.push(b' ');
        push_number(line.bytes, out);
        if self.format == Format::Combined {
            out.push(b' ');
            push_quoted(line.referer, out);
            out.push(b' ');
            push_quoted(line.agent, out);
        }
        if line.id.is_some() {
            out.push(b' ');
            push_quoted(line.id, out);
        }
        if weight > 1 {
            out.extend_from_slice(b" \"weight=");
            push_number(weight, out);
            out.push(b'"');
        }
        out.push(b'\n');
    }

    fn json(&self, line: &Line<'_>, weight: u64, since: Duration, out: &mut Vec<u8>) {
        self.json_time(since, out);
        out.extend_from_slice(b",\"peer\":\"");
        push_peer(line.peer, out);
        out.extend_from_slice(b"\",\"conn\":\"");
        push_number(line.conn.0 as u64, out);
        out.push(b'-');
        push_number(line.conn.1, out);
        out.push(b'"');
        for (name, text) in [
            ("id", line.id),
            ("host", line.host),
            ("request", line.request),
            ("referer", line.referer),
            ("agent", line.agent),
        ] {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            match text {
                Some(text) => push_json(text, out),
                None => out.extend_from_slice(b"null"),
            }
        }
        out.extend_from_slice(b",\"status\":");
        push_number(line.status.into(), out);
        out.extend_from_slice(b",\"bytes\":");
        push_number(line.bytes, out);
        out.extend_from_slice(b",\"us\":");
        push_number(line.took.as_micros() as u64, out);
        out.extend_from_slice(b",\"aborted\":");
        out.extend_from_slice(if line.aborted { b"true" } else { b"false" });
        if weight > 1 {
            out.extend_from_slice(b",\"weight\":");
            push_number(weight, out);
        }
        out.extend_from_slice(b"}\n");
    }

    /// Begins an object with the time, to the microsecond.
    fn json_time(&self, since: Duration, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(self.stamp.as_bytes());
        out.push(b'.');
        let micros = since.subsec_micros();
        out.extend((0..6).rev().map(|at| b'0' + (micros / 10u32.pow(at) % 10) as u8));
        out.extend_from_slice(b"Z\"");
    }

    /// Has `stamp` tell the second of `at`, and returns the time since the Unix epoch.
    fn stamp(&mut self, at: SystemTime) -> Duration {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if self.second != Some(since.as_secs()) {
            self.second = Some(since.as_secs());
            let date = httpdate::fmt_http_date(at);
            let Date { day, month, number, year, time } = Date::of(&date);
            self.stamp.clear();
            // Writing to a string cannot fail.
            let _ = match self.format {
                Format::Json => write!(self.stamp, "{year}-{number:02}-{day}T{time}"),
                _ => write!(self.stamp, "[{day}/{month}/{year}:{time} +0000]"),
            };
        }
        since
    }
}

/// The parts of `Sun, 06 Nov 1994 08:49:37 GMT`: each has its place.
pub(super) struct Date<'a> {
    pub day: &'a str,
    pub month: &'a str,
    /// That of the month, from 1 on.
    pub number: usize,
    pub year: &'a str,
    pub time: &'a str,
}

impl Date<'_> {
    pub fn of(date: &str) -> Date<'_> {
        let (day, month, year, time) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
        let number = MONTHS.iter().position(|name| *name == month).unwrap_or(0) + 1;
        Date { day, month, number, year, time }
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn push_peer(peer: Option<Peer>, out: &mut Vec<u8>) {
    let Some(peer) = peer else { return out.push(b'-') };
    match peer.addr().map(|addr| addr.ip()) {
        None => out.extend_from_slice(b"unix:"),
        Some(IpAddr::V4(ip)) => push_ipv4(ip, out),
        Some(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => push_ipv4(ip, out),
            None => out.extend_from_slice(ip.to_string().as_bytes()),
        },
    }
}

fn push_ipv4(ip: Ipv4Addr, out: &mut Vec<u8>) {
    for (at, part) in ip.octets().into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        push_number(part.into(), out);
    }
}

fn push_number(mut number: u64, out: &mut Vec<u8>) {
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
    out.extend_from_slice(&digits[at..]);
}

/// A text in quotes, in which every byte that is not plain is `\xNN`; `-` for none.
fn push_quoted(text: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(text) = text else { return out.extend_from_slice(b"\"-\"") };
    out.push(b'"');
    push_plain(
        text,
        |&byte| is_plain(byte),
        out,
        |byte, out| {
            out.extend_from_slice(b"\\x");
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        },
    );
    out.push(b'"');
}

/// A text as a JSON string; bytes that are no UTF-8 become U+FFFD.
fn push_json(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for part in text.utf8_chunks() {
        let plain = |&byte: &u8| byte >= 0x20 && byte != 0x7f && !b"\"\\".contains(&byte);
        push_plain(part.valid().as_bytes(), plain, out, |byte, out| match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(DIGITS[usize::from(byte >> 4)]);
                out.push(DIGITS[usize::from(byte & 15)]);
            }
        });
        if !part.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

fn is_plain(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\'
}

/// Appends runs of plain bytes as they are, and what `escape` makes of the others.
fn push_plain(
    mut text: &[u8],
    plain: impl Fn(&u8) -> bool,
    out: &mut Vec<u8>,
    escape: impl Fn(u8, &mut Vec<u8>),
) {
    while let Some(at) = text.iter().position(|byte| !plain(byte)) {
        out.extend_from_slice(&text[..at]);
        escape(text[at], out);
        text = &text[at + 1..];
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
