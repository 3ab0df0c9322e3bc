//! Reads from disks, whose completions come with those of sockets.

use io_uring::{opcode, types};
use rustix::io::Errno;

use crate::backend::ReadEnd;
use crate::conn::ConnId;
use crate::disk::{Extent, Progress};
use crate::uring::Uring;
use crate::uring::op::Op;

/// Operations of a poll that are submitted with a read that follows them: while more are made ready
/// the device works on these. With all of a poll submitted at its end it idled meanwhile, and gave
/// a fifth less than at one call each.
const TOGETHER: usize = 8;

/// A read that the kernel has. Its frames are nobody else's until it completes.
pub(super) struct Reading {
    key: u64,
    extent: Extent,
    len: usize,
    progress: Progress,
    /// Where the rest goes, as the kernel wants to be told.
    places: Vec<libc::iovec>,
}

impl Uring {
    pub(super) fn begin_read(&mut self, key: u64, extent: Extent) {
        let (len, progress) = (extent.len(), Progress::default());
        let reading = Reading { key, extent, len, progress, places: Vec::new() };
        match self.reads.insert(reading) {
            Ok(id) if len > 0 => self.read_rest(id),
            Ok(id) => self.end_read(id, Ok(0)),
            // More than the table holds are never asked for.
            Err(Reading { key, extent, .. }) => {
                let result = Err(super::full());
                self.read.push(ReadEnd { key, extent, result });
            }
        }
    }

    /// Has the kernel read what is left.
    fn read_rest(&mut self, id: ConnId) {
        let Some(reading) = self.reads.get_mut(id) else { return };
        let (done, fd) = (reading.progress.done, reading.extent.device.descriptor());
        let Some(fd) = fd.map(types::Fd) else {
            return self.end_read(id, Err(std::io::ErrorKind::Unsupported.into()));
        };
        let offset = reading.extent.offset + done as u64;
        reading.places.clear();
        reading.places.extend(reading.extent.rest(done).map(|slice| libc::iovec {
            iov_base: slice.as_mut_ptr().cast(),
            iov_len: slice.len(),
        }));
        let entry = match &reading.places[..] {
            [only] if let Ok(len) = u32::try_from(only.iov_len) => {
                opcode::Read::new(fd, only.iov_base.cast(), len).offset(offset).build()
            }
            several => opcode::Readv::new(fd, several.as_ptr(), several.len() as u32)
                .offset(offset)
                .build(),
        };
        // SAFETY: the device is open, the frames are mapped and touched by nobody else, and the
        // list of places stays, as long as `reading` is in the table: until the operation has
        // completed.
        unsafe { self.ring.push(&entry.user_data(Op::Read.of(id))) };
        if self.ring.queued() >= TOGETHER {
            // What fails is tried again, and told, by the next poll.
            let _ = self.ring.submit();
        }
    }

    /// A read came to an end, or as far as it could in one go.
    pub(super) fn has_read(&mut self, id: ConnId, result: Result<usize, Errno>) {
        let Some(reading) = self.reads.get_mut(id) else { return };
        match reading.progress.went(&reading.extent.device, reading.len, result) {
            Some(result) => self.end_read(id, result),
            None => self.read_rest(id),
        }
    }

    fn end_read(&mut self, id: ConnId, result: std::io::Result<usize>) {
        if let Some(Reading { key, extent, .. }) = self.reads.remove(id) {
            self.read.push(ReadEnd { key, extent, result });
        }
    }
}
