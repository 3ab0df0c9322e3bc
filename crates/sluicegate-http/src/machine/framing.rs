//! What the fields of a head say about its body and its connection, strictly.

use crate::head::Head;
use crate::host;
use crate::method::Version;
use crate::status::Problem;

/// How a request's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes, perhaps none.
    Sized(u64),
    /// The chunked coding.
    Chunked,
}

/// What a head means for its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub framing: Framing,
    pub keep_alive: bool,
    /// The client waits for 100 (Continue) before it sends the body.
    pub expects: bool,
}

#[derive(Default)]
struct Seen {
    length: Option<u64>,
    codings: Codings,
    host: bool,
    close: bool,
    keep_alive: bool,
    expects: bool,
}

#[derive(Default)]
struct Codings {
    any: bool,
    /// The last one so far is `chunked`.
    chunked: bool,
    misplaced: bool,
    unknown: bool,
}

/// Reads the fields that frame the message; what is doubtful is refused.
pub(crate) fn examine(head: &Head) -> Result<Meaning, Problem> {
    let mut seen = Seen::default();
    for (name, value) in head.fields() {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => seen.host(value)?,
            6 if name.eq_ignore_ascii_case(b"expect") => seen.expect(value, head.version)?,
            10 if name.eq_ignore_ascii_case(b"connection") => seen.connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => seen.length(value)?,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => seen.codings.add(value),
            _ => {}
        }
    }
    if !seen.host && head.version == Version::Http11 {
        return Err(Problem::bad("the Host field is missing"));
    }
    let keep_alive = match head.version {
        Version::Http11 => !seen.close,
        Version::Http10 => seen.keep_alive && !seen.close,
    };
    Ok(Meaning { framing: seen.framing(head.version)?, keep_alive, expects: seen.expects })
}

impl Seen {
    fn host(&mut self, value: &[u8]) -> Result<(), Problem> {
        if std::mem::replace(&mut self.host, true) {
            return Err(Problem::bad("there is more than one Host field"));
        }
        if host::is_valid(value) {
            Ok(())
        } else {
            Err(Problem::bad("the Host field is not host or host:port"))
        }
    }

    fn expect(&mut self, value: &[u8], version: Version) -> Result<(), Problem> {
        // RFC 9110 section 10.1.1: a 100-continue in HTTP/1.0 is ignored.
        if version == Version::Http11 {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(Problem::new(417, "the only expectation known is 100-continue"));
            }
            self.expects = true;
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in tokens(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Problem> {
        if self.length.is_some() {
            return Err(Problem::bad("there is more than one Content-Length field"));
        }
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| digits);
        let number = number.and_then(|text| text.parse().ok());
        self.length = Some(number.ok_or(Problem::bad("Content-Length is not one number"))?);
        Ok(())
    }

    fn framing(&self, version: Version) -> Result<Framing, Problem> {
        let codings = &self.codings;
        if !codings.any {
            return Ok(Framing::Sized(self.length.unwrap_or(0)));
        }
        if version == Version::Http10 {
            return Err(Problem::bad("HTTP/1.0 has no Transfer-Encoding"));
        }
        if self.length.is_some() {
            return Err(Problem::bad("Content-Length and Transfer-Encoding exclude each other"));
        }
        if codings.misplaced {
            return Err(Problem::bad("chunked is not the last transfer coding, and there once"));
        }
        if codings.unknown {
            return Err(Problem::new(501, "the only transfer coding known is chunked"));
        }
        if codings.chunked {
            Ok(Framing::Chunked)
        } else {
            Err(Problem::bad("Transfer-Encoding names no coding"))
        }
    }
}

impl Codings {
    fn add(&mut self, value: &[u8]) {
        self.any = true;
        for coding in tokens(value) {
            self.misplaced |= self.chunked;
            self.chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.unknown |= !self.chunked;
        }
    }
}

/// The members of a comma-separated list; empty ones do not count.
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn meaning(version: &str, fields: &str) -> Result<Meaning, u16> {
        let fields = fields.split('|').filter(|field| !field.is_empty());
        let fields: String = fields.map(|field| format!("{field}\r\n")).collect();
        let mut head = Head::default();
        let text = format!("POST / HTTP/{version}\r\n{fields}\r\n");
        let taken = head.take_from(text.as_bytes(), &Limits::default());
        assert_eq!(taken, Ok(Some(text.len())), "{text:?}");
        examine(&head).map_err(|problem| problem.status)
    }

    #[track_caller]
    fn check(fields: &str, expect: Result<Framing, u16>) {
        let found = meaning("1.1", &format!("Host: a|{fields}"));
        assert_eq!(found.map(|meaning| meaning.framing), expect, "{fields}");
    }

    #[test]
    fn lengths() {
        check("", Ok(Framing::Sized(0)));
        check("Content-Length: 12", Ok(Framing::Sized(12)));
        check("content-length: 007", Ok(Framing::Sized(7)));
        // RFC 9110 section 8.6: Content-Length = 1*DIGIT.
        // RFC 9112 section 6.3 item 5: an invalid one is an unrecoverable error: 400.
        for bad in ["", "+1", "-1", "1 2", "0x1", "1,1", "1.0", "18446744073709551616", "a"] {
            check(&format!("Content-Length: {bad}"), Err(400));
        }
        check("Content-Length: 1|Content-Length: 2", Err(400));
        check("Content-Length: 1|Content-Length: 1", Err(400));
    }

    #[test]
    fn transfer_codings() {
        // RFC 9112 section 6.1 and section 7: names are case-insensitive; chunked is final.
        check("Transfer-Encoding: chunked", Ok(Framing::Chunked));
        check("Transfer-Encoding: , CHUNKED ,", Ok(Framing::Chunked));
        // RFC 9112 section 6.3 item 3: beside Content-Length it ought to be handled as an error.
        check("Content-Length: 1|Transfer-Encoding: chunked", Err(400));
        check("Transfer-Encoding: chunked|Content-Length: 1", Err(400));
        // RFC 9112 section 6.1: chunked must not be applied more than once.
        check("Transfer-Encoding: chunked, chunked", Err(400));
        check("Transfer-Encoding: chunked|Transfer-Encoding: chunked", Err(400));
        // RFC 9112 section 6.3 item 4: chunked that is not final: 400.
        check("Transfer-Encoding: chunked, gzip", Err(400));
        check("Transfer-Encoding: chunked|Transfer-Encoding: identity", Err(400));
        check("Transfer-Encoding:", Err(400));
        // RFC 9112 section 6.1: a coding that is not understood: 501.
        for unknown in
            ["gzip", "gzip, chunked", "xchunked", "identity", "chunked;a=b", "\"chunked\""]
        {
            check(&format!("Transfer-Encoding: {unknown}"), Err(501));
        }
        // RFC 9112 section 6.1: Transfer-Encoding was added in HTTP/1.1; in 1.0 it is faulty.
        assert_eq!(meaning("1.0", "Transfer-Encoding: chunked"), Err(400));
    }

    #[test]
    fn exactly_one_valid_host() {
        // RFC 9112 section 3.2: 400 when Host is missing, there twice, or invalid.
        assert_eq!(meaning("1.1", ""), Err(400));
        check("Host: a", Err(400));
        assert_eq!(meaning("1.1", "Host: a b"), Err(400));
        assert_eq!(meaning("1.0", "Host: a/b"), Err(400));
        assert!(meaning("1.0", "").is_ok() && meaning("1.1", "Host:").is_ok());
    }

    #[test]
    fn persistence() {
        // RFC 9112 section 9.3: close wins; 1.1 persists; 1.0 persists when it asks to.
        let keeps = |version, fields| meaning(version, fields).unwrap().keep_alive;
        assert!(keeps("1.1", "Host: a") && keeps("1.1", "Host: a|Connection: upgrade, x"));
        assert!(!keeps("1.1", "Host: a|Connection: x, Close"));
        assert!(!keeps("1.1", "Host: a|Connection: keep-alive|Connection: close"));
        assert!(!keeps("1.0", "") && keeps("1.0", "Connection: Keep-Alive"));
        assert!(!keeps("1.0", "Connection: keep-alive, close"));
    }

    #[test]
    fn expectations() {
        // RFC 9110 section 10.1.1: 417 for others; ignored in HTTP/1.0.
        assert!(meaning("1.1", "Host: a|Expect: 100-Continue").unwrap().expects);
        assert_eq!(meaning("1.1", "Host: a|Expect: 200-ok"), Err(417));
        assert!(!meaning("1.0", "Expect: 100-continue").unwrap().expects);
    }
}
