//! The model knows all that is told: a field of the JSON that it does not have fails here.

use serde_json::Value;
use sluicegate::sim::{Arrivals, Crowd, Gaps, Outside, Setup};
use sluicegate::{
    AdmissionQueue, Ask, Batch, Codel, Cx, Gauge, Headroom, Limit, Net, Observer, Out, Overload,
    Sim, Time, VirtualTime, bounded, from_fn, ms, stage,
};
use sluicegate_admin::model;
use std::sync::{Arc, Mutex, OnceLock};

/// What is in `told` and not, or otherwise, in `known`.
fn missing(told: &Value, known: &Value, path: &str, found: &mut Vec<String>) {
    match (told, known) {
        (Value::Object(told), Value::Object(known)) => {
            for (name, told) in told {
                let path = format!("{path}.{name}");
                match known.get(name) {
                    Some(known) => missing(told, known, &path, found),
                    None => found.push(path),
                }
            }
        }
        (Value::Array(told), Value::Array(known)) if told.len() == known.len() => {
            for (n, (told, known)) in told.iter().zip(known).enumerate() {
                missing(told, known, &format!("{path}[{n}]"), found);
            }
        }
        (Value::Number(told), Value::Number(known)) if told.as_f64() == known.as_f64() => {}
        (told, known) if told == known => {}
        (told, known) => found.push(format!("{path} is {told}, not {known}")),
    }
}

#[track_caller]
fn assert_known(told: Value) {
    let net = model::Net::from_value(told.clone()).expect("it is a net");
    let known = serde_json::to_value(net).expect("it is JSON");
    let mut found = Vec::new();
    missing(&told, &known, "", &mut found);
    assert!(found.is_empty(), "the model lacks {found:?}");
}

/// A source, a window, a gate with two laws, and a handler that looks at the net while it stalls.
fn net(time: &VirtualTime, looks: &Arc<OnceLock<Observer>>, seen: &Arc<Mutex<Vec<Value>>>) -> Net {
    let mut net = Net::new("all");
    let arrivals = Arrivals::open(Gaps::Poisson, 400.0, ms(1000), 1);
    let door = net.domain("door").machine(move |_| Ok(Outside::new(arrivals.clone()))).pinned(1);
    let pool = net.domain("pool").pool(2);
    let crowd = net.add(stage("crowd", || Crowd::<u64, _, _>::new(|n| n)).on(door).flows(1000));
    let (clock, looks, seen) = (time.clone(), Arc::clone(looks), Arc::clone(seen));
    let work = move || {
        let (clock, looks, seen) = (clock.clone(), Arc::clone(&looks), Arc::clone(&seen));
        from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                let stalls = *event == 100;
                clock.spend(ms(if stalls { 20_000 } else { 10 }));
                if stalls && let Some(observer) = looks.get() {
                    seen.lock().unwrap().push(sluicegate_admin::net(&observer.snapshot()));
                }
                cx.out.emit(event);
            }
        })
    };
    let share = Headroom::of(&Gauge::new("memory"));
    let laws =
        bounded(64).admit(Overload::p99(ms(50))).admit(Codel::target(ms(5))).admit(Limit::of(9));
    let work = net.add(stage("work", work).on(pool).queue(laws.admit(share)));
    net.wire(crowd.out, work.inlet).window(500);
    net.wire(work.out, crowd.inlet).returns(crowd.out);
    net
}

#[test]
fn a_net_is_known_with_all_its_fields() {
    let (time, looks, seen) = (VirtualTime::default(), Arc::default(), Arc::default());
    let net = net(&time, &looks, &seen);
    let mut sim = Sim::with(net, Setup::seed(1).time(&time)).expect("no faults");
    looks.set(sim.observer()).ok().expect("it is set once");
    assert!(sim.run_for(ms(60_000), 1_000_000));
    let last = sluicegate_admin::net(&sim.snapshot());
    let refused = &last["stages"][1]["admission"][0]["refused"]["shed"];
    assert!(refused.as_u64() > Some(0), "the gate had to refuse");
    assert_known(last);
    let seen = seen.lock().unwrap();
    let stalled = seen.first().expect("it was looked at");
    assert_eq!(stalled["stalls"][0]["stage"], "work");
    assert_known(stalled.clone());
}

#[test]
fn a_gate_is_known_with_all_its_fields() {
    let mut queue = AdmissionQueue::new(bounded(2).admit(Overload::p99(ms(50))), 1);
    for n in 0..4 {
        let _ = queue.offer(Time(0), Ask::default(), n);
    }
    let gate = sluicegate_admin::gate("search", &queue.view(Time(0) + ms(5)));
    assert_known(serde_json::json!({ "name": "gates", "stages": [gate] }));
}

#[test]
fn what_is_no_net_is_told_with_the_field() {
    let told = |json| model::Net::from_json(json).expect_err("it is none").to_string();
    assert!(told("{").starts_with("no JSON: "));
    assert!(told("[]").contains("no field `stages`"));
    assert!(told("{}").contains("does not run"));
    let wrong = told(r#"{"stages": [{"admission": [{"votes": [{"frozen": 3}]}]}]}"#);
    assert!(wrong.starts_with("stages[0].admission[0].votes[0].frozen: "), "{wrong}");
    let wrong = told(r#"{"stages": [{"refused": {"shed": -1}}]}"#);
    assert!(wrong.starts_with("stages[0].refused.shed: "), "{wrong}");
}
