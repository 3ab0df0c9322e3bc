//! Each thing that can happen, as a subscriber hears of it.

use crate::answer::answer;
use crate::double::{ask, service};
use crate::model::Net;
use crate::watcher::{INCIDENTS_KEPT, Look, Watcher};
use serde_json::json;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Keeps events as lines: level, target, message and fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String, String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.0 = format!("{value:?}"),
            name => self.1 += &format!(" {name}={value:?}"),
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new(), String::new());
        event.record(&mut line);
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let target = target.trim_start_matches("sluicegate::");
        self.0.lock().expect("no panic").push(format!("{level} {target}: {}{}", line.0, line.1));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What is told meanwhile.
fn told(what: impl FnOnce()) -> Vec<String> {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), what);
    std::mem::take(&mut *lines.0.lock().expect("no panic"))
}

/// A net of one stage at this second, with what is else said of the stage and of the net.
fn net(second: u64, stage: serde_json::Value, more: serde_json::Value) -> Net {
    let mut net = json!({ "name": "shop", "time_ms": second * 1000 });
    let mut of = json!({ "name": "cart", "domain": "cpu", "kind": "pinned" });
    let add = |to: &mut serde_json::Value, more: serde_json::Value| {
        let more = more.as_object().expect("an object").clone();
        to.as_object_mut().expect("an object").extend(more);
    };
    add(&mut of, stage);
    net["stages"] = json!([of]);
    add(&mut net, more);
    Net::from_json(&net.to_string()).expect("a net")
}

#[test]
fn what_is_seen_of_a_net_is_told_when_it_begins_and_when_it_is_over() {
    let mut watcher = Watcher::default();
    let mut look = |net: Net| told(|| drop(watcher.look(Look { net, ..Look::default() })));
    let calm = |second| net(second, json!({ "panics": 2, "breaks": 1 }), json!({}));
    assert!(look(net(1, json!({}), json!({}))).is_empty());
    let stall = json!({ "stalls": [{ "stage": "cart", "domain": "cpu", "worker": 0,
        "time_us": 2_000_000 }] });
    let broken = json!({ "panics": 2, "breaks": 1, "broken_now": 1 });
    let began = look(net(2, broken, stall));
    let has = |told: &[String], line: &str| {
        assert_eq!(told.iter().filter(|one| one.starts_with(line)).count(), 1, "{line}: {told:#?}");
    };
    has(&began, "WARN incident: cart panicked 2 times kind=\"panic\" stage=\"cart\" over=false");
    has(&began, "WARN incident: the breaker of cart is open: all it gets is refused");
    assert!(!began.iter().any(|line| line.contains("has not come back")), "{began:?}");
    let over: Vec<_> = (3..20).flat_map(|second| look(calm(second))).collect();
    has(&over, "INFO incident: the breaker of cart is closed kind=\"breaker\"");
    has(&over, "INFO incident: the handlers of cart come back again kind=\"stall\"");
    let uneven = json!({ "ledger": { "balanced": false }, "draining": true,
        "stopped": "cart panicked too often" });
    let ended = look(net(20, json!({ "panics": 2, "breaks": 1 }), uneven));
    has(&ended, "ERROR incident: the ledger is uneven: flows vanished, or there are too many");
    has(&ended, "ERROR incident: the net stopped: cart panicked too often kind=\"stopped\"");
    has(&ended, "INFO incident: the net takes no new work kind=\"drain\"");
}

#[test]
fn each_is_told_though_more_happen_at_once_than_are_remembered() {
    let mut watcher = Watcher::default();
    let mut look = |second: u64, queue: serde_json::Value| {
        let stages: Vec<_> = (0..INCIDENTS_KEPT + 9)
            .map(|n| json!({ "name": n.to_string(), "admission": [queue] }))
            .collect();
        let net = Net::from_value(json!({ "time_ms": second * 1000, "stages": stages }));
        told(|| drop(watcher.look(Look { net: net.expect("a net"), ..Look::default() })))
    };
    look(5, json!({}));
    let began = look(6, json!({ "pressure": 0.5 }));
    let pressure = began.iter().filter(|line| line.contains("kind=\"pressure\""));
    assert_eq!(pressure.count(), INCIDENTS_KEPT + 9);
}

#[test]
fn a_net_that_begins_anew_is_told() {
    let mut watcher = Watcher::default();
    let mut look = |second| {
        let net = net(second, json!({}), json!({}));
        told(|| drop(watcher.look(Look { net, ..Look::default() })))
    };
    assert!(look(100).is_empty());
    let anew = "INFO incident: the net began anew, with its settings as they are kind=\"restart\" \
                over=false";
    assert_eq!(look(1), [anew]);
    assert!(look(2).is_empty());
}

#[test]
fn changes_are_told_with_who_and_what_and_refused_ones_are_not() {
    let (shown, _sim) = service();
    let post = |target: &str| told(|| drop(answer(ask("POST", target), &shown)));
    assert_eq!(
        post("/api/settings?by=anna&stages.a%20stage.batch=7&traces.slow=9"),
        [
            "INFO settings: a setting was changed over admin by=\"anna\" \
             path=\"stages.a stage.batch\" to=\"7\"",
            "INFO settings: a setting was changed over admin by=\"anna\" \
             path=\"traces.slow\" to=\"9\"",
        ]
    );
    assert!(post("/api/settings?traces.none=9").is_empty());
    for (frozen, said) in [(true, "frozen"), (false, "let go on")] {
        let line = format!(
            "INFO settings: a law was {said} over admin by=\"admin\" stage=\"a\" law=\"b\""
        );
        assert_eq!(post(&format!("/api/freeze?stage=a&law=b&frozen={frozen}")), [line]);
    }
    assert!(post("/api/freeze?stage=none&law=b&frozen=true").is_empty());
    assert!(post("/api/stages/a/b/step?by=anna").is_empty(), "it is not paused");
    for (verb, said) in [("pause", "paused"), ("step", "stepped"), ("resume", "resumed")] {
        let line =
            format!("INFO settings: a stage was {said} over admin by=\"anna\" stage=\"a/b\"");
        assert_eq!(post(&format!("/api/stages/a/b/{verb}?by=anna")), [line]);
    }
    assert!(post("/api/stages/a/b/stop?by=anna").is_empty());
}
