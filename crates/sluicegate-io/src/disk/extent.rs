//! A run of bytes of a device, the pages that hold them, and what is done with them: what is asked
//! of a backend.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};

use rustix::io::Errno;
use smallvec::SmallVec;

use crate::arena::Frames;
use crate::disk::{Device, Progress};

/// The most slices of one call to the kernel, which takes no more than 1,024.
pub(crate) const SLICES_MAX: usize = 1024;
/// Slices of a call on the stack: as many as a call of a few pages has.
const SLICES_NEAR: usize = 32;

/// What is done with an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskOp {
    /// Its bytes come into the frames.
    Read,
    /// What the frames hold goes to it.
    Write,
    /// The device keeps all that it has taken, wherever; there are no frames.
    Sync,
}

/// Bytes of a device from `offset` on, as many as the frames have room for.
#[derive(Debug)]
pub struct Extent {
    /// Which device.
    pub device: Device,
    /// The place of the first byte.
    pub offset: u64,
    /// Where the bytes go or come from, in order: of several askers, where these are neighbours.
    pub frames: SmallVec<[Frames; 1]>,
}

impl Extent {
    /// How many bytes there is room for.
    pub(crate) fn len(&self) -> usize {
        self.frames.iter().map(Frames::len).sum()
    }

    /// The slices for one call, beyond the first `done` bytes; none is empty.
    pub(crate) fn rest(&mut self, done: usize) -> impl Iterator<Item = &mut [u8]> {
        rest(&mut self.frames, done)
    }

    /// One call to the system for what is beyond the first `done` bytes.
    pub(crate) fn step(&mut self, op: DiskOp, done: usize) -> Result<usize, Errno> {
        step(op, &self.device, self.offset, &mut self.frames, done)
    }

    /// Does it on this thread, which waits. How many bytes were moved, also before an error.
    pub(crate) fn carry_out(&mut self, op: DiskOp) -> (usize, io::Result<()>) {
        carry_out(op, &self.device, self.offset, &mut self.frames)
    }
}

/// Does something with frames on this thread, which waits.
pub(super) fn carry_out(
    op: DiskOp,
    device: &Device,
    offset: u64,
    frames: &mut [Frames],
) -> (usize, io::Result<()>) {
    let all = frames.iter().map(Frames::len).sum();
    if all == 0 && op != DiskOp::Sync {
        return (0, Ok(()));
    }
    let mut progress = Progress::default();
    loop {
        let step = step(op, device, offset, frames, progress.done);
        if let Some(result) = progress.went(op, device, all, step) {
            return (progress.done, result);
        }
    }
}

fn step(
    op: DiskOp,
    device: &Device,
    offset: u64,
    frames: &mut [Frames],
    done: usize,
) -> Result<usize, Errno> {
    let (place, slices) = (offset + done as u64, rest(frames, done));
    match op {
        DiskOp::Read => {
            let mut slices: SmallVec<[_; SLICES_NEAR]> = slices.map(IoSliceMut::new).collect();
            device.read_vectored_at(&mut slices, place)
        }
        DiskOp::Write => {
            let slices: SmallVec<[_; SLICES_NEAR]> =
                slices.map(|slice| IoSlice::new(slice)).collect();
            device.write_vectored_at(&slices, place)
        }
        DiskOp::Sync => device.sync(),
    }
}

fn rest(frames: &mut [Frames], mut done: usize) -> impl Iterator<Item = &mut [u8]> {
    let slices = frames.iter_mut().flat_map(Frames::slices_mut);
    let left = slices.filter_map(move |slice| {
        let skip = done.min(slice.len());
        done -= skip;
        let left = &mut slice[skip..];
        (!left.is_empty()).then_some(left)
    });
    left.take(SLICES_MAX)
}

impl fmt::Display for DiskOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
        })
    }
}
