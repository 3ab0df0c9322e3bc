//! A run of bytes of a device, and the pages that they are read into: what is asked of a backend.

use std::io::{self, IoSliceMut};

use rustix::io::Errno;
use smallvec::SmallVec;

use crate::arena::Frames;
use crate::disk::Device;

/// The most slices of one call to the kernel, which takes no more than 1,024.
pub(crate) const SLICES_MAX: usize = 1024;

/// Bytes of a device from `offset` on, as many as the frames have room for.
#[derive(Debug)]
pub struct Extent {
    /// Which device.
    pub device: Device,
    /// The place of the first byte.
    pub offset: u64,
    /// Where the bytes go, in order: of several reads, where these are neighbours.
    pub frames: SmallVec<[Frames; 1]>,
}

/// How far the reading of an extent came.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Bytes that came.
    pub done: usize,
}

impl Extent {
    /// How many bytes there is room for.
    pub(crate) fn len(&self) -> usize {
        self.frames.iter().map(Frames::len).sum()
    }

    /// The slices to fill by one call, beyond the first `done` bytes; none is empty.
    pub(crate) fn rest(&mut self, done: usize) -> impl Iterator<Item = &mut [u8]> {
        rest(&mut self.frames, done)
    }

    /// Reads it on this thread, which waits. How many bytes came.
    pub(crate) fn read(&mut self) -> io::Result<usize> {
        fill(&self.device, self.offset, &mut self.frames)
    }
}

/// Reads into frames on this thread, which waits.
pub(super) fn fill(device: &Device, offset: u64, frames: &mut [Frames]) -> io::Result<usize> {
    let all = frames.iter().map(Frames::len).sum();
    let mut progress = Progress::default();
    loop {
        let place = offset + progress.done as u64;
        let mut slices: SmallVec<[IoSliceMut<'_>; 32]> =
            rest(frames, progress.done).map(IoSliceMut::new).collect();
        if slices.is_empty() {
            return Ok(progress.done);
        }
        let read = device.read_vectored_at(&mut slices, place);
        if let Some(result) = progress.went(device, all, read) {
            return result;
        }
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

impl Progress {
    /// Takes the outcome of one call for what is left of `all` bytes. The outcome of them all, or
    /// nothing where the rest is to be asked for.
    pub fn went(
        &mut self,
        device: &Device,
        all: usize,
        read: Result<usize, Errno>,
    ) -> Option<io::Result<usize>> {
        match read {
            Ok(n) => {
                self.done += n;
                // From within a block a direct read cannot go on, and it ends there for no other
                // reason than that the device does.
                let ends = !self.done.is_multiple_of(device.alignment() as usize);
                (n == 0 || ends || self.done >= all).then_some(Ok(self.done))
            }
            Err(Errno::INTR) => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}
