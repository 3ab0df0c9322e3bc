//! What the stage `disk` takes and gives.

use std::io;

use crate::arena::Frames;
use crate::disk::Device;

/// Asks for bytes of a device. The answer, with the tag of the question, is [`ReadDone`].
#[derive(Debug)]
pub struct Read {
    /// From where.
    pub device: Device,
    /// The place of the first byte: a multiple of [`PAGE`](crate::PAGE).
    pub offset: u64,
    /// Where the bytes go. So many bytes are read as it has room for.
    pub frames: Frames,
    /// Comes back with the answer.
    pub token: u64,
}

/// What became of a [`Read`].
#[derive(Debug)]
pub struct ReadDone {
    /// What the asker gave to [`Read`].
    pub token: u64,
    /// What the asker gave to [`Read`], filled as `result` says.
    pub frames: Frames,
    /// How many bytes there are: fewer than was asked for only where the device ends. Or what the
    /// system said; what the frames hold is worth nothing then.
    pub result: io::Result<usize>,
}
