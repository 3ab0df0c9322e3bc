//! Places taken before there is an event for them.

use crate::common::{Log, Random, settle, settle_empty, sink, stage_of};
use sluicegate::{Batch, Cx, Full, Net, Out, Permit, Sim, Stage, bounded, from_fn, stage};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Takes places for all events of one batch, uses them in the next, as the command says.
#[derive(Default)]
struct Split {
    permit: Option<Permit<u64>>,
}

const RESERVE: u64 = 1000;
const ABORT: u64 = 2000;

impl Stage for Split {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            match *event {
                ABORT => self.permit = None,
                n if n >= RESERVE => {
                    let places = (n - RESERVE) as usize;
                    let permit = cx.out.reserve(places);
                    if permit.is_none() {
                        event.split().0.refuse(sluicegate::Why::Refused);
                        continue;
                    }
                    self.permit = permit;
                }
                _ => {
                    let permit = self.permit.as_mut().expect("places were taken");
                    if let Err(Full(event)) = cx.out.emit_with(permit, event) {
                        event.split().0.refuse(sluicegate::Why::Refused);
                    }
                    continue;
                }
            }
            event.split().0.finish();
        }
    }
}

#[test]
fn places_are_kept_over_batches_and_given_back() {
    let log = Log::default();
    let open = Arc::new(AtomicBool::new(false));
    let mut net = Net::new("split");
    let cpu = net.domain("cpu").pinned(1);
    let split = net.add(stage("split", Split::default).on(cpu));
    let (out, gate) = (log.clone(), Arc::clone(&open));
    let last = net.add(
        stage("last", move || {
            let (out, gate) = (out.clone(), Arc::clone(&gate));
            from_fn(move |mut batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                while let Some(event) = batch.next() {
                    if !gate.load(Relaxed) {
                        batch.put_back(event);
                        continue;
                    }
                    let (tag, n) = event.split();
                    out.note("last", n);
                    tag.finish();
                }
            })
        })
        .on(cpu)
        .queue(bounded(4)),
    );
    net.wire(split.out, last.inlet);
    let (entry, other) = (net.entry(split.inlet), net.entry(last.inlet));
    let mut sim = Sim::new(net, 1).unwrap();
    entry.send(RESERVE + 3).unwrap();
    settle(&mut sim);
    other.send(90).unwrap();
    assert!(other.send(91).is_err(), "3 places of 4 are taken and one is used");
    for n in [1, 2] {
        entry.send(n).unwrap();
        settle(&mut sim);
    }
    assert_eq!(stage_of(&mut sim, "last").queued, 3);
    assert!(other.send(92).is_err(), "the last place of the permit is kept");
    entry.send(RESERVE + 2).unwrap();
    settle(&mut sim);
    assert_eq!(sim.ledger().ended.total(), 1, "2 places are not to be had: none is taken");
    entry.send(ABORT).unwrap();
    settle(&mut sim);
    other.send(93).unwrap();
    assert!(other.send(94).is_err(), "one place came back");
    open.store(true, Relaxed);
    entry.send(RESERVE).unwrap();
    entry.send(7).unwrap();
    settle(&mut sim);
    assert_eq!(sim.ledger().ended.total(), 2, "a permit without places sends nothing");
}

/// Does one of many things with each event, drawn from a seed.
struct Mixed {
    random: Random,
    permits: Vec<Permit<u64>>,
}

impl Stage for Mixed {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            if self.random.one_in(40) {
                panic!("permits of a replica that is gone go back");
            }
            if self.random.one_in(4) {
                let places = self.random.below(4);
                self.permits.extend(cx.out.reserve(places));
            }
            if self.random.one_in(4) && !self.permits.is_empty() {
                let aborted = self.random.below(self.permits.len());
                self.permits.swap_remove(aborted);
            }
            let with = self.permits.iter_mut().find(|permit| permit.left() > 0);
            let sent = match (self.random.below(3), with) {
                (0, _) => cx.out.try_emit(event),
                (1, Some(permit)) => cx.out.emit_with(permit, event),
                _ => {
                    cx.out.emit(event);
                    Ok(())
                }
            };
            if let Err(Full(event)) = sent {
                event.split().0.refuse(sluicegate::Why::Refused);
            }
        }
        if self.random.one_in(8) || cx.draining() {
            self.permits.clear();
        }
    }

    fn drain(&mut self, _: &mut Cx<'_, Out<u64>>) {
        self.permits.clear();
    }
}

#[test]
fn whatever_is_mixed_a_queue_is_never_overfilled_and_no_place_is_lost() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let capacity = 1 + random.below(6);
        let log = Log::default();
        let mut net = Net::new("mixed");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(1 + random.below(2));
        let mixed = net.add(
            stage("mixed", move || Mixed { random: Random::new(seed), permits: Vec::new() })
                .on(cpu)
                .batch(1 + random.below(8)),
        );
        let out = log.clone();
        let last =
            net.add(stage("last", move || sink("last", &out)).on(pool).queue(bounded(capacity)));
        net.wire(mixed.out, last.inlet);
        let (entry, fill) = (net.entry(mixed.inlet), net.entry(last.inlet));
        let mut sim = Sim::new(net, seed).unwrap();
        for n in 0..100 {
            entry.send(n).unwrap();
        }
        loop {
            let stepped = sim.step();
            sim.assert_even();
            assert!(stage_of(&mut sim, "last").queued <= capacity, "seed {seed}");
            if !stepped {
                break;
            }
        }
        // Permits may still keep places, and a parked stage may wait for one of its own: when the
        // net drains they go back.
        sim.drain();
        settle_empty(&mut sim);
        drop(entry);
        drop(fill);
    }
}
