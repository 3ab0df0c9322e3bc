//! What a scrape of a large net takes: `scrape STAGES ROUNDS` prints the bytes of the page, and the
//! median and the longest time of all rounds in microseconds, of the snapshot and of the text; then
//! the longest time for which the worker did not come to one of its stages, while nobody scraped
//! and while somebody did.

use sluicegate::{Batch, Cx, Entry, Net, Out, Stage, bounded, from_fn, stage};
use sluicegate_admin::metrics::{Form, Page, put_net};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Runs whenever its worker has nothing better to do, and notes how long it had to wait for that.
struct Pulse {
    last: Instant,
    longest: Arc<AtomicU64>,
}

impl Stage for Pulse {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, ()>) {
        let now = Instant::now();
        self.longest.fetch_max((now - self.last).as_micros() as u64, Relaxed);
        self.last = now;
        if !cx.draining() {
            cx.again();
        }
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}
}

const SCRAPE: Duration = Duration::from_millis(8);

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>().expect("a number"));
    let (stages, rounds) = (args.next().unwrap_or(1000), args.next().unwrap_or(100));
    let mut net = Net::new("chain");
    let cpu = net.domain("cpu").pinned(1);
    let longest = Arc::<AtomicU64>::default();
    let seen = Arc::clone(&longest);
    let pulse = move || Pulse { last: Instant::now(), longest: Arc::clone(&seen) };
    net.add(stage("pulse", pulse).on(cpu));
    let pass = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            batch.for_each(|event| cx.out.emit(event));
        })
    };
    let end = || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    };
    let chain: Vec<_> = (1..stages)
        .map(|n| net.add(stage(&format!("stage-{n}"), pass).on(cpu).queue(bounded(1024))))
        .collect();
    let end = net.add(stage("end", end).on(cpu).queue(bounded(1024)));
    for pair in chain.windows(2) {
        net.wire(pair[0].out, pair[1].inlet);
    }
    net.wire(chain[chain.len() - 1].out, end.inlet);
    let entry = net.entry(chain[0].inlet);
    let running = net.run().expect("it starts");
    let observer = running.observer();
    let (mut looks, mut texts, mut bytes) = (Vec::new(), Vec::new(), 0);
    longest.store(0, Relaxed);
    let alone = Instant::now();
    for round in 0..rounds {
        feed(&entry, round);
        // About as long as the scrapes take.
        while alone.elapsed() < SCRAPE * (round as u32 + 1) {
            std::hint::spin_loop();
        }
    }
    let alone = longest.swap(0, Relaxed);
    for round in 0..rounds {
        feed(&entry, round);
        let begun = Instant::now();
        let snapshot = observer.snapshot();
        looks.push(begun.elapsed());
        let mut page = Page::default();
        put_net(&mut page, &snapshot);
        bytes = page.text(Form::OpenMetrics).len();
        texts.push(begun.elapsed() - looks[looks.len() - 1]);
    }
    let scraped = longest.load(Relaxed);
    println!("{bytes} {} {} {alone} {scraped}", micros(&mut looks), micros(&mut texts));
    running.drain(Duration::from_secs(10));
}

/// Something is under way all the time; what has no room is left out.
fn feed(entry: &Entry<u64>, round: usize) {
    (0..256).for_each(|n| drop(entry.send((round * 256 + n) as u64)));
}

/// The median and the longest.
fn micros(times: &mut [Duration]) -> String {
    times.sort_unstable();
    format!("{} {}", times[times.len() / 2].as_micros(), times[times.len() - 1].as_micros())
}
