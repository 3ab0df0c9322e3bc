//! What is wrong with a line of a head, and what would be accepted.

use crate::status::Problem;

/// Says what the tokeniser stumbled over.
pub(crate) fn explain(error: httparse::Error) -> Problem {
    match error {
        httparse::Error::TooManyHeaders => Problem::new(431, "too many header fields"),
        httparse::Error::HeaderName => {
            Problem::bad("a header line is not `name: value`, with no blank before the colon")
        }
        httparse::Error::HeaderValue => Problem::bad("a header value has a byte it may not have"),
        httparse::Error::Version => Problem::bad("the version is not HTTP/1.1 or HTTP/1.0"),
        _ => Problem::bad("the request line is not `METHOD target HTTP/1.1`"),
    }
}

/// Checks the first `line` of a head, its end included, on its own.
pub(crate) fn check_line(line: &[u8]) -> Result<(), Problem> {
    let mut request = httparse::Request::new(&mut []);
    match request.parse(line) {
        Ok(_) => Ok(()),
        // RFC 9110 section 15.6.6: a major version that is not supported.
        Err(httparse::Error::Version) if names_version(line) => {
            Err(Problem::new(505, "only HTTP/1.1 and HTTP/1.0 are spoken here"))
        }
        Err(error) => Err(explain(error)),
    }
}

/// Whether the line has three words, the last of them `HTTP/` DIGIT `.` DIGIT.
fn names_version(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    line.iter().filter(|&&b| b == b' ').count() == 2
        && matches!(line, [.., b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_major_version_is_spoken() {
        // RFC 9110 section 15.6.6 (505), RFC 9112 section 2.3 (HTTP-version).
        for (line, status) in [
            ("GET / HTTP/2.0\r\n", 505),
            ("GET / HTTP/1.2\r\n", 505),
            ("PRI * HTTP/2.0\r\n", 505),
            ("GET / HTTP/1\r\n", 400),
            ("GET / http/1.1\r\n", 400),
            ("GET /\r\n", 400),
            ("GET  / HTTP/1.1\r\n", 400),
            ("GET / HTTP/1.1 \r\n", 400),
            (" GET / HTTP/1.1\r\n", 400),
        ] {
            assert_eq!(check_line(line.as_bytes()).unwrap_err().status, status, "{line:?}");
        }
        assert_eq!(check_line(b"GET / HTTP/1.1\r\n"), Ok(()));
    }
}
