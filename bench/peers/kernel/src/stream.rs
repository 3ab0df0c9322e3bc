//! A stream from one worker to another, over one wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Result, ensure};
use sluicegate::{Batch, Cx, Entering, Ledger, Net, Out, Running, Stage, Tag, bounded, stage};

use crate::machine::{Counting, pin, rate};
use crate::{Body, CAPACITY, Figures};

/// Sends batch after batch: each event a flow of its own, or a fork of one that lasts.
struct Sender {
    batch: usize,
    next: u64,
    stream: Option<Tag>,
    forks: bool,
}

impl Stage for Sender {
    type In = ();
    type Out = Out<Body>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Body>>) {
        pin(0);
        if self.forks {
            self.stream = cx.enter(0, Entering::default()).ok();
        }
        cx.again();
    }

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, Out<Body>>) {}

    fn signal(&mut self, cx: &mut Cx<'_, Out<Body>>) {
        for _ in 0..self.batch {
            let tag = match &self.stream {
                Some(stream) => stream.fork(),
                None => match cx.enter(self.next, Entering::default()) {
                    Ok(tag) => tag,
                    // When a place is free the flag is raised.
                    Err(_) => return,
                },
            };
            self.next += 1;
            cx.out.emit(tag.with([self.next; 8]));
        }
        cx.again();
    }
}

/// Looks at both ends of each body, and finishes it.
struct Taker {
    sum: u64,
    taken: Arc<AtomicU64>,
}

impl Stage for Taker {
    type In = Body;
    type Out = ();

    fn start(&mut self, _: &mut Cx<'_, ()>) {
        pin(1);
    }

    fn handle(&mut self, batch: Batch<'_, Body>, _: &mut Cx<'_, ()>) {
        let mut n = 0;
        for event in batch {
            let (tag, body) = event.split();
            self.sum ^= body[0] ^ body[7];
            tag.finish();
            n += 1;
        }
        self.taken.store(self.taken.load(Relaxed) + n, Relaxed);
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        std::hint::black_box(self.sum);
    }
}

fn net(
    forks: bool,
    batch: usize,
    taken: &Arc<AtomicU64>,
    wakes: &Arc<AtomicU64>,
) -> Result<Running> {
    let mut net = Net::new("stream");
    let here = net.domain("send").pinned(1);
    let wakes = Arc::clone(wakes);
    let there = net.domain("take").machine(move |_| Ok(Counting::new(&wakes))).pinned(1);
    let sender = move || Sender { batch, next: 0, stream: None, forks };
    let flows = if forks { 1 } else { CAPACITY };
    let sender = net.add(stage("sender", sender).on(here).flows(flows));
    let taken = Arc::clone(taken);
    let taker = move || Taker { sum: 0, taken: Arc::clone(&taken) };
    let taker = net.add(stage("taker", taker).on(there).queue(bounded(CAPACITY)));
    net.wire(sender.out, taker.inlet);
    net.run().map_err(|error| anyhow::anyhow!("{error}"))
}

/// Events a second, and how often the taking worker was woken for a batch.
pub fn run(forks: bool, batch: usize, seconds: f64) -> Result<Figures> {
    let (taken, wakes) = (Arc::default(), Arc::default());
    let running = net(forks, batch, &taken, &wakes)?;
    let rate = rate(&taken, seconds);
    let ledger: Ledger = running.stop();
    let of_all = ledger.entered + ledger.forked;
    ensure!(ledger.in_flight == 0 && of_all > 0, "the ledger is not even: {ledger:?}");
    let woken = wakes.load(Relaxed) as f64 / (of_all as f64 / batch as f64);
    Ok(vec![("per_second", rate), ("wakes", woken)])
}
