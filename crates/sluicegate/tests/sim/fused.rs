//! Fused stages: handled in the run of the stage before, and each flow fares as without.

use crate::common::{
    Front, Log, PER_WORKER, Random, STEPS, Two, assert_empty, pass, settle, settle_empty, sink,
    stage_of, wire_of,
};
use sluicegate::{
    Batch, Cx, Inlet, Net, Out, Priority, Sim, Stage, Why, bounded, from_fn, ms, stage,
};

/// What a stage of a row does to a number: nothing that depends on when it is asked.
fn step(n: u64, kind: usize) -> impl Stage<In = u64, Out = Out<u64>> {
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            match (*event % 11, kind) {
                (5, 1) => event.split().0.refuse(Why::Refused),
                (6, 1) => event.split().0.finish(),
                (7, 2) => panic!("at seven"),
                _ => cx.out.emit(event.map(|before| before * 3 + n)),
            }
        }
    })
}

/// How flows fared: answers with their worker, and ends.
type Fared = (Vec<(u64, u64, usize)>, Vec<(u64, Why)>);

/// A row of stages over two domains and a pool; which wires are fused is the seed's affair.
fn row(seed: u64, fuse: bool) -> (Fared, u64) {
    let mut random = Random::new(seed);
    let (log, mut net) = (Log::default(), Net::new("row"));
    let workers = 1 + random.below(3);
    let cpu = net.domain("cpu").pinned(workers);
    let aside = net.domain("aside").pinned(1 + random.below(2));
    let pool = net.domain("pool").pool(1 + random.below(2));
    let source = log.clone();
    let front = stage("front", move || Front::new(60, &source).patient());
    let front = net.add(front.on(cpu).flows(1 + random.below(20)));
    let (mut last, mut fused) = (front.out, 0);
    for n in 0..2 + random.below(4) as u64 {
        let kind = random.below(6);
        let place = [cpu, cpu, cpu, aside, pool][random.below(5)];
        let next = stage(&format!("step {n}"), move || step(n, kind)).on(place);
        let next = next.queue(bounded(1 + random.below(6))).batch(1 + random.below(6));
        let next = net.add(next);
        net.wire(last, next.inlet);
        last = next.out;
    }
    net.wire(last, front.inlet).returns(front.out);
    if fuse {
        fused = net.fuse();
    }
    let mut sim = Sim::new(net, seed).unwrap();
    settle_empty(&mut sim);
    let mut seen = log.get();
    let mut fared = (std::mem::take(&mut seen.answered), std::mem::take(&mut seen.ended));
    fared.0.sort_unstable();
    fared.1.sort_unstable_by_key(|end| end.0);
    (fared, fused as u64)
}

#[test]
fn each_flow_fares_as_over_queues() {
    let (mut fused, mut answered, mut ended) = (0, 0, 0);
    for seed in 0..200 {
        let ((queued, _), (passed, wires)) = (row(seed, false), row(seed, true));
        assert_eq!(queued, passed, "seed {seed}");
        (answered, ended) = (answered + passed.0.len(), ended + passed.1.len());
        fused += wires;
    }
    assert!(fused > 100 && answered > 1000 && ended > 1000, "{fused} {answered} {ended}");
}

/// `front`, `a`, `b` and a `last` that notes what comes, in one domain of one worker.
fn chain<S: Stage<In = u64, Out = Out<u64>>>(
    log: &Log,
    flows: u64,
    b: impl Fn() -> S + Send + Sync + 'static,
) -> Net {
    let mut net = Net::new("chain");
    let cpu = net.domain("cpu").pinned(1);
    let (source, out) = (log.clone(), log.clone());
    let front = stage("front", move || Front::new(flows, &source).patient());
    let front = net.add(front.on(cpu).flows(50));
    let a = net.add(stage("a", pass).on(cpu).batch(4));
    let b = net.add(stage("b", b).on(cpu).batch(4));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).batch(2));
    net.wire(front.out, a.inlet);
    net.wire(a.out, b.inlet).fused();
    net.wire(b.out, last.inlet).fused();
    net
}

#[test]
fn a_row_is_one_run() {
    let log = Log::default();
    let mut sim = Sim::new(chain(&log, 2, pass), 1).unwrap();
    let mut before = Vec::new();
    while log.noted("last").is_empty() {
        before = sim.snapshot().stages.iter().map(|stage| stage.batches).collect();
        assert!(sim.step());
    }
    let after: Vec<u64> = sim.snapshot().stages.iter().map(|stage| stage.batches).collect();
    assert_eq!((before, after), (vec![0, 0, 0, 0], vec![0, 1, 1, 1]));
    assert_eq!(wire_of(&mut sim, "a", "out").sent, 2);
    settle_empty(&mut sim);
}

#[test]
fn a_row_of_any_length_takes_a_queue_before_it_takes_too_much_of_the_stack() {
    const ROW: usize = 3000;
    let log = Log::default();
    let mut net = Net::new("long");
    let cpu = net.domain("cpu").pinned(1);
    let source = log.clone();
    let front = stage("front", move || Front::new(20, &source).patient());
    let front = net.add(front.on(cpu).flows(20));
    let mut last = front.out;
    for n in 0..ROW {
        let next = net.add(stage(&format!("row {n}"), pass).on(cpu));
        net.wire(last, next.inlet);
        last = next.out;
    }
    net.wire(last, front.inlet).returns(front.out);
    assert_eq!(net.fuse(), ROW);
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(sim.run_for(ms(20), STEPS));
    assert_empty(&mut sim);
    log.assert_each_once(0..20);
}

#[test]
fn what_is_more_than_a_batch_takes_the_queue_and_keeps_its_order() {
    let log = Log::default();
    let mut sim = Sim::new(chain(&log, 30, pass), 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("last"), (0..30).collect::<Vec<_>>());
    // `a` and `b` give four at once, of which `last` takes two.
    assert_eq!(stage_of(&mut sim, "last").batches, 15);
}

#[test]
fn a_panic_and_an_end_count_for_the_stage_in_which_they_happen() {
    let log = Log::default();
    let ends = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                match *event % 4 {
                    1 => event.split().0.refuse(Why::Refused),
                    2 => panic!("at two"),
                    _ => cx.out.emit(event),
                }
            }
        })
    };
    let mut sim = Sim::new(chain(&log, 12, ends), 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("last"), [0, 3, 4, 7, 8, 11]);
    let (a, b) = (stage_of(&mut sim, "a"), stage_of(&mut sim, "b"));
    assert_eq!((a.panics, a.refused.total()), (0, 0));
    assert_eq!((b.panics, b.refused[Why::Refused], b.refused[Why::Failed]), (3, 3, 3));
}

#[test]
fn a_stage_that_ends_flows_and_has_one_fused_to_it_is_told_from_it() {
    let log = Log::default();
    let mut net = Net::new("two");
    let cpu = net.domain("cpu").pinned(1);
    let source = log.clone();
    let front = stage("front", move || Front::new(20, &source).patient());
    let front = net.add(front.on(cpu).flows(20));
    // Some end in the hands of the first, some at its port that sheds, some in the second.
    let first = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
            for event in batch {
                match *event % 4 {
                    0 => event.split().0.refuse(Why::Refused),
                    1 => cx.out.a.emit(event),
                    _ => cx.out.b.emit(event),
                }
            }
        })
    };
    let end = |why| {
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.refuse(why));
        })
    };
    let first = net.add(stage("first", first).on(cpu));
    let sheds = net.add(stage("sheds", move || end(Why::Failed)).on(cpu).queue(bounded(1)));
    let second = net.add(stage("second", move || end(Why::Dropped)).on(cpu));
    net.wire(front.out, first.inlet);
    net.wire(first.out.a, sheds.inlet).on_full(sluicegate::OnFull::ShedNewest);
    net.wire(first.out.b, second.inlet).fused();
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    let (first, second) = (stage_of(&mut sim, "first"), stage_of(&mut sim, "second"));
    assert_eq!(first.refused[Why::Refused], 5);
    assert_eq!(first.refused[Why::Shed] + stage_of(&mut sim, "sheds").refused[Why::Failed], 5);
    assert!(first.refused[Why::Shed] > 0);
    assert_eq!((first.refused[Why::Dropped], second.refused.total()), (0, 10));
}

#[test]
fn one_that_holds_output_lets_the_stage_before_go_on() {
    for seed in 0..50 {
        let log = Log::default();
        let mut net = Net::new("held");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(1);
        let (source, out) = (log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(60, &source)).on(cpu).flows(60));
        let a = net.add(stage("a", pass).on(cpu).queue(bounded(8)));
        let b = net.add(stage("b", pass).on(cpu).queue(bounded(3)));
        let last = net.add(stage("last", move || sink("last", &out)).on(pool).queue(bounded(1)));
        net.wire(front.out, a.inlet).fused();
        net.wire(a.out, b.inlet).fused();
        net.wire(b.out, last.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        let noted = log.noted("last");
        assert_eq!(noted.len() as u64, sim.ledger().finished);
        assert!(noted.is_sorted(), "seed {seed}: {noted:?}");
        assert!(stage_of(&mut sim, "b").parked > 0);
    }
}

/// Puts the second of each batch back once, until its flag is heard.
struct PutsBack(bool);

impl Stage for PutsBack {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, mut batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        let mut taken = 0;
        while let Some(event) = batch.next() {
            taken += 1;
            if taken == 2 && !std::mem::replace(&mut self.0, true) {
                cx.again();
                return batch.put_back(event);
            }
            cx.out.emit(event);
        }
    }

    fn signal(&mut self, _: &mut Cx<'_, Out<u64>>) {
        self.0 = false;
    }
}

#[test]
fn what_is_put_back_waits_in_the_queue_and_flags_are_heard() {
    let log = Log::default();
    let mut sim = Sim::new(chain(&log, 20, || PutsBack(false)), 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("last"), (0..20).collect::<Vec<_>>());
}

#[test]
fn what_is_at_home_elsewhere_goes_there() {
    let log = Log::default();
    let mut net = Net::new("homes");
    let cpu = net.domain("cpu").pinned(2);
    let aside = net.domain("aside").pinned(1);
    let source = log.clone();
    let front = net.add(stage("front", move || Front::new(40, &source)).on(cpu).flows(8));
    let there = net.add(stage("there", pass).on(aside));
    let then = net.add(stage("then", pass).on(aside));
    let back = net.add(stage("back", pass).on(cpu));
    let last = net.add(stage("last", pass).on(cpu));
    net.wire(front.out, there.inlet);
    net.wire(there.out, then.inlet).fused();
    net.wire(then.out, back.inlet);
    net.wire(back.out, last.inlet).fused();
    net.wire(last.out, front.inlet).returns(front.out).fused();
    let mut sim = Sim::new(net, 7).unwrap();
    settle_empty(&mut sim);
    let seen = log.get();
    assert!(seen.answered.iter().all(|&(flow, _, at)| (flow / PER_WORKER) as usize == at));
    assert_eq!(seen.answered.len() + seen.ended.len(), 80);
}

#[test]
fn all_wires_that_may_be_are_fused_but_no_circle() {
    let mut net = Net::new("all");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(1);
    let log = Log::default();
    let front = net.add(stage("front", move || Front::new(9, &log)).on(cpu).flows(9));
    let gated = stage("gated", pass).on(cpu).queue(bounded(9).order(sluicegate::Order::Lifo));
    let gated = net.add(gated);
    let far = net.add(stage("far", pass).on(pool));
    let near = net.add(stage("near", pass).on(cpu));
    net.wire(front.out, gated.inlet);
    net.wire(gated.out, far.inlet);
    net.wire(far.out, near.inlet);
    net.wire(near.out, front.inlet).returns(front.out);
    assert_eq!(net.fuse(), 1);
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(wire_of(&mut sim, "near", "out").fused);
    settle(&mut sim);
    sim.run_for(ms(20), 1000);

    let mut net = Net::new("circle");
    let cpu = net.domain("cpu").pinned(1);
    let log = Log::default();
    let front = net.add(stage("front", move || Front::new(9, &log)).on(cpu).flows(9));
    let a = net.add(stage("a", pass).on(cpu));
    let inlet: Inlet<u64> = a.inlet;
    net.wire(front.out, inlet);
    net.wire(a.out, front.inlet).returns(front.out);
    assert_eq!(net.fuse(), 1, "the second would close the circle");
    settle_empty(&mut Sim::new(net, 1).unwrap());
}

#[test]
fn what_has_a_place_is_not_overtaken_by_what_is_handled_at_once() {
    let log = Log::default();
    let mut net = Net::new("places");
    let cpu = net.domain("cpu").policy(|| Priority::of(["a"])).pinned(1);
    // Every other one takes a place, and so the queue.
    let a = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                match event.is_multiple_of(2) {
                    true => cx.out.try_emit(event).expect("there is room"),
                    false => cx.out.emit(event),
                }
            }
        })
    };
    let a = net.add(stage("a", a).on(cpu).batch(1));
    let out = log.clone();
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu));
    net.wire(a.out, last.inlet).fused();
    let entry = net.entry(a.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    (0..10).for_each(|n| entry.send(n).unwrap());
    settle_empty(&mut sim);
    assert_eq!(log.noted("last"), (0..10).collect::<Vec<_>>());
}

#[test]
fn what_was_held_and_is_handled_at_once_is_held_no_more() {
    let log = Log::default();
    let mut net = Net::new("held");
    let cpu = net.domain("cpu").pinned(1);
    let a = net.add(stage("a", pass).on(cpu));
    let out = log.clone();
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(bounded(1)));
    net.wire(a.out, last.inlet).fused();
    let entry = net.entry(a.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    sim.observer().pause("anna", "last").unwrap();
    (0..4).for_each(|n| entry.send(n).unwrap());
    settle(&mut sim);
    assert_eq!(wire_of(&mut sim, "a", "out").held, 3);
    sim.observer().resume("anna", "last").unwrap();
    settle_empty(&mut sim);
    let wire = wire_of(&mut sim, "a", "out");
    assert_eq!((wire.sent, wire.held), (4, 0));
    assert_eq!(log.noted("last"), [0, 1, 2, 3]);
}
