//! A service that runs, watched by the command: as a table, a drawing, a recording.
mod common;

use common::{Scratch, Server, command, run, until};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Output, Stdio};

/// What the command says when all is well.
fn said(output: &Output) -> String {
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// What it says when it does not start.
#[track_caller]
fn complaint(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_service_is_told_recorded_and_drawn() {
    let site = Scratch::new();
    let server = Server::start(&[site.arg()]);
    let admin = server.address("admin");
    for _ in 0..3 {
        assert_eq!(server.client().get("/nothing").status, 404);
    }
    let table = said(&run(&["top", "--once", "--admin", &admin]));
    assert!(table.starts_with("Nothing holds the net up"), "{table}");
    let lines: Vec<&str> = table.lines().skip(1).collect();
    assert!(lines[0].starts_with("STAGE"), "{table}");
    let net = server.net();
    let stages = net["stages"].as_array().expect("stages");
    assert_eq!(lines.len(), 1 + stages.len(), "a line for each stage");

    let drawn = said(&run(&["graph", "--live", "--admin", &admin]));
    for stage in stages {
        let name = stage["name"].as_str().expect("a name");
        assert!(drawn.contains(&format!("\"{name}<br>")), "{name} in {drawn}");
    }
    let wires = net["wires"].as_array().expect("wires").len();
    assert_eq!(drawn.matches("/s\"| stage_").count(), wires, "a rate on each wire: {drawn}");

    let file = format!("{}/net.jsonl", site.arg());
    said(&run(&["record", &file, "--admin", &admin, "--seconds", "1"]));
    let told = said(&run(&["explain", &file]));
    assert!(told.ends_with("Nothing was wrong.\n"), "{told}");
    server.stop();
    let gone = complaint(&["top", "--once", "--admin", &admin]);
    assert!(gone.starts_with(&format!("sluicegate: cannot ask {admin}: ")), "{gone}");
}

#[test]
fn a_stage_that_is_paused_is_explained() {
    let site = Scratch::new();
    let server = Server::start(&[site.arg()]);
    let admin = server.address("admin");
    let paused = common::Client::connect(&admin).ask("POST", "/api/stages/cache/pause", "");
    assert_eq!(paused.status, 200);
    let file = format!("{}/net.jsonl", site.arg());
    said(&run(&["record", &file, "--admin", &admin, "--seconds", "1"]));
    let told = said(&run(&["explain", &file]));
    assert!(told.contains("Stage `cache` is paused."), "{told}");
    assert!(told.contains("POST /api/stages/cache/resume"), "{told}");
    drop(server);
}

#[test]
fn what_cannot_be_explained_is_told() {
    let site = Scratch::new();
    let garbage = site.write("garbage", "GIF89a");
    let said = complaint(&["explain", &garbage]);
    assert_eq!(
        said,
        format!("sluicegate: {garbage}: it is no recording: expected value at line 1 column 1\n")
    );
    let other = site.write("other", "{\"a\": 1}\n");
    assert!(complaint(&["explain", &other]).contains("no answer of /api/net"));
    let nowhere = format!("{garbage}.not");
    assert!(complaint(&["explain", &nowhere]).contains("cannot be read"));
    let typed = complaint(&["top", "--once", "--admin", "nowhere"]);
    assert!(typed.contains("nowhere"), "{typed}");
}

/// The command, which runs beside the test.
fn beside(args: &[&str]) -> Child {
    let mut command = command();
    let piped = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    piped.spawn().expect("the binary runs")
}

/// It ends well and says nothing, once what it says is read no more.
#[track_caller]
fn ends_quietly(mut child: Child) {
    let status = until("it ends", || child.try_wait().expect("it was started"));
    let mut complaints = String::new();
    let mut stderr = child.stderr.take().expect("stderr is piped");
    stderr.read_to_string(&mut complaints).expect("text");
    assert!(status.success() && complaints.is_empty(), "{status}: {complaints}");
}

#[test]
fn a_recording_of_which_only_the_beginning_is_read_ends() {
    let site = Scratch::new();
    let server = Server::start(&[site.arg()]);
    let admin = server.address("admin");
    let mut child = beside(&["record", "-", "--admin", &admin, "--seconds", "3600"]);
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
    out.read_line(&mut line).expect("text");
    assert!(line.starts_with('{'), "{line}");
    drop(out);
    ends_quietly(child);
    server.stop();
}

#[test]
fn flows_are_followed_once_each_beyond_a_reload_for_as_long_as_somebody_reads() {
    let site = Scratch::new();
    let config = site.write("site.toml", "[[route]]\npath = \"/panic\"\nhandler = \"panic\"\n");
    let mut server = Server::start(&["--config", &config, site.arg()]);
    let admin = server.address("admin");
    let mut child = beside(&["trace", "--follow", "--why", "failed", "--admin", &admin]);
    let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let lines = out.lines().map(|line| line.expect("text"));
    let mut flows = lines.filter(|line| line.starts_with("flow "));
    let mut fail = |server: &Server| {
        assert_eq!(server.client().get("/panic").status, 500);
        flows.next().expect("it is followed")
    };
    let former = [(); 3].map(|()| fail(&server));
    assert!(former[0] != former[1] && former[1] != former[2], "{former:?}");
    server.signal(Signal::HUP);
    assert_eq!(server.says(), "SIGHUP: the settings were read again");
    let (first, then) = (fail(&server), fail(&server));
    assert_ne!(first, then, "the first is told once");
    drop(flows);
    assert_eq!(server.client().get("/panic").status, 500);
    ends_quietly(child);
    drop(server);
}
