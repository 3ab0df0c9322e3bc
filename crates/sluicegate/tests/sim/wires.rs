//! Full queues: each wire's answer to a refusal.

use crate::common::{
    Front, Log, Random, Two, all_on_a, pass, settle_empty, sink, stage_of, wire_of,
};
use sluicegate::{Batch, Cx, Full, Inlet, Net, OnFull, Sim, Why, bounded, from_fn, stage};

#[test]
fn a_full_queue_parks_the_stage_and_lets_it_go_on_in_every_order() {
    let mut parked = 0;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let log = Log::default();
        let mut net = Net::new("wait");
        let cpu = net.domain("cpu").pinned(1 + random.below(3));
        let pool = net.domain("pool").pool(1 + random.below(3));
        let mut queue = || bounded(1 + random.below(3));
        let (source, out) = (log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(50, &source)).on(cpu).flows(50));
        let a = net.add(stage("a", pass).on(cpu).queue(queue()).batch(3));
        let b = net.add(stage("b", pass).on(pool).queue(queue()));
        let c = net.add(stage("c", pass).on(cpu).queue(queue()).batch(2));
        let last = net.add(stage("last", move || sink("last", &out)).on(pool).queue(queue()));
        net.wire(front.out, a.inlet);
        net.wire(a.out, b.inlet);
        net.wire(b.out, c.inlet);
        net.wire(c.out, last.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        let ledger = sim.ledger();
        assert_eq!(ledger.finished, ledger.entered, "seed {seed}");
        assert_eq!(log.noted("last").len() as u64, ledger.entered);
        parked += sim.snapshot().stages.iter().map(|stage| stage.parked).sum::<u64>();
        assert!(sim.snapshot().wires.iter().all(|wire| wire.held == 0));
    }
    assert!(parked > 1000, "queues of this size are full often: {parked}");
}

#[test]
fn what_waits_keeps_its_order() {
    for seed in 0..50 {
        let log = Log::default();
        let mut net = Net::new("order");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(1);
        let (source, out) = (log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(60, &source)).on(cpu).flows(60));
        let a = net.add(stage("a", pass).on(pool).queue(bounded(2)));
        let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(bounded(1)));
        net.wire(front.out, a.inlet);
        net.wire(a.out, last.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        assert_eq!(log.noted("last"), (0..60).collect::<Vec<_>>(), "seed {seed}");
    }
}

/// Ten events in one delivery over a wire that does `on_full`, to a queue of four.
fn ten_into_four(on_full: OnFull) -> (Log, Sim) {
    let log = Log::default();
    let mut net = Net::new("full");
    let cpu = net.domain("cpu").pinned(1);
    let (source, out) = (log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(10, &source)).on(cpu).flows(10));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(bounded(4)));
    net.wire(front.out, last.inlet).on_full(on_full);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    (log, sim)
}

#[test]
fn the_newest_are_shed() {
    let (log, mut sim) = ten_into_four(OnFull::ShedNewest);
    assert_eq!(log.noted("last"), [0, 1, 2, 3]);
    let shed: Vec<_> = (4..10).map(|flow| (flow, Why::Shed)).collect();
    assert_eq!(log.get().ended, shed);
    let wire = wire_of(&mut sim, "front", "out");
    assert_eq!((wire.sent, wire.refused, wire.held), (4, 6, 0));
}

#[test]
fn the_oldest_are_shed() {
    let (log, mut sim) = ten_into_four(OnFull::ShedOldest);
    assert_eq!(log.noted("last"), [6, 7, 8, 9]);
    let shed: Vec<_> = (0..6).map(|flow| (flow, Why::Shed)).collect();
    assert_eq!(log.get().ended, shed);
    assert_eq!(wire_of(&mut sim, "front", "out").refused, 6);
}

/// Ten events on port `a`, which has four places, and diverts to `b`, which has `places`.
fn diverted(places: usize, seed: u64) -> (Log, Sim) {
    let log = Log::default();
    let mut net = Net::new("divert");
    let cpu = net.domain("cpu").pinned(1);
    let (source, a, b) = (log.clone(), log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(10, &source)).on(cpu).flows(10));
    let two = net.add(stage("two", all_on_a).on(cpu));
    let a = net.add(stage("a", move || sink("a", &a)).on(cpu).queue(bounded(4)));
    let b = net.add(stage("b", move || sink("b", &b)).on(cpu).queue(bounded(places)));
    net.wire(front.out, two.inlet);
    net.wire(two.out.a, a.inlet).divert(two.out.b);
    net.wire(two.out.b, b.inlet);
    let mut sim = Sim::new(net, seed).unwrap();
    settle_empty(&mut sim);
    (log, sim)
}

#[test]
fn what_finds_no_room_goes_the_other_way() {
    let (log, mut sim) = diverted(10, 1);
    assert_eq!(log.noted("a"), [0, 1, 2, 3]);
    assert_eq!(log.noted("b"), [4, 5, 6, 7, 8, 9]);
    let (a, b) = (wire_of(&mut sim, "two", "a"), wire_of(&mut sim, "two", "b"));
    assert_eq!((a.sent, a.diverted, a.refused), (4, 6, 0));
    assert_eq!((b.sent, b.held), (6, 0));
    assert_eq!(stage_of(&mut sim, "two").parked, 0);
}

#[test]
fn what_the_other_way_cannot_take_waits() {
    let (log, mut sim) = diverted(2, 1);
    let both = [log.noted("a"), log.noted("b")].concat();
    assert_eq!(both.len(), 10);
    assert_eq!(log.noted("a")[..4], [0, 1, 2, 3]);
    assert_eq!(log.noted("b")[..2], [4, 5]);
    assert!(stage_of(&mut sim, "two").parked > 0);
    let (a, b) = (wire_of(&mut sim, "two", "a"), wire_of(&mut sim, "two", "b"));
    assert_eq!((a.held, b.held), (0, 0), "nothing is held in the end");
}

#[test]
fn a_stage_may_try_and_do_something_else() {
    let log = Log::default();
    let mut net = Net::new("try");
    let cpu = net.domain("cpu").pinned(1);
    let (source, a, b) = (log.clone(), log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(10, &source)).on(cpu).flows(10));
    let two = net.add(
        stage("two", || {
            from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
                for event in batch {
                    if let Err(Full(event)) = cx.out.a.try_emit(event) {
                        cx.out.b.emit(event.map(|n| n + 100));
                    }
                }
            })
        })
        .on(cpu),
    );
    let a = net.add(stage("a", move || sink("a", &a)).on(cpu).queue(bounded(4)));
    let b = net.add(stage("b", move || sink("b", &b)).on(cpu));
    net.wire(front.out, two.inlet);
    net.wire(two.out.a, a.inlet);
    net.wire(two.out.b, b.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("a"), [0, 1, 2, 3]);
    assert_eq!(log.noted("b"), [104, 105, 106, 107, 108, 109]);
    assert_eq!(stage_of(&mut sim, "two").parked, 0, "it never waits");
}

#[test]
fn an_idle_net_sleeps() {
    let mut net = Net::new("idle");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(3);
    let a = net.add(stage("a", pass).on(cpu));
    let b = net.add(stage("b", pass).on(pool));
    let last = net.add(stage("last", || sink("last", &Log::default())).on(cpu));
    net.wire(a.out, b.inlet);
    net.wire(b.out, last.inlet);
    let entry = net.entry(a.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(sim.settle(100));
    assert!(!sim.step(), "nothing to do, nothing done");
    entry.send(1).unwrap();
    assert!(sim.settle(100));
    assert_eq!(sim.next(), None, "nothing happens by itself");
}

/// Wires are typed: an inlet takes what its stage's input is made from.
#[test]
fn a_wire_converts() {
    struct Wide(u128);
    impl From<u64> for Wide {
        fn from(n: u64) -> Self {
            Self(u128::from(n) << 64)
        }
    }
    let log = Log::default();
    let mut net = Net::new("wide");
    let cpu = net.domain("cpu").pinned(1);
    let source = log.clone();
    let front = net.add(stage("front", move || Front::new(3, &source)).on(cpu).flows(3));
    let out = log.clone();
    let wide = net.add(
        stage("wide", move || {
            let out = out.clone();
            from_fn(move |batch: Batch<'_, Wide>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    let (tag, Wide(n)) = event.split();
                    out.note("wide", (n >> 64) as u64);
                    tag.finish();
                }
            })
        })
        .on(cpu),
    );
    let inlet: Inlet<Wide> = wide.inlet;
    net.wire(front.out, inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("wide"), [0, 1, 2]);
}

#[test]
fn a_sealed_port_needs_no_wire_and_drops_what_is_sent_all_the_same() {
    let log = Log::default();
    let mut net = Net::new("sealed");
    let cpu = net.domain("cpu").pinned(1);
    let source = log.clone();
    let front = net.add(stage("front", move || Front::new(3, &source)).on(cpu).flows(3));
    net.seal(front.out);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    let ledger = sim.ledger();
    assert!(ledger.entered >= 3);
    assert_eq!(ledger.ended[Why::Dropped], ledger.entered);
    assert_eq!(sim.snapshot().stages[0].refused[Why::Dropped], ledger.entered);
}
