//! What runs short, as the real binary tells it of this machine.
mod common;

use common::{Client, Scratch, Server, until};
use serde_json::Value;

fn resource(net: &Value, name: &str) -> Value {
    let all = net["resources"].as_array().expect("resources");
    let one = all.iter().find(|one| one["name"] == name);
    one.unwrap_or_else(|| panic!("{name} is not among {all:?}")).clone()
}

/// Sets the threshold from which on memory of the system is short.
fn set_short(server: &Server, at: f64) {
    let path = "stages.resources.own.system-memory.short";
    let mut admin = Client::connect(&server.address("admin"));
    let target = format!("/api/settings?{path}={at}&by=anna");
    assert_eq!(admin.ask("POST", &target, "").status, 200);
}

fn incidents(server: &Server) -> Vec<String> {
    let told = Client::connect(&server.address("admin")).get("/api/incidents");
    let told: Value = serde_json::from_slice(&told.body).expect("JSON");
    let all = told["incidents"].as_array().expect("a list").iter();
    let all = all.filter(|one| one["kind"] == "resource");
    all.map(|one| one["words"].as_str().expect("words").to_owned()).collect()
}

#[test]
fn what_runs_short_on_this_machine_is_told_and_makes_the_cache_smaller() {
    let site = Scratch::new();
    site.write("www/index.html", "home");
    let config = format!("root = \"{0}/www\"\nlog.access = \"{0}/a.log\"\n", site.arg());
    let config = site.write("site.toml", format!("{config}cache.budget = \"64 MiB\"\n"));
    let server = Server::start(&["--config", &config]);
    assert_eq!(server.client().get("/").text(), "home");
    // There may be no more of it on this machine, but there is some.
    for name in ["memory", "system-memory", "site-space", "log-space"] {
        let used = || resource(&server.net(), name)["used"].as_f64();
        let used = until(&format!("{name} is read"), used);
        assert!((0.0..=2.0).contains(&used), "{name}: {used}");
    }
    for one in server.net()["resources"].as_array().expect("resources") {
        assert!(one["used"].is_null() || one["used"].as_f64() >= Some(0.0), "{one}");
        assert!(["calm", "pressed", "short"].contains(&one["level"].as_str().unwrap()), "{one}");
        assert_eq!(one["heeded"], false, "there is no gate");
    }

    // Each machine uses more of its memory than that, and then less than ten times of it.
    let is_at = |level: &str, budget: u64| {
        let net = server.net();
        let found = resource(&net, "system-memory")["level"] == level;
        (found && net["cache"]["budget"].as_u64() == Some(budget)).then_some(())
    };
    set_short(&server, 0.001);
    until("the cache gives back three quarters", || is_at("short", 16 << 20));
    let told = || incidents(&server).into_iter().find(|one| one.contains("system-memory is short"));
    let words = until("it is told", told);
    assert!(words.contains(" of 100 percent, "), "{words}");
    let metrics = Client::connect(&server.address("admin")).get("/metrics");
    let line = "sluicegate_resource_level{resource=\"system-memory\"} 2\n";
    assert!(metrics.text().contains(line), "{}", metrics.text());
    assert_eq!(server.client().get("/").text(), "home", "the site goes on");
    set_short(&server, 10.0);
    until("it is not short any more", || {
        (resource(&server.net(), "system-memory")["level"] != "short").then_some(())
    });
    server.stop();
}
