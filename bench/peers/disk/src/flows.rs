//! Tasks as flows of a net on two workers. One that waits is an event of 40 bytes in a queue; pages
//! are taken when its turn comes, so that they are bounded by what is in flight.

use std::sync::Arc;

use anyhow::{Result, ensure};
use sluicegate::sim::Random;
use sluicegate::{Batch, Cx, Entering, Net, Out, Stage, Time, bounded, stage};
use sluicegate_io::{
    Arena, Asked, Choice, ConnLedger, Device, DiskBy, DiskOptions, PAGE, Read, ReadDone, Settings,
    disk,
};

use crate::Figures;
use crate::measure::measure;
use crate::meter::Meter;

/// Workers, as there are processors.
const WORKERS: usize = 2;
/// Bytes of a read.
pub const BYTES: u64 = 8 << 10;
/// Reads that wait with pages for a worker's ring, and calls that it has in flight.
const QUEUE: usize = 64;
const DEPTH: usize = 32;
/// Pages for all that can be in flight.
const ARENA: usize = 16 << 20;
/// Tasks that enter together.
const TOGETHER: usize = 256;

/// The tasks of a worker: each asks again when it is answered.
struct Tasks {
    number: usize,
    entered: usize,
    meter: Arc<Meter>,
}

impl Stage for Tasks {
    type In = ReadDone;
    type Out = Out<Time>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Time>>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Time>>) {
        let room = cx.room().min(TOGETHER).min(self.number - self.entered);
        for _ in 0..room {
            let entered = cx.enter(self.entered as u64, Entering::default());
            let tag = entered.expect("a place for each task");
            self.entered += 1;
            cx.out.emit(tag.with(cx.now()));
        }
        if self.entered < self.number {
            cx.again();
        }
    }

    fn handle(&mut self, batch: Batch<'_, ReadDone>, cx: &mut Cx<'_, Out<Time>>) {
        let (now, worker) = (cx.now(), cx.worker().index());
        for event in batch {
            let (tag, ReadDone { token, result, .. }) = event.split();
            assert_eq!(result.expect("the device reads"), BYTES as usize, "a whole read");
            self.meter.count(worker, now.since(Time(token)).as_nanos() as u64);
            cx.out.emit(tag.with(now));
        }
    }
}

/// Begins the read of a task whose turn it is.
struct Begin {
    device: Device,
    arena: Arena,
    random: Option<Random>,
    seed: u64,
}

impl Stage for Begin {
    type In = Time;
    type Out = Out<Read>;

    fn handle(&mut self, batch: Batch<'_, Time>, cx: &mut Cx<'_, Out<Read>>) {
        let stream = cx.worker().index() as u64;
        let random = self.random.get_or_insert_with(|| Random::stream(self.seed, stream));
        let (places, pages) = (self.device.len() / BYTES, BYTES as usize / PAGE);
        for event in batch {
            let frames = self.arena.take(pages).expect("pages for all that is in flight");
            let offset = random.next_u64() % places * BYTES;
            let device = self.device.clone();
            cx.out.emit(event.map(|asked| Read { device, offset, frames, token: asked.0 }));
        }
    }
}

/// So many tasks, for so many seconds.
pub fn run(tasks: usize, path: &str, seconds: f64, seed: u64) -> Result<Figures> {
    let device = Device::open(path)?;
    let workers = WORKERS.min(tasks);
    let each = tasks / workers;
    let meter = Arc::<Meter>::default();
    let choice = Choice::new(Asked::Uring)?;
    let mut net = Net::new("tasks");
    let machine = move |_| Ok(choice.machine(Settings::default(), ConnLedger::new())?);
    let cpu = net.domain("cpu").machine(machine).pinned(workers);
    let own = Arc::clone(&meter);
    let source = move || Tasks { number: each, entered: 0, meter: Arc::clone(&own) };
    let source = net.add(stage("tasks", source).on(cpu).emits(TOGETHER).flows(each));
    let arena = Arena::new(ARENA)?;
    let begin = move || Begin { device: device.clone(), arena: arena.clone(), random: None, seed };
    let begin = net.add(stage("begin", begin).on(cpu).queue(bounded(each)));
    let options = DiskOptions { queue: QUEUE, depth: DEPTH, ..DiskOptions::default() };
    let reader = disk(&mut net, DiskBy::Workers(cpu), &options);
    net.wire(source.out, begin.inlet);
    net.wire(begin.out, reader.inlet);
    net.wire(reader.read, source.inlet).returns(source.out);
    net.seal(reader.written);
    net.seal(reader.synced);
    let running = net.run().map_err(|error| anyhow::anyhow!("{error}"))?;
    let figures = measure(&meter, each * workers, seconds)?;
    let ledger = running.stop();
    let whole = ledger.entered == (each * workers) as u64 && ledger.in_flight == 0;
    ensure!(whole, "the ledger of flows is not even: {ledger:?}");
    Ok(figures)
}
