//! Wakes for batches that come one by one to a worker that sleeps, each when the one before is
//! known to be taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, ensure};
use sluicegate::{Batch, Cx, Entering, Net, Out, Stage, bounded, from_fn, ms, stage};

use crate::machine::{Counting, wait};
use crate::{Body, CAPACITY, Figures};

/// Longer than it takes to fall asleep.
const PAUSE: Duration = ms(2);

struct Sender {
    batch: usize,
    rounds: u64,
    sent: Arc<AtomicU64>,
    taken: Arc<AtomicU64>,
}

impl Stage for Sender {
    type In = ();
    type Out = Out<Body>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Body>>) {
        cx.after(PAUSE, 0);
    }

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, Out<Body>>) {}

    fn timer(&mut self, round: u64, cx: &mut Cx<'_, Out<Body>>) {
        if self.taken.load(Relaxed) < round * self.batch as u64 {
            cx.after(PAUSE, round);
            return;
        }
        for n in 0..self.batch as u64 {
            let flow = round * self.batch as u64 + n;
            let tag = cx.enter(flow, Entering::default()).expect("places for two batches");
            cx.out.emit(tag.with([n; 8]));
        }
        self.sent.store(round + 1, Relaxed);
        if round + 1 < self.rounds {
            cx.after(PAUSE, round + 1);
        }
    }
}

/// Wakes a batch.
pub fn run(batch: usize, rounds: u64) -> Result<Figures> {
    let (sent, wakes): (Arc<AtomicU64>, Arc<AtomicU64>) = Default::default();
    let mut net = Net::new("wakes");
    let here = net.domain("send").pinned(1);
    let counted = Arc::clone(&wakes);
    let there = net.domain("take").machine(move |_| Ok(Counting::new(&counted))).pinned(1);
    let shared = (Arc::clone(&sent), Arc::default());
    let taken: Arc<AtomicU64> = Arc::clone(&shared.1);
    let sender = move || {
        let (sent, taken) = shared.clone();
        Sender { batch, rounds, sent, taken }
    };
    let sender = net.add(stage("sender", sender).on(here).flows(2 * batch));
    let taker = move || {
        let taken = Arc::clone(&taken);
        from_fn(move |batch: Batch<'_, Body>, _: &mut Cx<'_, ()>| {
            let n = batch.map(|event| event.split().0.finish()).count();
            taken.fetch_add(n as u64, Relaxed);
        })
    };
    let taker = net.add(stage("taker", taker).on(there).queue(bounded(CAPACITY)));
    net.wire(sender.out, taker.inlet);
    let running = net.run().map_err(|error| anyhow::anyhow!("{error}"))?;
    while sent.load(Relaxed) < rounds {
        wait(0.05);
    }
    wait(0.05);
    // Whoever stops a net wakes its workers too.
    let woken = wakes.load(Relaxed);
    let ledger = running.stop();
    ensure!(ledger.finished == rounds * batch as u64, "events are missing: {ledger:?}");
    Ok(vec![("wakes", woken as f64 / rounds as f64)])
}
