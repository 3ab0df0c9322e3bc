//! Calls to disks: begun by a stage, told by the backend, taken by the stage.

use std::collections::VecDeque;
use std::io;

use sluicegate::{StageId, Time};

use crate::arena::Arena;
use crate::backend::DiskEnd;
use crate::disk::{DiskOp, Extent};
use crate::io::{GateId, Io};

/// The bits of a key that count calls; those above are the place of the stage.
const COUNT_BITS: u32 = 48;

/// A stage that calls disks, on this worker.
pub(super) struct DiskPlace {
    id: GateId,
    stage: StageId,
    ends: VecDeque<DiskEnd>,
}

impl Io {
    /// Registers the pages of `arena` with the kernel: it looks their memory up once, and not for
    /// each call to a disk that moves them, which spares an eighth of the CPU time of a direct read
    /// of 32 KiB, and nothing that can be seen of one of 4 KiB. All of the arena is brought into
    /// memory and kept there until the machine is gone. A machine has one such arena, which may be
    /// registered again; others are moved as ever, and so are all where this fails.
    ///
    /// # Errors
    /// The backend is not io_uring, another arena is registered already, or the system refuses, as
    /// where `RLIMIT_MEMLOCK` is below the bytes of the arena.
    pub fn register(&mut self, arena: &Arena) -> io::Result<()> {
        self.backend.register(arena)
    }

    /// The place of the stage of this name, whose flag is raised when calls have ended.
    pub(crate) fn disk(&mut self, id: GateId, stage: StageId) -> u16 {
        let place = self.disks.iter().position(|disk| disk.id == id).unwrap_or_else(|| {
            self.disks.push(DiskPlace { id, stage, ends: VecDeque::new() });
            self.disks.len() - 1
        });
        // What a replica before this waited for comes to this one.
        self.raise(Some(stage));
        place as u16
    }

    /// Begins a call; returns the key under which [`Io::next_disk_end`] tells the end.
    pub(crate) fn call_disk(&mut self, place: u16, op: DiskOp, extent: Extent, now: Time) -> u64 {
        self.disk_calls += 1;
        let key = u64::from(place) << COUNT_BITS | self.disk_calls & ((1 << COUNT_BITS) - 1);
        if self.backend.has_disks() {
            self.backend.call_disk(now, key, op, extent);
        } else if let Some(disk) = self.disks.get_mut(usize::from(place)) {
            let name = self.backend.name();
            let text = format!("{name} calls no disk: have a pool do it, by `DiskBy::Pool`");
            let result = Err(io::Error::new(io::ErrorKind::Unsupported, text));
            disk.ends.push_back(DiskEnd { key, extent, bytes: 0, result });
            let stage = disk.stage;
            self.raise(Some(stage));
        }
        key
    }

    /// The next call of the stage at `place` that has ended.
    pub(crate) fn next_disk_end(&mut self, place: u16) -> Option<DiskEnd> {
        self.disks.get_mut(usize::from(place))?.ends.pop_front()
    }

    /// Takes what has ended from the backend.
    pub(super) fn take_disk_ends(&mut self) {
        let mut ends = std::mem::take(&mut self.disk_ends);
        self.backend.take_disk_ends(&mut ends);
        for end in ends.drain(..) {
            let Some(disk) = self.disks.get_mut((end.key >> COUNT_BITS) as usize) else { continue };
            let stage = disk.stage;
            disk.ends.push_back(end);
            self.raise(Some(stage));
        }
        self.disk_ends = ends;
    }
}
