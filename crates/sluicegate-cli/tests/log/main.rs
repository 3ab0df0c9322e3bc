//! The access log of the real binary: what is in it, and that a drain loses nothing of it.
#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;

mod disk;
mod numbered;
mod rotation;
mod slow;

use common::{Client, Scratch, Server, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// More than the kernel takes for a client that does not read.
const BIG: usize = 64 << 20;

struct Site {
    files: Scratch,
    log: PathBuf,
    server: Server,
}

/// A small site with `[log] access` and whatever `more` says in that table.
fn site(more: &str) -> Site {
    let files = Scratch::new();
    files.write("www/a.txt", "0123456789");
    files.write("www/big.bin", vec![b'x'; BIG]);
    let routes = "[[route]]\npath = \"/sleep\"\nhandler = \"sleep\"\n";
    let text = format!("root = \"www\"\n{routes}[log]\naccess = \"access.log\"\n{more}\n");
    let config = files.write("site.toml", text);
    let log = files.path().join("access.log");
    let server = Server::start(&["--config", &config, "--workers", "2"]);
    Site { files, log, server }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Waits until there are so many lines.
fn has(path: &Path, n: usize) -> Vec<String> {
    until("the lines of the log", || Some(lines(path)).filter(|lines| lines.len() >= n))
}

fn json(path: &Path) -> Vec<Value> {
    lines(path).iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn each_kind_of_answer_has_its_line() {
    let site = site("");
    let mut client = site.server.client();
    client.ask("GET", "/a.txt", "Referer: http://r/\r\nUser-Agent: \"me\"\\\t1\r\n");
    client.get("/none");
    client.ask("HEAD", "/a.txt", "");
    let tag = client.get("/a.txt").field("etag").expect("a tag").to_owned();
    assert_eq!(client.ask("GET", "/a.txt", &format!("If-None-Match: {tag}\r\n")).status, 304);
    client.ask("GET", "/a.txt", "Range: bytes=0-3\r\n");
    client.get("/big.bin");
    client.send("BAD /\"x\\ HTTP/1.1\r\n\r\n");
    assert_eq!(client.response(false).status, 400);
    drop(client);
    let mut other = site.server.client();
    other.send("\u{1}\r\n\r\n");
    assert_eq!(other.response(false).status, 400);
    drop(other);
    site.server.stop();
    let found: Vec<String> = lines(&site.log)
        .iter()
        .map(|line| {
            let (start, rest) = line.split_once(" [").expect("a time");
            let (time, rest) = rest.split_once("] ").expect("a time");
            assert!(start == "127.0.0.1 - -" && time.ends_with(" +0000"), "{line}");
            rest.to_owned()
        })
        .collect();
    let sizes = |line: &String| line.contains("\" 400 ");
    let (refused, plain): (Vec<String>, Vec<String>) = found.into_iter().partition(sizes);
    assert_eq!(
        plain,
        [
            "\"GET /a.txt HTTP/1.1\" 200 10 \"http://r/\" \"\\x22me\\x22\\x5c\\x091\"",
            "\"GET /none HTTP/1.1\" 404 9 \"-\" \"-\"",
            "\"HEAD /a.txt HTTP/1.1\" 200 0 \"-\" \"-\"",
            "\"GET /a.txt HTTP/1.1\" 200 10 \"-\" \"-\"",
            "\"GET /a.txt HTTP/1.1\" 304 0 \"-\" \"-\"",
            "\"GET /a.txt HTTP/1.1\" 206 4 \"-\" \"-\"",
            &format!("\"GET /big.bin HTTP/1.1\" 200 {BIG} \"-\" \"-\""),
        ]
    );
    let asked: BTreeSet<_> = refused.iter().filter_map(|line| line.split(" 400 ").next()).collect();
    assert_eq!(asked, BTreeSet::from(["\"-\"", "\"BAD /\\x22x\\x5c HTTP/1.1\""]));
}

#[test]
fn clients_that_leave_are_logged_with_what_they_got() {
    let site = site("format = \"json\"");
    let mut early = site.server.client();
    early.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    early.send("GET /sleep?ms=60000 HTTP/1.1\r\nHost: h\r\n\r\n");
    until("the request in the net", || {
        let net = site.server.net();
        let stages = net["stages"].as_array()?.clone();
        stages.iter().find(|stage| stage["name"] == "sleep" && stage["served"] == 1).map(drop)
    });
    // Who closes with something unread sends a reset: a mere end could be half a close.
    early.stream().peek(&mut [0]).expect("the first reply");
    drop(early);
    let mut late = site.server.client();
    late.send("GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    late.head();
    drop(late);
    has(&site.log, 3);
    let found = json(&site.log);
    let of = |path: &str| {
        let path = format!("GET {path} HTTP/1.1");
        found.iter().find(|line| line["request"] == *path).expect("its line").clone()
    };
    let (early, late) = (of("/sleep?ms=60000"), of("/big.bin"));
    assert_eq!((&early["status"], &early["bytes"]), (&499.into(), &0.into()));
    assert_eq!((&late["status"], &late["host"]), (&200.into(), &"h".into()));
    let bytes = late["bytes"].as_u64().expect("a number");
    assert!(bytes > 0 && bytes < BIG as u64, "{late}");
    assert!([early, late].iter().all(|line| line["aborted"] == true));
    site.server.signal(Signal::TERM);
    let (_, said, complaints) = site.server.end();
    assert!(said.contains("both ledgers are even") && complaints.is_empty(), "{said}{complaints}");
}

#[test]
fn a_drain_writes_every_line() {
    for more in ["", "when_full = \"wait\""] {
        let site = site(more);
        let mut clients: Vec<_> = (0..4).map(|_| site.server.client()).collect();
        for client in &mut clients {
            client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n".repeat(100));
        }
        for client in &mut clients {
            (0..100).for_each(|_| assert_eq!(client.response(false).status, 200));
        }
        let last = "GET /sleep?ms=300 HTTP/1.1\r\nHost: h\r\n\r\n";
        clients[0].send(last);
        until("the request in the net", || {
            let net = site.server.net();
            let stages = net["stages"].as_array()?.clone();
            stages.iter().find(|stage| stage["name"] == "sleep" && stage["served"] == 1).map(drop)
        });
        site.server.signal(Signal::TERM);
        assert_eq!(clients[0].response(false).status, 200);
        drop(clients);
        let (status, said, complaints) = site.server.end();
        assert!(status.success(), "{said}{complaints}");
        assert_eq!(lines(&site.log).len(), 401);
    }
}

#[test]
fn ids_are_made_or_kept_as_configured() {
    for (more, field, kept) in [
        ("request_id = true", "X-Request-Id", false),
        ("request_id = \"Trace\"\ntrust_request_id = true", "Trace", true),
    ] {
        let site = site(&format!("format = \"json\"\n{more}"));
        let mut client = site.server.client();
        let mut ids = Vec::new();
        for path in ["/a.txt", "/a.txt", "/none"] {
            let response = client.ask("GET", path, &format!("{field}: mine-1\r\n"));
            ids.push(response.field(field).expect("an id").to_owned());
        }
        client.send("nonsense\r\n\r\n");
        ids.push(client.response(false).field(field).expect("an id").to_owned());
        drop(client);
        site.server.stop();
        let logged: Vec<_> = json(&site.log).iter().map(|line| line["id"].clone()).collect();
        assert_eq!(logged, ids);
        assert_eq!(ids.iter().filter(|id| *id == "mine-1").count(), if kept { 3 } else { 0 });
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), if kept { 2 } else { 4 });
    }
}

#[test]
fn times_are_told_only_where_they_are_asked_for() {
    let site = site("server_timing = true");
    let mut client = site.server.client();
    let first = client.get("/a.txt");
    let timing = first.field("server-timing").expect("times").to_owned();
    assert!(timing.starts_with("total;dur=") && timing.ends_with(", cache;desc=miss"), "{timing}");
    let second = client.get("/a.txt").field("server-timing").expect("times").to_owned();
    assert!(!second.contains("cache"), "{second}");
    let parts = second.split(", ").filter_map(|part| part.split_once(";dur="));
    let parts: Vec<(_, f64)> = parts.map(|(name, ms)| (name, ms.parse().expect("ms"))).collect();
    assert_eq!(parts.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["total", "queue", "app"]);
    assert!((parts[0].1 - parts[1].1 - parts[2].1).abs() < 0.002, "{second}");
    drop(client);
    site.server.stop();
    let plain = Scratch::new();
    let server = Server::start(&[plain.arg()]);
    let mut client: Client<_> = server.client();
    assert_eq!(client.get("/").field("server-timing"), None);
    drop(client);
    server.stop();
}

#[test]
fn a_log_may_go_to_the_standard_output() {
    let files = Scratch::new();
    files.write("www/a.txt", "a");
    let text = "root = \"www\"\n[log]\naccess = \"stdout\"\nformat = \"common\"\n";
    let server = Server::start(&["--config", &files.write("site.toml", text)]);
    server.client().get("/a.txt");
    server.signal(Signal::TERM);
    let (_, said, _) = server.end();
    assert!(said.lines().any(|line| line.ends_with("\"GET /a.txt HTTP/1.1\" 200 1")), "{said}");
}
