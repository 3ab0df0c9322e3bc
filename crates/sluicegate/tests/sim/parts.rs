//! Parts that are attached to a slot of a net, and taken away again, while flows run.

use crate::common::{
    Front, Lines, Log, STEPS, come_to_rest, pass, settle, settle_empty, sink, stage_of, wire_of,
};
use sluicegate::sim::Setup;
use sluicegate::{
    Batch, Cx, Door, Net, OnFull, Out, Ports, Sim, Slot, Stage, StartError, Tag, Time, Why,
    bounded, from_fn, ms, slot, stage,
};

mod away;
mod gone;

/// What a net does with what comes while its slot is bare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    Keeps,
    Answers,
}

/// A source of so many flows a worker, a slot, and back.
fn host(flows: u64, bare: Bare, log: &Log) -> (Net, Slot<u64, u64>) {
    let mut net = Net::new("host");
    let cpu = net.domain("cpu").pinned(2);
    let source = log.clone();
    let front = stage("front", move || Front::new(flows, &source).patient());
    let front = net.add(front.on(cpu).flows(flows as usize));
    let (spec, numbers) = slot::<u64, u64>("numbers");
    let slot = net.add(spec.on(cpu).queue(bounded(8)));
    net.wire(front.out, slot.inlet);
    net.wire(slot.out.answers, front.inlet).returns(front.out);
    match bare {
        Bare::Keeps => net.seal(slot.out.bare),
        Bare::Answers => drop(net.wire(slot.out.bare, front.inlet).returns(front.out)),
    }
    (net, numbers)
}

/// A part whose one stage, in a pool, does so.
fn part<S: Stage<In = u64, Out = Out<u64>>>(
    name: &str,
    slot: &Slot<u64, u64>,
    make: impl Fn() -> S + Send + Sync + 'static,
) -> (Door<u64, u64>, Net) {
    let mut part = Net::new(name);
    let (cpu, pool) = (part.domain("cpu").pinned(1), part.domain("pool").pool(2));
    let (spec, door) = slot.door("door");
    let node = part.add(spec.on(cpu));
    let only = part.add(stage("only", make).on(pool));
    part.wire(node.out, only.inlet);
    part.wire(only.out, node.inlet).returns(node.out);
    (door, part)
}

/// Sends on what comes, and so much more.
fn adds(more: u64) -> impl Stage<In = u64, Out = Out<u64>> {
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        batch.for_each(|event| cx.out.emit(event.map(|n| n + more)));
    })
}

/// Keeps all that comes, until it is dropped.
fn keeps() -> impl Stage<In = u64, Out = Out<u64>> {
    let mut kept: Vec<Tag> = Vec::new();
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>| {
        kept.extend(batch.map(|event| event.split().0));
    })
}

fn attach(sim: &mut Sim, (door, part): (Door<u64, u64>, Net)) -> sluicegate::sim::Part {
    sim.attach(door, part).unwrap()
}

/// The answers of the first worker's flows, in order.
fn answers(log: &Log) -> Vec<u64> {
    let answered = &log.get().answered;
    let mut all: Vec<u64> = answered.iter().filter(|one| one.2 == 0).map(|one| one.1).collect();
    all.sort_unstable();
    all
}

#[test]
fn what_comes_to_a_bare_slot_waits_for_a_part() {
    for seed in 0..20 {
        let log = Log::default();
        let (net, numbers) = host(40, Bare::Keeps, &log);
        let mut sim = Sim::new(net, seed).unwrap();
        settle(&mut sim);
        let slot = stage_of(&mut sim, "numbers");
        assert_eq!((slot.queued, slot.served), (16, 0), "of two workers");
        assert_eq!(stage_of(&mut sim, "front").parked_now, 2, "the wire waits");
        let part = attach(&mut sim, part("part", &numbers, || adds(100)));
        settle_empty(&mut sim);
        assert_eq!(answers(&log), (100..140).collect::<Vec<u64>>());
        assert_eq!(part.inside(), 0);
        let inside = sim.remove(part);
        assert_eq!((inside.entered, inside.finished), (80, 80), "flows of the part");
        assert_eq!(sim.ledger().finished, 80, "and of the net");
    }
}

#[test]
fn a_bare_slot_sends_on_what_comes_where_there_is_a_wire_for_that() {
    let log = Log::default();
    let (net, numbers) = host(5, Bare::Answers, &log);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(answers(&log), [0, 1, 2, 3, 4], "as they are");
    assert_eq!(wire_of(&mut sim, "numbers", "bare").sent, 10);
    let part = attach(&mut sim, part("part", &numbers, keeps));
    assert!(sim.remove(part).balanced());
}

#[test]
fn each_flow_fares_in_the_net_as_it_does_in_the_part() {
    let by_number = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                let (tag, n) = event.split();
                match n {
                    0 => tag.finish(),
                    1 => tag.refuse(Why::Greedy),
                    2 => drop(tag),
                    3 => panic!("as it should"),
                    4 => cx.out.emit(tag.fork().with(4000)),
                    _ => cx.out.emit(tag.with(n)),
                }
            }
        })
    };
    for seed in 0..20 {
        let log = Log::default();
        let (net, numbers) = host(7, Bare::Keeps, &log);
        let mut sim = Sim::new(net, seed).unwrap();
        let part = attach(&mut sim, part("part", &numbers, by_number));
        settle_empty(&mut sim);
        assert_eq!(answers(&log), [5, 6], "the answer of a second tag is none");
        let mut ended: Vec<_> = log.get().ended.iter().map(|e| (e.0 % 1000, e.1)).collect();
        ended.sort_unstable_by_key(|end| end.0);
        let each = [(1, Why::Greedy), (2, Why::Dropped), (3, Why::Failed), (4, Why::Dropped)];
        assert_eq!(ended, each.iter().flat_map(|&end| [end, end]).collect::<Vec<_>>());
        assert_eq!(sim.ledger().finished, 2 * 3, "flow 0, and two that were answered");
        assert_eq!(sim.remove(part).finished, 2 * 3);
    }
}

#[test]
fn a_flow_of_a_part_is_as_old_important_and_dear_as_that_of_the_net() {
    let marked = |what: &'static str, log: &Log| {
        let log = log.clone();
        from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for mut event in batch {
                let (mut tag, n) = event.split();
                if what == "set" {
                    tag.set_class(3);
                    tag.set_client(77);
                    tag.set_weight(8);
                    tag.set_deadline(Some(Time(9_000_000_000)));
                }
                log.note(what, tag.born().0);
                log.note(what, tag.class().into());
                log.note(what, tag.client().into());
                log.note(what, tag.weight().into());
                log.note(what, tag.deadline().unwrap_or_default().0);
                event = tag.with(n);
                cx.out.emit(event);
            }
        })
    };
    let log = Log::default();
    let mut net = Net::new("host");
    let cpu = net.domain("cpu").pinned(1);
    let (before, after) = (log.clone(), log.clone());
    let mark = net.add(stage("mark", move || marked("set", &before)).on(cpu));
    let (spec, numbers) = slot::<u64, u64>("numbers");
    let slot = net.add(spec.on(cpu));
    let end = net.add(stage("end", move || sink("end", &after)).on(cpu));
    net.wire(mark.out, slot.inlet);
    net.wire(slot.out.answers, end.inlet);
    net.seal(slot.out.bare);
    let entry = net.entry(mark.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(sim.run_for(ms(7), STEPS));
    entry.send(1).unwrap();
    settle(&mut sim);
    assert!(sim.run_for(ms(7), STEPS));
    let inside = log.clone();
    let part = attach(&mut sim, part("part", &numbers, move || marked("got", &inside)));
    settle_empty(&mut sim);
    assert_eq!(log.noted("got"), log.noted("set"));
    assert_eq!(log.noted("got")[..2], [7_000_000, 3]);
    assert_eq!(log.noted("end"), [1]);
    sim.remove(part);
}

#[test]
fn a_door_has_no_more_flows_in_its_net_than_it_was_given_places() {
    for places in [1, 2, 7] {
        let log = Log::default();
        let (net, numbers) = host(40, Bare::Keeps, &log);
        let mut sim = Sim::new(net, 1).unwrap();
        let mut part = Net::new("part");
        let cpu = part.domain("cpu").pinned(1);
        let (spec, door) = numbers.door("door");
        let node = part.add(spec.on(cpu).flows(places));
        let only = part.add(stage("only", || adds(0)).on(cpu));
        part.wire(node.out, only.inlet);
        part.wire(only.out, node.inlet).returns(node.out);
        let part = attach(&mut sim, (door, part));
        let mut most = 0;
        // Whoever looks has all workers run.
        for _ in 0..2000 {
            assert!(sim.step());
            sim.assert_even();
            most = most.max(part.observer().snapshot().ledger.places);
        }
        settle_empty(&mut sim);
        assert_eq!((most, log.get().answered.len()), (places as i64, 80));
        assert_eq!(sim.remove(part).finished, 80);
    }
}

#[test]
fn places_bound_what_is_inside_and_the_wire_says_what_becomes_of_more() {
    let log = Log::default();
    let mut net = Net::new("host");
    let cpu = net.domain("cpu").pinned(1);
    let source = log.clone();
    let front = stage("front", move || Front::new(40, &source).patient());
    let front = net.add(front.on(cpu).flows(40).batch(1));
    let (spec, numbers) = slot::<u64, u64>("numbers");
    let slot = net.add(spec.on(cpu).queue(bounded(3)));
    net.wire(front.out, slot.inlet).on_full(OnFull::ShedNewest);
    net.wire(slot.out.answers, front.inlet).returns(front.out);
    net.seal(slot.out.bare);
    let mut sim = Sim::new(net, 1).unwrap();
    let places = "stages.numbers.own.places";
    sim.observer().change("anna", &[(places, 5.into())]).unwrap();
    let part = attach(&mut sim, part("part", &numbers, keeps));
    settle(&mut sim);
    assert_eq!((part.inside(), stage_of(&mut sim, "numbers").queued), (5, 3));
    assert_eq!(log.get().ended.len(), 40 - 8);
    sim.remove(part);
    come_to_rest(&mut sim);
}

#[test]
fn a_shadow_gets_copies_and_holds_nothing_up() {
    let log = Log::default();
    let mut net = Net::new("host");
    let cpu = net.domain("cpu").pinned(1);
    let source = log.clone();
    let front = net.add(stage("front", move || Front::new(40, &source).patient()).on(cpu).flows(4));
    let (spec, shadow) = slot::<u64, ()>("shadow");
    let copies = net.add(spec.on(cpu).queue(bounded(3)));
    let only = net.add(stage("only", pass).on(cpu));
    net.wire(front.out, only.inlet).tap(copies.inlet);
    net.wire(only.out, front.inlet).returns(front.out);
    net.seal(copies.out.answers);
    net.seal(copies.out.bare);
    let mut sim = Sim::new(net, 1).unwrap();
    for _ in 0..20 {
        assert!(sim.step());
    }
    let mut part = Net::new("watches");
    let cpu = part.domain("cpu").pinned(1);
    let (spec, door) = shadow.door("door");
    let node = part.add(spec.on(cpu));
    let seen = log.clone();
    let only = part.add(stage("only", move || sink("seen", &seen)).on(cpu));
    part.wire(node.out, only.inlet);
    let part = sim.attach(door, part).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.get().answered.len(), 40);
    let (seen, ledger) = (log.noted("seen").len() as u64, sim.remove(part));
    assert_eq!((ledger.entered, ledger.finished), (seen, seen));
    assert!(seen >= 3, "{seen}");
}

#[test]
fn a_part_is_seen_traced_and_set_by_its_name() {
    let (log, lines) = (Log::default(), Lines::default());
    let (net, numbers) = host(3, Bare::Keeps, &log);
    let mut sim = Sim::with(net, lines.of(Setup::seed(1))).unwrap();
    let part = attach(&mut sim, part("part", &numbers, || adds(0)));
    let [seen] = &sim.observer().parts()[..] else { panic!("one part") };
    assert_eq!((&*seen.slot, &*seen.observer.snapshot().name), ("numbers", "part"));
    seen.observer.change("anna", &[("stages.only.batch", 2.into())]).unwrap();
    assert_eq!(seen.observer.changes()[0].by, "anna");
    settle_empty(&mut sim);
    let lines = lines.take();
    assert!(lines.iter().any(|line| line.contains("\tpart.pool/")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("\tpart.cpu/0\tdoor\tentered\t")));
    assert!(lines.iter().any(|line| line.starts_with("0\tcpu/0\tnumbers\t")));
    sim.remove(part);
}

/// What is said of a part that cannot be attached.
fn faults<T: Send + 'static>(sim: &mut Sim, door: Door<T, T>, part: Net) -> Vec<String> {
    let Err(StartError::Faults(faults)) = sim.attach(door, part) else { panic!("it has faults") };
    assert_eq!(sim.observer().parts().len(), 1, "nothing was attached");
    faults.0.iter().map(ToString::to_string).collect()
}

#[test]
fn n0025_to_n0027_parts_that_cannot_be_attached() {
    let log = Log::default();
    let (net, numbers) = host(1, Bare::Keeps, &log);
    let mut sim = Sim::new(net, 1).unwrap();
    let there = attach(&mut sim, part("part", &numbers, || adds(0)));
    let (_, other) = host(1, Bare::Keeps, &log);
    let (door, same) = part("part", &other, || adds(0));
    let said = [
        "N0026: net `host` has no slot for part `part`; make its door by `slot.door(..)` of a slot \
         whose stage was added to that net (see sluicegate::faults::n0026)",
        "N0027: a part called `part` is attached already; name the part otherwise, or take the one \
         that is there away before (see sluicegate::faults::n0027)",
    ];
    assert_eq!(faults(&mut sim, door, same), said);
    let mut empty = Net::new("empty");
    empty.domain("cpu").pinned(0);
    let (_, door) = numbers.door("door");
    let said = faults(&mut sim, door, empty);
    assert!(said[0].starts_with("N0004"), "{said:?}");
    let no_door = "N0025: part `empty` has no stage for its door; add the stage that \
                   `slot.door(..)` made along with its door (see sluicegate::faults::n0025)";
    assert_eq!(said[1], no_door);
    sim.remove(there);
}

#[test]
fn the_ports_of_a_slot_are_named() {
    assert_eq!(<sluicegate::SlotOut<u64, u64> as Ports>::NAMES, ["answers", "bare"]);
}
