//! Freezes a law of a gate, or lets it go on: what the admin listener is asked to change.
use super::query::value;
use crate::rules::hosts;
use crate::watch::Watch;
use serde_json::json;
use sluicegate_http::{Head, Method, Reply};
use std::net::IpAddr;

/// The reply to `POST /api/freeze?stage=S&law=L&frozen=true`, which has been done.
pub(super) fn freeze(head: &Head, watch: &Watch) -> Reply {
    if head.method != Method::Post {
        return Reply::not_allowed("POST");
    }
    if !is_own(head) {
        let what = "pages of other origins change nothing here; accepted: no Origin, or the \
                    listener's own, by its IP address or as localhost\n";
        return Reply::text(403, what);
    }
    let Some((stage, law, frozen)) = asked(head) else {
        let what = "accepted: ?stage=S&law=L&frozen=true, or frozen=false, with names from \
                    /api/net\n";
        return Reply::text(400, what);
    };
    match watch.freeze(&stage, &law, frozen) {
        Ok(()) => {
            let done = json!({ "stage": stage, "law": law, "frozen": frozen });
            Reply::content(200, "application/json", done.to_string())
                .header("Cache-Control", "no-store")
        }
        Err(what) => Reply::text(404, format!("{what}\n")),
    }
}

fn asked(head: &Head) -> Option<(String, String, bool)> {
    Some((value(head, "stage")?, value(head, "law")?, value(head, "frozen")?.parse().ok()?))
}

/// Whether no page of another origin asks. Browsers say for each POST where its page came from. A
/// name in the place of an address could be one that was made to lead here (DNS rebinding).
fn is_own(head: &Head) -> bool {
    if !head.has("Origin") {
        return true;
    }
    let Some(origin) = head.single("Origin") else { return false };
    let Some(host) = head.host() else { return false };
    let Ok(name) = std::str::from_utf8(hosts::bare(host)) else { return false };
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let here = inner.eq_ignore_ascii_case("localhost") || inner.parse::<IpAddr>().is_ok();
    here && origin.strip_prefix(b"http://") == Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &str) -> Head {
        let text = format!("POST /api/freeze HTTP/1.1\r\n{fields}\r\n");
        Head::read(text.as_bytes()).expect("a plain request")
    }

    #[test]
    fn only_the_own_origin_counts_and_only_by_an_address() {
        for (fields, own) in [
            ("Host: 127.0.0.1:9900\r\n", true),
            ("Host: admin.example.org\r\n", true),
            ("Host: 127.0.0.1:9900\r\nOrigin: http://127.0.0.1:9900\r\n", true),
            ("Host: [::1]:9900\r\nOrigin: http://[::1]:9900\r\n", true),
            ("Host: [::1]\r\nOrigin: http://[::1]\r\n", true),
            ("Host: localhost:9900\r\nOrigin: http://localhost:9900\r\n", true),
            ("Host: 127.0.0.1:9900\r\nOrigin: null\r\n", false),
            ("Host: 127.0.0.1:9900\r\nOrigin: http://127.0.0.1:8080\r\n", false),
            ("Host: 127.0.0.1:9900\r\nOrigin: https://127.0.0.1:9900\r\n", false),
            ("Host: 127.0.0.1:9900\r\nOrigin: http://evil.example\r\n", false),
            ("Host: evil.example:9900\r\nOrigin: http://evil.example:9900\r\n", false),
            ("Host: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nOrigin: http://b\r\n", false),
            ("Host: 127.0.0.1\r\nOrigin:\r\n", false),
        ] {
            assert_eq!(is_own(&head(fields)), own, "{fields:?}");
        }
    }

    #[test]
    fn all_three_have_to_be_said() {
        let asked = |query: &str| {
            let text = format!("POST /api/freeze{query} HTTP/1.1\r\nHost: a\r\n\r\n");
            asked(&Head::read(text.as_bytes()).expect("a plain request"))
        };
        let said = Some(("a".to_owned(), "b".to_owned(), true));
        assert_eq!(asked("?stage=a&law=b&frozen=true"), said);
        assert_eq!(asked("?frozen=true&law=b&x=y&stage=a"), said);
        for query in ["", "?", "?stage=a&law=b", "?stage=a&law=b&frozen=1", "?stage=a&frozen=true"]
        {
            assert_eq!(asked(query), None, "{query}");
        }
    }
}
