//! Supervision, letters and signals: what a panic costs, and who hears of it.

use crate::common::*;
use sluicegate::{Letter, StopError, Supervision};

#[test]
fn every_flow_of_a_pool_that_panics_is_handled_or_goes_on_as_a_letter() {
    const EACH: u64 = 5000;
    let (done, told) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut net = Net::new("letters");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(3);
    let count = Arc::clone(&done);
    let sick = stage("sick", move || {
        let count = Arc::clone(&count);
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                assert!(*event % 50 != 0, "one in fifty");
                event.split().0.finish();
                count.fetch_add(1, SeqCst);
            }
        })
    });
    let limits = Supervision::default().restarts(20, ms(1000)).open_for(ms(1)).divert();
    let sick = sick.on(pool).queue(bounded(64)).batch(4).keep_copies().supervise(limits);
    let sick = net.add(sick);
    let count = Arc::clone(&told);
    let read = stage("read", move || {
        let count = Arc::clone(&count);
        from_fn(move |batch: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, letter) = event.split();
                assert!(letter.body.is_some(), "{letter}");
                tag.finish();
                count.fetch_add(1, SeqCst);
            }
        })
    });
    let read = net.add(read.on(cpu).queue(bounded(usize::MAX)));
    net.wire(sick.letters, read.inlet);
    let entry = net.entry(sick.inlet);
    let running = net.run().unwrap();
    feed_from_two_threads(&entry, EACH);
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!(drained.ledger.finished, 2 * EACH);
    assert_eq!(done.load(SeqCst) + told.load(SeqCst), 2 * EACH);
    assert!(told.load(SeqCst) >= 2 * EACH / 50, "nobody can handle these");
}

#[test]
fn a_net_that_its_supervision_stops_says_which_stage_did_it() {
    let mut net = Net::new("vital");
    let cpu = net.domain("cpu").pinned(2);
    let vital = stage("vital", || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                assert!(*event != 99, "ninety-nine");
                event.split().0.finish();
            }
        })
    });
    let limits = Supervision::default().restarts(0, ms(1)).stop_net();
    let vital = net.add(vital.on(cpu).supervise(limits));
    let entry = net.entry(vital.inlet);
    let running = net.run().unwrap();
    let observer = running.observer();
    assert_eq!(running.stopped(), None);
    (0..100).for_each(|n| entry.send(n).unwrap());
    let error = running.wait();
    let panic = "ninety-nine".to_owned();
    assert_eq!(error, StopError::Stage { stage: "vital".to_owned(), panic });
    let snapshot = observer.snapshot();
    assert_eq!(snapshot.stopped, Some(error));
    let ledger = snapshot.ledger;
    assert!(ledger.balanced() && ledger.in_flight == 0, "{ledger:?}");
    assert_eq!(ledger.ended[Why::Failed], 1);
    assert!(entry.send(0).is_err(), "the net is over");
}

/// Panics when it is looked at for the third time.
struct Faulty(u64);

impl Machine for Faulty {
    fn poll(&mut self, _: Time, _: Wait, _: &mut Raised) {
        self.0 += 1;
        assert!(self.0 < 3, "a defect");
    }

    fn waker(&self) -> Waker {
        Arc::new(|| {})
    }
}

#[test]
fn a_net_whose_machine_panics_says_so_and_its_drain_is_not_complete() {
    let mut net = Net::new("faulty");
    net.domain("calm").pinned(1);
    let cpu = net.domain("cpu").machine(|_| Ok(Faulty(0))).pinned(1);
    net.add(stage("end", end).on(cpu));
    let running = net.run().unwrap();
    let observer = running.observer();
    let drained = running.drain(LONG);
    let error = StopError::Worker { domain: "cpu".to_owned(), worker: 0 };
    assert_eq!(observer.snapshot().stopped, Some(error));
    assert!(!drained.complete);
}

/// Says what it hears.
struct Ear(Sender<(&'static str, usize)>);

impl Stage for Ear {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        let _ = self.0.send(("start", cx.worker().index()));
    }

    fn started(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        let _ = self.0.send(("started", cx.worker().index()));
    }

    fn drain(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        let _ = self.0.send(("drain", cx.worker().index()));
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {}
}

#[test]
fn all_workers_have_started_before_any_stage_hears_so() {
    let (says, hears) = channel();
    let mut net = Net::new("ears");
    let cpu = net.domain("cpu").pinned(2);
    let pool = net.domain("pool").pool(2);
    for (name, domain) in [("one", cpu), ("two", pool)] {
        let says = says.clone();
        let ear = net.add(stage(name, move || Ear(says.clone())).on(domain));
        net.seal(ear.out);
    }
    drop(says);
    let running = net.run().unwrap();
    let of = |what, n: usize| {
        let mut workers: Vec<usize> = (0..n)
            .map(|_| {
                let (said, worker) = hears.recv_timeout(LONG).unwrap();
                assert_eq!(said, what);
                worker
            })
            .collect();
        workers.sort_unstable();
        workers
    };
    assert_eq!(of("start", 4), [0, 1, 2, 3]);
    assert_eq!(of("started", 4), [0, 1, 2, 3]);
    assert!(running.drain(LONG).complete);
    assert_eq!(of("drain", 4), [0, 1, 2, 3]);
    assert!(hears.recv_timeout(LONG).is_err(), "each once");
}
