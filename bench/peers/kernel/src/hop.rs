//! A hop on one worker: a source whose flows go through a row of stages and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sluicegate::{Batch, Cx, Entering, Net, Out, Running, Stage, bounded, from_fn, stage};

use crate::machine::{pin, rate};
use crate::{Body, CAPACITY, Figures};

/// Keeps `flows` flows in the row, until so many have come back.
struct Source {
    flows: u64,
    until: u64,
    done: u64,
    /// What has come back, for who measures.
    served: Arc<AtomicU64>,
    over: SyncSender<()>,
}

impl Stage for Source {
    type In = Body;
    type Out = Out<Body>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Body>>) {
        pin(0);
        for flow in 0..self.flows {
            let tag = cx.enter(flow, Entering::default()).expect("a place for each flow");
            cx.out.emit(tag.with([flow; 8]));
        }
    }

    fn handle(&mut self, batch: Batch<'_, Body>, cx: &mut Cx<'_, Out<Body>>) {
        for event in batch {
            let (tag, body) = event.split();
            tag.finish();
            self.done += 1;
            if self.done < self.until {
                let tag = cx.enter(body[0], Entering::default()).expect("its place is free again");
                cx.out.emit(tag.with(body));
            } else {
                let _ = self.over.try_send(());
            }
        }
        self.served.store(self.done, Relaxed);
    }
}

fn pass(batch: Batch<'_, Body>, cx: &mut Cx<'_, Out<Body>>) {
    for event in batch {
        cx.out.emit(event.map(|mut body: Body| {
            body[7] += 1;
            body
        }));
    }
}

/// A source and `stages` more, on one worker.
fn row(
    stages: usize,
    flows: u64,
    until: u64,
    served: &Arc<AtomicU64>,
    over: &SyncSender<()>,
) -> Result<Running> {
    let mut net = Net::new("row");
    let cpu = net.domain("cpu").pinned(1);
    let (served, over) = (Arc::clone(served), over.clone());
    let source =
        move || Source { flows, until, done: 0, served: Arc::clone(&served), over: over.clone() };
    let room = flows as usize;
    let source = net.add(stage("source", source).on(cpu).emits(room).flows(room));
    let mut last = source.out;
    for n in 1..=stages {
        let pass = stage(&format!("pass {n}"), || from_fn::<Body, Out<Body>, _>(pass));
        let next = net.add(pass.on(cpu).queue(bounded(CAPACITY)));
        net.wire(last, next.inlet);
        last = next.out;
    }
    net.wire(last, source.inlet).returns(source.out);
    net.run().map_err(|error| anyhow::anyhow!("{error}"))
}

/// Seconds that a look at the net takes while its flows go round, all of its stages busy: the
/// median and the longest.
pub fn looks(stages: usize) -> Result<Figures> {
    const LOOKS: usize = 101;
    let (served, (over, _)) = (Arc::default(), sync_channel(1));
    let running = row(stages, 64, u64::MAX, &served, &over)?;
    // Until each stage has had events.
    rate(&served, 0.5);
    let observer = running.observer();
    let mut looks: Vec<f64> = (0..LOOKS)
        .map(|_| {
            let begun = Instant::now();
            let net = observer.snapshot();
            let took = begun.elapsed().as_secs_f64();
            assert!(net.stages.iter().all(|stage| stage.served > 0), "a stage idles");
            took
        })
        .collect();
    running.stop();
    looks.sort_by(f64::total_cmp);
    Ok(vec![("look_s", looks[LOOKS / 2]), ("longest_s", looks[LOOKS - 1])])
}

/// Nanoseconds an event and stage, the source among these.
pub fn timed(stages: usize, flows: u64, seconds: f64) -> Result<Figures> {
    let (served, (over, _)) = (Arc::default(), sync_channel(1));
    let running = row(stages, flows, u64::MAX, &served, &over)?;
    let rate = rate(&served, seconds);
    let ledger = running.stop();
    ensure!(ledger.in_flight == 0, "the ledger is not even: {ledger:?}");
    Ok(vec![("ns", 1e9 / (rate * (stages + 1) as f64))])
}

/// The same work so many times, for who counts instructions: the difference of two runs is that
/// of their rounds.
pub fn counted(stages: usize, flows: u64, rounds: u64) -> Result<Figures> {
    let (served, (over, is_over)) = (Arc::default(), sync_channel(1));
    let begun = Instant::now();
    let running = row(stages, flows, rounds * flows, &served, &over)?;
    is_over.recv_timeout(Duration::from_secs(600))?;
    let hops = (rounds * flows * (stages as u64 + 1)) as f64;
    let ns = begun.elapsed().as_nanos() as f64 / hops;
    running.stop();
    Ok(vec![("hops", hops), ("ns", ns)])
}
