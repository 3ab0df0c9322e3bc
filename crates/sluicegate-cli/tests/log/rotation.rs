//! Files that are ended, by others or by the server itself, and the budget of all of them.
use crate::common::{Scratch, Server, on_each_backend, run, until};
use crate::numbered::{ask_on, numbers};
use crate::{has, lines, site};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};

/// What is put behind a number, so that a record has about three kilobytes.
const PAD: usize = 3000;

/// The files of the log in `dir`, the oldest first, without one that is not ours.
fn log_files(dir: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).expect("a directory");
    let mut all: Vec<_> = all.map(|entry| entry.expect("an entry").path()).collect();
    all.retain(|path| !path.ends_with("access.log.1"));
    // What is written now has no stamp, and is the newest.
    all.sort_by_key(|path| (path.ends_with("access.log"), path.clone()));
    all
}

fn texts(dir: &Path) -> Vec<String> {
    // One that is removed meanwhile has none.
    log_files(dir).iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
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
    // One that is removed meanwhile has none.
    let len = |path: &PathBuf| fs::metadata(path).map_or(0, |known| known.len());
    // The newest first: one that is removed for what is written meanwhile is not counted with it.
    let bytes = || log_files(&dir).iter().rev().map(len).sum::<u64>();
    // The former net of a reload still has this client, and logs to the same files.
    let mut former = server.client();
    let pad = "x".repeat(PAD);
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
    let logged_by_former =
        || texts(&dir).iter().map(|text| text.matches("GET /sleep").count()).sum::<usize>();
    let mut of_former = 0;
    for _ in 0..8 {
        asked = ask_on(&mut server.client(), asked, 60, &pad);
        assert!(bytes() <= BUDGET, "{} bytes", bytes());
        // Where this takes longer than the request, its line may be removed as an old one.
        of_former = of_former.max(logged_by_former());
    }
    assert_eq!(former.response(false).status, 200);
    drop(former);
    server.stop();
    assert_eq!(of_former.max(logged_by_former()), 1);
    assert!(bytes() <= BUDGET && bytes() > BUDGET / 2, "{} bytes", bytes());
    let texts = texts(&dir);
    let found: Vec<_> = texts.iter().flat_map(|text| numbers(text)).collect();
    assert!(found[0] > 0, "the file before the reload was removed as the oldest");
    assert_eq!(found, (found[0]..asked).collect::<Vec<_>>());
}

#[test]
fn what_is_rotated_is_all_there_once_and_in_order() {
    on_each_backend(|| {
        const ASKED: usize = 600;
        const SIZE: usize = 64 << 10;
        let files = Scratch::new();
        files.write("www/a.txt", "a");
        files.write("logs/access.log", "");
        let log = "access = \"logs/access.log\"\nformat = \"json\"\nwhen_full = \"wait\"\n";
        let text = format!("root = \"www\"\n[log]\n{log}rotate_size = \"64 KiB\"\n");
        let config = files.write("site.toml", text);
        let server = Server::start(&["--config", &config, "--workers", "1"]);
        ask_on(&mut server.client(), 0, ASKED, &"x".repeat(PAD));
        server.stop();
        let texts = texts(&files.path().join("logs"));
        assert!(texts.iter().all(|text| text.len() <= SIZE));
        assert!(texts.len() > ASKED * PAD / SIZE, "{} files", texts.len());
        let found: Vec<_> = texts.iter().flat_map(|text| numbers(text)).collect();
        assert_eq!(found, (0..ASKED).collect::<Vec<_>>());
    });
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
