//! From the path of a request to the name of a file below the root.
use sluicegate_files::plain_name;
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The number of a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SiteId(pub u16);

impl SiteId {
    /// As an index.
    pub fn number(self) -> usize {
        self.0.into()
    }
}

/// A name below the root of a site: UTF-8, relative, no segment that is empty or begins with a
/// dot. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    site: SiteId,
    text: Text,
}

/// The text of a name: what tells the names of one site apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Arc<str>);

impl Name {
    /// The name in the path of a request, its escapes decoded. `/` is the empty name; a slash at
    /// the end stays, for it tells a directory from a file. Nothing where the path names what is
    /// never served, whether it exists or not: dot-files, `..`, `//`, what is not UTF-8.
    pub fn new(path: &[u8]) -> Option<Name> {
        Name::of_site(SiteId::default(), path)
    }

    /// The same below the root of another site than the first.
    pub fn of_site(site: SiteId, path: &[u8]) -> Option<Name> {
        plain_name(path).map(|name| Name { site, text: Text(name.into()) })
    }

    /// The site below whose root it is.
    pub fn site(&self) -> SiteId {
        self.site
    }

    /// What tells it from the other names of its site.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// The name, relative to the root.
    pub fn as_str(&self) -> &str {
        &self.text.0
    }

    /// Whether it asks for a directory.
    pub fn is_directory(&self) -> bool {
        self.text.0.is_empty() || self.text.0.ends_with('/')
    }
}

/// Hashed as bytes, so that the path of a request finds its name without being checked first.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_names_or_are_refused() {
        for (path, expected) in [
            ("/", Some("")),
            ("/a.txt", Some("a.txt")),
            ("/dir/", Some("dir/")),
            ("/a b/\u{e9}", Some("a b/\u{e9}")),
            ("/a%b", Some("a%b")),
            ("/a\\b", Some("a\\b")),
            ("", None),
            ("a", None),
            ("*", None),
            ("/\0", None),
            ("//", None),
            ("//evil.example", None),
            ("/a//b", None),
            ("/..", None),
            ("/a/../b", None),
            ("/./a", None),
            ("/.git/config", None),
            ("/a/.env", None),
        ] {
            let name = Name::new(path.as_bytes());
            assert_eq!(name.as_ref().map(Name::as_str), expected, "{path:?}");
        }
        assert_eq!(Name::new(b"/\xff"), None);
        assert_eq!(Name::new(&[b"/".as_slice(), &[b'a'; 5000]].concat()), None);
    }
}
