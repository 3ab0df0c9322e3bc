//! The threads of a pool share a queue: one that cannot go on keeps no other from the work.

use crate::common::{Front, Log, settle, stage_of};
use sluicegate::{Batch, Cx, Net, Out, Sim, Stage, VirtualTime, WorkerId, bounded, from_fn, stage};
use std::time::Duration;

/// Passes on what comes, each event at a cost.
fn slow_pass(time: &VirtualTime, cost: Duration) -> impl Stage<In = u64, Out = Out<u64>> + use<> {
    let time = time.clone();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            time.advance(cost);
            cx.out.emit(event);
        }
    })
}

/// A stage whose first replica lets nothing through, while the others note what comes.
fn half_stuck(log: &Log) -> impl Stage<In = u64, Out = ()> + use<> {
    let log = log.clone();
    from_fn(move |mut batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
        while let Some(event) = batch.next() {
            if cx.worker() == WorkerId::default() {
                batch.put_back(event);
                continue;
            }
            let (tag, n) = event.split();
            log.note("passed", n);
            tag.finish();
        }
    })
}

/// Flows of two workers go through a pool of two threads and back; the first worker's queue gets
/// stuck. Either both threads are parked on it in the end, or all else went through.
fn beside_a_stuck_worker(seed: u64, batch: usize, cost: Duration) {
    let (log, time) = (Log::default(), VirtualTime::default());
    let mut net = Net::new("pool");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(2);
    let (source, out, clock) = (log.clone(), log.clone(), time.clone());
    let front = net.add(stage("front", move || Front::new(20, &source)).on(cpu).flows(20));
    let relay = stage("relay", move || slow_pass(&clock, cost));
    let relay = net.add(relay.on(pool).queue(bounded(40)).batch(batch));
    let stuck = net.add(stage("stuck", move || half_stuck(&out)).on(cpu).queue(bounded(1)));
    net.wire(front.out, relay.inlet);
    net.wire(relay.out, stuck.inlet);
    let mut sim = Sim::with_time(net, seed, time).unwrap();
    settle(&mut sim);
    let (relay, passed) = (stage_of(&mut sim, "relay"), log.noted("passed").len());
    assert!(relay.parked_now == 2 || passed == 20, "seed {seed}: {relay:?}, {passed} passed");
}

#[test]
fn a_parked_replica_does_not_keep_the_others_from_their_work() {
    for seed in 0..100 {
        beside_a_stuck_worker(seed, 1, Duration::ZERO);
    }
}

#[test]
fn what_a_slice_left_over_is_for_all_when_its_replica_parks() {
    for seed in 0..100 {
        beside_a_stuck_worker(seed, 40, Duration::from_millis(1));
    }
}

#[test]
fn a_thread_is_woken_that_can_do_the_work() {
    for seed in 0..100 {
        let (log, time) = (Log::default(), VirtualTime::default());
        let mut net = Net::new("awake");
        let cpu = net.domain("cpu").pinned(2);
        let pool = net.domain("pool").pool(2);
        let out = log.clone();
        // Of the first worker's flows only two go on: one fills its queue, one parks a thread.
        let two = net.add(
            stage("two", || {
                let mut first = 0;
                from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                    for event in batch {
                        first += usize::from(cx.worker() == WorkerId::default());
                        match first {
                            0..3 => cx.out.emit(event),
                            _ => event.split().0.finish(),
                        }
                    }
                })
            })
            .on(cpu),
        );
        let relay = stage("relay", move || slow_pass(&time, Duration::ZERO));
        let relay = net.add(relay.on(pool));
        let stuck = net.add(stage("stuck", move || half_stuck(&out)).on(cpu).queue(bounded(1)));
        net.wire(two.out, relay.inlet);
        net.wire(relay.out, stuck.inlet);
        let entry = net.entry(two.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        for n in 0..40 {
            entry.send(n).unwrap();
            settle(&mut sim);
        }
        assert_eq!(stage_of(&mut sim, "relay").parked_now, 1);
        let odd: Vec<u64> = (0..40).filter(|n| n % 2 == 1).collect();
        assert_eq!(log.noted("passed"), odd, "seed {seed}");
    }
}

#[test]
fn what_comes_at_once_wakes_more_than_one_thread() {
    let mut shared = 0;
    for seed in 0..50 {
        let log = Log::default();
        let mut net = Net::new("burst");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(3);
        let (source, out) = (log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(9, &source)).on(cpu).flows(9));
        let work = net.add(
            stage("work", move || {
                let out = out.clone();
                from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
                    for event in batch {
                        out.note("worker", cx.worker().index() as u64);
                        event.split().0.finish();
                    }
                })
            })
            .on(pool),
        );
        net.wire(front.out, work.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle(&mut sim);
        let mut workers = log.noted("worker");
        workers.sort_unstable();
        workers.dedup();
        shared += usize::from(workers.len() == 3);
    }
    assert!(shared > 40, "one delivery of nine events is work for three threads: {shared}");
}
