//! Reads from files and block devices as events: sorted by place, neighbours read as one, so many
//! at once and no more.

mod call;
mod counts;
mod device;
mod events;
mod extent;
mod pool;
mod ring;

use std::sync::Arc;

use crate::io::GateId;
use sluicegate::{Domain, Inlet, Net, Outlet, bounded, stage};

pub use counts::{DiskCounts, DiskLedger};
pub use device::Device;
pub use events::{Read, ReadDone};
pub use extent::Extent;
pub(crate) use extent::Progress;
use pool::PoolDisk;
use ring::RingDisk;

/// Reads that may wait for a worker or a pool.
const QUEUE: usize = 1024;
/// Calls of a worker in flight: a disk of flash is at its best from about so many on.
const DEPTH: usize = 32;
/// Reads that a worker sorts at once, and a thread of a pool, which makes them one after the other.
const BATCH: usize = 128;
const POOL_BATCH: usize = 4;
/// Bytes of a call for several reads: more of them would keep the device from others for longer
/// than beginning anew costs.
const MERGE_MAX: usize = 256 << 10;

/// How the stage `disk` is named and bounded.
///
/// ```
/// use sluicegate_io::DiskOptions;
///
/// let options = DiskOptions { depth: 8, ..DiskOptions::default() };
/// assert_eq!(options.name, "disk");
/// ```
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// The name of the stage.
    pub name: String,
    /// Reads that may wait for each worker, or for the pool. What becomes of more is up to the
    /// wire.
    pub queue: usize,
    /// Calls that a worker has in flight at once; what comes meanwhile waits. A thread of a pool
    /// has one in flight.
    pub depth: usize,
    /// Reads that a worker sorts at once.
    pub batch: usize,
    /// Reads that a thread of a pool sorts, and makes, at once: others could begin with them.
    pub pool_batch: usize,
    /// The most bytes that neighbours are read as one for.
    pub merge: usize,
    /// Where reads are counted.
    pub ledger: Arc<DiskLedger>,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            name: "disk".to_owned(),
            queue: QUEUE,
            depth: DEPTH,
            batch: BATCH,
            pool_batch: POOL_BATCH,
            merge: MERGE_MAX,
            ledger: DiskLedger::new(),
        }
    }
}

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub enum Readers {
    /// The workers of a pinned domain whose machine is an [`Io`](crate::Io) that
    /// [reads](crate::Choice::reads), each by its own ring: answers come with what comes from
    /// sockets, and no thread waits.
    Workers(Domain),
    /// The threads of a pool: as many calls at once as it has threads.
    Pool(Domain),
}

/// The ports of the stage `disk`.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// What is to be read. The wire has a [window](sluicegate::Wire::window) where flows wait for
    /// the answer, and [sheds](sluicegate::OnFull) what finds no room: an asker that waited for
    /// `disk`, which waits for the asker to take answers, would be a circle.
    pub read: Inlet<Read>,
    /// What was read: one answer for each, in any order.
    pub done: Outlet<ReadDone>,
}

/// Adds the stage `disk`. The ports are the same whoever reads.
///
/// A batch of reads is sorted by place; those that are neighbours become one call to the device, of
/// which a few are in flight at once. What comes meanwhile waits in the bounded inlet. A read that
/// fails fails alone. A device that hangs keeps what was asked of it, with the frames; the worker
/// goes on.
///
/// ```no_run
/// use sluicegate::Net;
/// use sluicegate_io::{Asked, Choice, ConnLedger, DiskOptions, Readers, Settings, disk};
///
/// let choice = Choice::new(Asked::Auto)?;
/// let mut net = Net::new("reader");
/// let workers = choice.clone();
/// let machine = move |_| Ok(workers.machine(Settings::default(), ConnLedger::new())?);
/// let cpu = net.domain("cpu").machine(machine).pinned(2);
/// let readers = match choice.reads() {
///     true => Readers::Workers(cpu),
///     false => Readers::Pool(net.domain("disk").pool(16)),
/// };
/// let disk = disk(&mut net, readers, &DiskOptions::default());
/// # let _ = disk;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn disk(net: &mut Net, readers: Readers, options: &DiskOptions) -> Disk {
    let (name, queue) = (&options.name, bounded(options.queue));
    match readers {
        Readers::Workers(domain) => {
            let (gate, own) = (GateId::unique(), options.clone());
            let disk = stage(name, move || RingDisk::new(gate, &own)).on(domain);
            let disk = net.add(disk.queue(queue).batch(options.batch));
            Disk { read: disk.inlet, done: disk.out }
        }
        Readers::Pool(domain) => {
            let (merge, ledger) = (options.merge, Arc::clone(&options.ledger));
            let disk = stage(name, move || PoolDisk::new(merge, Arc::clone(&ledger))).on(domain);
            let disk = net.add(disk.queue(queue).batch(options.pool_batch));
            Disk { read: disk.inlet, done: disk.out }
        }
    }
}
