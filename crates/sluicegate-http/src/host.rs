//! The syntax of a Host field and of the authority in an absolute target.

/// Whether `value` is `uri-host [":" port]`, or empty.
///
/// User information is not accepted (RFC 9110 section 4.2.4).
pub fn is_valid(value: &[u8]) -> bool {
    let host = match value {
        [b'[', ..] => literal(value),
        _ => Some(name(value)),
    };
    host.is_some_and(|len| is_port(&value[len..]))
}

fn is_port(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The length of the `"[" IPv6address "]"` in front; future forms of literals are not known.
fn literal(value: &[u8]) -> Option<usize> {
    let end = value.iter().position(|&b| b == b']')?;
    let inner = std::str::from_utf8(&value[1..end]).ok()?;
    inner.parse::<std::net::Ipv6Addr>().ok().map(|_| end + 1)
}

/// The length of the name in front: unreserved characters, sub-delimiters and percent-escapes
/// (RFC 3986 section 3.2.2).
fn name(value: &[u8]) -> usize {
    let mut len = 0;
    loop {
        len += value[len..].iter().take_while(|byte| PLAIN[usize::from(**byte)]).count();
        match value[len..] {
            [b'%', high, low, ..] if both_hex(high, low) => len += 3,
            _ => return len,
        }
    }
}

/// The bytes that stand for themselves in a name.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < plain.len() {
        plain[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~!$&'()*+,;=";
    let mut nth = 0;
    while nth < others.len() {
        plain[others[nth] as usize] = true;
        nth += 1;
    }
    plain
};

fn both_hex(high: u8, low: u8) -> bool {
    high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_ports() {
        // RFC 9110 section 7.2: Host = uri-host [ ":" port ]; RFC 3986 section 3.2.2 and 3.2.3.
        let good =
            ["", "a", "example.org", "example.org:80", "1.2.3.4:", "[::1]", "[::1]:8080", "a%20b"];
        for host in good {
            assert!(is_valid(host.as_bytes()), "{host:?}");
        }
    }

    #[test]
    fn anything_else_is_invalid() {
        let bad = [
            "a b",
            "a/b",
            "user@host",
            "a:b",
            "a:1:2",
            "a:123456",
            "[::1",
            "[x]",
            "[]",
            "::1",
            "a,b c",
            "a%2",
            "a%zz",
            "a\"b",
            "a<b",
            "http://a",
            "[::1]x",
            "a?b",
            "a#b",
            "\u{e4}",
        ];
        for host in bad {
            assert!(!is_valid(host.as_bytes()), "{host:?}");
        }
    }
}
