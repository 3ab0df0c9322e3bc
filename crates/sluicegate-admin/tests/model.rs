//! What is told of nets and gates, and read back.

use sluicegate::sim::{Arrivals, Crowd, Gaps, Outside, Setup};
use sluicegate::{
    AdmissionQueue, Ask, Batch, Codel, Cx, Gauge, Headroom, Limit, Net, Observer, Out, Overload,
    Sim, Time, VirtualTime, bounded, from_fn, ms, stage,
};
use sluicegate_admin::model;
use std::sync::{Arc, Mutex, OnceLock};

/// What is told is what is read.
#[track_caller]
fn assert_read(told: &model::Net) {
    assert_eq!(&model::Net::from_json(&told.to_json()).expect("it is a net"), told);
}

/// A source, a window, a gate with two laws, and a handler that looks at the net while it stalls.
fn net(
    time: &VirtualTime,
    looks: &Arc<OnceLock<Observer>>,
    seen: &Arc<Mutex<Vec<model::Net>>>,
) -> Net {
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
                    seen.lock().unwrap().push((&observer.snapshot()).into());
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
fn a_net_is_read_as_it_was_told() {
    let (time, looks, seen) = (VirtualTime::default(), Arc::default(), Arc::default());
    let net = net(&time, &looks, &seen);
    let mut sim = Sim::with(net, Setup::seed(1).time(&time)).expect("no faults");
    looks.set(sim.observer()).ok().expect("it is set once");
    assert!(sim.run_for(ms(60_000), 1_000_000));
    let last = model::Net::from(&sim.snapshot());
    assert!(last.stages[1].admission[0].refused["shed"] > 0, "the gate had to refuse");
    assert_read(&last);
    let seen = seen.lock().unwrap();
    let stalled = seen.first().expect("it was looked at");
    assert_eq!(stalled.stalls[0].stage, "work");
    assert_read(stalled);
}

#[test]
fn a_gate_is_read_as_it_was_told() {
    let mut queue = AdmissionQueue::new(bounded(2).admit(Overload::p99(ms(50))), 1);
    for n in 0..4 {
        let _ = queue.offer(Time(0), Ask::default(), n);
    }
    let gate = model::Stage::of_gate("search", &queue.view(Time(0) + ms(5)));
    assert_read(&model::Net { stages: vec![gate], ..model::Net::default() });
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
