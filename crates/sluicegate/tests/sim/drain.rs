//! A draining net takes no new work and finishes what it has.

use crate::common::{Front, Log, STEPS, assert_empty, pass, settle, sink, stage_of};
use sluicegate::{Batch, Cx, Net, Out, Sim, Stage, bounded, stage};
use std::time::Duration;

#[test]
fn flows_in_flight_end_and_no_new_ones_enter() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("drain");
        let cpu = net.domain("cpu").pinned(2);
        let pool = net.domain("pool").pool(2);
        let (source, out) = (log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(1000, &source)).on(cpu).flows(16));
        let a = net.add(stage("a", pass).on(pool).queue(bounded(4)));
        let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(bounded(4)));
        net.wire(front.out, a.inlet);
        net.wire(a.out, last.inlet);
        let entry = net.entry(a.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        for _ in 0..100 {
            sim.step();
        }
        sim.drain();
        let entered = sim.ledger().entered;
        assert!(entry.send(1).is_err(), "an entry is closed at once");
        settle(&mut sim);
        assert_empty(&mut sim);
        let more = sim.ledger().entered - entered;
        assert!(more <= 2 * 64, "sources stop when they hear of it, seed {seed}: {more} more");
        assert!(sim.snapshot().draining);
    }
}

/// Says farewell in a timer after the drain.
struct Farewell {
    said: bool,
}

impl Stage for Farewell {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            if *event == 13 {
                panic!("thirteen");
            }
            event.split().0.finish();
        }
    }

    fn drain(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.after(Duration::from_millis(10), 0);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<u64>>) {
        self.said = true;
        let home = cx.worker();
        cx.out.emit(sluicegate::Event::note(home, 77));
    }

    fn drained(&mut self, _: &mut Cx<'_, Out<u64>>) -> bool {
        self.said
    }
}

#[test]
fn a_stage_may_do_its_last_things() {
    let log = Log::default();
    let mut net = Net::new("farewell");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let farewell = net.add(stage("farewell", || Farewell { said: false }).on(cpu));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu));
    net.wire(farewell.out, last.inlet);
    let entry = net.entry(farewell.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    entry.send(13).unwrap();
    settle(&mut sim);
    assert_eq!(stage_of(&mut sim, "farewell").panics, 1);
    sim.drain();
    settle(&mut sim);
    assert_eq!(log.noted("last"), []);
    assert!(sim.run_for(Duration::from_millis(20), STEPS));
    assert_eq!(
        log.noted("last"),
        [77],
        "what a flag raised in drain asked for, though it panicked"
    );
}
