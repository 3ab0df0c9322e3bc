//! Reads from files and block devices, writes to them and syncs as events: sorted by place,
//! neighbours made one call, so many at once and no more.

mod answer;
mod call;
mod counts;
mod device;
mod events;
mod extent;
mod pool;
mod progress;
mod ring;

use std::sync::Arc;

use crate::io::GateId;
use sluicegate::{Domain, Inlet, Net, Outlet, bounded, stage};

pub use counts::{DiskCounts, DiskLedger};
pub use device::Device;
pub use events::{DiskIn, DiskSync, DiskWrite, Read, ReadDone, SyncDone, WriteDone};
pub use extent::{DiskOp, Extent};
use pool::PoolDisk;
pub(crate) use progress::Progress;
use ring::RingDisk;

/// Reads, writes and syncs that may wait for a worker or a pool.
const QUEUE: usize = 1024;
/// Calls of a worker in flight: a disk of flash is at its best from about so many on.
const DEPTH: usize = 32;
/// What a worker sorts at once, and a thread of a pool, which makes one call after the other.
const BATCH: usize = 128;
const POOL_BATCH: usize = 4;
/// Bytes of a call for several askers: more of them would keep the device from others for longer
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
    /// Events that may wait for each worker, or for the pool. What becomes of more is up to the
    /// wire.
    pub queue: usize,
    /// Calls that a worker has in flight at once; what comes meanwhile waits. A thread of a pool
    /// has one in flight.
    pub depth: usize,
    /// Events that a worker sorts at once.
    pub batch: usize,
    /// Events that a thread of a pool sorts, and handles, at once: others could begin with them.
    pub pool_batch: usize,
    /// The most bytes of a call that is made of neighbours.
    pub merge: usize,
    /// Where all is counted.
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

/// Who makes the calls.
#[derive(Clone, Copy, Debug)]
pub enum DiskBy {
    /// The workers of a pinned domain whose machine is an [`Io`](crate::Io) that
    /// [has disks](crate::Choice::has_disks), each by its own ring: answers come with what comes
    /// from sockets, and no thread waits.
    Workers(Domain),
    /// The threads of a pool: as many calls at once as it has threads.
    Pool(Domain),
}

/// The ports of the stage `disk`. A net that only reads [seals](Net::seal) the others.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// [`Read`]s, [`DiskWrite`]s and [`DiskSync`]s. The wire has a
    /// [window](sluicegate::Wire::window) where flows wait for the answer, and
    /// [sheds](sluicegate::OnFull) what finds no room: an asker that waited for `disk`, which waits
    /// for the asker to take answers, would be a circle.
    pub inlet: Inlet<DiskIn>,
    /// What was read: one answer for each read, in any order.
    pub read: Outlet<ReadDone>,
    /// What was written: one answer for each write, in any order.
    pub written: Outlet<WriteDone>,
    /// What is kept: one answer for each sync, in any order.
    pub synced: Outlet<SyncDone>,
}

/// Adds the stage `disk`. The ports are the same whoever makes the calls.
///
/// A batch is sorted: of each device reads by place, then writes by place, then syncs. Neighbours
/// become one call to the device, of which a few are in flight at once, in any order: who needs one
/// waits for the answer to what goes before. What comes meanwhile waits in the bounded inlet.
/// A read or a write that fails fails alone. A device that hangs keeps what was asked of it, with
/// the frames; the worker goes on.
///
/// ```no_run
/// use sluicegate::Net;
/// use sluicegate_io::{Asked, Choice, ConnLedger, DiskBy, DiskOptions, Settings, disk};
///
/// let choice = Choice::new(Asked::Auto)?;
/// let mut net = Net::new("reader");
/// let workers = choice.clone();
/// let machine = move |_| Ok(workers.machine(Settings::default(), ConnLedger::new())?);
/// let cpu = net.domain("cpu").machine(machine).pinned(2);
/// let by = match choice.has_disks() {
///     true => DiskBy::Workers(cpu),
///     false => DiskBy::Pool(net.domain("disk").pool(16)),
/// };
/// let disk = disk(&mut net, by, &DiskOptions::default());
/// # let _ = disk;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn disk(net: &mut Net, by: DiskBy, options: &DiskOptions) -> Disk {
    let (name, queue) = (&options.name, bounded(options.queue));
    let (inlet, out) = match by {
        DiskBy::Workers(domain) => {
            let (gate, own) = (GateId::unique(), options.clone());
            let disk = stage(name, move || RingDisk::new(gate, &own)).on(domain);
            let disk = net.add(disk.queue(queue).batch(options.batch));
            (disk.inlet, disk.out)
        }
        DiskBy::Pool(domain) => {
            let (merge, ledger) = (options.merge, Arc::clone(&options.ledger));
            let disk = stage(name, move || PoolDisk::new(merge, Arc::clone(&ledger))).on(domain);
            let disk = net.add(disk.queue(queue).batch(options.pool_batch));
            (disk.inlet, disk.out)
        }
    };
    Disk { inlet, read: out.read, written: out.written, synced: out.synced }
}
