//! The experiments: the real binary asks the real binary, and tells what it saw.
mod common;

use common::{Scratch, run};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The whole of `lab overload` with the shortest times there are; returns its report and what it
/// told meanwhile.
fn overload(out: &str, more: &[&str]) -> (String, String) {
    // Whether the machine is busy is not what is tested.
    let args = ["lab", "overload", "--quick", "--ungated", "--count-void", "--out", out];
    let output = run(&[&args, more].concat());
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

/// The command lines of all processes that were started from the experiment in `out`.
fn left_over(out: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("it is there").map_while(Result::ok);
    let lines = processes.filter_map(|one| fs::read_to_string(one.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(out)).collect()
}

/// Profiles against one handler: what has to be in their report, by the names of their points.
/// What was kept is there as long as the directory that is returned.
#[track_caller]
fn check(profiles: &str, handler: &str, system: &str, points: &[&str], rows: &[&str]) -> Scratch {
    let scratch = Scratch::new();
    let profiles: Vec<&str> = profiles.split(' ').collect();
    let args = ["--handler", handler, "--io", "epoll"];
    let (report, told) = overload(scratch.arg(), &[&profiles[..], &args].concat());
    let lines = told.matches("sluicegate: [").count();
    assert!(told.contains(&format!("sluicegate: [{lines}/{lines}] {system}")), "{told}");
    assert!(report.contains(&format!("## {system}\n")), "{report}");
    for row in rows {
        // Each run counts, whatever the machine did meanwhile.
        assert!(report.contains(&format!("\n| {row} | 1 | ")), "{row}: {report}");
    }
    let kept = |name: &str| fs::read_to_string(scratch.path().join(name)).expect(name);
    for point in points {
        let csv = kept(&format!("{system}-{point}-1.csv"));
        assert!(csv.starts_with("population,second,first,attempts,good"), "{csv}");
        let picture = format!("{system}-{point}.svg");
        assert!(report.contains(&format!("\n![{picture}]({picture})\n")), "{report}");
        assert!(kept(&picture).contains("</svg>"));
    }
    assert!(kept(&format!("{system}.toml")).contains("handler = \"burn\""));
    assert_eq!(kept("report.md"), report);
    assert_eq!(left_over(scratch.arg()), Vec::<String>::new());
    scratch
}

#[test]
fn clients_that_retry_are_reported_and_the_server_is_ended() {
    check("retry", "inline:1ms", "inline-1000us-epoll-ungated", &["retry"], &["5x"]);
}

#[test]
fn a_greedy_client_is_told_apart_from_the_quiet_ones() {
    let rows = ["mice alone: 0.5x", "mice beside it: 0.5x", "the greedy one: 5x"];
    let points = ["greedy-alone", "greedy"];
    check("greedy", "pool:1ms", "pool-1000us-epoll-ungated", &points, &rows);
}

/// A cell of the first row that begins so, by the name of its column.
#[track_caller]
fn cell(report: &str, row: &str, column: &str) -> String {
    let line = |begin: &str| report.lines().find(|line| line.starts_with(begin)).expect(begin);
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let at = cells(line("| load |")).iter().position(|name| name == column).expect(column);
    cells(line(row)).swap_remove(at)
}

/// A directory with a program in place of the peers': our own server, whatever it is asked to be.
/// What it was started with is in `started`.
fn fake_peers(scratch: &Scratch) -> String {
    let route = "[[route]]\npath = \"/burn\"\nhandler = \"burn\"\n";
    let settings = scratch.write("peer.toml", route);
    let started = scratch.path().join("started");
    let text = format!(
        "#!/bin/sh\necho \"$*\" >> {}\nexec {} serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 \
         --workers 1 --config {settings}\n",
        started.display(),
        env!("CARGO_BIN_EXE_sluicegate")
    );
    let program = scratch.write("peers/overload-peer", text);
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it is ours");
    scratch.path().join("peers").display().to_string()
}

#[test]
fn a_peer_is_tuned_and_both_tell_what_a_refusal_costs() {
    let scratch = Scratch::new();
    let peers = fake_peers(&scratch);
    let out = scratch.path().join("out").display().to_string();
    let which = ["--peers", &peers, "--peer", "axum-limit", "--handler", "inline:20ms"];
    let (report, _) = overload(&out, &[&["refuse", "--io", "epoll"], &which[..]].concat());
    assert!(report.contains("## axum-limit-inline-20000us\n"), "{report}");
    assert!(report.contains(" requests at once, the best at five times the capacity of 1 ("));
    assert_eq!(cell(&report, "| 10x |", "good/s"), "0", "{report}");
    assert_eq!(cell(&report, "| 10x |", "refused %"), "100.0", "{report}");
    let cost = cell(&report, "| 10x |", "CPU us/refusal");
    assert!(cost.parse::<f64>().is_ok_and(|cost| cost > 0.0), "{report}");
    let ours = Path::new(&out).join("inline-20000us-epoll-ungated-refuse.toml");
    assert!(fs::read_to_string(ours).expect("it is kept").contains("\nrefuse = true\n"));
    let started = fs::read_to_string(scratch.path().join("started")).expect("it was started");
    let started: Vec<&str> = started.lines().collect();
    let [open, limit] = ["axum inline", "axum inline --limit "];
    assert_eq!(started[..3], [open; 3], "the capacity is found without a limit");
    assert_eq!(started[3..5], [format!("{limit}1"), format!("{limit}2")], "both are tried");
    assert_eq!(started[5..], [format!("{limit}0")], "it refuses everything");
    assert_eq!(left_over(scratch.arg()), Vec::<String>::new());
}

#[test]
fn nginx_stands_before_a_peer_and_both_are_ended() {
    let nginx = ["/usr/sbin/nginx", "/usr/bin/nginx"].iter().any(|file| Path::new(file).exists());
    if !nginx {
        println!("skipped: nginx is not installed");
        return;
    }
    let scratch = Scratch::new();
    let peers = fake_peers(&scratch);
    let out = scratch.path().join("out").display().to_string();
    let which = ["--peers", &peers, "--peer", "nginx-req", "--handler", "inline:2ms"];
    let (report, _) = overload(&out, &[&["refuse", "--io", "epoll"], &which[..]].concat());
    assert!(report.contains(" requests a second, the best at five times"), "{report}");
    let kept = |name: &str| fs::read_to_string(Path::new(&out).join(name)).expect(name);
    assert!(kept("nginx-req-inline-2000us-refuse/nginx.conf").contains("rate=1r/m;"));
    assert!(!kept("nginx-req-inline-2000us-capacity/nginx.conf").contains("zone="));
    // But for the one a minute, who comes first.
    let (_, after) = report.split_once("## nginx-req").expect("its part");
    let figure = |column| cell(after, "| 10x |", column).parse::<f64>().expect("a figure");
    // How many are given up on says how busy the machine is, nothing else.
    assert!(figure("good/s") <= 1.0 && figure("refused %") > 0.0, "{report}");
    assert_eq!(left_over(scratch.arg()), Vec::<String>::new());
}

#[test]
fn classes_are_told_apart_and_requests_may_cost_one_or_the_other() {
    let rows = ["class 5: 0.15x", "class 0: 0.15x", "second 1: 2x", "second 2: 2x"];
    let system = "pool-9x500us+1x5000us-epoll-ungated";
    check("classes cold", "pool:9x500us+1x5ms", system, &["classes", "cold"], &rows);
}

#[test]
fn what_befalls_the_server_is_told_apart() {
    let system = "inline-2000us-epoll-ungated";
    let rows = ["stopped: 0.8x", "beside another: 0.8x"];
    check("stall loss", "inline:2ms", system, &["stall", "loss"], &rows);
}

#[test]
fn work_that_changes_in_the_middle_has_two_capacities() {
    let system = "inline-500us-then-2000us-epoll-ungated";
    let rows = ["before: 0.9x", "kick: 3x, first", "kick: 3x, then", "after: 0.9x"];
    let kept = check("storm", "inline:500us-then-2ms", system, &["storm"], &rows);
    let report = fs::read_to_string(kept.path().join("report.md")).expect("it was kept");
    for part in ["inline:500us", "inline:2000us"] {
        assert!(report.contains(&format!("\nCapacity of {part}, ")), "{report}");
    }
}

#[test]
fn what_cannot_be_is_said_before_anything_runs() {
    let scratch = Scratch::new();
    let cases: [(&[&str], &str); 8] = [
        (&["spikes"], "invalid value 'spikes'"),
        (&["--handler", "2ms"], "inline:WORK or pool:WORK"),
        (&["--target", "fast"], "a whole number with us, ms or s"),
        (&["--io", "kqueue"], "invalid value 'kqueue'"),
        (&["--runs", "0"], "1 to 100 are possible"),
        (&["--peer", "axum"], "--peers <DIR>"),
        (&["--peers", "/", "--peer", "iis"], "invalid value 'iis'"),
        (&["--peers", "/nowhere"], "no /nowhere/overload-peer; `cargo xtask bench overload`"),
    ];
    for (args, told) in cases {
        let out = scratch.path().join("out");
        let out = ["--out", out.to_str().expect("a plain path")];
        let output = run(&[&["lab", "overload"], args, &out].concat());
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {complaints}");
        assert!(complaints.contains(told), "{args:?}: {complaints}");
        assert!(!Path::new(out[1]).exists(), "{args:?}");
    }
}

#[test]
fn a_place_where_nothing_can_be_kept_is_told() {
    let scratch = Scratch::new();
    let file = scratch.write("taken", "");
    let output = run(&["lab", "overload", "--quick", "--ungated", "--out", &file]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaints}");
    assert!(complaints.contains(&format!("cannot make {file}")), "{complaints}");
}

#[test]
fn laws_are_played_drawn_and_held_against_each_other() {
    let scratch = Scratch::new();
    let output = run(&["lab", "laws", "--quick", "--out", scratch.arg()]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let report = String::from_utf8(output.stdout).expect("text");
    let kept = |name: &str| fs::read_to_string(scratch.path().join(name)).expect(name);
    assert_eq!(kept("report.md"), report);
    let laws =
        ["off", "limit", "seda", "seda-multiclass", "codel", "gradient2", "vegas", "overload"];
    for law in laws {
        assert!(kept(&format!("step-{law}.svg")).contains("page, 100/s"), "{law}");
        let csv = kept(&format!("profiles-retry-{law}.csv"));
        assert!(csv.contains("\nclients,all,"), "{csv}");
        assert!(report.contains(&format!("\n| three in the crowd | {law} | ")), "{report}");
    }
    assert!(report.contains("\n| phase | off | limit | seda | seda-multiclass | "), "{report}");
    assert!(report.contains("## The default beside the original"), "{report}");
}

#[test]
fn gates_at_each_stage_and_at_the_door_stand_side_by_side() {
    let scratch = Scratch::new();
    let output = run(&["lab", "door", "--quick", "--out", scratch.arg()]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let report = String::from_utf8(output.stdout).expect("text");
    let kept = fs::read_to_string(scratch.path().join("report.md")).expect("it is kept");
    assert_eq!(kept, report);
    let rows = |gates: &str| report.matches(&format!("\n| {gates} | ")).count();
    let each = ["nowhere", "at the door", "at each stage", "at the door, usual queues"].map(rows);
    assert_eq!(each, [6 + 2, 6 + 2, 6 + 2, 3 + 2], "a fork has two kinds of requests: {report}");
    assert_eq!(rows("where the way is known"), 2, "{report}");
}

#[test]
fn policies_are_played_side_by_side() {
    let scratch = Scratch::new();
    let output = run(&["lab", "policies", "--quick", "--out", scratch.arg()]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let report = String::from_utf8(output.stdout).expect("text");
    let kept = fs::read_to_string(scratch.path().join("report.md")).expect("it is kept");
    assert_eq!(kept, report);
    let scenes = report.matches("\n## ").count();
    assert!(scenes > 4, "{report}");
    let policies =
        ["exit first", "fifo", "cohort", "shares", "longest queue", "priority", "oldest first"];
    for policy in policies {
        let rows = report.matches(&format!("\n| {policy} | ")).count();
        assert!(rows > scenes, "some scenes have several kinds: {report}");
    }
}
