//! Which paths a rule is for: a path with all below it, an ending, or both.
use std::fmt;

/// `/assets` is that path and all below it; `*.js` is every path that ends so; `/assets/*.js` is
/// every path below `/assets`, at any depth, that ends so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Without a slash at its end: empty for all paths.
    below: String,
    ending: String,
}

impl Pattern {
    /// Reads a pattern; nothing where it is none.
    pub fn read(text: &str) -> Option<Pattern> {
        let (below, ending) = match text.split_once('*') {
            Some((below, ending)) => (below, ending),
            None => (text, ""),
        };
        let starred = text.contains('*');
        let bare = starred && below.is_empty();
        let at_segment = !starred || bare || below.ends_with('/');
        let ends = !starred || !ending.is_empty();
        let below = below.strip_suffix('/').unwrap_or(below);
        let rooted = text.starts_with('/') || bare;
        let plain = |segment: &str| !matches!(segment, "" | "." | "..");
        let sound = below.is_empty() || below[1..].split('/').all(plain);
        let strange = below.contains(['?', '#', '\0']) || ending.contains(['*', '/', '\0']);
        (rooted && at_segment && ends && sound && !strange)
            .then(|| Pattern { below: below.to_owned(), ending: ending.to_owned() })
    }

    /// Whether it is for this path, decoded.
    pub fn matches(&self, path: &[u8]) -> bool {
        match path.strip_prefix(self.below.as_bytes()) {
            Some(rest) if rest.is_empty() || rest[0] == b'/' => {
                rest.ends_with(self.ending.as_bytes())
            }
            _ => false,
        }
    }

    /// Whether it is for all paths.
    pub fn is_everywhere(&self) -> bool {
        self.below.is_empty() && self.ending.is_empty()
    }

    /// Whether it names an ending: such a pattern does not match a directory by its own path.
    pub fn has_ending(&self) -> bool {
        !self.ending.is_empty()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.below.as_str(), self.ending.as_str()) {
            ("", "") => f.write_str("/"),
            (below, "") => f.write_str(below),
            ("", ending) => write!(f, "*{ending}"),
            (below, ending) => write!(f, "{below}/*{ending}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_path_with_all_below_or_an_ending() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/", "/a/b", true),
            ("/", "*", false),
            ("/a", "/a", true),
            ("/a", "/a/", true),
            ("/a/", "/a/b", true),
            ("/a", "/ab", false),
            ("/a", "/", false),
            ("*.js", "/x.js", true),
            ("*.js", "/a/x.js", true),
            ("*.js", "/x.json", false),
            ("*.js", "/x.js/", false),
            ("/a/*.js", "/a/b/x.js", true),
            ("/a/*.js", "/x.js", false),
            ("/a/*.js", "/ab/x.js", false),
            ("/*.js", "/x.js", true),
            ("/b\u{fc}cher", "/b\u{fc}cher/1", true),
        ] {
            let read = Pattern::read(pattern).expect(pattern);
            assert_eq!(read.matches(path.as_bytes()), expected, "{pattern} {path}");
            assert_eq!(Pattern::read(&read.to_string()).as_ref(), Some(&read), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let bad = [
            "", "a", "*", "/a*", "/a/*", "/a*.js", "//", "/a//b", "/../a", "/*/a.js", "**", "/a?b",
        ];
        for text in bad {
            assert_eq!(Pattern::read(text), None, "{text:?}");
        }
    }
}
