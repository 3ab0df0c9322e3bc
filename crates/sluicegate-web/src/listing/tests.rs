//! Listings of real directories.
use super::read::ENTRIES_MAX;
use super::*;
use crate::files::Name;
use crate::scratch::Scratch;
use sluicegate_files::Root;
use std::os::unix::fs::symlink;

fn listing(scratch: &Scratch, path: &str, query: &str) -> (Listing, Order) {
    let root = Root::open(&scratch.path().join("site")).expect("it is there");
    let name = Name::new(path.as_bytes()).expect("a plain path");
    let mut listing = read(&root, &name).expect("a directory");
    let order = Order::of(Some(query.as_bytes()));
    order.sort(&mut listing.entries);
    (listing, order)
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.entries.iter().map(|entry| entry.name.as_str()).collect()
}

#[test]
fn what_is_not_served_is_not_shown_and_directories_come_first() {
    let scratch = Scratch::new();
    scratch.write("secret", "s");
    for (name, len) in [("B.txt", 3), ("a.txt", 2), ("c.txt", 1), (".hidden", 9), ("sub/x", 9)] {
        scratch.write(&format!("site/{name}"), "x".repeat(len));
    }
    let site = scratch.path().join("site");
    symlink("../secret", site.join("escape")).unwrap();
    symlink("a.txt", site.join("link")).unwrap();
    symlink("nowhere", site.join("broken")).unwrap();
    for (query, expected) in [
        ("", ["sub", "a.txt", "B.txt", "c.txt", "link"]),
        ("sort=name&order=desc", ["sub", "link", "c.txt", "B.txt", "a.txt"]),
        ("sort=size", ["sub", "c.txt", "a.txt", "link", "B.txt"]),
        ("sort=size&order=desc", ["sub", "B.txt", "link", "a.txt", "c.txt"]),
        ("sort=nonsense", ["sub", "a.txt", "B.txt", "c.txt", "link"]),
    ] {
        assert_eq!(names(&listing(&scratch, "/", query).0), expected, "{query}");
    }
    let root = Root::open(&site).expect("it is there");
    for path in ["/none/", "/a.txt/"] {
        let error = read(&root, &Name::new(path.as_bytes()).expect("plain")).expect_err(path);
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
}

#[test]
fn a_page_escapes_what_it_shows() {
    let scratch = Scratch::new();
    scratch.write("site/d/<img src=x onerror=y>&\".txt", "1");
    scratch.write("site/d/\u{e4} b%.txt", "22");
    scratch.write("site/d/javascript:x", "1".repeat(2048));
    let (listing, order) = listing(&scratch, "/d/", "");
    let page = html(&listing, order);
    assert!(page.contains("href=\"./%3Cimg%20src=x%20onerror=y%3E&amp;%22.txt\""), "{page}");
    assert!(page.contains(">&lt;img src=x onerror=y&gt;&amp;&quot;.txt</a>"), "{page}");
    assert!(page.contains("href=\"./%C3%A4%20b%25.txt\">\u{e4} b%.txt</a>"), "{page}");
    assert!(page.contains("href=\"./javascript:x\"") && page.contains(">2 KiB<"), "{page}");
    assert!(page.contains("<a href=\"/\">/</a> <a href=\"/d/\">d</a> /"), "{page}");
    assert!(page.contains("aria-sort=\"ascending\"") && page.contains("sort=name&amp;order=desc"));
    assert!(page.contains("3 entries") && !page.contains("<script"));
    let value: serde_json::Value = serde_json::from_str(&json(&listing)).expect("JSON");
    assert_eq!((&value["path"], &value["complete"]), (&json!("/d/"), &json!(true)));
    assert_eq!(value["entries"][1]["size"], 2048);
    assert_eq!(value["entries"][1]["type"], "file");
}

#[test]
fn the_number_of_entries_is_bounded() {
    let scratch = Scratch::new();
    for n in 0..=ENTRIES_MAX {
        scratch.write(&format!("site/{n}"), "");
    }
    let (listing, order) = listing(&scratch, "/", "");
    assert!(listing.entries.len() == ENTRIES_MAX && !listing.complete);
    assert!(html(&listing, order).contains("and more that are not shown"));
}
