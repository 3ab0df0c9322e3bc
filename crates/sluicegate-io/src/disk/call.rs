//! Calls to a device: reads sorted by place, neighbours as one.

use std::collections::VecDeque;
use std::io;

use sluicegate::{Event, Tag};
use smallvec::{SmallVec, smallvec};

use crate::arena::PAGE;
use crate::disk::{Extent, Read, ReadDone};

/// Beyond this no device reaches, and with the length of a read it is still a number.
const END_MAX: u64 = 1 << 62;

/// What is read by one call, and for whom.
pub(crate) struct Call {
    pub extent: Extent,
    pub askers: Askers,
}

/// Who asked, in the order of the frames of an extent.
pub(crate) type Askers = SmallVec<[Asker; 1]>;

/// Who asked for a read.
pub(crate) struct Asker {
    tag: Tag,
    token: u64,
}

/// What becomes of a call that was answered.
pub(crate) enum Outcome {
    /// Its reads are answered.
    Answered(SmallVec<[Event<ReadDone>; 1]>),
    /// It failed as a whole, and its reads are tried one by one, so that a bad sector costs only
    /// whoever asked for it.
    Apart(Vec<Call>),
}

/// Sorts reads by place, and makes one call of those that are neighbours, of at most `most` bytes.
/// A read that nothing can be asked for is answered at once.
pub(crate) fn plan(
    reads: impl Iterator<Item = Event<Read>>,
    most: usize,
    answer: &mut impl FnMut(Event<ReadDone>),
) -> VecDeque<Call> {
    let mut sorted: Vec<Event<Read>> = Vec::new();
    for read in reads {
        match read.offset.is_multiple_of(PAGE as u64) && read.offset < END_MAX {
            true => sorted.push(read),
            false => answer(misplaced(read)),
        }
    }
    // Of one place whoever came first goes first: the order is that of a stable sort.
    sorted.sort_by_key(|read| (read.device.number(), read.offset));
    let mut calls: VecDeque<Call> = VecDeque::new();
    for read in sorted {
        let call = Call::of(read);
        match calls.back_mut() {
            Some(last) if last.joins(&call, most) => last.join(call),
            _ => calls.push_back(call),
        }
    }
    calls
}

fn misplaced(read: Event<Read>) -> Event<ReadDone> {
    read.map(|read| {
        let text =
            format!("a read begins at a multiple of {PAGE}, below 2^62, not at {}", read.offset);
        let result = Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        ReadDone { token: read.token, frames: read.frames, result }
    })
}

impl Call {
    fn of(read: Event<Read>) -> Self {
        let (tag, Read { device, offset, frames, token }) = read.split();
        let extent = Extent { device, offset, frames: smallvec![frames] };
        Self { extent, askers: smallvec![Asker { tag, token }] }
    }

    /// Whether `next` begins where this ends, and both are not too much for one call.
    fn joins(&self, next: &Self, most: usize) -> bool {
        let (mine, theirs) = (&self.extent, &next.extent);
        mine.device.number() == theirs.device.number()
            && mine.offset + mine.len() as u64 == theirs.offset
            && mine.len() + theirs.len() <= most
    }

    fn join(&mut self, next: Self) {
        self.extent.frames.extend(next.extent.frames);
        self.askers.extend(next.askers);
    }

    /// What becomes of it now that the device gave so many bytes, or failed.
    pub fn outcome(self, result: io::Result<usize>) -> Outcome {
        match result {
            Ok(bytes) => Outcome::Answered(self.answers(bytes)),
            Err(_) if self.askers.len() > 1 => Outcome::Apart(self.apart()),
            Err(error) => {
                let mut error = Some(error);
                let result = |_| Err(error.take().unwrap_or_else(|| io::ErrorKind::Other.into()));
                Outcome::Answered(self.each(result))
            }
        }
    }

    fn answers(self, bytes: usize) -> SmallVec<[Event<ReadDone>; 1]> {
        let mut left = bytes;
        self.each(|len| {
            let mine = left.min(len);
            left -= mine;
            Ok(mine)
        })
    }

    fn each(
        self,
        mut result: impl FnMut(usize) -> io::Result<usize>,
    ) -> SmallVec<[Event<ReadDone>; 1]> {
        let answer = |(Asker { tag, token }, frames): (Asker, crate::arena::Frames)| {
            let result = result(frames.len());
            tag.with(ReadDone { token, frames, result })
        };
        self.askers.into_iter().zip(self.extent.frames).map(answer).collect()
    }

    fn apart(self) -> Vec<Self> {
        let Extent { device, mut offset, frames } = self.extent;
        let one = |(asker, frames): (Asker, crate::arena::Frames)| {
            let len = frames.len() as u64;
            let extent = Extent { device: device.clone(), offset, frames: smallvec![frames] };
            offset += len;
            Self { extent, askers: smallvec![asker] }
        };
        self.askers.into_iter().zip(frames).map(one).collect()
    }
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
