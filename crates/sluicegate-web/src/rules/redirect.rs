//! Redirects: one path to another, or all below one to all below another.
use crate::serve::encode;

/// From a path, or all below it, to another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Without its asterisk: then it ends with a slash.
    from: String,
    below: bool,
    /// What stands in front of the rest.
    to: String,
    /// Whether the rest follows.
    rest: bool,
    /// The status of the reply.
    pub status: u16,
}

impl Redirect {
    /// Both texts are as [`is_from`] and [`is_to`] accept them.
    ///
    /// # Errors
    /// What the two do not accept of each other, in words.
    pub fn new(from: &str, to: &str, status: u16) -> Result<Redirect, &'static str> {
        let (start, below) = open(from);
        let (target, rest) = open(to);
        let redirect =
            Redirect { from: start.to_owned(), below, to: target.to_owned(), rest, status };
        if rest && !below {
            return Err("`to` has an asterisk for the rest of the path, but `from` has none");
        }
        let path = target.split(['?', '#']).next().unwrap_or_default();
        if target.starts_with('/') && redirect.rest_of(path.as_bytes()).is_some() {
            return Err("`to` lies where `from` redirects: clients would go in a circle");
        }
        Ok(redirect)
    }

    /// Where a request for this path is sent to.
    pub fn place(&self, path: &[u8], query: Option<&[u8]>) -> Option<String> {
        let rest = self.rest_of(path)?;
        let mut place = self.to.clone();
        if self.rest {
            // With slashes in front, "/" and "//evil.example" would be another host.
            let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
            place.push_str(&encode(&rest[slashes..]));
        }
        if let Some(query) = query
            && !place.contains(['?', '#'])
        {
            place.push('?');
            place.push_str(&String::from_utf8_lossy(query));
        }
        Some(place)
    }

    /// What follows `from` in a path that it is for.
    fn rest_of<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        let rest = path.strip_prefix(self.from.as_bytes())?;
        (self.below || rest.is_empty()).then_some(rest)
    }

    /// As it was typed.
    pub fn shown(&self) -> String {
        let star = |is: bool| if is { "*" } else { "" };
        format!("{}{} -> {}{}", self.from, star(self.below), self.to, star(self.rest))
    }
}

/// Splits off the asterisk at the end.
fn open(text: &str) -> (&str, bool) {
    match text.strip_suffix('*') {
        Some(start) => (start, true),
        None => (text, false),
    }
}

/// Whether a configuration may redirect from here.
pub fn is_from(text: &str) -> bool {
    let (start, below) = open(text);
    let plain = !start.contains(['*', '?', '#', '\0']) && !start.contains("//");
    start.starts_with('/') && plain && (!below || start.ends_with('/'))
}

/// Whether a configuration may redirect to here.
pub fn is_to(text: &str) -> bool {
    let (start, rest) = open(text);
    let address = ["https://", "http://"].iter().find_map(|scheme| start.strip_prefix(scheme));
    let placed = match address {
        Some(host) => host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['),
        None => start.starts_with('/') && !start.starts_with("//"),
    };
    let visible = start.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'*' && b != b'\\');
    // The rest of a path behind a host without a slash would be a part of the host.
    let closed = !rest || (start.ends_with('/') && address != Some(""));
    placed && visible && closed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, path: &str, expected: Option<&str>) {
        assert!(is_from(from) && is_to(to), "{from} {to}");
        let redirect = Redirect::new(from, to, 301).expect("it leads away");
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.as_bytes())),
            None => (path, None),
        };
        assert_eq!(redirect.place(path.as_bytes(), query).as_deref(), expected);
    }

    #[test]
    fn the_rest_and_the_query_are_kept() {
        check("/old", "/new", "/old", Some("/new"));
        check("/old", "/new", "/old?a=b", Some("/new?a=b"));
        check("/old", "/new?x", "/old?a=b", Some("/new?x"));
        check("/old", "/new", "/old/", None);
        check("/old", "/new", "/older", None);
        check("/old/*", "/new/*", "/old/a b/c?q", Some("/new/a%20b/c?q"));
        check("/old/*", "/new/*", "/old/", Some("/new/"));
        check("/old/*", "/new/*", "/old", None);
        check("/old/*", "/gone.html", "/old/a/b", Some("/gone.html"));
        check("/*", "https://example.org/*", "/a", Some("https://example.org/a"));
    }

    #[test]
    fn a_path_cannot_lead_to_another_host() {
        check("/old/*", "/*", "/old//evil.example/x", Some("/evil.example/x"));
        check("/old/*", "/*", "/old/\\evil.example", Some("/%5Cevil.example"));
        check("/old/*", "/*", "/old/\r\nX: y", Some("/%0D%0AX:%20y"));
    }

    #[test]
    fn circles_and_strange_places_are_refused() {
        for (from, to) in
            [("/a", "/a"), ("/a", "/a?b"), ("/a/*", "/a/b"), ("/*", "/b"), ("/a", "/*")]
        {
            assert!(Redirect::new(from, to, 301).is_err(), "{from} {to}");
        }
        for bad in ["", "a", "/a*", "/*/a", "/a?b", "/a//b"] {
            assert!(!is_from(bad), "{bad}");
        }
        for bad in ["", "a", "//a", "/a b", "https://", "https://a*", "ftp://a", "/a*", "/\\a"] {
            assert!(!is_to(bad), "{bad}");
        }
    }
}
