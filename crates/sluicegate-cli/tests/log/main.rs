//! The access log of the real binary: what is in it, how it is rotated, and that nothing is lost.
mod common;

use common::{Client, Scratch, Server, run, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

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
fn a_renamed_log_is_begun_anew() {
    let site = site("");
    let mut client = site.server.client();
    client.get("/a.txt");
    has(&site.log, 1);
    let moved = site.files.path().join("access.log.1");
    fs::rename(&site.log, &moved).unwrap();
    client.get("/none");
    has(&moved, 2);
    site.server.signal(Signal::USR1);
    until("the new file", || site.log.exists().then_some(()));
    client.get("/a.txt");
    has(&site.log, 1);
    drop(client);
    site.server.stop();
    assert_eq!((lines(&moved).len(), lines(&site.log).len()), (2, 1));
}

#[test]
fn a_log_that_cannot_be_opened_again_is_written_on() {
    let site = site("");
    let mut client = site.server.client();
    client.get("/a.txt");
    has(&site.log, 1);
    let moved = site.files.path().join("moved");
    fs::rename(&site.log, &moved).unwrap();
    fs::create_dir(&site.log).unwrap();
    for _ in 0..3 {
        site.server.signal(Signal::USR1);
    }
    client.get("/a.txt");
    has(&moved, 2);
    drop(client);
    site.server.signal(Signal::TERM);
    let (status, _, complaints) = site.server.end();
    assert!(status.success() && complaints.contains("cannot log to `"), "{complaints}");
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
fn a_full_disk_costs_lines_and_no_request() {
    let files = Scratch::new();
    files.write("www/a.txt", "a");
    let text = "root = \"www\"\n[log]\naccess = \"/dev/full\"\n";
    let server = Server::start(&["--config", &files.write("site.toml", text)]);
    let mut client = server.client();
    for _ in 0..5 {
        assert_eq!(client.get("/a.txt").text(), "a");
    }
    until("the lost lines", || (server.net()["log"]["lost"] == 5).then_some(()));
    drop(client);
    server.signal(Signal::TERM);
    let (status, _, complaints) = server.end();
    assert!(status.success());
    let told = "WARN sluicegate::log: the access log cannot be written: No space left on device";
    assert!(complaints.contains(told), "{complaints}");
    assert_eq!(complaints.lines().count(), 1, "{complaints}");
}

/// A file system of its own, of so many bytes, where that is allowed.
struct Mounted(PathBuf);

impl Mounted {
    fn new(dir: PathBuf, bytes: usize) -> Option<Mounted> {
        fs::create_dir_all(&dir).expect("a directory");
        let size = format!("size={bytes}");
        let mount = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(&dir).output().ok()?;
        if !mounted.status.success() {
            // Past the test harness, which keeps what is printed by a test that passes.
            let why = String::from_utf8_lossy(&mounted.stderr);
            _ = writeln!(std::io::stderr(), "skipped: nothing can be mounted: {}", why.trim());
            return None;
        }
        Some(Mounted(dir))
    }

    /// Takes all the room that is left.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).expect("a file");
        while file.write(&[0; 4096]).is_ok_and(|n| n > 0) {}
        path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Asks for paths that count on, so many times; the next number.
fn ask_on(client: &mut Client<TcpStream>, from: usize, times: usize, pad: &str) -> usize {
    for n in from..from + times {
        client.send(format!("GET /a.txt?{n}{pad} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    (0..times).for_each(|_| assert_eq!(client.response(false).status, 200));
    from + times
}

/// The numbers of the requests in a log; each of its lines has to be whole.
fn numbers(text: &str) -> Vec<usize> {
    let number = |line: &str| -> Option<usize> {
        let value: Value = serde_json::from_str(line).expect("JSON");
        let request = value["request"].as_str()?;
        let rest = request.strip_prefix("GET /a.txt?")?;
        rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
    };
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
    text.lines().filter_map(number).collect()
}

#[test]
fn a_disk_that_fills_costs_lines_until_it_has_room_again() {
    let files = Scratch::new();
    let Some(mounted) = Mounted::new(files.path().join("logs"), 64 << 10) else { return };
    files.write("www/a.txt", "a");
    let log = mounted.0.join("access.log");
    let text = "root = \"www\"\n[log]\naccess = \"logs/access.log\"\nformat = \"json\"\n";
    let server = Server::start(&["--config", &files.write("site.toml", text), "--workers", "2"]);
    let mut client = server.client();
    let mut asked = ask_on(&mut client, 0, 10, "");
    has(&log, 10);
    let filler = mounted.fill();
    // What is left of the last page takes some of them; the next write ends within a line.
    until("a disk that is full", || {
        asked = ask_on(&mut client, asked, 10, "");
        (server.net()["log"]["failing"] == true).then_some(())
    });
    asked = ask_on(&mut client, asked, 500, "");
    fs::remove_file(filler).expect("it is there");
    until("a log that is written again", || {
        asked = ask_on(&mut client, asked, 1, "");
        (server.net()["log"]["failing"] == false).then_some(())
    });
    drop(client);
    server.signal(Signal::TERM);
    let (status, _, complaints) = server.end();
    assert!(status.success());
    let text = fs::read_to_string(&log).expect("it is there");
    let found = numbers(&text);
    let unlike: BTreeSet<_> = found.iter().collect();
    assert_eq!(unlike.len(), found.len(), "no line is there twice");
    let lost = |line: &str| -> Option<u64> {
        serde_json::from_str::<Value>(line).ok()?.get("lost")?.as_u64()
    };
    let lost: u64 = text.lines().filter_map(lost).sum();
    assert!(lost >= 500, "{lost}");
    assert_eq!(found.len() + lost as usize, asked);
    let told =
        ["WARN sluicegate::log: the access log cannot be", "INFO sluicegate::log: the access"];
    for (line, told) in complaints.lines().zip(told) {
        assert!(line.contains(told), "{complaints}");
    }
    assert_eq!(complaints.lines().count(), 2, "each is said once: {complaints}");
}

#[test]
fn a_log_keeps_to_its_budget_and_loses_nothing_but_the_oldest() {
    const BUDGET: u64 = 1 << 20;
    let files = Scratch::new();
    files.write("www/a.txt", "a");
    let table = |more: &str| {
        let log = "access = \"logs/access.log\"\nformat = \"json\"\nwhen_full = \"wait\"\n";
        let routes = "[[route]]\npath = \"/sleep\"\nhandler = \"sleep\"\n";
        files.write("site.toml", format!("root = \"www\"\n{routes}[log]\n{log}{more}"))
    };
    files.write("logs/access.log.1", "not ours");
    let config = table("");
    let server = Server::start(&["--config", &config, "--workers", "1"]);
    let dir = files.path().join("logs");
    let bytes = || {
        let sizes = fs::read_dir(&dir).expect("a directory").map(|entry| {
            let entry = entry.expect("an entry");
            let counts = entry.file_name() != "access.log.1";
            entry.metadata().map_or(0, |known| if counts { known.len() } else { 0 })
        });
        sizes.sum::<u64>()
    };
    // The former net of a reload still has this client, and logs to the same files.
    let mut former = server.client();
    let pad = "x".repeat(3000);
    let mut asked = ask_on(&mut former, 0, 200, &pad);
    until("more than a file of the budget has", || (bytes() > 600_000).then_some(()));
    table("rotate_size = \"100 KiB\"\nbudget = \"1 MiB\"\n");
    former.send("GET /sleep?ms=1000 HTTP/1.1\r\nHost: h\r\n\r\n");
    until("the request in the net", || {
        let net = server.net();
        let stages = net["stages"].as_array()?.clone();
        stages.iter().find(|stage| stage["name"] == "sleep" && stage["served"] == 1).map(drop)
    });
    server.signal(Signal::HUP);
    // The new net shows itself with figures of its own.
    until("the new settings", || {
        asked = ask_on(&mut server.client(), asked, 1, &pad);
        (server.net()["log"]["rotated"].as_u64()? > 0).then_some(())
    });
    for _ in 0..8 {
        asked = ask_on(&mut server.client(), asked, 60, &pad);
        assert!(bytes() <= BUDGET, "{} bytes", bytes());
    }
    assert_eq!(former.response(false).status, 200);
    drop(former);
    server.stop();
    assert!(bytes() <= BUDGET && bytes() > BUDGET / 2, "{} bytes", bytes());
    let (mut found, mut of_former) = (Vec::new(), 0);
    for entry in fs::read_dir(&dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if !path.ends_with("access.log.1") {
            let text = fs::read_to_string(path).expect("text");
            of_former += text.matches("GET /sleep").count();
            found.extend(numbers(&text));
        }
    }
    found.sort_unstable();
    assert_eq!(of_former, 1);
    // Blocks of records may overtake each other by a file or two, but not by half of the budget.
    assert!(found[0] > 0, "the file before the reload was removed as the oldest");
    let newest: Vec<_> = found.into_iter().filter(|n| *n >= asked - 120).collect();
    assert_eq!(newest, (asked - 120..asked).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_rotated_is_said_at_the_start() {
    let files = Scratch::new();
    files.write("www/a.txt", "a");
    let text = "root = \"www\"\n[log]\naccess = \"/dev/null\"\nrotate_age = \"1h\"\n";
    let output = run(&["serve", "--config", &files.write("site.toml", text)]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("is no plain file"), "{said}");
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

/// Lines of requests, and those that are told to be lost and left out.
fn count(text: &str) -> (usize, usize, usize) {
    let told = |what: &str| -> usize {
        let told = text.lines().filter_map(|line| line.split_once(what)?.1.split('"').next());
        told.map(|n| n.parse::<usize>().expect("a number")).sum()
    };
    let lines = text.lines().filter(|line| !line.starts_with("- - - ")).count();
    (lines, told("\"LOST "), told("\"SAMPLED "))
}

#[test]
fn a_log_that_is_not_taken_leaves_lines_out_or_makes_requests_wait() {
    // More than its queue, its buffers and a pipe hold together.
    const ASKED: usize = 30_000;
    const AHEAD: usize = 200;
    for when_full in ["shed", "wait"] {
        let files = Scratch::new();
        files.write("www/a.txt", "a");
        let pipe = files.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
        // Opened for both it does not wait for anybody, and holds the pipe open.
        let hold = File::options().read(true).write(true).open(&pipe).expect("a pipe");
        let mut reader = File::open(&pipe).expect("a pipe");
        let log = format!("access = \"pipe\"\nwhen_full = \"{when_full}\"\nformat = \"common\"");
        let config = files.write("site.toml", format!("root = \"www\"\n[log]\n{log}\n"));
        let server = Server::start(&["--config", &config, "--workers", "1"]);
        let mut client = server.client();
        let asking = std::thread::spawn(move || {
            for _ in 0..ASKED / AHEAD {
                client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n".repeat(AHEAD));
                (0..AHEAD).for_each(|_| assert_eq!(client.response(false).status, 200));
            }
        });
        let waits = when_full == "wait";
        until("a log that is full", || {
            let net = server.net();
            let http = net["stages"].as_array()?.iter().find(|stage| stage["name"] == "http")?;
            let full = if waits { http["parked_now"] == true } else { net["log"]["lost"] != 0 };
            full.then_some(())
        });
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).expect("text");
            text
        });
        asking.join().expect("every request is answered");
        let lost = server.net()["log"]["lost"].as_u64().expect("a number");
        assert_eq!(lost > 0, !waits);
        server.stop();
        drop(hold);
        let (lines, lost, left_out) = count(&reading.join().expect("no panic"));
        assert_eq!(lines + lost + left_out, ASKED);
        assert_eq!([lost > 0, left_out > 0], [!waits; 2]);
    }
}
