//! Which fields, values and origins a configuration may name.

/// Fields that the server writes itself, or that have a setting of their own.
const TAKEN: [&str; 18] = [
    "accept-ranges",
    "allow",
    "cache-control",
    "connection",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-authenticate",
    "proxy-connection",
    "server-timing",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
    "content-range",
];
/// Those that begin so are taken as well, but for the ones below.
const TAKEN_PREFIXES: [&str; 2] = ["access-control-", "content-"];
const FREE: [&str; 5] = [
    "content-security-policy",
    "content-security-policy-report-only",
    "content-language",
    "content-disposition",
    "content-location",
];

/// Whether a rule may set this field.
pub fn is_free(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let taken = TAKEN.contains(&lower.as_str())
        || TAKEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    is_token(name) && (!taken || FREE.contains(&lower.as_str()))
}

/// Whether this is a token (RFC 9110 section 5.6.2).
pub fn is_token(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(fits)
}

/// Whether this may be the value of a field: nothing in it ends the line.
pub fn is_line(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

/// Whether this is an origin as browsers write it: scheme, host and perhaps a port, in lower case
/// and without a path (RFC 6454 section 6.2).
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let host = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'[' | b']');
    let sound = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    sound && !rest.is_empty() && rest.bytes().all(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_server_are_not_free() {
        for (name, free) in [
            ("X-Frame-Options", true),
            ("Content-Security-Policy", true),
            ("Vary", true),
            ("Content-Length", false),
            ("content-type", false),
            ("DATE", false),
            ("Access-Control-Allow-Origin", false),
            ("Cache-Control", false),
            ("A B", false),
            ("", false),
        ] {
            assert_eq!(is_free(name), free, "{name:?}");
        }
    }

    #[test]
    fn a_value_is_one_line() {
        assert!(is_line("public, max-age=1") && is_line("gr\u{fc}n"));
        for bad in ["", " a", "a ", "a\r\nX: b", "a\nb", "a\0", "\u{7f}"] {
            assert!(!is_line(bad), "{bad:?}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(is_origin("https://example.org") && is_origin("http://[::1]:8080"));
        for bad in
            ["", "*", "null", "example.org", "https://", "https://a/", "HTTPS://a", "https://A"]
        {
            assert!(!is_origin(bad), "{bad:?}");
        }
    }
}
