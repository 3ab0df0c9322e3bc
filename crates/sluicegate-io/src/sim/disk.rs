//! A simulated disk: its content in memory, its delays and faults by chance or as a test wants.

use std::collections::BTreeMap;
use std::fmt;
use std::io::IoSliceMut;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use sluicegate::Time;
use sluicegate::sim::Random;

use crate::backend::ReadEnd;
use crate::disk::{Device, Extent, Progress};

/// Bytes that a read of a simulated disk is a multiple of.
pub(crate) const SECTOR: u32 = 512;

/// How a simulated disk behaves.
#[derive(Clone, Debug)]
pub struct SimDiskOptions {
    /// The shortest and the longest time that a read takes.
    pub latency: (Duration, Duration),
    /// Of 100 reads, how many bring less than they could, or are interrupted.
    pub short: u8,
    /// Of 100 reads, how many fail although there is nothing wrong with the place.
    pub errors: u8,
}

impl Default for SimDiskOptions {
    fn default() -> Self {
        let latency = (Duration::from_micros(50), Duration::from_millis(2));
        Self { latency, short: 20, errors: 0 }
    }
}

/// A disk in virtual time, read by machines on a [`SimBackend`](crate::sim::SimBackend); clones are
/// the same disk. A thread of a pool that reads it is answered at once, with the same faults.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<Disk>>);

struct Disk {
    /// Its number as a device.
    number: u32,
    options: SimDiskOptions,
    random: Random,
    content: Vec<u8>,
    /// Places that cannot be read.
    bad: Vec<Range<u64>>,
    hangs: bool,
}

impl SimDisk {
    /// A disk that holds `content`, whose chances come from `seed`.
    pub fn new(seed: u64, content: Vec<u8>, options: SimDiskOptions) -> Self {
        let (number, random) = (Device::unique(), Random::new(seed));
        let (bad, hangs) = (Vec::new(), false);
        Self(Arc::new(Mutex::new(Disk { number, options, random, content, bad, hangs })))
    }

    /// The disk as a device.
    pub fn device(&self) -> Device {
        Device::simulated(self.clone())
    }

    /// From now on no read ends, or again: those that were begun meanwhile, too.
    pub fn hang(&self, hangs: bool) {
        self.disk().hangs = hangs;
    }

    /// From now on reads of these bytes fail.
    pub fn spoil(&self, bytes: Range<u64>) {
        self.disk().bad.push(bytes);
    }

    /// Another content, as if it had been written.
    pub fn write(&self, content: Vec<u8>) {
        self.disk().content = content;
    }

    pub(crate) fn number(&self) -> u32 {
        self.disk().number
    }

    pub(crate) fn len(&self) -> u64 {
        self.disk().content.len() as u64
    }

    /// One read, which may bring less than there is room for.
    pub(crate) fn read(&self, slices: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize, Errno> {
        let mut disk = self.disk();
        let room: usize = slices.iter().map(|slice| slice.len()).sum();
        let want = disk.fate(room)?;
        let len = disk.content.len();
        let first = usize::try_from(offset).unwrap_or(len).min(len);
        let end = first.saturating_add(want).min(len);
        let (bytes, touched) = (&disk.content[first..end], first as u64..end as u64);
        if disk.bad.iter().any(|bad| bad.start < touched.end && touched.start < bad.end) {
            return Err(Errno::IO);
        }
        let mut rest = bytes;
        for slice in slices {
            let n = slice.len().min(rest.len());
            slice[..n].copy_from_slice(&rest[..n]);
            rest = &rest[n..];
        }
        Ok(bytes.len())
    }

    fn hangs(&self) -> bool {
        self.disk().hangs
    }

    fn latency(&self) -> Duration {
        let mut disk = self.disk();
        let (shortest, longest) = disk.options.latency;
        let spread = longest.saturating_sub(shortest).as_nanos() as u64;
        shortest + Duration::from_nanos(disk.random.next_u64() % (spread + 1))
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// How many of so many bytes a read shall bring, if it does not fail.
    fn fate(&mut self, room: usize) -> Result<usize, Errno> {
        if self.random.below(100) < usize::from(self.options.errors) {
            return Err(Errno::IO);
        }
        if self.random.below(100) >= usize::from(self.options.short) {
            return Ok(room);
        }
        let sectors = room / SECTOR as usize;
        match self.random.below(sectors.max(1)) {
            0 => Err(Errno::INTR),
            some => Ok(some * SECTOR as usize),
        }
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimDisk({} bytes)", self.len())
    }
}

/// The reads that one machine has begun.
#[derive(Default)]
pub(super) struct Reads {
    /// By the time when they are due, and the order in which they were begun.
    begun: BTreeMap<(Time, u64), Begun>,
    count: u64,
    ended: Vec<ReadEnd>,
}

struct Begun {
    key: u64,
    extent: Extent,
    progress: Progress,
}

impl Reads {
    pub fn begin(&mut self, now: Time, key: u64, extent: Extent) {
        self.plan(now, Begun { key, extent, progress: Progress::default() });
    }

    fn plan(&mut self, now: Time, begun: Begun) {
        let Begun { key, extent, .. } = begun;
        let Some(disk) = extent.device.simulation() else {
            let result = Err(std::io::ErrorKind::Unsupported.into());
            return self.ended.push(ReadEnd { key, extent, result });
        };
        self.count += 1;
        let at = now + disk.latency();
        self.begun.insert((at, self.count), Begun { key, extent, progress: begun.progress });
    }

    /// Ends what is due; what is short goes on.
    pub fn advance(&mut self, now: Time) {
        let due =
            |(at, begun): (&(Time, u64), &Begun)| (at.0 <= now && !begun.hangs()).then_some(*at);
        while let Some(at) = self.begun.iter().find_map(due) {
            let Some(mut begun) = self.begun.remove(&at) else { break };
            let len = begun.extent.len();
            let offset = begun.extent.offset + begun.progress.done as u64;
            let device = begun.extent.device.clone();
            let mut slices: Vec<_> =
                begun.extent.rest(begun.progress.done).map(IoSliceMut::new).collect();
            let read = device.simulation().map_or(Ok(0), |disk| disk.read(&mut slices, offset));
            drop(slices);
            match begun.progress.went(&device, len, read) {
                Some(result) => {
                    let Begun { key, extent, .. } = begun;
                    self.ended.push(ReadEnd { key, extent, result });
                }
                None => self.plan(now, begun),
            }
        }
    }

    /// When the next ends; now where one has.
    pub fn due(&self, now: Time) -> Option<Time> {
        if !self.ended.is_empty() {
            return Some(now);
        }
        self.begun.iter().find(|(_, begun)| !begun.hangs()).map(|((at, _), _)| *at)
    }

    pub fn take(&mut self, ends: &mut Vec<ReadEnd>) {
        ends.append(&mut self.ended);
    }
}

impl Begun {
    fn hangs(&self) -> bool {
        self.extent.device.simulation().is_some_and(SimDisk::hangs)
    }
}
