//! What holds for a path, of several rules; and what Accept means.
use super::*;
use crate::config::{Config, Machine, Settings};

fn site(toml: &str) -> Site {
    let settings = Settings::from_toml("site.toml", toml).expect("known settings");
    let config =
        Config::new(&settings, Machine { cpus: 1, memory: 1 << 30, files: 4096 }).expect("sound");
    let rules = config.site.rules.iter().map(|rule| Rule::new(rule, None)).collect();
    Site::new(SiteId::default(), Content::demo(), &config.site, rules)
}

fn fields(site: &Site, path: &str, status: u16) -> Vec<String> {
    let effect = site.effect(path.as_bytes());
    effect.fields(status).map(|(name, value)| format!("{name}: {value}")).collect()
}

#[test]
fn all_rules_apply_and_the_later_wins_field_by_field() {
    let site = site(
        r#"
        [[rule]]
        path = "/"
        headers = { X-A = "1", X-B = "1", Vary = "X-A" }
        cache_control = "no-cache"
        [[rule]]
        path = "/assets"
        headers = { x-b = "2" }
        cache_control = "max-age=9"
        [[rule]]
        path = "*.html"
        headers = { X-C = "3", Vary = "X-B" }
        "#,
    );
    let plain = ["X-A: 1", "X-B: 1", "Vary: X-A", "Cache-Control: no-cache"];
    assert_eq!(fields(&site, "/a", 200), plain);
    assert_eq!(fields(&site, "/a", 404), plain[..3], "errors are not cached like content");
    let assets = ["X-A: 1", "X-B: 2", "Vary: X-A", "Cache-Control: max-age=9"];
    assert_eq!(fields(&site, "/assets/x", 206), assets);
    let html = ["X-A: 1", "X-B: 1", "Vary: X-A", "X-C: 3", "Vary: X-B", "Cache-Control: no-cache"];
    assert_eq!(fields(&site, "/a.html", 304), html);
    assert_eq!(fields(&site, "/dir/", 200), html, "its index ends so");
    assert_eq!(fields(&site, "/dir", 200), plain);
}

#[test]
fn the_last_rule_that_says_something_of_listings_counts() {
    let site = site(
        "listing = true\n[[rule]]\npath = \"/a\"\nlisting = false\n[[rule]]\npath = \"/a/b\"\n\
         listing = true\n[[rule]]\npath = \"/a\"\ncache_control = \"no-cache\"\n",
    );
    for (path, expected) in [("/", true), ("/a/", false), ("/a/b/", true), ("/ab/", true)] {
        assert_eq!(site.lists(path.as_bytes()), expected, "{path}");
    }
}

#[test]
fn a_media_type_is_accepted_by_its_own_name() {
    for (accept, expected) in [
        ("text/html", true),
        ("application/xml, TEXT/HTML;q=0.9", true),
        ("text/html;level=1", true),
        ("*/*", false),
        ("text/*", false),
        ("text/html;q=0", false),
        ("text/html; q=0.000", false),
        ("text/html; q=0.001", true),
        ("application/json", false),
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n");
        let head = Head::read(head.as_bytes()).expect("a plain request");
        assert_eq!(accepts(&head, b"text/html"), expected, "{accept}");
    }
}
