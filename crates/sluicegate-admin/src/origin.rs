//! Whether a change is asked for by the listener's own pages.

use std::net::IpAddr;

/// Whether no page of another origin asks. Browsers say for each POST where its page came from. A
/// name in the place of an address could be one that was made to lead here (DNS rebinding).
pub(crate) fn is_own(host: Option<&[u8]>, origin: Option<&[u8]>) -> bool {
    let Some(origin) = origin else { return true };
    let Some(host) = host else { return false };
    is_here(host) && origin.strip_prefix(b"http://") == Some(host)
}

/// Whether a host, perhaps with a port, is an address or `localhost`.
fn is_here(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    inner.eq_ignore_ascii_case("localhost") || inner.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_origin_counts_and_only_by_an_address() {
        for (host, origin, own) in [
            ("127.0.0.1:9900", None, true),
            ("admin.example.org", None, true),
            ("127.0.0.1:9900", Some("http://127.0.0.1:9900"), true),
            ("[::1]:9900", Some("http://[::1]:9900"), true),
            ("[::1]", Some("http://[::1]"), true),
            ("localhost:9900", Some("http://localhost:9900"), true),
            ("127.0.0.1:9900", Some("null"), false),
            ("127.0.0.1:9900", Some("http://127.0.0.1:8080"), false),
            ("127.0.0.1:9900", Some("https://127.0.0.1:9900"), false),
            ("127.0.0.1:9900", Some("http://evil.example"), false),
            ("evil.example:9900", Some("http://evil.example:9900"), false),
            ("127.0.0.1.evil.example", Some("http://127.0.0.1.evil.example"), false),
            ("127.0.0.1", Some(""), false),
        ] {
            let origin = origin.map(str::as_bytes);
            assert_eq!(is_own(Some(host.as_bytes()), origin), own, "{host} {origin:?}");
        }
        assert!(!is_own(None, Some(b"http://127.0.0.1")));
    }
}
