//! A net in virtual time, whose stage `disk` calls simulated disks.

use std::sync::Arc;
use std::time::Duration;

use sluicegate::sim::{Setup, Troubles};
use sluicegate::{Batch, Cx, Entry, Net, Sim, from_fn, stage};
use sluicegate_io::sim::{SimNet, SimOptions};
use sluicegate_io::{
    Arena, ConnLedger, Device, DiskBy, DiskIn, DiskLedger, DiskOptions, DiskSync, DiskWrite, Io,
    PAGE, Read, ReadDone, Settings, disk,
};

use crate::hears::{Answers, answers};
use crate::world::filled;

pub const SEEDS: u64 = 20;
const STEPS: usize = 1_000_000;
pub const PAGES: usize = 10_000;

pub struct SimWorld {
    pub sim: Sim,
    pub arena: Arena,
    pub ledger: Arc<DiskLedger>,
    entry: Entry<DiskIn>,
    pub answers: Answers,
    /// A stage of the same worker that only answers.
    pub other: Entry<u64>,
}

impl SimWorld {
    pub fn new(seed: u64, options: DiskOptions, pool: bool, troubles: Troubles) -> Self {
        let ledger = Arc::clone(&options.ledger);
        let network = SimNet::new(seed, SimOptions::default());
        let mut net = Net::new("reader");
        let machine =
            move |_| Ok(Io::new(network.backend(), Settings::default(), ConnLedger::new()));
        let cpu = net.domain("cpu").machine(machine).pinned(1);
        let by = match pool {
            true => DiskBy::Pool(net.domain("disk").pool(2)),
            false => DiskBy::Workers(cpu),
        };
        let disk = disk(&mut net, by, &options);
        let answers = answers(&mut net, cpu, disk);
        let other = stage("other", || {
            from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                batch.for_each(|event| event.split().0.finish());
            })
        });
        let other = net.add(other.on(cpu));
        let (entry, other) = (net.entry(disk.inlet), net.entry(other.inlet));
        let sim = Sim::with(net, Setup::seed(seed).troubles(troubles)).unwrap();
        let arena = Arena::new(PAGES * PAGE).unwrap();
        Self { sim, arena, ledger, entry, answers, other }
    }

    pub fn plain(seed: u64, depth: usize) -> Self {
        let options = DiskOptions { depth, ..DiskOptions::default() };
        Self::new(seed, options, false, Troubles::none())
    }

    /// Asks for pages; `false` where there is no room.
    pub fn ask(&self, device: &Device, page: usize, pages: usize, token: u64) -> bool {
        let frames = self.arena.take(pages).expect("the arena has room");
        let offset = (page * PAGE) as u64;
        self.entry.send(Read { device: device.clone(), offset, frames, token }.into()).is_ok()
    }

    /// Asks for pages of these bytes to be written.
    pub fn write(&self, device: &Device, page: usize, bytes: &[u8], token: u64) {
        let (device, offset) = (device.clone(), (page * PAGE) as u64);
        let write = DiskWrite { device, offset, frames: filled(&self.arena, bytes), token };
        assert!(self.entry.send(write.into()).is_ok(), "the inlet is full");
    }

    pub fn sync(&self, device: &Device, token: u64) {
        let sync = DiskSync { device: device.clone(), token };
        assert!(self.entry.send(sync.into()).is_ok(), "the inlet is full");
    }

    pub fn pass(&mut self, time: Duration) -> Vec<ReadDone> {
        assert!(self.sim.run_for(time, STEPS), "the worker never sleeps");
        self.sim.assert_even();
        self.answers.read.try_iter().collect()
    }
}
