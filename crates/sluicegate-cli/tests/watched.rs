//! A service that runs, watched by the command: as a table, a drawing, a recording.
mod common;

use common::{Scratch, Server, run};
use std::process::Output;

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
