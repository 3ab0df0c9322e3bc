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
fn those_classes_suffer_that_are_refused_now() {
    let net = |time_ms: u64, busy_us: u64, refused: u64| {
        format!(
            r#"{{"time_ms": {time_ms}, "stages": [{{"name": "a", "domain": "d", "kind": "pinned",
            "replicas": 1, "queued": 8, "capacity": 8, "busy_us": {busy_us}}}], "classes": [
            {{"class": 0, "finished": 9, "ended": {{"shed": 7000}}}},
            {{"class": 1, "finished": {refused}, "ended": {{"shed": {refused}, "late": 2}}}}]}}"#
        )
    };
    let told = told(&net(1000, 0, 100), &net(3000, 2_000_000, 140));
    let classes: Vec<_> = told.suffers.iter().filter(|line| line.starts_with("class")).collect();
    assert_eq!(classes, ["class 1: 20/s of 40/s end unanswered"]);
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
