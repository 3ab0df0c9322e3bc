//! Request targets: their forms, their parts, and percent-decoding (RFC 9112 section 3.2).

use crate::host;
use crate::method::Method;
use crate::status::Problem;

/// In which form a request named its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`
    Absolute,
    /// `*`, of OPTIONS only.
    Asterisk,
}

/// The parts of a target, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// How it was written.
    pub form: Form,
    /// `host[:port]` of an absolute target.
    pub authority: Option<&'a [u8]>,
    /// Begins with a slash, or is `*`.
    pub path: &'a [u8],
    /// What follows the first question mark.
    pub query: Option<&'a [u8]>,
}

/// A path that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPath {
    /// A percent sign without two hexadecimal digits behind it.
    Escape,
    /// `%00`: no file name holds a zero byte.
    Zero,
}

/// Splits the target of a request into its parts.
pub fn parse(raw: &[u8], method: Method) -> Result<Target<'_>, Problem> {
    // RFC 3986 section 2: other octets are percent-encoded; a fragment is never sent.
    if !raw.iter().all(|&b| (0x21..=0x7e).contains(&b) && b != b'#') {
        return Err(Problem::bad("the target has a byte that must be percent-encoded"));
    }
    if method == Method::Connect {
        return Err(Problem::new(501, "this server makes no tunnels"));
    }
    if raw.starts_with(b"/") {
        let (path, query) = split_query(raw);
        return Ok(Target { form: Form::Origin, authority: None, path, query });
    }
    if raw == b"*" {
        return match method {
            Method::Options => Ok(ASTERISK),
            _ => Err(Problem::bad("the target * is for OPTIONS only")),
        };
    }
    absolute(raw, method)
}

const ASTERISK: Target<'static> =
    Target { form: Form::Asterisk, authority: None, path: b"*", query: None };

fn absolute(raw: &[u8], method: Method) -> Result<Target<'_>, Problem> {
    let scheme = [&b"http://"[..], b"https://"].into_iter().find(|scheme| {
        raw.len() >= scheme.len() && raw[..scheme.len()].eq_ignore_ascii_case(scheme)
    });
    let Some(scheme) = scheme else {
        return Err(Problem::bad("the target is neither /path, http://host/path nor *"));
    };
    let rest = &raw[scheme.len()..];
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if authority.is_empty() || authority.starts_with(b":") || !host::is_valid(authority) {
        return Err(Problem::bad("the target's host is missing or invalid"));
    }
    let (path, query) = split_query(rest);
    // RFC 9112 section 3.2.4: OPTIONS for an empty path asks about the server as a whole.
    if path.is_empty() && query.is_none() && method == Method::Options {
        return Ok(Target { authority: Some(authority), ..ASTERISK });
    }
    let path = if path.is_empty() { b"/" } else { path };
    Ok(Target { form: Form::Absolute, authority: Some(authority), path, query })
}

fn split_query(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    match rest.iter().position(|&b| b == b'?') {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    }
}

/// Appends `path` to `out` with every escape decoded once.
pub fn decode(path: &[u8], out: &mut Vec<u8>) -> Result<(), BadPath> {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|&b| b == b'%') {
        out.extend_from_slice(&rest[..at]);
        let [_, high, low, ..] = rest[at..] else { return Err(BadPath::Escape) };
        let byte = hex(high).zip(hex(low)).map(|(high, low)| high << 4 | low);
        match byte.ok_or(BadPath::Escape)? {
            0 => return Err(BadPath::Zero),
            byte => out.push(byte),
        }
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    Ok(())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, form: Form, authority: Option<&str>, path: &str, query: Option<&str>) {
        let (authority, query) = (authority.map(str::as_bytes), query.map(str::as_bytes));
        let expect = Target { form, authority, path: path.as_bytes(), query };
        assert_eq!(parse(raw.as_bytes(), Method::Get), Ok(expect), "{raw}");
    }

    #[test]
    fn the_forms_of_a_target() {
        // RFC 9112 section 3.2.1: origin-form.
        check("/a/b?c=d?e", Form::Origin, None, "/a/b", Some("c=d?e"));
        check("//a", Form::Origin, None, "//a", None);
        // RFC 9112 section 3.2.2: absolute-form must be accepted.
        check("http://h:80/a?b", Form::Absolute, Some("h:80"), "/a", Some("b"));
        check("HTTPS://h", Form::Absolute, Some("h"), "/", None);
        check("http://h?q", Form::Absolute, Some("h"), "/", Some("q"));
    }

    #[test]
    fn the_asterisk_is_for_options() {
        // RFC 9112 section 3.2.4: asterisk-form is only used for a server-wide OPTIONS request.
        assert_eq!(parse(b"*", Method::Options), Ok(ASTERISK));
        assert_eq!(parse(b"*", Method::Get).unwrap_err().status, 400);
        let whole = parse(b"http://h", Method::Options).unwrap();
        assert_eq!((whole.form, whole.path), (Form::Asterisk, &b"*"[..]));
    }

    #[test]
    fn what_is_no_target() {
        // RFC 9112 section 3.2: anything else is an invalid request line: 400.
        for raw in
            ["a", "h:80", "ftp://h/", "http://", "http:///a", "http://u@h/", "http://:80/", "/a#b"]
        {
            assert_eq!(parse(raw.as_bytes(), Method::Get).unwrap_err().status, 400, "{raw}");
        }
        assert_eq!(parse("/\u{e4}".as_bytes(), Method::Get).unwrap_err().status, 400);
        // RFC 9110 section 9.1: a method that is not implemented gets 501.
        assert_eq!(parse(b"h:80", Method::Connect).unwrap_err().status, 501);
    }

    #[test]
    fn escapes_are_decoded_once() {
        // RFC 3986 section 2.4: never decode the same string more than once.
        let decoded = |path: &str| {
            let mut out = Vec::new();
            decode(path.as_bytes(), &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(decoded("/a%20b%2fc%C3%A4"), Ok("/a b/c\u{e4}".into()));
        assert_eq!(decoded("/%2541"), Ok("/%41".into()));
        assert_eq!(decoded("/a+b"), Ok("/a+b".into()));
        for bad in ["/%", "/%4", "/%zz", "/%+1", "/a%2"] {
            assert_eq!(decoded(bad), Err(BadPath::Escape), "{bad}");
        }
        assert_eq!(decoded("/%00"), Err(BadPath::Zero));
    }
}
