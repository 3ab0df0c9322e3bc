//! Reads by the stage `disk`, so many waiting or in flight at any time.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context, Result, bail, ensure};
use sluicegate::{Batch, Cx, Entering, Net, Out, Stage, Time, stage};
use sluicegate_io::{
    Arena, Asked, Choice, ConnLedger, Device, DiskBy, DiskCounts, DiskOptions, PAGE, Read,
    ReadDone, Settings, disk,
};

use crate::Figures;
use crate::measure::measure_with;
use crate::meter::Meter;
use crate::places::{Places, Sizes};

/// What is to be read, and how.
pub struct Plan {
    /// By threads of a pool in place of the worker's ring.
    pub pool: bool,
    pub sizes: Sizes,
    pub clustered: bool,
    pub order: Order,
    /// Calls in flight.
    pub depth: usize,
    /// Reads that wait or are in flight.
    pub waiting: usize,
    pub seed: u64,
}

/// What the stage makes of a batch.
#[derive(Clone, Copy)]
pub enum Order {
    /// Nothing: each read is a call, as they come.
    Asked,
    /// It is sorted.
    Sorted,
    /// It is sorted, and neighbours become one call.
    Merged,
}

impl FromStr for Order {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        Ok(match word {
            "asked" => Self::Asked,
            "sorted" => Self::Sorted,
            "merged" => Self::Merged,
            other => bail!("{other}: accepted are asked, sorted and merged"),
        })
    }
}

/// Asks again for each answer.
struct Asker {
    waiting: usize,
    device: Device,
    arena: Arena,
    places: Places,
    meter: Arc<Meter>,
    wrong: Arc<AtomicU64>,
}

impl Asker {
    fn next(&mut self, now: Time) -> Read {
        let (page, pages) = self.places.draw();
        let frames = self.arena.take(pages as usize).expect("pages for all that is asked");
        Read { device: self.device.clone(), offset: page * PAGE as u64, frames, token: now.0 }
    }
}

impl Stage for Asker {
    type In = ReadDone;
    type Out = Out<Read>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Read>>) {
        for flow in 0..self.waiting {
            let tag = cx.enter(flow as u64, Entering::default()).expect("a place for each flow");
            let read = self.next(cx.now());
            cx.out.emit(tag.with(read));
        }
    }

    fn handle(&mut self, batch: Batch<'_, ReadDone>, cx: &mut Cx<'_, Out<Read>>) {
        for event in batch {
            let (tag, ReadDone { token, frames, result }) = event.split();
            if !result.is_ok_and(|bytes| bytes == frames.len()) {
                self.wrong.fetch_add(1, Relaxed);
            }
            drop(frames);
            self.meter.count(0, cx.now().since(Time(token)).as_nanos() as u64);
            let read = self.next(cx.now());
            cx.out.emit(tag.with(read));
        }
    }
}

/// Reads for so many seconds.
pub fn run(plan: &Plan, path: &str, seconds: f64) -> Result<Figures> {
    let device = Device::open(path)?;
    let direct = device.why_buffered().is_none();
    let most = plan.waiting * 32 * PAGE;
    let (arena, meter, wrong) = (Arena::new(most)?, Arc::<Meter>::default(), Arc::default());
    let (waiting, seed) = (plan.waiting, plan.seed);
    let mut options = DiskOptions { queue: waiting, depth: plan.depth, ..DiskOptions::default() };
    match plan.order {
        Order::Asked => (options.batch, options.pool_batch, options.merge) = (1, 1, 0),
        Order::Sorted => options.merge = 0,
        Order::Merged => {}
    }
    let mut net = Net::new("reads");
    let cpu = match plan.pool {
        true => net.domain("cpu").pinned(1),
        false => {
            let choice = Choice::new(Asked::Uring)?;
            let machine = move |_| Ok(choice.machine(Settings::default(), ConnLedger::new())?);
            net.domain("cpu").machine(machine).pinned(1)
        }
    };
    let by = match plan.pool {
        true => DiskBy::Pool(net.domain("disk").pool(plan.depth)),
        false => DiskBy::Workers(cpu),
    };
    let reader = disk(&mut net, by, &options);
    let (sizes, clustered) = (plan.sizes.clone(), plan.clustered);
    let (own, of_wrong) = (Arc::clone(&meter), Arc::clone(&wrong));
    let asker = stage("asker", move || Asker {
        waiting,
        device: device.clone(),
        arena: arena.clone(),
        places: Places::new(device.len(), sizes.clone(), clustered, seed),
        meter: Arc::clone(&own),
        wrong: Arc::clone(&of_wrong),
    });
    let asker = net.add(asker.on(cpu).emits(waiting).flows(waiting));
    net.wire(asker.out, reader.inlet);
    net.wire(reader.read, asker.inlet).returns(asker.out);
    net.seal(reader.written);
    net.seal(reader.synced);
    let running = net.run().map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut before = None;
    let ledger = &options.ledger;
    let mut figures = measure_with(&meter, waiting, seconds, || before = Some(ledger.count()))?;
    let (before, after) = (before.context("it was measured")?, ledger.count());
    let ended = running.stop();
    ensure!(ended.in_flight == 0, "the ledger of flows is not even: {ended:?}");
    ensure!(after.errors == 0 && wrong.load(Relaxed) == 0, "a read failed or was short");
    figures.extend(calls(&before, &after));
    figures.push(("direct", f64::from(u8::from(direct))));
    Ok(figures)
}

/// What the calls were, the least bit longer than what else is measured.
fn calls(before: &DiskCounts, after: &DiskCounts) -> Figures {
    let calls = (after.calls - before.calls) as f64;
    let bytes = (after.bytes - before.bytes) as f64;
    let reads = (after.reads - before.reads) as f64;
    vec![
        ("calls_a_read", calls / reads),
        ("bytes_a_call", bytes / calls),
        ("bytes_a_read", bytes / reads),
        ("call_mean_us", after.latency.mean() / 1e3),
        ("call_p99_us", after.latency.quantile(0.99) as f64 / 1e3),
    ]
}
