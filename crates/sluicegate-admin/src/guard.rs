//! Who may ask an admin listener: by the host that is asked, by a token, and from which pages.

use crate::answer::Answer;
use crate::token::{Token, credentials};
use std::net::IpAddr;

/// What has to be so before anything is answered. Without a token everybody who reaches the
/// listener may see and change all.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    token: Option<Token>,
    /// In lower case.
    hosts: Vec<String>,
}

impl Guard {
    /// Asks for no token, and is asked by address or as `localhost`.
    pub const OPEN: Self = Self { token: None, hosts: Vec::new() };

    /// Answers those alone who bring this token.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Is also asked by this name, without a port; by all names below where it begins with `*.`.
    #[must_use]
    pub fn with_host(mut self, name: &str) -> Self {
        self.hosts.push(name.to_ascii_lowercase());
        self
    }

    /// Why this host is not to be answered. A name that is not known could be one that was made to
    /// lead here, so that a page of it may read what is answered (DNS rebinding).
    pub(crate) fn check_host(&self, host: Option<&[u8]>) -> Result<(), Answer> {
        match host.is_none_or(|host| is_here(host) || self.names(host)) {
            true => Ok(()),
            false => Err(Answer::text(
                403,
                "this listener has no such name; accepted: its IP address, localhost, or a name \
                 that it is given: `admin_hosts` in the settings, Admin::host in code\n",
            )),
        }
    }

    /// Whether who asks brings the token, if there is one.
    pub(crate) fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let Some(token) = &self.token else { return true };
        let brought = authorization.and_then(credentials);
        brought.is_some_and(|brought| token.is(&brought.token))
    }

    /// Whether no page of another origin asks. Browsers say for each POST where its page came from.
    pub(crate) fn is_own(&self, host: Option<&[u8]>, origin: Option<&[u8]>) -> bool {
        let Some(origin) = origin else { return true };
        let Some(host) = host else { return false };
        // What stands before a listener with a name may speak TLS.
        let named = || self.names(host) && origin.strip_prefix(b"https://") == Some(host);
        let plain = || origin.strip_prefix(b"http://") == Some(host);
        (is_here(host) || self.names(host)) && (plain() || named())
    }

    fn names(&self, host: &[u8]) -> bool {
        let name = std::str::from_utf8(host).unwrap_or_default();
        let name = without_port(name).to_ascii_lowercase();
        self.hosts.iter().any(|host| match host.strip_prefix('*') {
            Some(domain) => name.len() > domain.len() && name.ends_with(domain),
            None => name == *host,
        })
    }
}

/// Whether a host, perhaps with a port, is an address or `localhost`.
fn is_here(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let name = without_port(host);
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    inner.eq_ignore_ascii_case("localhost") || inner.parse::<IpAddr>().is_ok()
}

fn without_port(host: &str) -> &str {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_origin_counts_and_only_by_an_address_or_a_name_that_is_given() {
        let guard = Guard::default().with_host("Admin.example.org");
        for (host, origin, own) in [
            ("127.0.0.1:9900", None, true),
            ("127.0.0.1:9900", Some("http://127.0.0.1:9900"), true),
            ("[::1]:9900", Some("http://[::1]:9900"), true),
            ("[::1]", Some("http://[::1]"), true),
            ("localhost:9900", Some("http://localhost:9900"), true),
            ("admin.example.org", Some("http://admin.example.org"), true),
            ("admin.example.org", Some("https://admin.example.org"), true),
            ("admin.example.org", Some("https://example.org"), false),
            ("127.0.0.1:9900", Some("null"), false),
            ("127.0.0.1:9900", Some("http://127.0.0.1:8080"), false),
            ("127.0.0.1:9900", Some("https://127.0.0.1:9900"), false),
            ("127.0.0.1:9900", Some("http://evil.example"), false),
            ("evil.example:9900", Some("http://evil.example:9900"), false),
            ("127.0.0.1.evil.example", Some("http://127.0.0.1.evil.example"), false),
            ("127.0.0.1", Some(""), false),
        ] {
            let origin = origin.map(str::as_bytes);
            assert_eq!(guard.is_own(Some(host.as_bytes()), origin), own, "{host} {origin:?}");
        }
        assert!(!guard.is_own(None, Some(b"http://127.0.0.1")));
    }

    #[test]
    fn a_name_that_leads_here_is_not_enough() {
        let guard = Guard::default().with_host("admin.example.org").with_host("*.Example.net");
        for (host, fits) in [
            (&b"a.b.EXAMPLE.net:9900"[..], true),
            (b"example.net", false),
            (b".example.net", false),
            (b"xexample.net", false),
            (b"127.0.0.1:9900", true),
            (b"[::1]:9900", true),
            (b"10.1.2.3", true),
            (b"LOCALHOST", true),
            (b"Admin.Example.org:9900", true),
            (b"example.org", false),
            (b"xadmin.example.org", false),
            (b"admin.example.org.", false),
            (b"localhost.evil.example", false),
            (b"", false),
            (b"\xff", false),
        ] {
            assert_eq!(guard.check_host(Some(host)).is_ok(), fits, "{host:?}");
        }
        assert!(guard.check_host(None).is_ok(), "browsers always name one");
    }
}
