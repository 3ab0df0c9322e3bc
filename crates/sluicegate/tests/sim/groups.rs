//! Workers with more stages than they have ready bits: their replicas are in groups.

use crate::common::{
    Dictated, Front, Log, PER_WORKER, Random, STEPS, come_to_rest, pass, settle, settle_empty, sink,
};
use sluicegate::{
    Batch, Cx, Event, Letter, Net, Out, Sim, Stage, Why, bounded, from_fn, ms, stage,
};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Keeps each event for a while; refuses one in eight then.
#[derive(Default)]
struct Late(Vec<Option<Event<u64>>>);

impl Stage for Late {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            self.0.push(Some(event));
            cx.after(ms(3), self.0.len() as u64 - 1);
        }
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, Out<u64>>) {
        let event = self.0[token as usize].take().expect("a timer runs out once");
        match event.split() {
            (tag, n) if n % 8 == 5 => tag.refuse(Why::Failed),
            (tag, n) => cx.out.emit(tag.with(n)),
        }
    }

    fn drained(&mut self, _: &mut Cx<'_, Out<u64>>) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// A row of `stages`, of which some are in another domain and one keeps events back; and the
/// workers of its source.
fn row(stages: usize, flows: u64, random: &mut Random, log: &Log) -> (Net, Range<usize>) {
    let (others, workers) = (1 + random.below(2), 1 + random.below(3));
    let mut net = Net::new("groups");
    let aside = net.domain("aside").pinned(others);
    let cpu = net.domain("cpu").pinned(workers);
    let seen = log.clone();
    let front =
        net.add(stage("front", move || Front::new(flows, &seen).patient()).on(cpu).flows(8));
    let (mut last, late) = (front.out, random.below(stages));
    for n in 0..stages {
        let (name, queue) = (format!("stage {n}"), bounded(1 + random.below(6)));
        let to = if random.below(9) == 0 { aside } else { cpu };
        let next = match n == late {
            true => {
                let late = net.add(stage(&name, Late::default).on(cpu).emits(8).queue(queue));
                (late.inlet, late.out)
            }
            false => {
                let pass = net.add(stage(&name, pass).on(to).queue(queue));
                (pass.inlet, pass.out)
            }
        };
        net.wire(last, next.0);
        last = next.1;
    }
    net.wire(last, front.inlet).returns(front.out);
    (net, others..others + workers)
}

#[test]
fn what_goes_through_hundreds_of_stages_of_a_worker_comes_out() {
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let log = Log::default();
        let stages = [64, 90, 128][random.below(3)];
        let (net, workers) = row(stages, 14, &mut random, &log);
        let mut sim = Sim::new(net, seed).unwrap();
        come_to_rest(&mut sim);
        let of = |n| workers.clone().map(move |worker| worker as u64 * PER_WORKER + n);
        log.assert_each_once((0..14).flat_map(of));
        let mut refused: Vec<u64> = log.get().ended.iter().map(|ended| ended.0).collect();
        refused.sort_unstable();
        let mut expected: Vec<u64> = [5, 13].into_iter().flat_map(of).collect();
        expected.sort_unstable();
        assert_eq!(refused, expected, "seed {seed}: who was refused is told");
    }
}

#[test]
fn the_nearest_to_the_exit_goes_first_over_groups_too() {
    let log = Log::default();
    let mut net = Net::new("order");
    let cpu = net.domain("cpu").pinned(1);
    let mut inlets = Vec::new();
    for n in 0..200_u64 {
        let log = log.clone();
        let end = move || {
            let log = log.clone();
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    log.note("ran", n);
                    event.split().0.finish();
                }
            })
        };
        inlets.push(net.add(stage(&format!("end {n}"), end).on(cpu)).inlet);
    }
    let entries: Vec<_> = inlets.iter().map(|&inlet| net.entry(inlet)).collect();
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    for entry in &entries {
        entry.send(0).expect("an empty queue");
    }
    settle_empty(&mut sim);
    // Of exits the last that was declared is the nearest.
    assert!(log.noted("ran").into_iter().eq((0..200).rev()));
}

/// Passes what comes, hears what it can, and panics at 7.
struct All {
    log: Log,
}

impl Stage for All {
    type In = u64;
    type Out = Out<u64>;

    fn started(&mut self, _: &mut Cx<'_, Out<u64>>) {
        self.log.note("started", 0);
    }

    fn signal(&mut self, _: &mut Cx<'_, Out<u64>>) {
        self.log.note("signalled", 0);
    }

    fn pressure(&mut self, pressure: f64, _: &mut Cx<'_, Out<u64>>) {
        self.log.note("pressure", (pressure * 100.0) as u64);
    }

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        self.log.note("batch", batch.len() as u64);
        for event in batch {
            assert!(*event != 7, "seven");
            if *event == 3 {
                cx.flag().raise();
            }
            cx.out.emit(event);
        }
    }
}

/// Notes the numbers of the flows that a panic cost.
fn lost(log: &Log) -> impl Stage<In = Letter<u64>, Out = ()> + use<> {
    let log = log.clone();
    from_fn(move |batch: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| {
        for event in batch {
            log.note("lost", event.tag().flow());
            event.split().0.finish();
        }
    })
}

/// What is seen of a stage that is told all that there is to tell, on a worker with so many stages
/// that do nothing beside it.
fn told(idle: usize, fused: bool) -> Vec<(&'static str, u64)> {
    let (log, pressure) = (Log::default(), Arc::new(AtomicU64::new(0)));
    let mut net = Net::new("told");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(1);
    let outs = [(); 4].map(|()| log.clone());
    let [first, out, letters, last] = outs;
    let relay = net.add(stage("relay", pass).on(cpu).batch(4));
    let all = stage("all", move || All { log: first.clone() }).on(cpu).batch(4).hear_pressure();
    let all = net.add(all);
    let lost = net.add(stage("lost", move || lost(&letters)).on(cpu));
    for n in 0..idle {
        let out = out.clone();
        net.add(stage(&format!("idle {n}"), move || sink("idle", &out)).on(cpu));
    }
    let queue = bounded(64).admit(Dictated(Arc::clone(&pressure)));
    let last = net.add(stage("last", move || sink("last", &last)).on(pool).queue(queue));
    let wire = net.wire(relay.out, all.inlet);
    if fused {
        wire.fused();
    }
    net.wire(all.out, last.inlet);
    net.wire(all.letters, lost.inlet);
    let entry = net.entry(relay.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    let steer = sim.observer();
    settle(&mut sim);
    (0..6).for_each(|n| entry.send(n).unwrap());
    settle(&mut sim);
    steer.pause("anna", "all").unwrap();
    (6..20).for_each(|n| entry.send(n).unwrap());
    settle(&mut sim);
    log.note("paused", 0);
    steer.step("anna", "all").unwrap();
    settle(&mut sim);
    log.note("stepped", 0);
    steer.change("anna", &[("stages.all.batch", 2.into())]).unwrap();
    steer.resume("anna", "all").unwrap();
    settle_empty(&mut sim);
    pressure.store(50, Relaxed);
    (20..30).for_each(|n| entry.send(n).unwrap());
    settle(&mut sim);
    assert!(sim.run_for(ms(50), STEPS));
    let replacement = log.clone();
    steer.replace("anna", "all", move || All { log: replacement.clone() }).unwrap();
    settle(&mut sim);
    (30..35).for_each(|n| entry.send(n).unwrap());
    settle_empty(&mut sim);
    let mut notes = std::mem::take(&mut log.get().notes);
    // When the other worker goes between is a matter of the seed.
    notes.sort_by_key(|note| note.0);
    notes
}

#[test]
fn what_a_stage_in_a_group_is_told_is_what_one_with_a_bit_of_its_own_is() {
    for fused in [false, true] {
        let alone = told(0, fused);
        for what in ["started", "signalled", "pressure", "lost", "last"] {
            assert!(alone.iter().any(|note| note.0 == what), "{what}: {alone:?}");
        }
        for idle in [59, 60, 64, 130] {
            assert_eq!(told(idle, fused), alone, "with {idle} beside it");
        }
    }
}
