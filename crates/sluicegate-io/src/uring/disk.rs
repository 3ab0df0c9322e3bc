//! Calls to disks, whose completions come with those of sockets.

use io_uring::squeue::Entry;
use io_uring::{opcode, types};
use rustix::io::Errno;

use crate::backend::DiskEnd;
use crate::conn::ConnId;
use crate::disk::{DiskOp, Extent, Progress};
use crate::uring::Uring;
use crate::uring::op::Op;
use crate::uring::registered::Registered;

/// Operations of a poll that are submitted with a call that follows them: while more are made ready
/// the device works on these. With all of a poll submitted at its end it idled meanwhile, and gave
/// a fifth less than at one call each; by eight it gave a twentieth less than by four, for the same
/// time of the processor, and by two no more, for a fourteenth more of that.
const TOGETHER: usize = 4;

/// A call that the kernel has. Its frames are nobody else's until it completes.
pub(super) struct DiskCall {
    key: u64,
    op: DiskOp,
    extent: Extent,
    len: usize,
    progress: Progress,
    /// Where the rest goes or comes from, as the kernel wants to be told.
    places: Vec<libc::iovec>,
}

impl Uring {
    pub(super) fn begin_disk(&mut self, key: u64, op: DiskOp, extent: Extent) {
        let (len, progress) = (extent.len(), Progress::default());
        let call = DiskCall { key, op, extent, len, progress, places: Vec::new() };
        match self.disk_calls.insert(call) {
            Ok(id) if len > 0 || op == DiskOp::Sync => self.ask_disk(id),
            Ok(id) => self.end_disk(id, Ok(())),
            // More than the table holds are never asked for.
            Err(DiskCall { key, extent, .. }) => {
                let result = Err(super::full());
                self.disk_ends.push(DiskEnd { key, extent, bytes: 0, result });
            }
        }
    }

    /// Has the kernel do what is left.
    fn ask_disk(&mut self, id: ConnId) {
        let Some(call) = self.disk_calls.get_mut(id) else { return };
        let Some(entry) = call.entry(self.registered.as_ref()) else {
            return self.end_disk(id, Err(std::io::ErrorKind::Unsupported.into()));
        };
        // SAFETY: the device is open, the frames are mapped and touched by nobody else, and the
        // list of places stays, as long as `call` is in the table: until the operation has
        // completed.
        unsafe { self.ring.push(&entry.user_data(Op::Disk.of(id))) };
        if self.ring.queued() >= TOGETHER {
            // What fails is tried again, and told, by the next poll.
            let _ = self.ring.submit();
        }
    }

    /// A call came to an end, or as far as it could in one go.
    pub(super) fn disk_went(&mut self, id: ConnId, step: Result<usize, Errno>) {
        let Some(call) = self.disk_calls.get_mut(id) else { return };
        match call.progress.went(call.op, &call.extent.device, call.len, step) {
            Some(result) => self.end_disk(id, result),
            None => self.ask_disk(id),
        }
    }

    fn end_disk(&mut self, id: ConnId, result: std::io::Result<()>) {
        if let Some(DiskCall { key, extent, progress, .. }) = self.disk_calls.remove(id) {
            self.disk_ends.push(DiskEnd { key, extent, bytes: progress.done, result });
        }
    }
}

impl DiskCall {
    /// What the kernel is asked for now; nothing where the device is not the kernel's.
    fn entry(&mut self, registered: Option<&Registered>) -> Option<Entry> {
        let (done, fd) = (self.progress.done, types::Fd(self.extent.device.descriptor()?));
        let offset = self.extent.offset + done as u64;
        self.places.clear();
        self.places.extend(self.extent.rest(done).map(|slice| libc::iovec {
            iov_base: slice.as_mut_ptr().cast(),
            iov_len: slice.len(),
        }));
        let places = &self.places[..];
        // A file that only its cache moves gains nothing, and some take no registered memory.
        let direct = self.extent.device.why_buffered().is_none();
        let registered = registered.filter(|_| direct);
        let part = registered.and_then(|registered| registered.part_of_all(places));
        Some(match self.op {
            DiskOp::Read => read(fd, offset, places, part),
            DiskOp::Write => write(fd, offset, places, part),
            DiskOp::Sync => opcode::Fsync::new(fd).flags(types::FsyncFlags::DATASYNC).build(),
        })
    }
}

/// Reads to these places, which may be of a registered part of memory.
fn read(fd: types::Fd, offset: u64, places: &[libc::iovec], part: Option<u16>) -> Entry {
    let (list, n) = (places.as_ptr(), places.len() as u32);
    match (only(places), part) {
        (Some((at, len)), None) => opcode::Read::new(fd, at, len).offset(offset).build(),
        (Some((at, len)), Some(part)) => {
            opcode::ReadFixed::new(fd, at, len, part).offset(offset).build()
        }
        (None, None) => opcode::Readv::new(fd, list, n).offset(offset).build(),
        (None, Some(part)) => opcode::ReadvFixed::new(fd, list, n, part).offset(offset).build(),
    }
}

/// The same to write from them.
fn write(fd: types::Fd, offset: u64, places: &[libc::iovec], part: Option<u16>) -> Entry {
    let (list, n) = (places.as_ptr(), places.len() as u32);
    match (only(places), part) {
        (Some((at, len)), None) => opcode::Write::new(fd, at, len).offset(offset).build(),
        (Some((at, len)), Some(part)) => {
            opcode::WriteFixed::new(fd, at, len, part).offset(offset).build()
        }
        (None, None) => opcode::Writev::new(fd, list, n).offset(offset).build(),
        (None, Some(part)) => opcode::WritevFixed::new(fd, list, n, part).offset(offset).build(),
    }
}

/// The place, where it is a single one.
fn only(places: &[libc::iovec]) -> Option<(*mut u8, u32)> {
    match places {
        [only] => u32::try_from(only.iov_len).ok().map(|len| (only.iov_base.cast(), len)),
        _ => None,
    }
}
