//! Wires that choose the replica, and those that lead to several stages.

use crate::common::{
    Front, Log, Random, STEPS, all_on_a, assert_empty, pass, settle, settle_empty, sink, stage_of,
    wire_of,
};
use sluicegate::{
    Batch, Copies, Cx, Net, OnFull, Out, Routing, Sim, Stage, VirtualTime, Why, bounded, from_fn,
    ms, stage,
};
use std::collections::HashMap;
use std::panic::panic_any;

/// Factor between the numbers of the workers that saw events.
pub const WORKER: u64 = 1_000_000_000;

/// Notes the worker and the body of what it gets.
pub fn witness(what: &'static str, log: &Log) -> impl Stage<In = u64, Out = ()> + use<> {
    let log = log.clone();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
        let worker = cx.worker().index() as u64;
        for event in batch {
            let (tag, n) = event.split();
            log.note(what, worker * WORKER + n);
            tag.finish();
        }
    })
}

/// Makes bodies unique by the worker at which their flows are at home.
fn signed() -> impl Stage<In = u64, Out = Out<u64>> {
    from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            let home = event.tag().home().index() as u64;
            cx.out.emit(event.map(|n| home * 10_000 + n));
        }
    })
}

/// Expects that each key was seen by one worker alone, and of each home in order.
fn assert_keyed(seen: &[u64], keys: u64, seed: u64) {
    let mut places = HashMap::new();
    let mut last = HashMap::new();
    for &n in seen {
        let (worker, body) = (n / WORKER, n % WORKER);
        let key = body % keys;
        assert_eq!(*places.entry(key).or_insert(worker), worker, "seed {seed}, key {key}");
        let before = last.insert((body / 10_000, key), body);
        assert!(before.is_none_or(|before| before < body), "seed {seed}: {before:?}, then {body}");
    }
}

#[test]
fn the_events_of_a_key_find_one_replica_in_their_order_however_full_the_queues() {
    let mut parked = 0;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let (sources, replicas) = (1 + random.below(3), 2 + random.below(3));
        let keys = 1 + random.below(9) as u64;
        let log = Log::default();
        let mut net = Net::new("keyed");
        let cpu = net.domain("cpu").pinned(sources);
        let other = net.domain("other").pinned(replicas);
        let pool = net.domain("pool").pool(1);
        let (source, out) = (log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(40, &source)).on(cpu).flows(40));
        let home = if random.one_in(2) { cpu } else { pool };
        let sign = net.add(stage("sign", signed).on(home).queue(bounded(1 + random.below(40))));
        let queue = bounded(1 + random.below(4));
        let last = net.add(stage("last", move || witness("last", &out)).on(other).queue(queue));
        net.wire(front.out, sign.inlet);
        net.wire(sign.out, last.inlet).keyed(move |n| n % keys);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        let seen = log.noted("last");
        assert_eq!(seen.len(), 40 * sources, "seed {seed}");
        assert_keyed(&seen, keys, seed);
        let wire = wire_of(&mut sim, "sign", "out");
        assert_eq!((wire.routing, wire.sent as usize), (Routing::Keyed, seen.len()));
        parked += stage_of(&mut sim, "sign").parked;
    }
    assert!(parked > 200, "queues of this size are full often: {parked}");
}

#[test]
fn an_entry_and_a_wire_find_the_same_replica_for_a_key() {
    let log = Log::default();
    let mut net = Net::new("same");
    let cpu = net.domain("cpu").pinned(5);
    let out = log.clone();
    let relay = net.add(stage("relay", pass).on(cpu));
    let last = net.add(stage("last", move || witness("last", &out)).on(cpu));
    net.wire(relay.out, last.inlet).keyed(|n| n % 100);
    let (through, direct) = (net.entry(relay.inlet), net.entry(last.inlet).keyed(|n| n % 100));
    let mut sim = Sim::new(net, 1).unwrap();
    for n in 0..200 {
        through.send(n).unwrap();
        direct.send(n + 1000).unwrap();
    }
    settle_empty(&mut sim);
    let mut places = vec![None; 100];
    for n in log.noted("last") {
        let place = places[(n % WORKER % 100) as usize].get_or_insert(n / WORKER);
        assert_eq!(*place, n / WORKER);
    }
    for worker in 0..5 {
        let keys = places.iter().filter(|&&place| place == Some(worker)).count();
        assert!((5..40).contains(&keys), "worker {worker} has {keys} of 100 keys");
    }
}

#[test]
fn what_a_full_replica_sheds_is_told_and_others_get_theirs() {
    let log = Log::default();
    let mut net = Net::new("shed");
    let cpu = net.domain("cpu").pinned(1);
    let other = net.domain("other").pinned(2);
    let (source, out) = (log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(20, &source)).on(cpu).flows(20));
    let last = stage("last", move || witness("last", &out)).on(other).queue(bounded(4));
    let last = net.add(last);
    // In the batch of 20 are 10 of each key.
    net.wire(front.out, last.inlet).keyed(|n| n % 2).on_full(OnFull::ShedNewest);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    let (seen, ended) = (log.noted("last"), log.get().ended.clone());
    assert_eq!(seen.len() + ended.len(), 20);
    assert_keyed(&seen, 2, 1);
    let replicas: Vec<u64> = seen.iter().map(|n| n / WORKER).collect();
    // One replica of both keys, or one of each.
    let both = replicas.iter().any(|&replica| replica != replicas[0]);
    assert_eq!(seen.len(), if both { 8 } else { 4 });
    assert!(ended.iter().all(|end| end.1 == Why::Shed));
}

#[test]
fn a_key_that_panics_costs_its_event_alone() {
    let log = Log::default();
    let mut net = Net::new("panics");
    let cpu = net.domain("cpu").pinned(2);
    let (source, out) = (log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(20, &source)).on(cpu).flows(20));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu));
    net.wire(front.out, last.inlet).keyed(|&n| if n == 7 { panic_any(n) } else { n });
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("last").len(), 38);
    assert_eq!(log.get().ended.iter().map(|end| end.1).collect::<Vec<_>>(), [Why::Failed; 2]);
}

/// Events at one worker of four, 1 ms each; when the last was done, and how many each replica did.
fn spread(balanced: bool, events: u64, queue: usize, seed: u64) -> (u64, Vec<usize>) {
    let (log, time) = (Log::default(), VirtualTime::default());
    let mut net = Net::new("spread");
    let door = net.domain("door").pinned(1);
    let cpu = net.domain("cpu").pinned(4);
    let source = log.clone();
    let front = stage("front", move || Front::new(events, &source).patient());
    let front = net.add(front.on(door).flows(1000));
    let (out, clock) = (log.clone(), time.clone());
    let work = move || {
        let (out, clock) = (out.clone(), clock.clone());
        from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
            for event in batch {
                clock.spend(ms(1));
                out.note("done", cx.clock().0 / 1_000_000);
                out.note("by", cx.worker().index() as u64 - 1);
                event.split().0.finish();
            }
        })
    };
    let work = net.add(stage("work", work).on(cpu).batch(1).queue(bounded(queue)));
    let wire = net.wire(front.out, work.inlet);
    if balanced {
        wire.balanced();
    }
    let mut sim = Sim::with_time(net, seed, time).unwrap();
    assert!(sim.run_for(ms(2 * events), STEPS));
    assert_empty(&mut sim);
    let by = log.noted("by");
    let each = (0..4).map(|worker| by.iter().filter(|&&w| w == worker).count()).collect();
    (log.noted("done").into_iter().max().unwrap_or(0), each)
}

#[test]
fn a_balanced_wire_uses_all_workers_and_a_plain_one_that_of_the_flow() {
    for seed in 0..20 {
        assert_eq!(spread(false, 400, 1000, seed), (400, vec![400, 0, 0, 0]));
        // An ideal one takes 100 ms; that of two chosen by chance is near to it.
        let (last, each) = spread(true, 400, 1000, seed);
        assert!(last <= 115, "seed {seed}: {last} ms, {each:?}");
        // With short queues who is full is passed over, and the sender waits for anyone.
        let (last, each) = spread(true, 400, 2, seed);
        assert!(last <= 115, "seed {seed}: {last} ms, {each:?}");
    }
}

#[test]
fn with_a_tee_all_stages_get_an_event_or_none() {
    let (mut parked, mut shed, mut diverted) = (0, 0, 0);
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let log = Log::default();
        let mut net = Net::new("tee");
        let cpu = net.domain("cpu").pinned(1 + random.below(3));
        let other = net.domain("other").pinned(1 + random.below(3));
        let pool = net.domain("pool").pool(1 + random.below(2));
        let source = log.clone();
        let front = net.add(stage("front", move || Front::new(30, &source)).on(cpu).flows(30));
        let sign = net.add(stage("sign", signed).on([cpu, other][random.below(2)]));
        let road = net.add(stage("road", all_on_a).on([cpu, other, pool][random.below(3)]));
        let ends = ["a", "b", "c", "d"].map(|name| {
            let out = log.clone();
            let home = [cpu, other, pool][random.below(3)];
            let queue = bounded(if name == "d" { 1000 } else { 1 + random.below(5) });
            net.add(stage(name, move || sink(name, &out)).on(home).queue(queue)).inlet
        });
        net.wire(front.out, sign.inlet);
        net.wire(sign.out, road.inlet);
        net.wire(road.out.b, ends[3]);
        let wire = net.wire(road.out.a, ends[0]);
        let wire = wire.tee(ends[1]);
        let answer = random.below(3);
        let wire = match answer {
            0 => wire,
            1 => wire.on_full(OnFull::ShedNewest),
            _ => wire.divert(road.out.b),
        };
        wire.tee(ends[2]);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| sorted(log.noted(name)));
        assert_eq!((&a, &a), (&b, &c), "seed {seed}");
        let ledger = sim.ledger();
        assert_eq!(ledger.forked, 2 * a.len() as u64, "seed {seed}");
        assert_eq!(ledger.forked, ledger.joined);
        assert_eq!(ledger.finished, (a.len() + d.len()) as u64);
        assert_eq!(a.len() + d.len() + log.get().ended.len(), ledger.entered as usize);
        let wires = sim.snapshot().wires;
        let views: Vec<_> = wires.iter().filter(|wire| wire.from == "road").collect();
        let copies = [None, None, Some(Copies::Tee), Some(Copies::Tee)];
        assert_eq!(views.iter().map(|wire| wire.copies).collect::<Vec<_>>(), copies);
        assert!(views[1..].iter().all(|wire| wire.sent == a.len() as u64 && wire.held == 0));
        assert_eq!(views[1].refused as usize, log.get().ended.len());
        parked += stage_of(&mut sim, "road").parked;
        shed += views[1].refused;
        diverted += views[1].diverted;
    }
    assert!(parked > 200 && shed > 200 && diverted > 200, "{parked} {shed} {diverted}");
}

#[test]
fn what_waits_before_a_tee_keeps_its_order() {
    for seed in 0..100 {
        let log = Log::default();
        let mut net = Net::new("order");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(1);
        let (source, a, b) = (log.clone(), log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(40, &source)).on(cpu).flows(40));
        let a = net.add(stage("a", move || sink("a", &a)).on(pool).queue(bounded(3)));
        let b = net.add(stage("b", move || sink("b", &b)).on(cpu).queue(bounded(2)));
        net.wire(front.out, a.inlet).tee(b.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        let all: Vec<u64> = (0..40).collect();
        assert_eq!((log.noted("a"), log.noted("b")), (all.clone(), all), "seed {seed}");
    }
}

#[test]
fn a_tap_gets_what_it_has_room_for_and_holds_nobody_up() {
    let (mut copied, mut missed, mut parked) = (0, 0, 0);
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let log = Log::default();
        let mut net = Net::new("tap");
        let cpu = net.domain("cpu").pinned(1 + random.below(2));
        let pool = net.domain("pool").pool(1);
        let (source, out, tap) = (log.clone(), log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(30, &source)).on(cpu).flows(30));
        let sign = net.add(stage("sign", signed).on(cpu));
        let queue = bounded(1 + random.below(5));
        let last = net.add(stage("last", move || sink("last", &out)).on(pool).queue(queue));
        let queue = bounded(1 + random.below(40));
        let watch = net.add(stage("watch", move || sink("watch", &tap)).on(pool).queue(queue));
        net.wire(front.out, sign.inlet);
        net.wire(sign.out, last.inlet).tap(watch.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle(&mut sim);
        assert_empty(&mut sim);
        let (last, watch) = (sorted(log.noted("last")), sorted(log.noted("watch")));
        assert_eq!(last.len() as u64, sim.ledger().finished);
        assert!(watch.windows(2).all(|two| two[0] < two[1]), "seed {seed}: none twice");
        assert!(watch.iter().all(|n| last.binary_search(n).is_ok()));
        let wires = sim.snapshot().wires;
        assert_eq!(wires[2].copies, Some(Copies::Tap));
        assert_eq!(wires[2].sent as usize, watch.len());
        assert_eq!(wires[2].refused as usize, last.len() - watch.len(), "seed {seed}");
        assert_eq!(sim.ledger().forked as usize, last.len(), "a copy of each, and once");
        copied += wires[2].sent;
        missed += wires[2].refused;
        parked += stage_of(&mut sim, "sign").parked;
    }
    assert!(copied > 2000 && missed > 500 && parked > 200, "{copied} {missed} {parked}");
}

pub fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}
