//! Finds the end of a head or of trailers byte by byte, refusing what no line may hold.

use crate::limits::{EMPTY_LINES_MAX, HEAD_MAX, Limits};
use crate::status::Problem;

/// How far the lines were looked at. What it says depends on the bytes alone, never on how they
/// were split.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    at: usize,
    last: u8,
    /// Where the line began that is being looked at.
    line: usize,
    first_line_done: bool,
    empty_lines: u8,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The end is not there yet.
    More,
    /// The first `n` bytes are an empty line before the head: to be taken off.
    Empty(usize),
    /// The first line has this many bytes: to be checked, then scanned on.
    FirstLine(usize),
    /// The head ends here.
    End(usize),
}

impl Scan {
    /// A scan of fields only.
    pub fn trailers() -> Self {
        Self { first_line_done: true, ..Self::default() }
    }

    /// Whether no byte was looked at.
    pub fn is_fresh(&self) -> bool {
        self.at == 0
    }

    /// Goes on through `bytes`, which begin with what was looked at before.
    pub fn advance(&mut self, bytes: &[u8], limits: &Limits) -> Result<Found, Problem> {
        while let Some(&byte) = bytes.get(self.at) {
            if !self.first_line_done && self.at >= limits.line {
                return Err(Problem::new(414, "the request line is too long"));
            }
            if self.at >= limits.head.min(HEAD_MAX) {
                return Err(Problem::new(431, "the head is too large"));
            }
            self.at += 1;
            let last = std::mem::replace(&mut self.last, byte);
            match byte {
                b'\n' if last != b'\r' => {
                    return Err(Problem::bad("a bare LF; lines end with CRLF"));
                }
                b'\n' => {
                    if let Some(found) = self.line_end()? {
                        return Ok(found);
                    }
                }
                _ if last == b'\r' => return Err(Problem::bad("a bare CR; lines end with CRLF")),
                b'\r' | b'\t' | 0x20..=0x7e | 0x80.. => {}
                _ => return Err(Problem::bad("a control character in the head")),
            }
        }
        Ok(Found::More)
    }

    fn line_end(&mut self) -> Result<Option<Found>, Problem> {
        let start = std::mem::replace(&mut self.line, self.at);
        let empty = self.at - start == 2;
        if self.first_line_done {
            return Ok(empty.then_some(Found::End(self.at)));
        }
        if !empty {
            self.first_line_done = true;
            return Ok(Some(Found::FirstLine(self.at)));
        }
        if self.empty_lines == EMPTY_LINES_MAX {
            return Err(Problem::bad("too many empty lines before the request line"));
        }
        *self = Self { empty_lines: self.empty_lines + 1, ..Self::default() };
        Ok(Some(Found::Empty(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(bytes: &[u8]) -> Result<Option<usize>, u16> {
        let mut scan = Scan { first_line_done: true, ..Scan::default() };
        match scan.advance(bytes, &Limits::default()) {
            Ok(Found::End(n)) => Ok(Some(n)),
            Ok(_) => Ok(None),
            Err(problem) => Err(problem.status),
        }
    }

    #[test]
    fn lines_end_with_both_characters() {
        // RFC 9112 section 2.2: a bare CR is invalid; that a bare LF may end a line is not used.
        assert_eq!(ends(b"a: b\r\n\r\nrest"), Ok(Some(8)));
        assert_eq!(ends(b"\r\n"), Ok(Some(2)));
        assert_eq!(ends(b"a: b\r\n\r"), Ok(None));
        assert_eq!(ends(b"a: b\n\r\n"), Err(400));
        assert_eq!(ends(b"a: \rb\r\n"), Err(400));
        assert_eq!(ends(b"a: b\r\r\n"), Err(400));
        assert_eq!(ends(b"a: b\r\n\n"), Err(400));
    }

    #[test]
    fn control_characters_are_refused() {
        // RFC 9110 section 5.5: CR, LF and NUL are dangerous; other controls are invalid too.
        for byte in (0..0x20).chain([0x7f]).filter(|b| !b"\t\r\n".contains(b)) {
            assert_eq!(ends(&[b'a', b':', byte]), Err(400), "{byte:#x}");
        }
        assert_eq!(ends(b"a:\tb\xff\r\n\r\n"), Ok(Some(9)));
    }
}
