//! Which site a host name belongs to: exact names first, then the longest `*.` that fits.
use std::collections::HashMap;

/// The longest host name that is looked for, in bytes (RFC 1035 section 2.3.4).
const NAME_MAX: usize = 255;

/// Names in lower case with what they stand for.
#[derive(Clone, Debug)]
pub struct Hosts<T> {
    exact: HashMap<Box<[u8]>, T>,
    /// Without the asterisk, with the dot.
    below: HashMap<Box<[u8]>, T>,
}

impl<T: Copy> Hosts<T> {
    /// No names yet.
    pub fn new() -> Hosts<T> {
        Hosts { exact: HashMap::new(), below: HashMap::new() }
    }

    /// Adds a name; of a name given twice the first counts.
    pub fn add(&mut self, name: &str, site: T) {
        let lower = name.to_ascii_lowercase();
        let (names, key) = match lower.strip_prefix('*') {
            Some(rest) => (&mut self.below, rest),
            None => (&mut self.exact, lower.as_str()),
        };
        names.entry(key.as_bytes().into()).or_insert(site);
    }

    /// What the host of a request stands for: its case, its port and a dot at its end do not
    /// count.
    pub fn find(&self, host: &[u8]) -> Option<T> {
        let mut lower = [0; NAME_MAX];
        let name = bare(host);
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        if let Some(site) = self.exact.get(&*lower) {
            return Some(*site);
        }
        if self.below.is_empty() {
            return None;
        }
        let dots = lower.iter().enumerate().filter(|(at, byte)| **byte == b'.' && *at > 0);
        dots.into_iter().find_map(|(at, _)| self.below.get(&lower[at..]).copied())
    }
}

/// A host without its port and without a dot at its end.
pub fn bare(host: &[u8]) -> &[u8] {
    let name = match host.iter().rposition(|&byte| byte == b':' || byte == b']') {
        Some(at) if host[at] == b':' => &host[..at],
        _ => host,
    };
    name.strip_suffix(b".").unwrap_or(name)
}

/// Whether a configuration may name this host.
pub fn is_name(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |label: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !label.is_empty() && label.bytes().all(fits)
    };
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let literal = inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    text.len() <= NAME_MAX && (literal || name.split('.').all(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_names_come_first_then_the_longest_star() {
        let mut hosts = Hosts::new();
        for (name, site) in [
            ("example.org", 1),
            ("*.example.org", 2),
            ("*.b.Example.org", 3),
            ("a.b.example.org", 4),
            ("[::1]", 5),
            ("EXAMPLE.org", 9),
        ] {
            hosts.add(name, site);
        }
        for (host, expected) in [
            ("example.org", Some(1)),
            ("EXAMPLE.ORG:8080", Some(1)),
            ("example.org.", Some(1)),
            ("www.example.org", Some(2)),
            ("x.y.example.org", Some(2)),
            ("x.b.example.org", Some(3)),
            ("a.b.example.org:1", Some(4)),
            ("[::1]:80", Some(5)),
            ("[::1]", Some(5)),
            (".example.org", None),
            ("badexample.org", None),
            ("org", None),
            ("", None),
        ] {
            assert_eq!(hosts.find(host.as_bytes()), expected, "{host:?}");
        }
        assert_eq!(hosts.find(&[b'a'; 300]), None);
    }

    #[test]
    fn names_have_no_port_and_one_star_at_most() {
        for good in ["localhost", "a.example", "*.a.example", "127.0.0.1", "[::1]"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "*", "a:80", "a..b", "a.*", "*.*.a", "*a.b", "http://a", "\u{e4}.de", "[x]"]
        {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
