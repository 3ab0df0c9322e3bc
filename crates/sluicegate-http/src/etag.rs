//! Entity tags: their syntax, their two comparisons, and lists of them (RFC 9110 section 8.8.3).

/// An entity tag as a field gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// Marked `W/`: equal meaning, perhaps not equal bytes.
    pub weak: bool,
    /// What stands between the quotes.
    pub opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// Reads a value that is one entity tag and nothing else.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (tag, rest) = Self::split(value)?;
        rest.is_empty().then_some(tag)
    }

    /// Equal, and neither of them weak.
    pub fn equals_strongly(self, other: Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Equal, weak or not.
    pub fn equals_weakly(self, other: Self) -> bool {
        self.opaque == other.opaque
    }

    fn split(value: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, quoted) = match value.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, value),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|&b| b == b'"')?;
        let opaque = &inner[..end];
        // RFC 9110 section 8.8.3: etagc = %x21 / %x23-7E / obs-text.
        let fits = opaque.iter().all(|&b| b > 0x20 && b != 0x7f);
        fits.then_some((Self { weak, opaque }, &inner[end + 1..]))
    }
}

/// The entity tags of a comma-separated list, up to what cannot be read.
pub fn list(value: &[u8]) -> impl Iterator<Item = EntityTag<'_>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b','))?;
        let (tag, behind) = EntityTag::split(&rest[start..])?;
        rest = behind;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(value: &str) -> EntityTag<'_> {
        EntityTag::parse(value.as_bytes()).unwrap()
    }

    #[test]
    fn the_two_comparisons() {
        // RFC 9110 section 8.8.3.2: the table of examples.
        for (a, b, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            assert_eq!(tag(a).equals_strongly(tag(b)), strong, "{a} {b}");
            assert_eq!(tag(a).equals_weakly(tag(b)), weak, "{a} {b}");
        }
    }

    #[test]
    fn only_quoted_tags_are_tags() {
        // RFC 9110 section 8.8.3: opaque-tag = DQUOTE *etagc DQUOTE; "W/" is case-sensitive.
        for bad in ["", "1", "\"1", "1\"", "w/\"1\"", "\"a b\"", "\"1\"x", "W/1"] {
            assert_eq!(EntityTag::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(tag("\"\"").opaque, b"");
    }

    #[test]
    fn a_list_may_have_empty_members() {
        // RFC 9110 section 5.6.1.2: empty list members are read over; commas inside tags are not.
        let all: Vec<_> = list(b", \"a\" ,,W/\"b,c\",\"d\"").map(|tag| tag.opaque).collect();
        assert_eq!(all, [&b"a"[..], b"b,c", b"d"]);
        assert_eq!(list(b"\"a\", nonsense, \"b\"").count(), 1);
    }
}
