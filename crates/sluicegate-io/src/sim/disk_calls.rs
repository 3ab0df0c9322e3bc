//! Calls of a simulated machine to simulated disks, each of which ends after a while.

use std::collections::BTreeMap;

use rustix::io::Errno;
use sluicegate::Time;

use crate::backend::DiskEnd;
use crate::disk::{DiskOp, Extent, Progress};
use crate::sim::SimDisk;

/// The calls that one machine has begun.
#[derive(Default)]
pub(super) struct DiskCalls {
    /// By the time when they are due, and the order in which they were begun.
    begun: BTreeMap<(Time, u64), Begun>,
    count: u64,
    ended: Vec<DiskEnd>,
}

struct Begun {
    key: u64,
    op: DiskOp,
    extent: Extent,
    len: usize,
    progress: Progress,
    /// What has happened already and is still to be told.
    early: Option<Result<usize, Errno>>,
    /// Writes that the disk had taken: of later ones a sync promises nothing.
    taken: u64,
}

impl DiskCalls {
    pub fn begin(&mut self, now: Time, key: u64, op: DiskOp, extent: Extent) {
        let (len, progress) = (extent.len(), Progress::default());
        let begun = Begun { key, op, extent, len, progress, early: None, taken: 0 };
        match len {
            0 if op != DiskOp::Sync => self.end(begun, Ok(())),
            _ => self.plan(now, begun),
        }
    }

    fn plan(&mut self, now: Time, mut begun: Begun) {
        let Some(disk) = begun.extent.device.simulation().cloned() else {
            return self.end(begun, Err(std::io::ErrorKind::Unsupported.into()));
        };
        match begun.op {
            DiskOp::Write if disk.is_early() => begun.early = Some(begun.step()),
            DiskOp::Sync => begun.taken = disk.taken(),
            _ => {}
        }
        self.count += 1;
        self.begun.insert((now + disk.latency(), self.count), begun);
    }

    fn end(&mut self, begun: Begun, result: std::io::Result<()>) {
        let Begun { key, extent, progress, .. } = begun;
        self.ended.push(DiskEnd { key, extent, bytes: progress.done, result });
    }

    /// Ends what is due; what is short goes on.
    pub fn advance(&mut self, now: Time) {
        let due =
            |(at, begun): (&(Time, u64), &Begun)| (at.0 <= now && !begun.hangs()).then_some(*at);
        while let Some(at) = self.begun.iter().find_map(due) {
            let Some(mut begun) = self.begun.remove(&at) else { break };
            let step = begun.early.take().unwrap_or_else(|| begun.step());
            match begun.progress.went(begun.op, &begun.extent.device, begun.len, step) {
                Some(result) => self.end(begun, result),
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

    pub fn take(&mut self, ends: &mut Vec<DiskEnd>) {
        ends.append(&mut self.ended);
    }
}

impl Begun {
    fn step(&mut self) -> Result<usize, Errno> {
        match (self.op, self.extent.device.simulation()) {
            (DiskOp::Sync, Some(disk)) => disk.sync(self.taken).map(|()| 0),
            _ => self.extent.step(self.op, self.progress.done),
        }
    }

    fn hangs(&self) -> bool {
        self.extent.device.simulation().is_some_and(SimDisk::hangs)
    }
}
