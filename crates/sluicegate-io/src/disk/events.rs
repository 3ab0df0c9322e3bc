//! What the stage `disk` takes and gives.

use std::io;

use sluicegate::Out;
use sluicegate_macros::{From, Ports};

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

/// Puts bytes on a device: all that the frames hold, and beyond its end where it is a file, which
/// grows. The answer, with the tag of the question, is [`WriteDone`].
///
/// Whoever overlaps with a read or another write waits for the answer of the one before it asks
/// for the next: what is asked for meanwhile happens in any order.
#[derive(Debug)]
pub struct DiskWrite {
    /// Where to: one that was [opened to be written](Device::open_to_write).
    pub device: Device,
    /// The place of the first byte: a multiple of [`PAGE`](crate::PAGE).
    pub offset: u64,
    /// The bytes, in whole pages.
    pub frames: Frames,
    /// Comes back with the answer.
    pub token: u64,
}

/// What became of a [`DiskWrite`].
#[derive(Debug)]
pub struct WriteDone {
    /// What the asker gave to [`DiskWrite`].
    pub token: u64,
    /// What the asker gave to [`DiskWrite`], as it was.
    pub frames: Frames,
    /// How many bytes from the first one on are written: all of them where `result` is well, else
    /// those before the error. What is at the places of the others is unknown.
    pub written: usize,
    /// Whether all bytes are written; they may be lost until a [`DiskSync`] is answered. Or what
    /// the system said: that the device is full (`ENOSPC`), say.
    pub result: io::Result<()>,
}

/// Has a device keep what it was given, also when its power fails (`fdatasync`): what was written
/// by all writes that were answered before this was asked for. For a write that is still to be
/// answered it does not wait. The answer, with the tag of the question, is [`SyncDone`].
#[derive(Debug)]
pub struct DiskSync {
    /// Which: one that was [opened to be written](Device::open_to_write).
    pub device: Device,
    /// Comes back with the answer.
    pub token: u64,
}

/// What became of a [`DiskSync`].
#[derive(Debug)]
pub struct SyncDone {
    /// What the asker gave to [`DiskSync`].
    pub token: u64,
    /// Whether all is kept. Or what the system said: then it is unknown what of it is, and another
    /// sync may succeed without what this one lost, so that all has to be written again.
    pub result: io::Result<()>,
}

/// All that the stage `disk` is asked for.
#[derive(Debug, From)]
pub enum DiskIn {
    /// Bytes.
    Read(Read),
    /// To take bytes.
    Write(DiskWrite),
    /// To keep what it took.
    Sync(DiskSync),
}

/// Where the stage answers.
#[derive(Ports)]
pub(super) struct DiskOut {
    pub read: Out<ReadDone>,
    pub written: Out<WriteDone>,
    pub synced: Out<SyncDone>,
}
