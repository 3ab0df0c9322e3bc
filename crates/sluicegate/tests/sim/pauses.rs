//! Stages that are paused, stepped and resumed from outside: nothing is handled, nothing is lost.

use crate::common::{Front, Log, PER_WORKER, Random, STEPS, all_on_a, assert_empty, come_to_rest};
use crate::common::{pass, settle, settle_empty, sink, stage_of, wire_of};
use crate::random::{drawn, whole};
use sluicegate::sim::Setup;
use sluicegate::{
    Capacity, Entry, Limit, Net, OnFull, Order, Overload, Sim, StageError, VirtualTime, Why,
    bounded, ms, stage,
};

/// A source of 40 flows, a stage that passes them on, one that may be paused, and back.
fn row(on_full: OnFull, queue: Capacity, log: &Log, seed: u64) -> Sim {
    let mut net = Net::new("row");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(2);
    let source = log.clone();
    let front = stage("front", move || Front::new(40, &source).patient());
    let front = net.add(front.on(cpu).flows(40));
    let before = net.add(stage("before", pass).on(cpu).queue(bounded(4)));
    let held = net.add(stage("held", pass).on(pool).queue(queue));
    net.wire(front.out, before.inlet);
    net.wire(before.out, held.inlet).on_full(on_full);
    net.wire(held.out, front.inlet).returns(front.out);
    let mut sim = Sim::new(net, seed).unwrap();
    sim.observer().pause("anna", "held").unwrap();
    settle(&mut sim);
    sim
}

const ALL: [std::ops::Range<u64>; 2] = [0..40, PER_WORKER..PER_WORKER + 40];

#[test]
fn who_sends_to_a_paused_stage_does_what_the_wire_says() {
    for seed in 0..20 {
        for (on_full, waits, shed) in
            [(OnFull::Wait, 6, 0), (OnFull::ShedNewest, 6, 74), (OnFull::ShedOldest, 6, 74)]
        {
            let log = Log::default();
            let mut sim = row(on_full, bounded(6), &log, seed);
            assert!(sim.run_for(ms(5000), STEPS));
            let held = stage_of(&mut sim, "held");
            assert_eq!((held.paused, held.queued, held.served), (true, waits, 0));
            assert_eq!(wire_of(&mut sim, "before", "out").refused, shed);
            let parked = stage_of(&mut sim, "before").parked_now;
            assert_eq!(parked, if on_full == OnFull::Wait { 2 } else { 0 });
            assert_eq!(log.get().ended.len() as u64, shed, "who is shed is told");
            sim.assert_even();
            sim.observer().resume("anna", "held").unwrap();
            settle_empty(&mut sim);
            log.assert_each_once(ALL.into_iter().flatten());
            assert_eq!(log.get().answered.len() as u64, 80 - shed);
        }
    }
}

#[test]
fn what_would_wait_may_go_another_way() {
    for fused in [false, true] {
        let log = Log::default();
        let mut net = Net::new("divert");
        let cpu = net.domain("cpu").pinned(1);
        let (dear, cheap) = (log.clone(), log.clone());
        let ask = net.add(stage("ask", all_on_a).on(cpu));
        let held = stage("held", move || sink("dear", &dear)).on(cpu).queue(bounded(3));
        let held = net.add(held);
        let other = net.add(stage("other", move || sink("cheap", &cheap)).on(cpu));
        let wire = net.wire(ask.out.a, held.inlet).divert(ask.out.b);
        if fused {
            wire.fused();
        }
        net.wire(ask.out.b, other.inlet);
        let entry = net.entry(ask.inlet);
        let mut sim = Sim::new(net, 1).unwrap();
        sim.observer().pause("", "held").unwrap();
        (0..10).for_each(|n| entry.send(n).unwrap());
        settle(&mut sim);
        assert_eq!((log.noted("dear"), log.noted("cheap")), (vec![], (3..10).collect()));
        sim.observer().resume("", "held").unwrap();
        settle_empty(&mut sim);
        assert_eq!(log.noted("dear"), [0, 1, 2]);
    }
}

/// A stage of batches of 4 that may be paused, on so many workers or threads.
fn batches(pool: bool, seed: u64) -> (Sim, Entry<u64>) {
    let mut net = Net::new("steps");
    let domain = net.domain("domain");
    let domain = if pool { domain.pool(3) } else { domain.pinned(3) };
    let log = Log::default();
    let held = stage("held", move || sink("", &log)).on(domain).batch(4);
    let held = net.add(held.queue(bounded(100)));
    let entry = net.entry(held.inlet);
    (Sim::new(net, seed).unwrap(), entry)
}

#[test]
fn a_step_is_one_batch_of_one_replica() {
    for (pool, seed) in (0..40).map(|seed| (seed % 2 == 0, seed)) {
        let (mut sim, entry) = batches(pool, seed);
        let net = sim.observer();
        assert_eq!(net.step("", "held"), Err(StageError::NotPaused { stage: "held".into() }));
        net.pause("", "held").unwrap();
        (0..60).for_each(|n| entry.send(n).unwrap());
        settle(&mut sim);
        for steps in 1..=10 {
            net.step("", "held").unwrap();
            settle(&mut sim);
            let held = stage_of(&mut sim, "held");
            assert_eq!((held.batches, held.served, held.steps), (steps, 4 * steps, 0), "{seed}");
        }
        // Several at once are several batches too; those for which nothing waits stay.
        (0..7).for_each(|_| net.step("", "held").unwrap());
        settle(&mut sim);
        let held = stage_of(&mut sim, "held");
        assert_eq!((held.batches, held.served, held.steps), (15, 60, 2), "pool: {pool}, {seed}");
        entry.send(1).unwrap();
        settle(&mut sim);
        let held = stage_of(&mut sim, "held");
        assert_eq!((held.batches, held.served, held.steps), (16, 61, 1));
        net.resume("", "held").unwrap();
        (0..60).for_each(|n| entry.send(n).unwrap());
        settle_empty(&mut sim);
        let held = stage_of(&mut sim, "held");
        assert_eq!((held.served, held.steps, held.paused), (121, 0, false));
    }
}

#[test]
fn steps_that_wait_are_bounded() {
    let (sim, _entry) = batches(true, 1);
    let net = sim.observer();
    net.pause("", "held").unwrap();
    let done = (0..100).filter(|_| net.step("", "held").is_ok()).count();
    assert_eq!(done, 64);
    let told = net.step("", "held").unwrap_err().to_string();
    assert!(told.contains("64 steps"), "{told}");
    let told = net.pause("", "hold").unwrap_err().to_string();
    assert!(told.contains("`hold`; there are: held"), "{told}");
    let log: Vec<_> = net.changes().into_iter().map(|one| (one.path, one.to)).collect();
    assert_eq!(log[0], ("stages.held.paused".into(), "true".into()));
    assert_eq!(log[64], ("stages.held.steps".into(), "64".into()));
    assert_eq!(log.len(), 65, "what was not done is not logged");
}

#[test]
fn a_paused_source_lets_nothing_in_and_hears_its_answers_later() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("source");
        let cpu = net.domain("cpu").pinned(1);
        let source = log.clone();
        let front =
            net.add(stage("front", move || Front::new(20, &source).patient()).on(cpu).flows(5));
        let slow = net.add(stage("slow", pass).on(cpu));
        net.wire(front.out, slow.inlet);
        net.wire(slow.out, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, seed).unwrap();
        let net = sim.observer();
        net.pause("", "slow").unwrap();
        settle(&mut sim);
        net.pause("", "front").unwrap();
        net.resume("", "slow").unwrap();
        settle(&mut sim);
        let ledger = sim.ledger();
        assert_eq!((ledger.entered, ledger.in_flight, ledger.finished), (5, 5, 0));
        assert_eq!(stage_of(&mut sim, "front").queued, 5, "the answers wait");
        net.resume("", "front").unwrap();
        settle_empty(&mut sim);
        log.assert_each_once(0..20);
    }
}

#[test]
fn what_waits_at_a_paused_stage_ends_at_its_deadline_where_its_queue_chooses() {
    for (queue, ended) in [
        (bounded(100).order(Order::ByDeadline), 10),
        (bounded(100).admit(Limit::of(100)), 10),
        (bounded(100).admit(Overload::p99(ms(20))), 40),
    ] {
        let log = Log::default();
        let mut net = Net::new("late");
        let cpu = net.domain("cpu").pinned(1);
        let source = log.clone();
        // One in four has a deadline, after 1 ms.
        let front = net.add(stage("front", move || Front::new(40, &source)).on(cpu).flows(40));
        let held = net.add(stage("held", pass).on(cpu).queue(queue));
        net.wire(front.out, held.inlet);
        net.wire(held.out, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, 1).unwrap();
        sim.observer().pause("", "held").unwrap();
        assert!(sim.run_for(ms(1000), STEPS));
        sim.assert_even();
        let seen = log.get();
        assert_eq!((seen.ended.len(), seen.answered.len()), (ended, 0), "they are told");
    }
}

#[test]
fn a_drain_ends_every_pause_and_no_new_one_begins() {
    for seed in 0..20 {
        let log = Log::default();
        let mut sim = row(OnFull::Wait, bounded(6), &log, seed);
        let net = sim.observer();
        net.pause("", "before").unwrap();
        settle(&mut sim);
        sim.drain();
        assert_eq!(net.pause("", "front"), Err(StageError::Closing));
        settle_empty(&mut sim);
        assert_empty(&mut sim);
        assert!(!stage_of(&mut sim, "held").paused);
        log.assert_each_once(ALL.into_iter().flatten());
    }
}

#[test]
fn what_a_paused_stage_had_emitted_goes_out() {
    let log = Log::default();
    let mut net = Net::new("held");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let first = net.add(stage("first", pass).on(cpu));
    let last = stage("last", move || sink("last", &out)).on(cpu).queue(bounded(2));
    let last = net.add(last);
    net.wire(first.out, last.inlet);
    let entry = net.entry(first.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    let net = sim.observer();
    net.pause("", "last").unwrap();
    (0..6).for_each(|n| entry.send(n).unwrap());
    settle(&mut sim);
    assert_eq!(stage_of(&mut sim, "first").parked_now, 1);
    net.pause("", "first").unwrap();
    net.resume("", "last").unwrap();
    (6..9).for_each(|n| entry.send(n).unwrap());
    settle(&mut sim);
    assert_eq!(log.noted("last"), [0, 1, 2, 3, 4, 5]);
    let first = stage_of(&mut sim, "first");
    assert_eq!((first.queued, first.parked_now), (3, 0));
}

/// Nets drawn from seeds, whose stages are paused, stepped and resumed all the time, and changed.
#[test]
fn whatever_is_paused_no_flow_is_lost() {
    let (mut stepped, mut paused) = (0, 0);
    for seed in 0..100 {
        let (log, time) = (Log::default(), VirtualTime::default());
        let net = drawn(&whole(seed), &time, &log, seed % 2 == 0);
        let names: Vec<String> = net.stage_names().map(str::to_owned).collect();
        let mut sim = Sim::with(net, Setup::seed(seed).time(&time)).unwrap();
        let net = sim.observer();
        let mut random = Random::new(seed);
        for _ in 0..60 {
            let name = &names[random.below(names.len())];
            match random.below(4) {
                0 => net.resume("", name).unwrap(),
                1 => net.pause("", name).unwrap(),
                2 => stepped += usize::from(net.step("", name).is_ok()),
                _ => {
                    let path = format!("stages.{name}.batch");
                    net.change("", &[(&path, (1 + random.below(9)).into())]).unwrap();
                }
            }
            paused += sim.snapshot().stages.iter().filter(|stage| stage.paused).count();
            for _ in 0..random.below(30) {
                sim.step();
                sim.assert_even();
            }
            if random.one_in(8) {
                sim.run_for(ms(1), STEPS);
            }
        }
        if seed % 3 == 0 {
            names.iter().for_each(|name| net.resume("", name).unwrap());
        } else {
            // Which ends every pause.
            sim.drain();
        }
        come_to_rest(&mut sim);
        let ended = log.get().ended.len() as u64;
        assert_eq!(ended, sim.ledger().ended.total(), "each end is told, seed {seed}");
        assert!(log.get().ended.iter().all(|end| end.1 != Why::Draining));
    }
    assert!(stepped > 300 && paused > 5000, "{stepped} {paused}");
}
