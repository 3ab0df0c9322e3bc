//! A simulated disk: its content in memory, its delays and faults by chance or as a test wants.

use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use sluicegate::sim::Random;

use crate::disk::Device;
use crate::sim::unsynced::Unsynced;

/// Bytes that a read or a write of a simulated disk is a multiple of.
pub(crate) const SECTOR: u32 = 512;

/// How a simulated disk behaves.
#[derive(Clone, Debug)]
pub struct SimDiskOptions {
    /// The shortest and the longest time that a read, a write or a sync takes.
    pub latency: (Duration, Duration),
    /// Of 100 reads and writes, how many move less than they could, or are interrupted.
    pub short: u8,
    /// Of 100 calls, how many fail although there is nothing wrong with the place. Of a write that
    /// does, a part may be there.
    pub errors: u8,
}

impl Default for SimDiskOptions {
    fn default() -> Self {
        let latency = (Duration::from_micros(50), Duration::from_millis(2));
        Self { latency, short: 20, errors: 0 }
    }
}

/// A disk in virtual time, called by machines on a [`SimBackend`](crate::sim::SimBackend); clones
/// are the same disk. A thread of a pool that calls it is answered at once, with the same faults.
///
/// Its size is that of its content: a write that begins before its end is short, and one that
/// begins there or beyond finds it full (`ENOSPC`).
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<Disk>>);

struct Disk {
    /// Its number as a device.
    number: u32,
    options: SimDiskOptions,
    random: Random,
    content: Vec<u8>,
    unsynced: Unsynced,
    /// Places that can be neither read nor written.
    bad: Vec<Range<u64>>,
    hangs: bool,
    fails_syncs: bool,
}

impl SimDisk {
    /// A disk that holds `content`, whose chances come from `seed`.
    pub fn new(seed: u64, content: Vec<u8>, options: SimDiskOptions) -> Self {
        let disk = Disk {
            number: Device::unique(),
            options,
            random: Random::new(seed),
            content,
            unsynced: Unsynced::default(),
            bad: Vec::new(),
            hangs: false,
            fails_syncs: false,
        };
        Self(Arc::new(Mutex::new(disk)))
    }

    /// The disk as a device, to read and to write.
    pub fn device(&self) -> Device {
        Device::simulated(self.clone())
    }

    /// From now on no call ends, or again: those that were begun meanwhile, too.
    pub fn hang(&self, hangs: bool) {
        self.disk().hangs = hangs;
    }

    /// From now on reads and writes of these bytes fail.
    pub fn spoil(&self, bytes: Range<u64>) {
        self.disk().bad.push(bytes);
    }

    /// From now on all syncs fail, or no more than others.
    pub fn fail_syncs(&self, fails: bool) {
        self.disk().fails_syncs = fails;
    }

    /// Its power fails, and comes back. What was synced is there; of all other writes, each sector
    /// is there, lost, or partly there, by chance. What is in flight meanwhile may be written
    /// afterwards: who wants to see what a crash leaves drops the net that called it.
    pub fn cut(&self) {
        let mut disk = self.disk();
        let Disk { random, content, unsynced, .. } = &mut *disk;
        unsynced.cut(random, content);
    }

    /// What a read of all of it would bring.
    pub fn content(&self) -> Vec<u8> {
        self.disk().content.clone()
    }

    /// Another content, as if it had been written and synced.
    pub fn write(&self, content: Vec<u8>) {
        let mut disk = self.disk();
        disk.content = content;
        disk.unsynced = Unsynced::default();
    }

    pub(crate) fn number(&self) -> u32 {
        self.disk().number
    }

    pub(crate) fn len(&self) -> u64 {
        self.disk().content.len() as u64
    }

    /// One read, which may bring less than there is room for.
    pub(crate) fn read_at(
        &self,
        slices: &mut [IoSliceMut<'_>],
        offset: u64,
    ) -> Result<usize, Errno> {
        let mut disk = self.disk();
        let room: usize = slices.iter().map(|slice| slice.len()).sum();
        let want = disk.fate(room)?;
        let touched = disk.within(offset, want, disk.content.len())?;
        let mut rest = &disk.content[touched.clone()];
        for slice in slices {
            let n = slice.len().min(rest.len());
            slice[..n].copy_from_slice(&rest[..n]);
            rest = &rest[n..];
        }
        Ok(touched.len())
    }

    /// One write, which may take less than there is.
    pub(crate) fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> Result<usize, Errno> {
        let mut disk = self.disk();
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let fate = disk.fate(bytes.len());
        let want = match fate {
            Ok(want) => want,
            Err(_) => disk.some_sectors(bytes.len()),
        };
        let whole_sectors = disk.content.len() - disk.content.len() % SECTOR as usize;
        let touched = disk.within(offset, want, whole_sectors)?;
        let Disk { content, unsynced, .. } = &mut *disk;
        unsynced.write(content, touched.start, &bytes[..touched.len()]);
        match fate {
            Ok(_) if touched.is_empty() => Err(Errno::NOSPC),
            fate => fate.map(|_| touched.len()),
        }
    }

    /// How many writes it has taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.disk().unsynced.taken()
    }

    /// Keeps the first `taken` of the writes that it has taken.
    pub(crate) fn sync(&self, taken: u64) -> Result<(), Errno> {
        let mut disk = self.disk();
        if disk.fails_syncs || disk.fails() {
            return Err(Errno::IO);
        }
        disk.unsynced.sync(taken);
        Ok(())
    }

    pub(super) fn hangs(&self) -> bool {
        self.disk().hangs
    }

    pub(super) fn latency(&self) -> Duration {
        let mut disk = self.disk();
        let (shortest, longest) = disk.options.latency;
        let spread = longest.saturating_sub(shortest).as_nanos() as u64;
        shortest + Duration::from_nanos(disk.random.next_u64() % (spread + 1))
    }

    /// Whether a write that is begun happens at once, long before its end is told.
    pub(super) fn is_early(&self) -> bool {
        self.disk().random.one_in(2)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// How many of so many bytes a call shall move, if it does not fail.
    fn fate(&mut self, room: usize) -> Result<usize, Errno> {
        if self.fails() {
            return Err(Errno::IO);
        }
        if self.random.below(100) >= usize::from(self.options.short) {
            return Ok(room);
        }
        match self.some_sectors(room) {
            0 => Err(Errno::INTR),
            some => Ok(some),
        }
    }

    fn fails(&mut self) -> bool {
        self.random.below(100) < usize::from(self.options.errors)
    }

    /// Less than so many bytes.
    fn some_sectors(&mut self, of: usize) -> usize {
        self.random.below((of / SECTOR as usize).max(1)) * SECTOR as usize
    }

    /// Which bytes of the content are meant that lie before `end`, if all of them can be had.
    fn within(&self, offset: u64, want: usize, end: usize) -> Result<Range<usize>, Errno> {
        let first = usize::try_from(offset).unwrap_or(end).min(end);
        let touched = first..first.saturating_add(want).min(end);
        let hits =
            |bad: &Range<u64>| bad.start < touched.end as u64 && (touched.start as u64) < bad.end;
        if self.bad.iter().any(hits) { Err(Errno::IO) } else { Ok(touched) }
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimDisk({} bytes)", self.len())
    }
}
