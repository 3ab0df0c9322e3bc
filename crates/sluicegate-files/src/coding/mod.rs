//! Coded forms of content: which content has them, and how they are made.
#[cfg(test)]
mod decode;
mod encode;
mod order;

pub use encode::{encode, worth};
pub use order::Order;

use sluicegate_http::Coding;

/// Shorter content is not coded unless somebody says so; in bytes.
pub const MIN: u64 = 512;

/// What shrinks. Images, sound, films and archives, but for those named here, are coded already.
const TYPES: [&str; 12] = [
    "text/*",
    "*+json",
    "*+xml",
    "application/json",
    "application/xml",
    "application/yaml",
    "application/toml",
    "application/wasm",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
];

/// What is coded, and how hard it is tried; a service has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    /// The codings, best first; none turns compression off.
    pub order: Order,
    /// How hard it is tried.
    pub effort: Effort,
    /// Shorter content is never coded; in bytes.
    pub min: u64,
    /// Media types that are coded: `text/html`, `text/*`, `*+xml`.
    pub types: Vec<String>,
}

/// How much time a coded form may take to make: each is made once and sent often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Some 3 ms for 100 KB of text.
    Low,
    /// Some 10 ms, to save some 7 % more.
    Medium,
    /// Up to 150 ms, to save some 8 % more than that.
    High,
}

impl Compression {
    /// Nothing is coded.
    pub fn off() -> Compression {
        Compression { order: Order::NONE, effort: Effort::Medium, min: 0, types: Vec::new() }
    }

    /// What shrinks, in all codings.
    pub fn usual(effort: Effort) -> Compression {
        let types = TYPES.map(str::to_owned).to_vec();
        Compression { order: Order::new(&Coding::ALL), effort, min: MIN, types }
    }

    /// The codings for content of this type and length.
    pub fn order_for(&self, media: &str, len: u64) -> Order {
        let coded = len >= self.min && self.types.iter().any(|pattern| matches(pattern, media));
        if coded { self.order } else { Order::NONE }
    }
}

/// The extension of a file that was coded ahead.
pub fn extension(coding: Coding) -> &'static str {
    match coding {
        Coding::Br => ".br",
        Coding::Zstd => ".zst",
        Coding::Gzip => ".gz",
    }
}

/// The entity tag of a coded form, made of a tag for its own bytes: never that of another form,
/// nor of a file that holds the same bytes.
pub fn coded_tag(tag: &str, coding: Coding) -> String {
    format!("{}-{}\"", tag.strip_suffix('"').unwrap_or(tag), coding.name())
}

/// Whether a text is a pattern of media types.
pub fn is_pattern(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    match (text.strip_prefix("*+"), text.split_once('/')) {
        (Some(suffix), _) => plain(suffix),
        (None, Some((kind, sub))) => plain(kind) && (sub == "*" || plain(sub)),
        (None, None) => false,
    }
}

fn matches(pattern: &str, media: &str) -> bool {
    let media = media.split(';').next().unwrap_or(media).trim_end();
    if let Some(suffix) = pattern.strip_prefix("*+") {
        return media.rsplit_once('+').is_some_and(|(_, end)| end.eq_ignore_ascii_case(suffix));
    }
    match (pattern.strip_suffix("/*"), media.split_once('/')) {
        (Some(kind), Some((found, _))) => kind.eq_ignore_ascii_case(found),
        _ => pattern.eq_ignore_ascii_case(media),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_matched_by_patterns() {
        for (pattern, media, expected) in [
            ("text/*", "text/html; charset=utf-8", true),
            ("text/html", "text/html; charset=utf-8", true),
            ("TEXT/html", "text/html", true),
            ("text/css", "text/html", false),
            ("*+xml", "image/svg+xml", true),
            ("*+xml", "text/xml", false),
            ("application/json", "application/ld+json", false),
        ] {
            assert_eq!(matches(pattern, media), expected, "{pattern} {media}");
        }
        for text in ["", "text", "*", "*/*", "/x", "text/", "a/b/c", "text/h*", "*+", "a /b"] {
            assert!(!is_pattern(text), "{text}");
        }
    }

    #[test]
    fn a_coded_tag_is_a_tag_of_its_own() {
        assert_eq!(coded_tag("\"a-b\"", Coding::Br), "\"a-b-br\"");
        assert_eq!(coded_tag("W/\"a\"", Coding::Gzip), "W/\"a-gzip\"");
    }

    #[test]
    fn short_content_and_other_types_are_not_coded() {
        let order = Order::new(&[Coding::Gzip]);
        let some =
            Compression { order, min: 10, types: vec!["a/*".to_owned()], ..Compression::off() };
        assert_eq!(some.order_for("a/b", 10), order);
        assert_eq!(some.order_for("a/b", 9), Order::NONE);
        assert_eq!(some.order_for("b/b", 10), Order::NONE);
    }
}
