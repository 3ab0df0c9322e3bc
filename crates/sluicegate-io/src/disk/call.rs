//! Calls to a device: what is asked for sorted by place, neighbours as one.

use std::collections::VecDeque;
use std::io;

use sluicegate::{Event, Tag};
use smallvec::{SmallVec, smallvec};

use crate::arena::{Frames, PAGE};
use crate::disk::answer::{Answer, Answers};
use crate::disk::{
    Device, DiskIn, DiskOp, DiskSync, DiskWrite, Extent, Read, ReadDone, SyncDone, WriteDone,
};

/// Beyond this no device reaches, and with the length of a read it is still a number.
const END_MAX: u64 = 1 << 62;

/// What is done by one call, and for whom.
pub(crate) struct Call {
    pub op: DiskOp,
    /// Of a sync it has no frames.
    pub extent: Extent,
    pub askers: Askers,
}

/// Who asked, in the order of the frames of an extent.
pub(crate) type Askers = SmallVec<[Asker; 1]>;

/// Who asked for something.
pub(crate) struct Asker {
    tag: Tag,
    token: u64,
}

/// What becomes of a call that was answered.
pub(crate) enum Outcome {
    /// Its askers are answered.
    Answered(Answers),
    /// It failed as a whole, and what was asked for is tried one by one, so that a bad sector
    /// costs only whoever asked for it.
    Apart(Vec<Call>),
}

/// Sorts a batch: of each device reads by place, then writes by place, then syncs. Of those that
/// are neighbours one call is made, of at most `most` bytes; of syncs one. What cannot be asked of
/// a device is answered at once.
pub(crate) fn plan(
    batch: impl Iterator<Item = Event<DiskIn>>,
    most: usize,
    answer: &mut impl FnMut(Event<Answer>),
) -> VecDeque<Call> {
    let mut sorted: Vec<Event<DiskIn>> = Vec::new();
    for asked in batch {
        match fault(&asked) {
            None => sorted.push(asked),
            Some(error) => {
                Call::of(asked).answers(0, Err(error)).into_iter().for_each(&mut *answer)
            }
        }
    }
    // Of one place whoever came first goes first: the order is that of a stable sort.
    sorted.sort_by_key(|asked| place(asked));
    let mut calls: VecDeque<Call> = VecDeque::new();
    for asked in sorted {
        let call = Call::of(asked);
        match calls.back_mut() {
            Some(last) if last.joins(&call, most) => last.join(call),
            _ => calls.push_back(call),
        }
    }
    calls
}

/// What is to be done, with which device, and where.
fn parts(asked: &DiskIn) -> (DiskOp, &Device, u64) {
    match asked {
        DiskIn::Read(read) => (DiskOp::Read, &read.device, read.offset),
        DiskIn::Write(write) => (DiskOp::Write, &write.device, write.offset),
        DiskIn::Sync(sync) => (DiskOp::Sync, &sync.device, 0),
    }
}

fn place(asked: &DiskIn) -> (u32, DiskOp, u64) {
    let (op, device, offset) = parts(asked);
    (device.number(), op, offset)
}

/// Why it cannot be asked for, if so.
fn fault(asked: &DiskIn) -> Option<io::Error> {
    let (op, device, offset) = parts(asked);
    if !offset.is_multiple_of(PAGE as u64) || offset >= END_MAX {
        let text = format!("a {op} begins at a multiple of {PAGE}, below 2^62, not at {offset}");
        return Some(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    if op != DiskOp::Read && !device.is_writable() {
        let name = device.name();
        let text = format!("{name} is open to be read only: open it by `Device::open_to_write`");
        return Some(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    None
}

impl Call {
    fn of(asked: Event<DiskIn>) -> Self {
        let (tag, asked) = asked.split();
        let (op, device, offset, frames, token) = match asked {
            DiskIn::Read(Read { device, offset, frames, token }) => {
                (DiskOp::Read, device, offset, smallvec![frames], token)
            }
            DiskIn::Write(DiskWrite { device, offset, frames, token }) => {
                (DiskOp::Write, device, offset, smallvec![frames], token)
            }
            DiskIn::Sync(DiskSync { device, token }) => {
                (DiskOp::Sync, device, 0, SmallVec::new(), token)
            }
        };
        let extent = Extent { device, offset, frames };
        Self { op, extent, askers: smallvec![Asker { tag, token }] }
    }

    /// Whether `next` is the same done where this ends, and both are not too much for one call.
    fn joins(&self, next: &Self, most: usize) -> bool {
        let (mine, theirs) = (&self.extent, &next.extent);
        let same = self.op == next.op && mine.device.number() == theirs.device.number();
        same && match self.op {
            DiskOp::Sync => true,
            DiskOp::Read | DiskOp::Write => {
                mine.offset + mine.len() as u64 == theirs.offset
                    && mine.len() + theirs.len() <= most
            }
        }
    }

    fn join(&mut self, next: Self) {
        self.extent.frames.extend(next.extent.frames);
        self.askers.extend(next.askers);
    }

    /// What becomes of it now that the device moved so many bytes, or failed after them.
    pub fn outcome(self, bytes: usize, result: io::Result<()>) -> Outcome {
        // A sync that failed is not tried again: it would succeed without what was lost.
        let whole = self.askers.len() == 1 || self.op == DiskOp::Sync;
        match result {
            Err(_) if !whole => Outcome::Apart(self.apart()),
            result => Outcome::Answered(self.answers(bytes, result)),
        }
    }

    fn answers(self, bytes: usize, result: io::Result<()>) -> Answers {
        let Self { op, extent: Extent { frames, .. }, askers } = self;
        let mut left = bytes;
        let mut moved = |frames: &Frames| {
            let mine = left.min(frames.len());
            left -= mine;
            mine
        };
        match op {
            DiskOp::Read => answers(askers, frames, |token, frames| {
                let bytes = moved(&frames);
                let result = again(&result).map(|()| bytes);
                Answer::Read(ReadDone { token, frames, result })
            }),
            DiskOp::Write => answers(askers, frames, |token, frames| {
                let (written, result) = (moved(&frames), again(&result));
                Answer::Written(WriteDone { token, frames, written, result })
            }),
            DiskOp::Sync => {
                let nothing = std::iter::repeat(());
                answers(askers, nothing, |token, ()| {
                    Answer::Synced(SyncDone { token, result: again(&result) })
                })
            }
        }
    }

    fn apart(self) -> Vec<Self> {
        let Extent { device, mut offset, frames } = self.extent;
        let one = |(asker, frames): (Asker, Frames)| {
            let len = frames.len() as u64;
            let extent = Extent { device: device.clone(), offset, frames: smallvec![frames] };
            offset += len;
            Self { op: self.op, extent, askers: smallvec![asker] }
        };
        self.askers.into_iter().zip(frames).map(one).collect()
    }
}

/// An answer to each, with what it gave to the call.
fn answers<G>(
    askers: Askers,
    given: impl IntoIterator<Item = G>,
    mut answer: impl FnMut(u64, G) -> Answer,
) -> Answers {
    let told = askers.into_iter().zip(given);
    told.map(|(Asker { tag, token }, given)| tag.with(answer(token, given))).collect()
}

/// The same result for one more asker.
fn again(result: &io::Result<()>) -> io::Result<()> {
    result.as_ref().copied().map_err(|error| match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    })
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
