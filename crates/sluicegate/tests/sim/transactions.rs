//! Permits beyond several queues: all parts of a transaction arrive or none, whatever goes wrong,
//! and nobody waits for ever.

use crate::common::{Log, Random, STEPS, Two, settle, settle_empty, sink, stage_of};
use sluicegate::sim::{Setup, Troubles};
use sluicegate::{
    Batch, Cx, Entry, Full, Limit, Net, Out, Permit, Sim, Stage, Why, bounded, from_fn,
    reserve_all, stage,
};
use std::collections::BTreeMap;

/// Parts that a transaction sends by its two ports.
fn parts(n: u64) -> (usize, usize) {
    (1 + n as usize % 3, 1 + n as usize / 3 % 3)
}

/// Sends the parts of each transaction when there is room for all of them, and waits for that.
fn both() -> impl Stage<In = u64, Out = Two> {
    from_fn(|mut batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
        while let Some(event) = batch.next() {
            let (n, m) = parts(*event);
            let Two { a, b } = &mut *cx.out;
            let Some((mut to_a, mut to_b)) = reserve_all(((&mut *a, n), (&mut *b, m))) else {
                return batch.put_back(event);
            };
            let (tag, body) = event.split();
            for _ in 1..n {
                a.emit_with(&mut to_a, tag.fork().with(body)).expect("a place was taken");
            }
            for _ in 0..m {
                b.emit_with(&mut to_b, tag.fork().with(body)).expect("a place was taken");
            }
            a.emit_with(&mut to_a, tag.with(body)).expect("a place was taken");
        }
    })
}

/// Two stages that take places of two queues the other way round, and two pools that serve these:
/// the net, and ways into all of them.
fn crossing(log: &Log, seed: u64) -> (Net, [Entry<u64>; 2], [Entry<u64>; 2]) {
    let mut random = Random::new(seed);
    let mut net = Net::new("crossing");
    let domains = ["one", "other"].map(|name| net.domain(name).pinned(1));
    let pools = ["x", "y"].map(|name| {
        let pool = net.domain(name).pool(2);
        let log = log.clone();
        let queue = bounded(3 + random.below(3));
        net.add(stage(name, move || sink(name, &log)).on(pool).queue(queue))
    });
    let stages = [0, 1].map(|turned| {
        let (name, domain) = (["left", "right"][turned], domains[turned]);
        let both = net.add(stage(name, both).on(domain).batch(4).emits(3).queue(bounded(64)));
        net.wire(both.out.a, pools[turned].inlet);
        net.wire(both.out.b, pools[1 - turned].inlet);
        both.inlet
    });
    let ends = [0, 1].map(|n| net.entry(pools[n].inlet));
    let entries = stages.map(|inlet| net.entry(inlet));
    (net, entries, ends)
}

/// How often each number was noted.
fn counts(log: &Log, what: &str) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for n in log.noted(what) {
        *counts.entry(n).or_default() += 1;
    }
    counts
}

/// Runs until nothing happens by itself any more.
fn rest(sim: &mut Sim) {
    settle(sim);
    while let Some(next) = sim.next() {
        assert!(sim.run_for(next - sim.now(), STEPS));
        sim.assert_even();
    }
}

/// Sends so many transactions in, by both stages in turn, and runs until they rest.
fn feed(sim: &mut Sim, entries: &[Entry<u64>; 2], transactions: u64) {
    for n in 0..transactions {
        while entries[n as usize % 2].send(n).is_err() {
            assert!(sim.step(), "the stage before takes no more, and nothing happens");
            sim.assert_even();
        }
    }
    rest(sim);
}

/// How many events a queue takes until it is full.
fn places(entry: &Entry<u64>) -> usize {
    (0..100).take_while(|_| entry.send(u64::MAX).is_ok()).count()
}

#[test]
fn all_parts_arrive_or_none_and_two_who_want_the_same_do_not_lock_each_other_out() {
    const TRANSACTIONS: u64 = 60;
    let (mut waited, mut panics, mut lost) = (0, 0, 0);
    for seed in 0..300 {
        let log = Log::default();
        let (net, entries, ends) = crossing(&log, seed);
        // Parts that are lost where they went prove nothing.
        let troubles = Troubles::drawn(&net, seed, seed as usize % 4, &["x", "y"]);
        let mut sim = Sim::with(net, Setup::seed(seed).troubles(troubles)).unwrap();
        feed(&mut sim, &entries, TRANSACTIONS);
        let [at_x, at_y] = ["x", "y"].map(|end| counts(&log, end));
        for n in 0..TRANSACTIONS {
            let (a, b) = parts(n);
            let parts = if n % 2 == 0 { (a, b) } else { (b, a) };
            let found = [&at_x, &at_y].map(|counts| counts.get(&n).copied().unwrap_or(0));
            let found = (found[0], found[1]);
            assert!(found == parts || found == (0, 0), "seed {seed}, {n}: {found:?} of {parts:?}");
            lost += usize::from(found == (0, 0));
        }
        for (name, end) in ["x", "y"].into_iter().zip(&ends) {
            assert_eq!(places(end), stage_of(&mut sim, name).capacity, "seed {seed}: all are back");
        }
        for name in ["left", "right"] {
            let stage = stage_of(&mut sim, name);
            waited += usize::from(stage.batches > stage.served);
            panics += stage.panics as usize;
        }
        sim.drain();
        settle_empty(&mut sim);
    }
    assert!(waited > 100, "places were short: {waited}");
    assert!(panics > 20 && lost > 0 && lost <= panics, "{lost} {panics}");
}

#[test]
fn a_place_that_was_taken_is_not_refused_by_a_law_and_counts_as_offered() {
    let log = Log::default();
    let mut net = Net::new("law");
    let cpu = net.domain("cpu").pinned(1);
    let early = net.add(stage("early", Early::default).on(cpu));
    let out = log.clone();
    let queue = bounded(10).admit(Limit::of(2));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(queue));
    net.wire(early.out, last.inlet);
    let entry = net.entry(early.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    for n in 0..4 {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    let mut came = log.noted("last");
    came.sort_unstable();
    assert_eq!(came, [0, 3], "the third had a place from before, the others came too late");
    let view = &stage_of(&mut sim, "last").admission[0];
    assert_eq!((view.offered, view.refused[Why::Shed]), (4, 2), "{view:?}");
}

/// Takes a place at its first event, and uses it for the fourth.
#[derive(Default)]
struct Early(Option<Permit<u64>>);

impl Stage for Early {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            match (*event, self.0.take()) {
                (3, Some(mut permit)) => {
                    cx.out.emit_with(&mut permit, event).expect("its place");
                }
                (_, permit) => {
                    self.0 = permit.or_else(|| cx.out.reserve(1));
                    cx.out.emit(event);
                }
            }
        }
    }
}

#[test]
fn a_permit_of_another_port_is_no_permit_and_stays_whole() {
    let log = Log::default();
    let mut net = Net::new("strange");
    let cpu = net.domain("cpu").pinned(1);
    let odd = stage("odd", || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
            for event in batch {
                let mut permit = cx.out.a.reserve(1).expect("an empty queue");
                let Err(Full(event)) = cx.out.b.emit_with(&mut permit, event) else {
                    panic!("it is no permit of this port")
                };
                assert_eq!(permit.left(), 1);
                cx.out.a.emit_with(&mut permit, event).expect("but of this one");
                assert_eq!(permit.left(), 0);
            }
        })
    });
    let odd = net.add(odd.on(cpu));
    let [a, b] = ["a", "b"].map(|name| {
        let log = log.clone();
        net.add(stage(name, move || sink(name, &log)).on(cpu).queue(bounded(1)))
    });
    net.wire(odd.out.a, a.inlet);
    net.wire(odd.out.b, b.inlet);
    let entry = net.entry(odd.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    entry.send(5).unwrap();
    settle_empty(&mut sim);
    assert_eq!((log.noted("a"), log.noted("b")), (vec![5], vec![]));
    assert_eq!(stage_of(&mut sim, "odd").panics, 0);
}
