//! What becomes of refused events: the wire may divert them, their sources and askers are told.

use crate::common::{Front, Log, PER_WORKER, Two, pass, settle, settle_empty, sink, stage_of};
use sluicegate::{Batch, Cx, Limit, Net, OnFull, Out, Sim, Why, bounded, from_fn, stage};

/// A source of 40 flows a worker, all at once, before a gate that lets so many in.
fn refusing(on_full: OnFull, limit: usize, seed: u64) -> (Sim, Log) {
    let log = Log::default();
    let mut net = Net::new("refusing");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(1);
    let source = log.clone();
    let front = net.add(stage("front", move || Front::new(40, &source)).on(cpu).flows(40));
    let queue = bounded(16).admit(Limit::of(limit));
    let back = net.add(stage("back", pass).on(pool).queue(queue));
    net.wire(front.out, back.inlet).on_full(on_full);
    net.wire(back.out, front.inlet).returns(front.out);
    (Sim::new(net, seed).unwrap(), log)
}

#[test]
fn a_source_is_told_whatever_the_wire_does_when_the_queue_is_full() {
    for on_full in [OnFull::Wait, OnFull::ShedNewest, OnFull::ShedOldest] {
        let mut shed = 0;
        for seed in 0..50 {
            let (mut sim, log) = refusing(on_full, 3, seed);
            settle_empty(&mut sim);
            log.assert_each_once((0..40).chain(PER_WORKER..PER_WORKER + 40));
            let seen = log.get();
            assert!(seen.ended.iter().all(|end| end.1 == Why::Shed));
            assert!(seen.answered.len() >= 3, "seed {seed}: {}", seen.answered.len());
            shed += seen.ended.len();
        }
        assert!(shed > 1000, "{on_full:?}: {shed}");
    }
}

#[test]
fn out_of_service_is_a_limit_of_nothing() {
    for on_full in [OnFull::Wait, OnFull::ShedNewest, OnFull::ShedOldest] {
        for seed in 0..20 {
            let (mut sim, log) = refusing(on_full, 0, seed);
            settle_empty(&mut sim);
            let seen = log.get();
            assert_eq!((seen.ended.len(), seen.answered.len()), (80, 0), "{on_full:?}, {seed}");
        }
    }
}

#[test]
fn what_a_gate_refuses_may_be_diverted_unless_it_is_late() {
    for seed in 0..50 {
        let log = Log::default();
        let mut net = Net::new("degrade");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(1);
        let (dear, cheap) = (log.clone(), log.clone());
        let ask = net.add(
            stage("ask", || {
                from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
                    for event in batch {
                        let (mut tag, n) = event.split();
                        if n % 4 == 0 {
                            tag.set_deadline(Some(cx.now()));
                        }
                        cx.out.a.emit(tag.with(n));
                    }
                })
            })
            .on(cpu),
        );
        let queue = bounded(64).admit(Limit::of(5));
        let full = net.add(stage("full", move || sink("full", &dear)).on(pool).queue(queue));
        let plain = net.add(stage("plain", move || sink("plain", &cheap)).on(cpu));
        net.wire(ask.out.a, full.inlet).divert(ask.out.b);
        net.wire(ask.out.b, plain.inlet);
        let entry = net.entry(ask.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle(&mut sim);
        for n in 0..40 {
            entry.send(n).unwrap();
        }
        settle_empty(&mut sim);
        let (full, plain) = (log.noted("full"), log.noted("plain"));
        assert_eq!(full.len() + plain.len(), 30);
        assert!(full.len() >= 5 && plain.len() >= 15, "{} {}", full.len(), plain.len());
        let ledger = sim.ledger();
        assert_eq!((ledger.finished, ledger.ended[Why::Expired]), (30, 10));
        let view = stage_of(&mut sim, "full").admission.remove(0);
        assert_eq!(view.refused[Why::Shed], plain.len() as u64);
        assert_eq!(view.refused[Why::Expired], 10);
    }
}

#[test]
fn what_is_diverted_knows_why_the_gate_refused_it() {
    let log = Log::default();
    let mut net = Net::new("degrade");
    let (cpu, pool) = (net.domain("cpu").pinned(1), net.domain("pool").pool(1));
    // One of eight is somebody else's; the others are one client's, and too many.
    let ask = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
            for event in batch {
                let (mut tag, n) = event.split();
                tag.set_client(if n % 8 == 0 { 2 } else { 1 });
                cx.out.a.emit(tag.with(n));
            }
        })
    };
    let noting = |names: [&'static str; 4], log: &Log| {
        let log = log.clone();
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, n) = event.split();
                let name = match tag.diverted() {
                    None => names[0],
                    Some(Why::Shed) => names[1],
                    Some(Why::Greedy) => names[2],
                    Some(_) => names[3],
                };
                log.note(name, n);
                tag.finish();
            }
        })
    };
    let ask = net.add(stage("ask", ask).on(cpu));
    let queue = bounded(64).admit(Limit::of(8));
    let [full, plain] = [log.clone(), log.clone()];
    let full = stage("full", move || noting(["served", "", "", ""], &full)).on(pool).queue(queue);
    let full = net.add(full);
    let plain = stage("plain", move || noting(["", "shed", "greedy", ""], &plain)).on(cpu);
    let plain = net.add(plain);
    net.wire(ask.out.a, full.inlet).divert(ask.out.b);
    net.wire(ask.out.b, plain.inlet);
    let entry = net.entry(ask.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle(&mut sim);
    for n in 0..64 {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    let [served, shed, greedy] = ["served", "shed", "greedy"].map(|name| log.noted(name).len());
    let ledger = sim.ledger();
    assert_eq!(served + shed + greedy, ledger.finished as usize, "each has a name");
    assert!(served >= 8 && greedy > 0, "{served} {shed} {greedy}");
    let refused = stage_of(&mut sim, "full").admission.remove(0).refused;
    for (why, diverted) in [(Why::Shed, shed), (Why::Greedy, greedy)] {
        // What was pushed out had a place, and ended.
        assert_eq!(refused[why], diverted as u64 + ledger.ended[why], "{why}");
    }
}

#[test]
fn an_entry_gets_its_body_back_and_pushes_nobody_out() {
    let log = Log::default();
    let mut net = Net::new("entry");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let queue = bounded(64).admit(Limit::of(5));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(queue));
    let entry = net.entry(last.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle(&mut sim);
    let back: Vec<u64> = (0..8).filter_map(|n| entry.send(n).err().map(|back| back.0)).collect();
    assert_eq!(back, [5, 6, 7]);
    settle_empty(&mut sim);
    assert_eq!(log.noted("last"), [0, 1, 2, 3, 4]);
    assert_eq!((sim.ledger().entered, sim.ledger().finished), (5, 5));
    let view = stage_of(&mut sim, "last").admission.remove(0);
    assert_eq!((view.offered, view.refused[Why::Shed]), (8, 3));
}

#[test]
fn an_asker_has_its_flow_back_when_its_question_is_refused() {
    for seed in 0..50 {
        let log = Log::default();
        let mut net = Net::new("asker");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(1);
        let source = log.clone();
        let front = net.add(stage("front", move || Front::new(30, &source)).on(cpu).flows(30));
        let ask = net.add(
            stage("ask", || {
                // Questions go out by `a`, answers and the rest by `b`.
                from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
                    for event in batch {
                        match *event < 100 {
                            true => cx.out.a.emit(event),
                            false => cx.out.b.emit(event),
                        }
                    }
                })
            })
            .on(cpu),
        );
        let answer = net.add(
            stage("answer", || {
                from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                    for event in batch {
                        cx.out.emit(event.map(|n| n + 100));
                    }
                })
            })
            .on(pool)
            .queue(bounded(64).admit(Limit::of(3))),
        );
        net.wire(front.out, ask.inlet);
        net.wire(ask.out.a, answer.inlet).window(20);
        net.wire(answer.out, ask.inlet).returns(ask.out.a);
        net.wire(ask.out.b, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        log.assert_each_once(0..30);
        let seen = log.get();
        assert!(seen.answered.iter().all(|answer| answer.1 == answer.0 + 100));
        assert!(seen.ended.len() >= 10, "seed {seed}: {}", seen.ended.len());
        assert_eq!(sim.ledger().forked, sim.ledger().joined);
    }
}
