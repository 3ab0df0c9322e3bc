//! What is found between two looks.

use super::*;
use serde_json::{Value, json};

/// A net of one stage, with these fields beside its name.
fn net(stage: Value, more: Value) -> Net {
    let mut of = json!({ "name": "load", "kind": "pool" });
    for (key, value) in stage.as_object().expect("an object") {
        of[key] = value.clone();
    }
    let mut net = json!({ "time_ms": 0, "stages": [of] });
    for (key, value) in more.as_object().expect("an object") {
        net[key] = value.clone();
    }
    Net::from_value(net).expect("a net")
}

fn stage(stage: Value) -> Net {
    net(stage, json!({}))
}

/// Looks at one net after the other; what was told, with the number of the look.
fn told(looks: &[Net]) -> Vec<(i64, &'static str, String)> {
    let mut incidents = Incidents::default();
    let mut before = None;
    for (at, now) in looks.iter().enumerate() {
        incidents.look(at as i64, before, now, &[]);
        before = Some(now);
    }
    incidents.list().map(|one| (one.at_ms, one.kind, one.words.clone())).collect()
}

#[test]
fn panics_and_breakers_are_told() {
    let mut looks = vec![
        stage(json!({ "panics": 3 })),
        stage(json!({ "panics": 4 })),
        stage(json!({ "panics": 9, "breaks": 1, "broken_now": 1 })),
        stage(json!({ "panics": 9, "breaks": 2, "broken_now": 1 })),
    ];
    looks.extend((0..12).map(|_| stage(json!({ "panics": 9, "breaks": 2 }))));
    looks.push(stage(json!({ "panics": 9, "breaks": 5 })));
    let told = told(&looks);
    let words: Vec<_> = told.iter().map(|(at, kind, words)| (*at, *kind, &**words)).collect();
    let expected = [
        (1, "panic", "load panicked once"),
        (2, "panic", "load panicked 5 times"),
        (2, "breaker", "the breaker of load is open: all it gets is refused"),
        (13, "breaker", "the breaker of load is closed"),
        (16, "breaker", "the breaker of load opened 3 times and closed again"),
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_log_that_fails_or_is_sampled_is_told() {
    let log = |failing: bool, one_in: u64| {
        net(json!({}), json!({ "log": { "failing": failing, "one_in": one_in } }))
    };
    let mut looks = vec![log(false, 1), log(true, 1), log(true, 4), log(false, 2)];
    looks.extend((0..12).map(|_| log(false, 1)));
    let told = told(&looks);
    let words: Vec<_> = told.iter().map(|(at, kind, words)| (*at, *kind, &**words)).collect();
    let expected = [
        (1, "log", "the access log cannot be written: its records are lost, and counted"),
        (2, "sampling", "the access log cannot keep up: some records are left out, and counted"),
        (12, "log", "the access log is written again"),
        (13, "sampling", "the access log has all records again"),
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_bound_is_told_when_it_changed_much_since_it_was_told() {
    let gate = |work: Option<u64>, events: Option<u64>| {
        let bounds = json!({ "work_us": work, "events": events });
        stage(json!({ "on_duty": 1, "admission": [{ "bounds": bounds }] }))
    };
    let looks = [
        gate(Some(25_000), None),
        gate(Some(32_500), None),
        gate(Some(45_000), None),
        gate(Some(50_000), None),
        gate(Some(26_000), None),
        gate(Some(25_000), Some(0)),
        gate(Some(25_000), Some(0)),
    ];
    let words: Vec<_> = told(&looks).into_iter().map(|(at, _, words)| (at, words)).collect();
    let expected = [
        (3, "load bounds its queued work by 50 ms, before 25 ms"),
        (5, "load bounds its queued work by 25 ms, before 50 ms"),
        (5, "load bounds its events by 0, before no bound"),
    ];
    assert_eq!(words, expected.map(|(at, words)| (at, words.to_owned())));
    let threads = |n: u64| stage(json!({ "on_duty": n }));
    let told = told(&[threads(2), threads(3), threads(4), threads(5)]);
    assert_eq!(told, [(2, "threads", "load has 4 threads on duty, before 2".to_owned())]);
}

#[test]
fn pressure_is_told_when_it_begins_and_when_it_is_long_over() {
    let pressed = |pressure: f64| {
        let votes = json!([{ "law": "codel" }, { "law": "overload", "pressure": pressure }]);
        stage(json!({ "admission": [{ "pressure": pressure, "votes": votes }] }))
    };
    let looks: Vec<_> = [0.0, 0.12, 0.9, 0.0, 0.3].into_iter().map(pressed).collect();
    let calm = (0..20).map(|_| pressed(0.0));
    let told = told(&looks.into_iter().chain(calm).collect::<Vec<_>>());
    let begun = "overload of load publishes pressure: 12 % of what comes had better be refused";
    let over = "load publishes no pressure any more";
    assert_eq!(told, [(1, "pressure", begun.to_owned()), (14, "pressure", over.to_owned())]);
}

/// A net whose memory is at this level.
fn memory(level: &str, used: Option<f64>) -> Net {
    let mut one = json!({ "name": "memory", "level": level, "budget": 200, "unit": "bytes" });
    one["used"] = used.into();
    net(json!({}), json!({ "resources": [one] }))
}

#[test]
fn a_resource_is_told_with_its_numbers_when_its_level_changes() {
    let mut looks = vec![
        memory("", Some(0.99)),
        memory("calm", Some(0.5)),
        memory("pressed", Some(0.86)),
        memory("pressed", Some(0.8)),
        memory("short", Some(0.955)),
    ];
    looks.extend((0..15).map(|_| memory("pressed", Some(0.855))));
    looks.extend((0..15).map(|_| memory("calm", None)));
    let expected = [
        (2, "resource", "memory is pressed, before calm: 172 of 200 bytes, 86 %"),
        (4, "resource", "memory is short, before pressed: 191 of 200 bytes, 96 %"),
        (15, "resource", "memory is pressed, before short: 171 of 200 bytes, 86 %"),
        (30, "resource", "memory is calm, before pressed: its use is not known"),
    ];
    assert_eq!(told(&looks), expected.map(|(at, kind, words)| (at, kind, words.to_owned())));
}

#[test]
fn a_level_that_comes_and_goes_is_told_once() {
    let swings = |look: usize| match look % 8 {
        0..3 => memory("pressed", Some(0.9)),
        _ => memory("calm", Some(0.7)),
    };
    let told = told(&(0..2 * INCIDENTS_KEPT).map(swings).collect::<Vec<_>>());
    let words = "memory is pressed, before calm: 180 of 200 bytes, 90 %";
    assert_eq!(told, [(0, "resource", words.to_owned())]);
}

#[test]
fn what_is_of_all_the_net_is_told() {
    let stalled = json!({ "stalls": [{ "stage": "load", "worker": 1, "time_us": 11_000_000 }] });
    let looks = [
        stage(json!({})),
        net(json!({}), stalled.clone()),
        net(json!({}), stalled),
        net(json!({}), json!({ "ledger": { "balanced": false } })),
        net(json!({}), json!({ "draining": true })),
        net(json!({}), json!({ "draining": true, "stopped": "load panicked too often" })),
    ];
    let told = told(&looks);
    let kinds: Vec<_> = told.iter().map(|(at, kind, _)| (*at, *kind)).collect();
    assert_eq!(kinds, [(1, "stall"), (3, "ledger"), (4, "drain"), (5, "stopped")]);
    assert_eq!(told[0].2, "a handler of load has not come back for 11000 ms");
    assert_eq!(told[3].2, "the net stopped: load panicked too often");
}

#[test]
fn changes_are_told_once_with_who_made_them() {
    let log = sluicegate::Changes::default();
    let note = |path: &str, from: &str, to: &str| {
        let told = (path.to_owned(), from.to_owned(), to.to_owned());
        log.note(sluicegate::Time(0), "anna", [told]);
    };
    let (mut incidents, now) = (Incidents::default(), stage(json!({})));
    note("stages.load.batch", "1", "4");
    incidents.look(0, None, &now, &log.list());
    note("stages.load.batch", "4", "8");
    note("stages.load.paused", "false", "true");
    incidents.look(1, Some(&now), &now, &log.list());
    note("stages.load.paused", "true", "false");
    note("stages.load.gate.overload.frozen", "false", "true");
    note("stages.load.stage", "A", "B");
    note("domains.disk.threads", "4", "8");
    incidents.look(2, Some(&now), &now, &log.list());
    incidents.look(3, Some(&now), &now, &log.list());
    let told: Vec<_> = incidents.list().map(|one| (one.kind, &*one.words)).collect();
    let expected = [
        ("setting", "anna set stages.load.batch from 1 to 4"),
        ("setting", "anna set stages.load.batch from 4 to 8"),
        ("paused", "anna paused load"),
        ("resumed", "anna had load go on"),
        ("frozen", "anna froze the law overload of load"),
        ("replaced", "anna replaced the stage load: A by B"),
        ("setting", "anna set domains.disk.threads from 4 to 8"),
    ];
    assert_eq!(told, expected);
    let stages: Vec<_> = incidents.list().map(|one| one.stage.as_deref()).collect();
    assert_eq!((stages[1], stages[6]), (Some("load"), None));
}

#[test]
fn the_newest_are_remembered() {
    let mut incidents = Incidents::default();
    for n in 0..2000 {
        incidents.note("panic", None, n.to_string());
    }
    let kept: Vec<_> = incidents.list().map(|one| one.number).collect();
    assert_eq!((kept.len(), kept[0], incidents.count()), (INCIDENTS_KEPT, 1489, 2000));
    assert_eq!(incidents.since(1998).map(|one| one.number).collect::<Vec<_>>(), [1999, 2000]);
}
