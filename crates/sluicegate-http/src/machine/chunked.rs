//! The chunked coding, byte by byte and strictly (RFC 9112 section 7.1).

use crate::limits::{EXTENSIONS_MAX, FIELDS_MAX, Limits, TRAILERS_MAX};
use crate::machine::scan::{Found, Scan};
use crate::status::Problem;

/// Where in a chunked body the next byte belongs.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    state: State,
    /// Bytes of data announced so far.
    total: u64,
    extensions: usize,
    /// Only used once the last chunk was seen.
    trailers: Vec<u8>,
    scan: Scan,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size {
        digits: u8,
        size: u64,
    },
    /// Blanks behind the size: an extension must follow.
    Blank {
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    Trailers,
}

impl Default for State {
    fn default() -> Self {
        Self::Size { digits: 0, size: 0 }
    }
}

/// What comes next in the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All of it was framing; more is needed.
    More,
    /// After `skip` bytes of framing come `len` bytes of data.
    Data { skip: usize, len: usize },
    /// After `skip` bytes the body is complete.
    End { skip: usize },
}

impl Chunked {
    /// Looks at `input`, which is not empty; `Step::Data` was consumed by the caller. `most` bytes
    /// of data are taken.
    pub fn step(&mut self, input: &[u8], most: u64) -> Result<Step, Problem> {
        for (skip, &byte) in input.iter().enumerate() {
            self.state = match self.state {
                State::Data { left } => {
                    let len = left.min((input.len() - skip) as u64);
                    self.state = match left - len {
                        0 => State::DataCr,
                        left => State::Data { left },
                    };
                    return Ok(Step::Data { skip, len: len as usize });
                }
                State::Trailers => return self.trailers(input, skip),
                State::Size { digits, size } => size_byte(byte, digits, size)?,
                State::Blank { size } => match byte {
                    b' ' | b'\t' => State::Blank { size },
                    b';' => State::Extension { size },
                    _ => return Err(Problem::bad("a blank in a chunk size")),
                },
                State::Extension { size } => match byte {
                    b'\r' => State::SizeEnd { size },
                    b'\t' | 0x20..=0x7e | 0x80.. => State::Extension { size },
                    _ => return Err(Problem::bad("a control character in a chunk extension")),
                },
                State::SizeEnd { size } => self.size_end(byte, size, most)?,
                State::DataCr if byte == b'\r' => State::DataLf,
                State::DataLf if byte == b'\n' => State::default(),
                State::DataCr | State::DataLf => {
                    return Err(Problem::bad("a chunk does not end where its size says"));
                }
            };
            if matches!(self.state, State::Blank { .. } | State::Extension { .. }) {
                self.extensions += 1;
                if self.extensions > EXTENSIONS_MAX {
                    return Err(Problem::bad("too many bytes of chunk extensions"));
                }
            }
        }
        Ok(Step::More)
    }

    fn size_end(&mut self, byte: u8, size: u64, most: u64) -> Result<State, Problem> {
        if byte != b'\n' {
            return Err(Problem::bad("a bare CR behind a chunk size"));
        }
        if size == 0 {
            self.scan = Scan::trailers();
            return Ok(State::Trailers);
        }
        self.total = self.total.saturating_add(size);
        if self.total > most {
            return Err(Problem::new(413, "the body is too large"));
        }
        Ok(State::Data { left: size })
    }

    fn trailers(&mut self, input: &[u8], skip: usize) -> Result<Step, Problem> {
        let before = self.trailers.len();
        let room = TRAILERS_MAX + 1 - before;
        let rest = &input[skip..];
        self.trailers.extend_from_slice(&rest[..rest.len().min(room)]);
        let bounded = Limits { head: TRAILERS_MAX, ..Limits::default() };
        match self.scan.advance(&self.trailers, &bounded)? {
            Found::End(end) => {
                self.trailers.truncate(end);
                check_trailers(&self.trailers)?;
                Ok(Step::End { skip: skip + end - before })
            }
            _ => Ok(Step::More),
        }
    }
}

fn size_byte(byte: u8, digits: u8, size: u64) -> Result<State, Problem> {
    match (byte, char::from(byte).to_digit(16)) {
        // Sixteen digits fill 64 bits.
        (_, Some(_)) if digits == 16 => Err(Problem::bad("a chunk size has too many digits")),
        (_, Some(digit)) => {
            Ok(State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) })
        }
        _ if digits == 0 => Err(Problem::bad("a chunk size is missing")),
        (b'\r', _) => Ok(State::SizeEnd { size }),
        (b';', _) => Ok(State::Extension { size }),
        (b' ' | b'\t', _) => Ok(State::Blank { size }),
        _ => Err(Problem::bad("a chunk size is not hexadecimal")),
    }
}

fn check_trailers(section: &[u8]) -> Result<(), Problem> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(section, &mut fields) {
        Ok(httparse::Status::Complete(_)) => Ok(()),
        Err(httparse::Error::TooManyHeaders) => Err(Problem::new(431, "too many trailer fields")),
        _ => Err(Problem::bad("a trailer field is not `name: value`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The decoded data and the bytes used, or the status of the refusal.
    fn decode(input: &[u8], split: usize) -> Result<Option<(Vec<u8>, usize)>, u16> {
        let (mut chunked, mut data, mut at) = (Chunked::default(), Vec::new(), 0);
        while at < input.len() {
            let end = (at + split.max(1)).min(input.len());
            match chunked.step(&input[at..end], Limits::default().body).map_err(|bad| bad.status)? {
                Step::More => at = end,
                Step::Data { skip, len } => {
                    data.extend_from_slice(&input[at + skip..at + skip + len]);
                    at += skip + len;
                }
                Step::End { skip } => return Ok(Some((data, at + skip))),
            }
        }
        Ok(None)
    }

    #[track_caller]
    fn check(input: &str, expect: Result<Option<&str>, u16>) {
        for split in 1..=input.len() {
            let found = decode(input.as_bytes(), split);
            let text = found.map(|done| done.map(|(data, _)| String::from_utf8(data).unwrap()));
            assert_eq!(text, expect.map(|data| data.map(str::to_owned)), "{input:?} by {split}");
        }
    }

    #[test]
    fn chunks_are_joined() {
        // RFC 9112 section 7.1: chunk-size in hexadecimal, either case, ended by a zero chunk.
        check("3\r\nabc\r\n0\r\n\r\n", Ok(Some("abc")));
        check("1\r\na\r\n0A\r\n0123456789\r\n00\r\n\r\nnext", Ok(Some("a0123456789")));
        check("3\r\nabc\r\n", Ok(None));
        // RFC 9112 section 7.1.1: unrecognized extensions are ignored; blanks may stand before.
        check("3;a=b;c=\"d e\"\r\nabc\r\n0 ;x\r\n\r\n", Ok(Some("abc")));
        // RFC 9112 section 7.1.2: trailer fields may be discarded.
        check("0\r\nA: b\r\nC: d\r\n\r\n", Ok(Some("")));
    }

    #[test]
    fn framing_is_strict() {
        // RFC 9112 section 7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF.
        for bad in [
            "\r\n",
            ";a\r\n",
            "g\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            " 1\r\n",
            "1 \r\n",
            "1 1\r\n",
            "1\n",
            "1\ra",
            "1;a\n",
            "1;a\0",
            "3\r\nabcd\r\n",
            "3\r\nab\r\n0",
            "3\r\nabc\n0",
            "3\r\nabc\rx",
            "0\r\nA : b\r\n\r\n",
            "0\r\nA\r\n\r\n",
            "0\r\n A: b\r\n\r\n",
            "0\r\nA: b\r\n c\r\n\r\n",
            "0\r\nA: b\n\r\n",
            "0\r\n: b\r\n\r\n",
            "10000000000000000\r\n",
        ] {
            check(bad, Err(400));
        }
    }

    #[test]
    fn everything_is_bounded() {
        // RFC 9110 section 15.5.14 (413) and RFC 9112 section 7.1.1 (limit the extensions).
        check("100001\r\n", Err(413));
        check("ffffffffffffffff\r\n", Err(413));
        check(&format!("1;{}", "x".repeat(EXTENSIONS_MAX)), Err(400));
        check(&format!("0\r\nA: {}", "x".repeat(TRAILERS_MAX)), Err(431));
    }

    proptest! {
        #[test]
        fn what_was_chunked_comes_out(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..8),
            split in 1usize..60,
        ) {
            let mut wire = Vec::new();
            for part in &parts {
                wire.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                wire.extend_from_slice(part);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            let used = wire.len();
            wire.extend_from_slice(b"GET");
            prop_assert_eq!(decode(&wire, split), Ok(Some((parts.concat(), used))));
        }

        #[test]
        fn splits_do_not_matter(
            wire in "([0-9a-f]{1,2}|[;:\r\n ]|\r\n|a|0\r\n\r\n){0,30}", split in 1usize..20,
        ) {
            prop_assert_eq!(decode(wire.as_bytes(), split), decode(wire.as_bytes(), wire.len()));
        }
    }
}
