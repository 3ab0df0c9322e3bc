//! What stages hear of the net: that it has started, that it drains, and pressure.

use crate::common::{Dictated, Lines, Log, STEPS, settle, stage_of};
use sluicegate::sim::Setup;
use sluicegate::{Batch, Cx, Entry, Net, Out, Sim, Stage, bounded, from_fn, ms, stage};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Notes what it hears, passes on what is 100 or more, and panics at 13.
struct Ear {
    log: Log,
}

impl Stage for Ear {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, _: &mut Cx<'_, Out<u64>>) {
        self.log.note("built", 0);
    }

    fn started(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        self.log.note("started", self.log.noted("built").len() as u64);
        assert!(!cx.draining());
    }

    fn drain(&mut self, _: &mut Cx<'_, Out<u64>>) {
        self.log.note("drains", 0);
    }

    fn pressure(&mut self, pressure: f64, cx: &mut Cx<'_, Out<u64>>) {
        assert!((pressure - cx.pressure()).abs() < f64::EPSILON, "as it can be read");
        self.log.note("pressure", (pressure * 100.0).round() as u64);
    }

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            assert!(*event != 13, "thirteen");
            match *event {
                100.. => cx.out.emit(event),
                _ => event.split().0.finish(),
            }
        }
    }
}

/// Ears on so many workers, before a gate in a pool with that pressure.
struct Ears {
    log: Log,
    pressure: Arc<AtomicU64>,
    entry: Entry<u64>,
    sim: Sim,
    lines: Lines,
}

impl Ears {
    fn new(workers: usize, hear: bool) -> Self {
        let (log, pressure) = (Log::default(), Arc::new(AtomicU64::new(0)));
        let mut net = Net::new("ears");
        let cpu = net.domain("cpu").pinned(workers);
        let pool = net.domain("pool").pool(2);
        let out = log.clone();
        let ear = stage("ear", move || Ear { log: out.clone() }).on(cpu);
        let ear = net.add(if hear { ear.hear_pressure() } else { ear });
        let gate = stage("gate", || {
            // One always waits: laws look while their queue is used.
            from_fn(|mut batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                if let Some(event) = batch.next() {
                    batch.put_back(event);
                }
            })
        });
        let queue = bounded(8).admit(Dictated(Arc::clone(&pressure)));
        let gate = net.add(gate.on(pool).queue(queue));
        net.wire(ear.out, gate.inlet);
        let (entry, feed) = (net.entry(ear.inlet), net.entry(gate.inlet));
        let lines = Lines::default();
        let mut sim = Sim::with(net, lines.of(Setup::seed(1))).unwrap();
        settle(&mut sim);
        feed.send(1).unwrap();
        settle(&mut sim);
        Self { log, pressure, entry, sim, lines }
    }

    /// Publishes these pressures, in hundredths, one after the other.
    fn publish(&mut self, levels: &[u64]) {
        for &level in levels {
            self.pressure.store(level, Relaxed);
            assert!(self.sim.run_for(ms(30), STEPS));
        }
    }
}

#[test]
fn each_replica_hears_once_that_all_have_started_and_once_that_the_net_drains() {
    let Ears { log, mut sim, .. } = Ears::new(3, false);
    assert_eq!(log.noted("started"), [3; 3], "when all were built");
    assert!(sim.run_for(ms(100), STEPS));
    sim.drain();
    settle(&mut sim);
    assert!(sim.run_for(ms(100), STEPS));
    assert_eq!((log.noted("started").len(), log.noted("drains").len()), (3, 3));
    let ledger = sim.ledger();
    assert_eq!((ledger.entered, ledger.in_flight), (1, 1), "signals are no flows");
}

#[test]
fn pressure_is_heard_once_for_each_tenth_by_those_who_want_to() {
    for hear in [false, true] {
        let mut ears = Ears::new(2, hear);
        ears.publish(&[0, 5, 8, 10, 11, 15, 95, 95, 0]);
        let each: &[u64] = if hear { &[5, 5, 11, 11, 95, 95, 0, 0] } else { &[] };
        assert_eq!(ears.log.noted("pressure"), each);
        assert_eq!(ears.lines.count("pressed"), each.len());
        let ledger = ears.sim.ledger();
        assert_eq!((ledger.entered, ledger.in_flight), (1, 1), "signals are no flows");
    }
}

#[test]
fn pressure_at_any_replica_that_a_key_may_choose_is_heard() {
    let (log, pressure) = (Log::default(), Arc::new(AtomicU64::new(0)));
    let mut net = Net::new("lanes");
    let cpu = net.domain("cpu").pinned(1);
    let gates = net.domain("gates").pinned(2);
    let out = log.clone();
    let ear = stage("ear", move || Ear { log: out.clone() }).on(cpu);
    let ear = net.add(ear.hear_pressure());
    // The second of them keeps what comes, so that its laws alone look.
    let keeps = || {
        from_fn(|mut batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
            while let Some(event) = batch.next() {
                match cx.worker().index() {
                    2 => return batch.put_back(event),
                    _ => event.split().0.finish(),
                }
            }
        })
    };
    let queue = bounded(50).admit(Dictated(Arc::clone(&pressure)));
    let gate = net.add(stage("gate", keeps).on(gates).queue(queue));
    net.wire(ear.out, gate.inlet).keyed(|n| *n);
    let entry = net.entry(ear.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    (100..120).for_each(|n| entry.send(n).unwrap());
    settle(&mut sim);
    assert!(sim.run_for(ms(500), STEPS));
    pressure.store(80, Relaxed);
    assert!(sim.run_for(ms(30), STEPS));
    assert_eq!(log.noted("pressure"), [40], "the mean of both");
}

#[test]
fn a_rebuilt_replica_hears_again_what_still_holds() {
    let mut ears = Ears::new(1, true);
    ears.publish(&[40]);
    ears.entry.send(13).unwrap();
    settle(&mut ears.sim);
    ears.entry.send(1).unwrap();
    settle(&mut ears.sim);
    assert_eq!(ears.log.noted("started"), [1, 2]);
    assert_eq!(ears.log.noted("pressure"), [40, 40]);
}

#[test]
fn who_panics_at_what_it_hears_does_not_hear_it_for_ever() {
    struct Deaf;
    impl Stage for Deaf {
        type In = u64;
        type Out = ();
        fn started(&mut self, _: &mut Cx<'_, ()>) {
            panic!("not now");
        }
        fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}
    }
    let mut net = Net::new("deaf");
    let cpu = net.domain("cpu").pinned(1);
    net.add(stage("deaf", || Deaf).on(cpu));
    let mut sim = Sim::new(net, 1).unwrap();
    settle(&mut sim);
    assert_eq!(stage_of(&mut sim, "deaf").panics, 1);
}
