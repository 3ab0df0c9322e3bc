//! The tests by which broken kernels are noticed: `cargo xtask mutants` breaks one line at a time
//! and expects one of these to fail. None takes more than a bounded number of steps.

use crate::common::{Front, Log, PER_WORKER, pass, sink, stage_of};
use sluicegate::{Batch, Cx, Net, Out, Sim, Stage, Why, bounded, from_fn, stage};

/// Steps that are more than enough for each net here.
const ENOUGH: usize = 10_000;

/// A flow that crosses from worker to worker needs each of them to be woken.
#[test]
fn a_worker_that_sleeps_is_woken() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("wake");
        let one = net.domain("one").pinned(1);
        let other = net.domain("other").pinned(1);
        let out = log.clone();
        let first = net.add(stage("first", pass).on(one));
        let second = net.add(stage("second", pass).on(other));
        let last = net.add(stage("last", move || sink("last", &out)).on(one));
        net.wire(first.out, second.inlet);
        net.wire(second.out, last.inlet);
        let entry = net.entry(first.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        assert!(sim.settle(ENOUGH));
        entry.send(1).unwrap();
        assert!(sim.settle(ENOUGH));
        assert_eq!(log.noted("last"), [1], "seed {seed}");
    }
}

/// A source learns what became of each of its flows, and has its place again, exactly once.
#[test]
fn each_end_is_told_once() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("told");
        let cpu = net.domain("cpu").pinned(2);
        let pool = net.domain("pool").pool(2);
        let source = log.clone();
        let front = net.add(stage("front", move || Front::new(30, &source)).on(cpu).flows(4));
        let refuse = net.add(
            stage("refuse", || {
                from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                    for event in batch {
                        event.split().0.refuse(Why::Refused);
                    }
                })
            })
            .on(pool),
        );
        net.wire(front.out, refuse.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        assert!(sim.settle(ENOUGH));
        log.assert_each_once((0..30).chain(PER_WORKER..PER_WORKER + 30));
        assert_eq!(sim.ledger().places, 0, "seed {seed}");
    }
}

/// Takes places for each event, uses one, and lets go of the rest.
struct Wasteful;

impl Stage for Wasteful {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, mut batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        while let Some(event) = batch.next() {
            let Some(mut permit) = cx.out.reserve(2) else {
                return batch.put_back(event);
            };
            cx.out.emit_with(&mut permit, event).expect("a place was taken");
        }
    }
}

#[test]
fn a_permit_that_is_dropped_gives_its_places_back() {
    let log = Log::default();
    let mut net = Net::new("permit");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let wasteful = net.add(stage("wasteful", || Wasteful).on(cpu).batch(1));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(bounded(4)));
    net.wire(wasteful.out, last.inlet);
    let entry = net.entry(wasteful.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    for n in 0..20 {
        entry.send(n).unwrap();
        assert!(sim.settle(ENOUGH));
    }
    assert_eq!(log.noted("last").len(), 20);
}

/// A stage that held output goes on as soon as there is room.
#[test]
fn a_parked_stage_is_told_of_room() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("room");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(1);
        let out = log.clone();
        let first = net.add(stage("first", pass).on(cpu));
        let last = net.add(stage("last", move || sink("last", &out)).on(pool).queue(bounded(2)));
        net.wire(first.out, last.inlet);
        let entry = net.entry(first.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        for n in 0..20 {
            entry.send(n).unwrap();
        }
        assert!(sim.settle(ENOUGH));
        assert!(stage_of(&mut sim, "first").parked > 0);
        assert_eq!(log.noted("last"), (0..20).collect::<Vec<_>>(), "seed {seed}");
    }
}
