//! A log that is not taken: lines are left out, or requests wait.
use crate::common::{Scratch, Server, until};
use std::fs::File;
use std::io::Read;
use std::process::Command;

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
