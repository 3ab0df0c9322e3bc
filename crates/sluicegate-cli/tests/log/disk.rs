//! Disks that fill: they cost lines, which are counted, and no request.
use crate::common::{Scratch, Server, until};
use crate::has;
use crate::numbered::{ask_on, numbers};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

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
