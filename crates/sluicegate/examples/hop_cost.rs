//! What one hop through a queue costs: a source that keeps `n` flows in a row of four stages.

use sluicegate::{Batch, Cx, Entering, Event, Net, Out, Stage, Tag, bounded, from_fn, stage};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const STAGES: usize = 4;

/// Lets `flows` flows in at once and a new one for each that comes back.
struct Source {
    flows: u64,
    served: Arc<AtomicU64>,
}

type Body = [u64; 4];

impl Stage for Source {
    type In = Body;
    type Out = Out<Body>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Body>>) {
        for flow in 0..self.flows {
            let tag = cx.enter(flow, Entering::default()).expect("a place for each flow");
            cx.out.emit(tag.with([flow; 4]));
        }
    }

    fn handle(&mut self, batch: Batch<'_, Body>, cx: &mut Cx<'_, Out<Body>>) {
        let mut n = 0;
        for event in batch {
            let (tag, body): (Tag, Body) = event.split();
            tag.finish();
            n += 1;
            let tag = cx.enter(body[0], Entering::default()).expect("its place is free again");
            cx.out.emit(tag.with(body));
        }
        self.served.fetch_add(n, Relaxed);
    }
}

fn pass(batch: Batch<'_, Body>, cx: &mut Cx<'_, Out<Body>>) {
    for event in batch {
        cx.out.emit(event.map(|body: Body| [body[0], body[1] + 1, body[2], body[3]]));
    }
}

fn measure(flows: u64, fused: bool) -> f64 {
    let served = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("row");
    let cpu = net.domain("cpu").pinned(1);
    let counter = Arc::clone(&served);
    let source = net.add(
        stage("source", move || Source { flows, served: Arc::clone(&counter) })
            .on(cpu)
            .emits(flows as usize)
            .flows(flows as usize),
    );
    let mut last = source.out;
    for n in 1..STAGES {
        let next = net.add(
            stage(&format!("pass {n}"), || from_fn::<Body, Out<Body>, _>(pass))
                .on(cpu)
                .queue(bounded(1024)),
        );
        let wire = net.wire(last, next.inlet);
        if fused {
            wire.fused();
        }
        last = next.out;
    }
    net.wire(last, source.inlet).returns(source.out);
    let running = net.run().expect("a net without faults");
    let begin = (Instant::now(), served.load(Relaxed));
    std::thread::park_timeout(Duration::from_millis(500));
    let (time, flows) = (begin.0.elapsed(), served.load(Relaxed) - begin.1);
    running.stop();
    time.as_nanos() as f64 / (flows * STAGES as u64) as f64
}

fn main() {
    println!("events a batch | ns a hop | where stages are fused");
    let only = std::env::args().nth(1).and_then(|n| n.parse().ok());
    for flows in [1, 4, 16, 64].into_iter().filter(|n| only.is_none_or(|only: u64| only == *n)) {
        println!("{flows:14} | {:8.1} | {:8.1}", measure(flows, false), measure(flows, true));
    }
    // An event is its body and 32 bytes.
    assert_eq!(size_of::<Event<Body>>(), 64);
}
