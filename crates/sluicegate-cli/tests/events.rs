//! What happens to a server, as events on stderr.
mod common;

use common::{Scratch, Server, run, until};
use rustix::process::Signal;

const CONFIG: &str = "root = \".\"
workers = 1
[[route]]
path = \"/panic\"
handler = \"panic\"
[[route]]
path = \"/burn\"
handler = \"burn\"
domain = \"inline\"
";

fn incidents(server: &Server) -> Vec<String> {
    let told = common::Client::connect(&server.address("admin")).get("/api/incidents");
    let told: serde_json::Value = serde_json::from_slice(&told.body).expect("JSON");
    let all = told["incidents"].as_array().expect("a list").iter();
    all.map(|one| one["kind"].as_str().expect("a word").to_owned()).collect()
}

/// Has each thing happen to a server with these arguments; what it told on stderr.
fn lived(more: &[&str]) -> String {
    let site = Scratch::new();
    let config = site.write("site.toml", CONFIG);
    let mut server = Server::start(&[&["--config", &config], more].concat());
    let mut admin = common::Client::connect(&server.address("admin"));
    let mut client = server.client();
    for (target, status) in [
        ("/api/settings?by=anna&stages.cache.batch=7", 200),
        ("/api/settings?by=anna&stages.none.batch=7", 400),
        ("/api/stages/cache/pause?by=anna", 200),
        ("/api/stages/cache/resume?by=anna", 200),
    ] {
        assert_eq!(admin.ask("POST", target, "").status, status, "{target}");
    }
    // What is counted is told by a look, once a second, that knows an earlier one.
    until("a look at the net", || (!incidents(&server).is_empty()).then_some(()));
    assert_eq!(client.get("/panic").status, 500);
    until("the panic is seen", || incidents(&server).contains(&"panic".to_owned()).then_some(()));
    // It hangs long enough to be seen by a look; that it is over takes ten more.
    client.get("/burn?us=3000000");
    until("the stall is seen", || incidents(&server).contains(&"stall".to_owned()).then_some(()));
    drop((client, admin));
    site.write("site.toml", "rot = 1\n");
    server.signal(Signal::HUP);
    assert_eq!(server.says(), "SIGHUP: the former settings hold on");
    site.write("site.toml", CONFIG);
    server.signal(Signal::HUP);
    assert_eq!(server.says(), "SIGHUP: the settings were read again");
    // It is told by the first look of the net that took over.
    until("a look after it", || incidents(&server).contains(&"restart".to_owned()).then_some(()));
    server.signal(Signal::TERM);
    let (status, _, told) = server.end();
    assert!(status.success(), "{told}");
    told
}

/// How often each of these was told.
fn times(told: &str, events: &[&str]) -> Vec<usize> {
    events.iter().map(|event| told.lines().filter(|line| line.contains(event)).count()).collect()
}

#[test]
fn each_thing_that_happens_is_told_once() {
    let told = lived(&["--log-level", "debug"]);
    let events = [
        " INFO sluicegate::service: started listening=\"127.0.0.1:",
        " INFO sluicegate::settings: a setting was changed over admin by=\"anna\" \
         path=\"stages.cache.batch\" to=\"7\"",
        " INFO sluicegate::settings: a stage was paused over admin by=\"anna\" stage=\"cache\"",
        " INFO sluicegate::settings: a stage was resumed over admin by=\"anna\" stage=\"cache\"",
        " WARN sluicegate::incident: panic panicked once kind=\"panic\" stage=\"panic\"",
        " WARN sluicegate::stall: stage `burn` on cpu/0 has not come back for 1.",
        " INFO sluicegate::incident: the net began anew, with its settings as they are \
         kind=\"restart\"",
        " ERROR sluicegate::service: ",
        " INFO sluicegate::service: another net took over",
        " INFO sluicegate::service: draining: what was begun is answered limit_ms=",
    ];
    assert_eq!(times(&told, &events), [1; 10], "{told}");
    // The net that was succeeded, and the one that took over.
    let ends = " INFO sluicegate::service: ended; both ledgers are even answered=";
    assert_eq!(times(&told, &[ends, "stages.none", "unknown key `rot`"]), [2, 0, 1], "{told}");
}

#[test]
fn unless_asked_only_warnings_and_changes_are_told() {
    let told = lived(&[]);
    // The rest is of the panic.
    let is_event = |line: &&str| line.starts_with("20") && line.contains(" sluicegate::");
    let events: Vec<_> = told.lines().filter(is_event).collect();
    let odd = |line: &&&str| {
        let is = |what| line.contains(what);
        !is(" WARN ") && !is(" ERROR ") && !is(" INFO sluicegate::settings: ")
    };
    assert_eq!(events.iter().find(odd), None, "{told}");
    let events = [" WARN sluicegate::stall: ", " INFO sluicegate::settings: ", " ERROR "];
    assert_eq!(times(&told, &events), [1, 3, 1], "{told}");
}

#[test]
fn a_level_that_is_none_is_said() {
    let output = run(&["serve", "--log-level", "loud"]);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("[possible values: error, warn, info, debug, trace]"), "{said}");
}
