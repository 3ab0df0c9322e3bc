//! Nets that are written down: what is told of them.

use super::*;

fn told(before: &str, now: &str) -> Diagnosis {
    let net = |json: &str| {
        if json.is_empty() { Net::default() } else { Net::from_json(json).expect("a net") }
    };
    diagnose(&net(before), &net(now))
}

#[test]
fn nothing_is_wrong_with_an_idle_net() {
    let told = told("", r#"{"time_ms": 1000, "stages": [{"name": "a", "capacity": 8}]}"#);
    assert_eq!((told.kind, told.stage), (Kind::Healthy, None));
}

#[test]
fn the_way_leads_over_two_wires() {
    let now = r#"{"time_ms": 1000, "stages": [
        {"name": "a", "domain": "d", "kind": "pinned", "replicas": 1, "queued": 100,
            "capacity": 100, "parked_us": 900000, "parked_on": ["out"], "parked_now": true},
        {"name": "b", "domain": "e", "kind": "pinned", "replicas": 1, "queued": 2,
            "capacity": 2, "parked_us": 900000, "parked_on": ["out"], "parked_now": true},
        {"name": "c", "domain": "f", "kind": "pool", "replicas": 2, "queued": 2, "capacity": 2,
            "busy_us": 1980000, "served": 3}],
        "wires": [{"from": "a", "port": "out", "to": "b"},
            {"from": "b", "port": "out", "to": "c"}]}"#;
    let told = told("", now);
    assert_eq!((told.kind, told.stage.as_deref()), (Kind::Busy, Some("c")));
    let way = "`a` waits at `out` for `b`, which waits at `out` for `c`";
    assert!(told.evidence.iter().any(|line| line == way), "{:?}", told.evidence);
}
