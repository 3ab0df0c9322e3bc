//! The experiments: the real binary asks the real binary, and tells what it saw.
mod common;

use common::{Scratch, run};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The whole of `lab overload` with the shortest times there are; returns its report.
fn overload(out: &str, more: &[&str]) -> String {
    // Whether the machine is busy is not what is tested.
    let args = ["lab", "overload", "--quick", "--ungated", "--count-void", "--out", out];
    let output = run(&[&args, more].concat());
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    String::from_utf8(output.stdout).expect("text")
}

/// The command lines of all processes that were started from the experiment in `out`.
fn left_over(out: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("it is there").map_while(Result::ok);
    let lines = processes.filter_map(|one| fs::read_to_string(one.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(out)).collect()
}

/// A profile against one handler: what has to be in its report, by the names of its points.
#[track_caller]
fn check(profile: &str, handler: &str, system: &str, points: &[&str], rows: &[&str]) {
    let scratch = Scratch::new();
    let report = overload(scratch.arg(), &[profile, "--handler", handler, "--io", "epoll"]);
    assert!(report.contains(&format!("## {system}\n")), "{report}");
    for row in rows {
        // Each run counts, whatever the machine did meanwhile.
        assert!(report.contains(&format!("\n| {row} | 1 | ")), "{row}: {report}");
    }
    let kept = |name: &str| fs::read_to_string(scratch.path().join(name)).expect(name);
    for point in points {
        let csv = kept(&format!("{system}-{point}-1.csv"));
        assert!(csv.starts_with("population,second,first,attempts,good"), "{csv}");
    }
    assert!(kept(&format!("{system}-capacity-3.csv")).contains("\nusers,all,"));
    assert!(kept(&format!("{system}.toml")).contains("handler = \"burn\""));
    assert_eq!(kept("report.md"), report);
    assert_eq!(left_over(scratch.arg()), Vec::<String>::new());
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
    let report = overload(&out, &[&["refuse", "--io", "epoll"], &which[..]].concat());
    assert!(report.contains("## axum-limit-inline-20000us\n"), "{report}");
    assert!(report.contains(" requests at once, the best at five times the capacity of 1 ("));
    assert_eq!(cell(&report, "| 10x |", "good/s"), "0", "{report}");
    assert_eq!(cell(&report, "| 10x |", "refused %"), "100.0", "{report}");
    let cost = cell(&report, "| 10x |", "CPU us/refusal");
    assert!(cost.parse::<f64>().is_ok_and(|cost| cost > 0.0), "{report}");
    let ours = Path::new(&out).join("inline-20000us-epoll-ungated-refuse.toml");
    assert!(fs::read_to_string(ours).expect("it is kept").ends_with("refuse = true\n"));
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
    let report = overload(&out, &[&["refuse", "--io", "epoll"], &which[..]].concat());
    assert!(report.contains(" requests a second, the best at five times"), "{report}");
    let kept = |name: &str| fs::read_to_string(Path::new(&out).join(name)).expect(name);
    assert!(kept("nginx-req-inline-2000us-refuse/nginx.conf").contains("rate=1r/m;"));
    assert!(!kept("nginx-req-inline-2000us-capacity/nginx.conf").contains("zone="));
    // But for the one a minute, who comes first.
    let (_, after) = report.split_once("## nginx-req").expect("its part");
    let refused: f64 = cell(after, "| 10x |", "refused %").parse().expect("a figure");
    assert!(refused > 99.0, "{report}");
    assert_eq!(left_over(scratch.arg()), Vec::<String>::new());
}

#[test]
fn what_cannot_be_is_said_before_anything_runs() {
    let scratch = Scratch::new();
    let cases: [(&[&str], &str); 8] = [
        (&["spikes"], "invalid value 'spikes'"),
        (&["--handler", "2ms"], "inline:TIME or pool:TIME"),
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
