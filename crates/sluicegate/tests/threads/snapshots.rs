//! Snapshots taken while threads are busy.

use crate::common::*;
use sluicegate::Snapshot;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What must hold of each look at a net, and of two that follow each other.
fn assert_fits(net: &Snapshot, before: &Snapshot) {
    let ledger = &net.ledger;
    assert!(ledger.balanced(), "{ledger:?}");
    // Of one epoch: nothing comes out of a queue that had not gone in.
    assert!(ledger.in_flight >= 0, "{ledger:?}");
    assert!(ledger.finished + ledger.ended.total() <= ledger.entered, "{ledger:?}");
    assert!(net.epoch > before.epoch);
    assert!(ledger.entered >= before.ledger.entered, "{ledger:?} after {:?}", before.ledger);
    assert!(ledger.finished >= before.ledger.finished, "{ledger:?} after {:?}", before.ledger);
    for (now, before) in net.stages.iter().zip(&before.stages) {
        assert!(now.served >= before.served && now.arrivals >= before.arrivals, "{now:?}");
        assert!(now.service.count() >= before.service.count(), "{now:?}");
        assert!(now.parked_time >= before.parked_time, "{now:?}");
    }
}

#[test]
fn the_ledger_is_even_in_each_of_ten_thousand_snapshots_under_load() {
    const LOOKS: usize = 10_000;
    let second = stage("second", pass).queue(bounded(16));
    let (running, entry, done) = row(second, bounded(16));
    let (observer, over) = (running.observer(), AtomicBool::new(false));
    let looks = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    insist(&entry, 0);
                }
            });
        }
        let mut before = observer.snapshot();
        let mut moved = 0;
        for _ in 0..LOOKS {
            let net = observer.snapshot();
            let fits = catch_unwind(AssertUnwindSafe(|| assert_fits(&net, &before)));
            if let Err(panic) = fits {
                // Else who feeds the net would go on for ever.
                over.store(true, SeqCst);
                resume_unwind(panic);
            }
            moved += usize::from(net.ledger.finished > before.ledger.finished);
            before = net;
        }
        over.store(true, SeqCst);
        moved
    });
    assert!(looks > LOOKS / 100, "the load went on meanwhile: {looks}");
    let last = running.observer();
    let drained = running.drain(LONG);
    assert_over(drained, true);
    let net = last.snapshot();
    assert_eq!(drained.ledger.finished, done.load(SeqCst));
    let [class] = &net.classes[..] else { panic!("one class: {:?}", net.classes) };
    assert_eq!(class.finished, drained.ledger.finished);
    assert_eq!(class.response.count(), class.finished);
    for stage in &net.stages {
        assert_eq!((stage.served, stage.arrivals), (class.finished, class.finished));
        assert_eq!(stage.batch_sizes.sum(), stage.served);
    }
}

/// Ends flows, and never has nothing to do: its worker looks for news between long turns alone,
/// and takes in one turn what was sent before and after a snapshot began.
struct Restless;

impl Stage for Restless {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, ()>) {
        if !cx.draining() {
            cx.again();
        }
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
        batch.for_each(|event| event.split().0.finish());
    }
}

#[test]
fn no_flow_has_ended_in_a_snapshot_that_had_not_entered() {
    const LOOKS: usize = 1000;
    let mut net = Net::new("short way");
    let (from, to) = (net.domain("from").pinned(1), net.domain("to").pinned(1));
    let spring = net.add(stage("spring", Spring::default).on(from).flows(4));
    let last = net.add(stage("last", || Restless).on(to));
    net.wire(spring.out, last.inlet);
    let running = net.run().unwrap();
    let observer = running.observer();
    let mut before = observer.snapshot();
    for _ in 0..LOOKS {
        let net = observer.snapshot();
        assert_fits(&net, &before);
        // There are no more places.
        assert!(net.ledger.in_flight <= 4, "{:?}", net.ledger);
        before = net;
    }
    assert!(before.ledger.finished > 0);
    assert_over(running.drain(LONG), true);
}
