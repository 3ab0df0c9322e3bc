//! A directory served by the real binary.
mod common;

use common::{Scratch, Server, on_each_backend, until};
use std::fs;
use std::os::unix::fs::symlink;

fn big() -> Vec<u8> {
    (0..3_000_000u32).map(|n| ((n * 31) >> 3) as u8).collect()
}

fn site() -> Scratch {
    let site = Scratch::new();
    site.write("secret", "secret");
    site.write("www/index.html", "<p>home");
    site.write("www/a.txt", "0123456789");
    site.write("www/docs/index.html", "<p>docs");
    site.write("www/a b/\u{e9}.css", "p{}");
    site.write("www/.env", "secret");
    site.write("www/big.bin", big());
    symlink("../secret", site.path().join("www/escape")).unwrap();
    symlink("a.txt", site.path().join("www/alias.txt")).unwrap();
    site
}

fn serve(site: &Scratch) -> Server {
    Server::start(&[&format!("{}/www", site.arg())])
}

#[test]
fn files_are_served_by_name() {
    on_each_backend(|| {
        let site = site();
        let server = serve(&site);
        let mut client = server.client();
        for (target, status, body, kind) in [
            ("/", 200, "<p>home", "text/html; charset=utf-8"),
            ("/index.html", 200, "<p>home", "text/html; charset=utf-8"),
            ("/a.txt", 200, "0123456789", "text/plain; charset=utf-8"),
            ("/a.txt?query", 200, "0123456789", "text/plain; charset=utf-8"),
            ("/alias.txt", 200, "0123456789", "text/plain; charset=utf-8"),
            ("/docs/", 200, "<p>docs", "text/html; charset=utf-8"),
            ("/a%20b/%C3%A9.css", 200, "p{}", "text/css; charset=utf-8"),
            ("/none", 404, "Not Found", "text/plain; charset=utf-8"),
            ("/a.txt/", 404, "Not Found", "text/plain; charset=utf-8"),
            ("/.env", 404, "Not Found", "text/plain; charset=utf-8"),
            ("/escape", 404, "Not Found", "text/plain; charset=utf-8"),
            ("/../secret", 404, "Not Found", "text/plain; charset=utf-8"),
            ("/%2e%2e/secret", 404, "Not Found", "text/plain; charset=utf-8"),
            ("/docs/..%2f..%2fsecret", 404, "Not Found", "text/plain; charset=utf-8"),
            ("//etc/passwd", 404, "Not Found", "text/plain; charset=utf-8"),
            ("/%ff", 404, "Not Found", "text/plain; charset=utf-8"),
        ] {
            // Twice: from the disk, and from memory.
            for _ in 0..2 {
                let response = client.get(target);
                assert_eq!((response.status, response.text()), (status, body), "{target}");
                assert_eq!(response.field("content-type"), Some(kind), "{target}");
            }
        }
        server.stop();
    });
}

#[test]
fn methods_conditions_and_ranges() {
    let site = site();
    let server = serve(&site);
    let mut client = server.client();
    let whole = client.get("/a.txt");
    let tag = whole.field("etag").expect("a tag").to_owned();
    assert!(!tag.starts_with("W/"));
    let date = whole.field("last-modified").expect("a date").to_owned();
    let head = client.ask("HEAD", "/a.txt", "");
    assert_eq!((head.status, head.field("content-length")), (200, Some("10")));
    for (fields, status, body) in [
        (format!("If-None-Match: {tag}\r\n"), 304, ""),
        (format!("If-Modified-Since: {date}\r\n"), 304, ""),
        ("If-None-Match: \"other\"\r\n".to_owned(), 200, "0123456789"),
        ("If-Match: \"other\"\r\n".to_owned(), 412, "Precondition Failed"),
        ("Range: bytes=2-4\r\n".to_owned(), 206, "234"),
        ("Range: bytes=-2\r\n".to_owned(), 206, "89"),
        (format!("Range: bytes=8-\r\nIf-Range: {tag}\r\n"), 206, "89"),
        ("Range: bytes=8-\r\nIf-Range: \"other\"\r\n".to_owned(), 200, "0123456789"),
        ("Range: bytes=10-\r\n".to_owned(), 416, "Range Not Satisfiable"),
    ] {
        let response = client.ask("GET", "/a.txt", &fields);
        assert_eq!((response.status, response.text()), (status, body), "{fields}");
    }
    let ranged = client.ask("GET", "/a.txt", "Range: bytes=2-4\r\n");
    assert_eq!(ranged.field("content-range"), Some("bytes 2-4/10"));
    let refused = client.ask("POST", "/a.txt", "Content-Length: 0\r\n");
    assert_eq!((refused.status, refused.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
    let options = client.ask("OPTIONS", "/a.txt", "");
    assert_eq!((options.status, options.field("allow")), (204, Some("GET, HEAD, OPTIONS")));
    let moved = client.get("/docs?x=1");
    assert_eq!((moved.status, moved.field("location")), (301, Some("/docs/?x=1")));
    server.stop();
}

#[test]
fn a_large_file_is_streamed() {
    on_each_backend(|| {
        let (site, big) = (site(), big());
        let server = serve(&site);
        let mut client = server.client();
        let whole = client.get("/big.bin");
        assert!(whole.status == 200 && whole.body == big);
        let tag = whole.field("etag").expect("a tag").to_owned();
        let part = client.ask("GET", "/big.bin", "Range: bytes=1000000-2500000\r\n");
        assert!(part.status == 206 && part.body == big[1_000_000..=2_500_000]);
        assert_eq!(part.field("content-range"), Some("bytes 1000000-2500000/3000000"));
        let head = client.ask("HEAD", "/big.bin", "");
        assert_eq!((head.status, head.field("content-length")), (200, Some("3000000")));
        if !tag.starts_with("W/") {
            let known = client.ask("GET", "/big.bin", &format!("If-None-Match: {tag}\r\n"));
            assert_eq!(known.status, 304);
        }
        assert_eq!(client.get("/a.txt").text(), "0123456789", "the connection goes on");
        assert!(server.net()["cache"]["bytes"].as_u64().expect("a number") < 1_000_000);
        server.stop();
    });
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_closes_the_connection() {
    on_each_backend(|| {
        let site = Scratch::new();
        let len = 64 << 20;
        let path = site.write("huge.bin", vec![b'x'; len]);
        let server = Server::start(&[site.arg()]);
        let mut client = server.client();
        client.send("GET /huge.bin HTTP/1.1\r\nHost: test\r\n\r\n");
        assert!(client.head().contains(&format!("Content-Length: {len}\r\n")));
        fs::File::options().write(true).open(path).unwrap().set_len(100).unwrap();
        assert!(client.rest().len() < len, "what was promised cannot have come");
        site.write("a.txt", "fine");
        assert_eq!(server.client().get("/a.txt").text(), "fine");
        server.stop();
    });
}

#[test]
fn changes_are_seen() {
    let site = Scratch::new();
    site.write("a.txt", "one");
    let server = Server::start(&[site.arg()]);
    let mut client = server.client();
    assert_eq!(client.get("/a.txt").text(), "one");
    assert_eq!(client.get("/b.txt").status, 404);
    site.write("a.txt", "two");
    site.write("b.txt", "new");
    let mut sees = |path: &str, what: (u16, &str)| {
        until(path, || {
            let response = client.get(path);
            (response.status == what.0 && response.text() == what.1).then_some(())
        });
    };
    sees("/a.txt", (200, "two"));
    sees("/b.txt", (200, "new"));
    fs::remove_file(site.path().join("a.txt")).unwrap();
    sees("/a.txt", (404, "Not Found"));
    server.stop();
}

#[test]
fn a_cache_that_is_too_small_serves_everything_and_stays_in_its_budget() {
    on_each_backend(|| {
        let site = Scratch::new();
        for n in 0..60 {
            site.write(&format!("www/{n}.bin"), vec![n; 3000 + usize::from(n)]);
        }
        let config = format!("root = \"{}/www\"\n[cache]\nbudget = \"64 KiB\"\n", site.arg());
        let config = site.write("site.toml", config);
        let server = Server::start(&["--config", &config, "--workers", "2"]);
        let mut clients: Vec<_> = (0..8).map(|_| server.client()).collect();
        for round in 0..5 {
            for n in 0..60u8 {
                let client = &mut clients[usize::from(n + round) % 8];
                let body = client.get(&format!("/{n}.bin")).body;
                assert!(body == vec![n; 3000 + usize::from(n)], "{n}.bin in round {round}");
            }
            let cache = &server.net()["cache"];
            assert_eq!(cache["budget"], 65_536);
            assert!(cache["bytes"].as_u64().expect("a number") <= 65_536, "{cache}");
        }
        server.stop();
    });
}

#[test]
fn without_a_cache_everything_is_streamed() {
    let site = site();
    site.write("www/empty.txt", "");
    let config = format!("root = \"{}/www\"\n[cache]\nbudget = 0\n", site.arg());
    let config = site.write("site.toml", config);
    let server = Server::start(&["--config", &config]);
    let mut client = server.client();
    for _ in 0..2 {
        for (target, body) in [("/empty.txt", ""), ("/a.txt", "0123456789"), ("/", "<p>home")] {
            let response = client.get(target);
            assert_eq!((response.status, response.text()), (200, body), "{target}");
            let head = client.ask("HEAD", target, "");
            assert_eq!(head.field("content-length"), Some(body.len().to_string().as_str()));
        }
    }
    assert_eq!(server.net()["cache"]["bytes"], 0);
    client.send("GET /big.bin HTTP/1.0\r\n\r\n");
    assert!(client.response(false).body == big() && client.rest().is_empty());
    server.stop();
}
