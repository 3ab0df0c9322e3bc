//! The experiments: the real binary asks the real binary, and tells what it saw.
mod common;

use common::{Scratch, run};
use std::fs;
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

#[test]
fn what_cannot_be_is_said_before_anything_runs() {
    let scratch = Scratch::new();
    let cases: [(&[&str], &str); 5] = [
        (&["spikes"], "invalid value 'spikes'"),
        (&["--handler", "2ms"], "inline:WORK or pool:WORK"),
        (&["--target", "fast"], "a whole number with us, ms or s"),
        (&["--io", "kqueue"], "invalid value 'kqueue'"),
        (&["--runs", "0"], "1 to 100 are possible"),
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
