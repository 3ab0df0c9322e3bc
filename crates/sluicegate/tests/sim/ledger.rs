//! No flow vanishes: each way to end one is counted, and its source is told.

use crate::common::{Front, Log, STEPS, assert_empty, pass, settle, settle_empty, sink, stage_of};
use sluicegate::{Batch, Cx, Net, OnFull, Sim, Why, bounded, from_fn, stage};

#[test]
fn each_end_of_a_flow_is_counted_and_told() {
    let log = Log::default();
    let mut net = Net::new("ends");
    let cpu = net.domain("cpu").pinned(1);
    let source = log.clone();
    let front = net.add(stage("front", move || Front::new(4, &source)).on(cpu).flows(4));
    let judge = net.add(
        stage("judge", || {
            from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    let (tag, n) = event.split();
                    match n {
                        0 => tag.finish(),
                        1 => tag.refuse(Why::Refused),
                        2 => drop(tag),
                        _ => {
                            tag.fork().finish();
                            drop(tag.fork());
                            tag.finish();
                        }
                    }
                }
            })
        })
        .on(cpu),
    );
    net.wire(front.out, judge.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    let ledger = sim.ledger();
    assert_eq!((ledger.entered, ledger.finished), (4, 2));
    assert_eq!((ledger.forked, ledger.joined), (2, 2));
    assert_eq!((ledger.ended[Why::Refused], ledger.ended[Why::Dropped]), (1, 1));
    let judged = stage_of(&mut sim, "judge").refused;
    assert_eq!((judged[Why::Refused], judged[Why::Dropped], judged.total()), (1, 1, 2));
    assert_eq!(stage_of(&mut sim, "front").refused.total(), 0);
    assert_eq!(log.get().ended, [(1, Why::Refused), (2, Why::Dropped)]);
}

#[test]
fn what_a_delivery_sheds_counts_against_the_stage_that_sent_it() {
    let log = Log::default();
    let mut net = Net::new("shed");
    let cpu = net.domain("cpu").pinned(1);
    let first = net.add(stage("first", pass).on(cpu));
    let out = log.clone();
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(bounded(2)));
    net.wire(first.out, last.inlet).on_full(OnFull::ShedNewest);
    let entry = net.entry(first.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    for n in 0..5 {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    assert_eq!(stage_of(&mut sim, "first").refused[Why::Shed], 3);
    assert_eq!(stage_of(&mut sim, "last").refused.total(), 0);
}

/// A source of 9 flows with 2 places, and a stage elsewhere that ends them.
fn short_of_places(pool: bool, end: fn(sluicegate::Tag), seed: u64) -> Log {
    let log = Log::default();
    let mut net = Net::new("places");
    let cpu = net.domain("cpu").pinned(1);
    let other = if pool { net.domain("other").pool(2) } else { net.domain("other").pinned(1) };
    let source = log.clone();
    let front = net.add(stage("front", move || Front::new(9, &source)).on(cpu).flows(2));
    let last = net.add(
        stage("last", move || {
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    end(event.split().0);
                }
            })
        })
        .on(other),
    );
    net.wire(front.out, last.inlet);
    let mut sim = Sim::new(net, seed).unwrap();
    let mut most = 0;
    for _ in 0..STEPS {
        if !sim.step() {
            break;
        }
        sim.assert_even();
        most = most.max(sim.ledger().places);
    }
    assert_eq!(most, 2, "as many places as declared");
    assert_empty(&mut sim);
    assert_eq!(sim.ledger().entered, 9, "the source is told of places that are free again");
    log
}

#[test]
fn a_place_is_free_again_however_its_flow_ends() {
    for seed in 0..20 {
        for pool in [false, true] {
            let finished = short_of_places(pool, sluicegate::Tag::finish, seed);
            assert!(finished.get().missed > 0);
            assert_eq!(finished.get().ended, []);
            let refused = short_of_places(pool, |tag| tag.refuse(Why::Gone), seed);
            refused.assert_each_once(0..9);
        }
    }
}

#[test]
fn a_place_is_free_again_when_its_flow_ends_at_home() {
    let log = Log::default();
    let mut net = Net::new("home");
    let cpu = net.domain("cpu").pinned(1);
    let (source, out) = (log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(50, &source)).on(cpu).flows(3));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu));
    net.wire(front.out, last.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("last"), (0..50).collect::<Vec<_>>());
}

#[test]
fn an_entry_refuses_when_the_queue_is_full() {
    let log = Log::default();
    let mut net = Net::new("entry");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(bounded(2)));
    let entry = net.entry(last.inlet);
    assert_eq!(entry.send(0).unwrap_err().0, 0, "the net does not run yet");
    let mut sim = Sim::new(net, 1).unwrap();
    entry.send(1).unwrap();
    entry.send(2).unwrap();
    assert_eq!(entry.send(3).unwrap_err().0, 3);
    settle(&mut sim);
    entry.send(4).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("last"), [1, 2, 4]);
    assert_eq!(sim.ledger().entered, 3);
}
