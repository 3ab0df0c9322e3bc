//! Conditional requests: the preconditions in their order (RFC 9110 section 13).

use std::time::{Duration, SystemTime};

use crate::etag::{self, EntityTag};
use crate::head::Head;
use crate::method::Method;

/// What is known of the representation as it is now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// The entity tag with its quotes, as it is sent.
    pub etag: Option<&'a [u8]>,
    /// When it was last changed; counts in whole seconds.
    pub modified: Option<SystemTime>,
}

/// What the preconditions of a request demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The method is to be performed.
    Proceed,
    /// 304: the client has it already.
    NotModified,
    /// 412: it is not what the client takes it for.
    Failed,
}

/// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since, in the order
/// of RFC 9110 section 13.2.2, for a representation that exists.
pub fn evaluate(head: &Head, now: &Validators<'_>) -> Verdict {
    if !head.may_be_conditional() {
        return Verdict::Proceed;
    }
    let current = now.etag.and_then(EntityTag::parse);
    if head.has("if-match") {
        if !matches(head, "if-match", current, EntityTag::equals_strongly) {
            return Verdict::Failed;
        }
    } else if let (Some(limit), Some(modified)) = (date(head, "if-unmodified-since"), now.modified)
        && seconds(modified) > seconds(limit)
    {
        return Verdict::Failed;
    }
    if head.has("if-none-match") {
        if matches(head, "if-none-match", current, EntityTag::equals_weakly) {
            return if head.method.is_read() { Verdict::NotModified } else { Verdict::Failed };
        }
    } else if head.method.is_read()
        && let (Some(known), Some(modified)) = (date(head, "if-modified-since"), now.modified)
        && seconds(modified) <= seconds(known)
    {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Whether a precondition names entity tags.
pub fn names_tags(head: &Head) -> bool {
    head.may_be_conditional() && (head.has("if-none-match") || head.has("if-match"))
}

/// Whether a range is asked for, be it that If-Range forbids it.
pub fn asks_for_range(head: &Head) -> bool {
    head.may_be_conditional() && head.method == Method::Get && head.has("range")
}

/// The Range field when it counts: the method is GET, and If-Range, where there is one, names the
/// representation as it is now.
pub fn range<'a>(head: &'a Head, now: &Validators<'_>) -> Option<&'a [u8]> {
    if !head.may_be_conditional() || head.method != Method::Get {
        return None;
    }
    let range = head.single("range")?;
    if !head.has("if-range") {
        return Some(range);
    }
    let validator = head.single("if-range")?;
    let same = match EntityTag::parse(validator) {
        Some(asked) => now
            .etag
            .and_then(EntityTag::parse)
            .is_some_and(|current| asked.equals_strongly(current)),
        None => match (parse_date(validator), now.modified) {
            (Some(asked), Some(modified)) => seconds(asked) == seconds(modified),
            _ => false,
        },
    };
    same.then_some(range)
}

type Compare<'a> = fn(EntityTag<'a>, EntityTag<'a>) -> bool;

fn matches<'a>(
    head: &'a Head,
    name: &str,
    current: Option<EntityTag<'a>>,
    equal: Compare<'a>,
) -> bool {
    head.all(name).any(|value| {
        value == b"*"
            || current.is_some_and(|now| etag::list(value).any(|listed| equal(listed, now)))
    })
}

/// A date that is there once and can be read; any other is as if it were not there.
fn date(head: &Head, name: &str) -> Option<SystemTime> {
    parse_date(head.single(name)?)
}

fn parse_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLDER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NEWER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn head(method: &str, fields: &str) -> Head {
        let fields = fields.replace('|', "\r\n");
        Head::read(format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").as_bytes())
            .unwrap()
    }

    fn validators() -> Validators<'static> {
        let modified = httpdate::parse_http_date(SAME).unwrap() + Duration::from_millis(700);
        Validators { etag: Some(b"\"x\""), modified: Some(modified) }
    }

    #[track_caller]
    fn check(method: &str, fields: &str, expect: Verdict) {
        assert_eq!(evaluate(&head(method, fields), &validators()), expect, "{method} {fields}");
    }

    #[test]
    fn if_match_compares_strongly() {
        // RFC 9110 section 13.1.1.
        check("GET", "If-Match: \"x\"", Verdict::Proceed);
        check("GET", "If-Match: \"a\", \"x\"", Verdict::Proceed);
        check("PUT", "If-Match: *", Verdict::Proceed);
        check("GET", "If-Match: W/\"x\"", Verdict::Failed);
        check("GET", "If-Match: \"y\"", Verdict::Failed);
        check("GET", "If-Match: x", Verdict::Failed);
    }

    #[test]
    fn if_unmodified_since_counts_without_if_match() {
        // RFC 9110 section 13.1.4.
        check("GET", &format!("If-Unmodified-Since: {OLDER}"), Verdict::Failed);
        check("GET", &format!("If-Unmodified-Since: {SAME}"), Verdict::Proceed);
        check("GET", "If-Unmodified-Since: yesterday", Verdict::Proceed);
        check("GET", &format!("If-Match: \"x\"|If-Unmodified-Since: {OLDER}"), Verdict::Proceed);
    }

    #[test]
    fn if_none_match_compares_weakly() {
        // RFC 9110 section 13.1.2.
        check("GET", "If-None-Match: \"x\"", Verdict::NotModified);
        check("HEAD", "If-None-Match: W/\"x\"", Verdict::NotModified);
        check("GET", "If-None-Match: \"a\"|If-None-Match: \"x\"", Verdict::NotModified);
        check("GET", "If-None-Match: *", Verdict::NotModified);
        check("PUT", "If-None-Match: *", Verdict::Failed);
        check("GET", "If-None-Match: \"y\"", Verdict::Proceed);
    }

    #[test]
    fn if_modified_since_counts_without_if_none_match() {
        // RFC 9110 section 13.1.3.
        check("GET", &format!("If-Modified-Since: {SAME}"), Verdict::NotModified);
        check("GET", &format!("If-Modified-Since: {NEWER}"), Verdict::NotModified);
        check("GET", &format!("If-Modified-Since: {OLDER}"), Verdict::Proceed);
        check("POST", &format!("If-Modified-Since: {NEWER}"), Verdict::Proceed);
        check("GET", "If-Modified-Since: 1", Verdict::Proceed);
        check("GET", &format!("If-None-Match: \"y\"|If-Modified-Since: {NEWER}"), Verdict::Proceed);
    }

    #[test]
    fn what_must_hold_comes_before_what_may_be_known() {
        // RFC 9110 section 13.2.2: If-Match is evaluated before If-None-Match.
        check("GET", "If-None-Match: \"x\"|If-Match: \"y\"", Verdict::Failed);
        check("GET", "If-None-Match: \"x\"|If-Match: \"x\"", Verdict::NotModified);
    }

    #[track_caller]
    fn check_range(method: &str, fields: &str, counts: bool) {
        let head = head(method, &format!("Range: bytes=0-1|{fields}X: y"));
        assert_eq!(range(&head, &validators()).is_some(), counts, "{method} {fields}");
    }

    #[test]
    fn if_range_guards_the_range() {
        // RFC 9110 section 14.2: Range is defined for GET only.
        check_range("GET", "", true);
        check_range("HEAD", "", false);
        // RFC 9110 section 13.1.5: strong comparison, or the very same date.
        check_range("GET", "If-Range: \"x\"|", true);
        check_range("GET", "If-Range: W/\"x\"|", false);
        check_range("GET", "If-Range: \"y\"|", false);
        check_range("GET", &format!("If-Range: {SAME}|"), true);
        check_range("GET", &format!("If-Range: {NEWER}|"), false);
        check_range("GET", "If-Range: nonsense|", false);
    }
}
