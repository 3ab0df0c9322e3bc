//! Reads from disks: begun by a stage, told by the backend, taken by the stage.

use std::collections::VecDeque;
use std::io;

use sluicegate::{StageId, Time};

use crate::backend::ReadEnd;
use crate::disk::Extent;
use crate::io::{GateId, Io};

/// The bits of a key that count reads; those above are the place of the stage.
const COUNT_BITS: u32 = 48;

/// A stage that reads, on this worker.
pub(super) struct DiskPlace {
    id: GateId,
    stage: StageId,
    done: VecDeque<ReadEnd>,
}

impl Io {
    /// The place of the stage of this name, whose flag is raised when reads are done.
    pub(crate) fn disk(&mut self, id: GateId, stage: StageId) -> u16 {
        let place = self.disks.iter().position(|disk| disk.id == id).unwrap_or_else(|| {
            self.disks.push(DiskPlace { id, stage, done: VecDeque::new() });
            self.disks.len() - 1
        });
        // What a replica before this waited for comes to this one.
        self.raise(Some(stage));
        place as u16
    }

    /// Begins to read; returns the key under which [`Io::next_read`] tells the end.
    pub(crate) fn read_disk(&mut self, place: u16, extent: Extent, now: Time) -> u64 {
        self.disk_reads += 1;
        let key = u64::from(place) << COUNT_BITS | self.disk_reads & ((1 << COUNT_BITS) - 1);
        if self.backend.reads() {
            self.backend.read(now, key, extent);
        } else if let Some(disk) = self.disks.get_mut(usize::from(place)) {
            let name = self.backend.name();
            let text = format!("{name} reads from no disk: have a pool do it, by `Readers::Pool`");
            let result = Err(io::Error::new(io::ErrorKind::Unsupported, text));
            disk.done.push_back(ReadEnd { key, extent, result });
            let stage = disk.stage;
            self.raise(Some(stage));
        }
        key
    }

    /// The next read of the stage at `place` that is done.
    pub(crate) fn next_read(&mut self, place: u16) -> Option<ReadEnd> {
        self.disks.get_mut(usize::from(place))?.done.pop_front()
    }

    /// Takes what the backend has read.
    pub(super) fn take_reads(&mut self) {
        let mut done = std::mem::take(&mut self.read_ends);
        self.backend.take_reads(&mut done);
        for end in done.drain(..) {
            let Some(disk) = self.disks.get_mut((end.key >> COUNT_BITS) as usize) else { continue };
            let stage = disk.stage;
            disk.done.push_back(end);
            self.raise(Some(stage));
        }
        self.read_ends = done;
    }
}
