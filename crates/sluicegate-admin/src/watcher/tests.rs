//! A watcher that is shown one net after the other.

use super::*;
use serde_json::{Value, json};

fn net(time_ms: u64, served: u64) -> Net {
    let net = json!({
        "name": "shop",
        "time_ms": time_ms,
        "stages": [{ "name": "cart", "served": served, "queued": 3 }],
        "ledger": { "entered": served, "ended": { "finished": served / 2, "shed": served / 2 },
                    "balanced": true },
    });
    Net::from_value(net).expect("a net")
}

fn look(net: Net, watched: bool) -> Look<'static> {
    Look { net, watched, ..Look::default() }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn who_watches_gets_all_in_one_event_of_one_line() {
    let mut watcher = Watcher::default();
    assert_eq!(watcher.look(look(net(1000, 100), false)), None, "nobody watches");
    let event = watcher.look(look(net(2000, 300), true)).expect("an event");
    let data = event.strip_prefix("data: ").and_then(|rest| rest.strip_suffix("\n\n"));
    let data = data.expect("data of one event");
    assert!(!data.contains('\n'), "{data}");
    let data = read(data);
    assert_eq!(data["net"], json!(net(2000, 300)));
    assert_eq!(data["rates"]["stages"][0]["served_s"], 200.0);
    assert_eq!(data["rates"]["finished_s"], 100.0);
    assert!(data["diagnosis"]["words"].is_string());
    assert_eq!(data["incidents"], json!([]));
}

#[test]
fn how_long_answers_took_is_of_those_since_the_last_look() {
    let (mut watcher, mut response) = (Watcher::default(), Histogram::default());
    let mut look = |time_ms: u64, response: &Histogram| {
        let classes = json!([{ "class": 3, "finished": response.count() }]);
        let net = json!({ "time_ms": time_ms, "stages": [], "classes": classes });
        let net = Net::from_value(net).expect("a net");
        let responses = [(3, response)];
        let look = Look { net, responses: &responses, watched: true, ..Look::default() };
        let event = watcher.look(look).expect("an event");
        let data = event.strip_prefix("data: ").expect("data");
        read(data)["rates"]["classes"][0]["response_p99_us"].clone()
    };
    response.record(5_000_000_000, 1_000);
    assert!(look(1000, &response).as_f64() > Some(4e6), "all since the start");
    response.record(1_000_000, 100);
    let p99 = look(2000, &response).as_f64().expect("it is told");
    assert!((1_000.0..1_140.0).contains(&p99), "{p99}");
    assert_eq!(look(3000, &response), Value::Null, "nothing was answered");
    let mut anew = Histogram::default();
    anew.record(1_000_000, 100_000);
    anew.record(5_000_000_000, 2_000);
    assert!(look(500, &anew).as_f64() > Some(4e6), "another net counts from its start");
}

#[test]
fn the_history_is_of_a_stage_or_of_the_net() {
    let mut watcher = Watcher::default();
    let mut waits = Histogram::default();
    for (second, served) in [(1, 100), (2, 300), (3, 600)] {
        waits.record(second * 1_000_000, 100);
        let waits = [("cart", &waits)];
        watcher.look(Look { waits: &waits, ..look(net(second * 1000, served), false) });
    }
    let cart = read(&watcher.history(Some("cart")).expect("it is kept"));
    assert_eq!(cart["stage"], "cart");
    assert_eq!(cart["t"], json!([1000, 2000, 3000]));
    assert_eq!(cart["served_s"], json!([100.0, 200.0, 300.0]));
    assert_eq!(cart["arrivals_s"], json!([null, null, null]), "that is not told");
    assert_eq!(cart["queued"], json!([3.0, 3.0, 3.0]));
    let p99 = cart["wait_p99_us"][2].as_f64().expect("it is told");
    assert!((3_000.0..3_400.0).contains(&p99), "of those who waited in that second: {p99}");
    let whole = read(&watcher.history(None).expect("it is kept"));
    assert_eq!(whole["served_s"], json!([50.0, 100.0, 150.0]));
    assert_eq!(whole["refused_s"], json!([50.0, 100.0, 150.0]));
    assert_eq!(whole["arrivals_s"], json!([100.0, 200.0, 300.0]));
    assert!(watcher.history(Some("none")).is_none());
}

#[test]
fn a_net_that_takes_over_goes_on_with_the_history() {
    let mut watcher = Watcher::default();
    watcher.look(look(net(5000, 100), false));
    watcher.look(look(net(6000, 200), false));
    let event = watcher.look(look(net(400, 10), true)).expect("an event");
    assert!(event.contains(r#""kind":"restart""#), "who watches is told: {event}");
    watcher.look(look(net(1400, 30), false));
    let cart = read(&watcher.history(Some("cart")).expect("it is kept"));
    assert_eq!(cart["t"], json!([-1600, -600, 400, 1400]));
    assert_eq!(cart["served_s"], json!([20.0, 100.0, 25.0, 20.0]));
    let told = read(&watcher.incidents());
    assert_eq!(told["now_ms"], 1400);
    let mut all = told["incidents"].as_array().expect("a list").iter();
    let restart = all.find(|one| one["kind"] == "restart").expect("it is told");
    assert_eq!(restart["at_ms"], 400);
}
