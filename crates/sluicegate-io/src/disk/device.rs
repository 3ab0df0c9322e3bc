//! What is read from and written to: a file or a block device, around the buffer cache where that
//! is possible.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, open, statx};
use rustix::io::Errno;

use crate::arena::{Frames, PAGE};
use crate::disk::DiskOp;
use crate::disk::extent::carry_out;
use crate::sim::{SECTOR, SimDisk};

/// A file or a block device to read from, and to write to where it was opened for that; clones are
/// the same device.
///
/// It is opened for direct I/O: what is read comes into the pages of the reader, what is written
/// comes out of the writer's, and the system keeps no copy of it. Where the file system has no
/// direct I/O it goes through the buffer cache, and [`why_buffered`](Self::why_buffered) says why.
///
/// ```
/// use sluicegate_io::{Arena, Device, PAGE};
///
/// let device = Device::open("Cargo.toml")?;
/// let mut frames = Arena::new(PAGE)?.take(1).expect("it is free");
/// let n = device.read_at(0, &mut frames)?;
/// let page = frames.freeze(n);
/// assert!(page.chunks().next().expect("a page").starts_with(b"[package]"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Device(Arc<Opened>);

struct Opened {
    number: u32,
    source: Source,
    name: String,
    len: u64,
    alignment: u32,
    buffered: Option<String>,
    writable: bool,
}

/// Where the bytes come from.
enum Source {
    File(File),
    Simulated(SimDisk),
}

impl Device {
    /// Opens a file or a block device for reading.
    ///
    /// # Errors
    /// What the system says, with the path before it; or it is neither a file nor a block device.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::told(path.as_ref(), false)
    }

    /// Opens a file or a block device that is there, for reading and writing.
    ///
    /// # Errors
    /// The same; it may be there to be read only.
    pub fn open_to_write(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::told(path.as_ref(), true)
    }

    fn told(path: &Path, writable: bool) -> io::Result<Self> {
        let told = |error: io::Error| {
            let what = if writable { "written" } else { "read" };
            let text = format!("{} cannot be {what}: {error}", path.display());
            io::Error::new(error.kind(), text)
        };
        Self::opened(path, writable).map_err(told)
    }

    fn opened(path: &Path, writable: bool) -> io::Result<Self> {
        // Looked at first: to open a pipe waits for somebody who writes to it.
        let kind = fs::metadata(path)?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            let text = "it is neither a file nor a block device";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
        let flags = access | OFlags::CLOEXEC;
        let (mut file, mut buffered) = match open(path, flags | OFlags::DIRECT, Mode::empty()) {
            Ok(file) => (File::from(file), None),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => {
                let file = File::from(open(path, flags, Mode::empty())?);
                (file, Some("its file system has no direct I/O".to_owned()))
            }
            Err(error) => return Err(error.into()),
        };
        let about = file.metadata()?;
        let mut alignment = alignment(&file);
        if buffered.is_none() && !(1..=PAGE as u32).contains(&alignment) {
            file = File::from(open(path, flags, Mode::empty())?);
            buffered = Some(match alignment {
                0 => "it has no direct I/O".to_owned(),
                more => format!("direct I/O needs an alignment of {more} bytes, which pages lack"),
            });
        }
        if buffered.is_some() {
            alignment = 1;
        }
        // A block device has no length but where it ends.
        let len = if about.is_file() { about.len() } else { file.seek(SeekFrom::End(0))? };
        let number = Self::unique();
        let name = path.display().to_string();
        let source = Source::File(file);
        Ok(Self(Arc::new(Opened { number, source, name, len, alignment, buffered, writable })))
    }

    /// Whatever can be read or written, also what does not end.
    #[cfg(test)]
    pub(crate) fn of(file: File) -> Self {
        let (number, name, source) = (Self::unique(), "test".to_owned(), Source::File(file));
        let buffered = Some("it is for a test".to_owned());
        let (len, alignment, writable) = (0, 1, true);
        Self(Arc::new(Opened { number, source, name, len, alignment, buffered, writable }))
    }

    /// A disk of a simulation.
    pub(crate) fn simulated(disk: SimDisk) -> Self {
        let (number, len, name) = (disk.number(), disk.len(), "simulated disk".to_owned());
        let (source, alignment, buffered) = (Source::Simulated(disk), SECTOR, None);
        let writable = true;
        Self(Arc::new(Opened { number, source, name, len, alignment, buffered, writable }))
    }

    /// Its path.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Bytes it had when it was opened.
    pub fn len(&self) -> u64 {
        self.0.len
    }

    /// Whether it had none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it was opened to be written: one that was not answers each write with an error.
    pub fn is_writable(&self) -> bool {
        self.0.writable
    }

    /// What the place and the length of direct I/O are a multiple of: at most [`PAGE`], which
    /// always does. 1 where it goes through the buffer cache.
    pub fn alignment(&self) -> u32 {
        self.0.alignment
    }

    /// Why it goes through the buffer cache, where it does.
    pub fn why_buffered(&self) -> Option<&str> {
        self.0.buffered.as_deref()
    }

    /// Reads at once and waits for it: on a thread that may block. Returns the bytes that are there
    /// from `offset` on, at most as many as the frames have room for.
    ///
    /// # Errors
    /// What the device says.
    pub fn read_at(&self, offset: u64, frames: &mut Frames) -> io::Result<usize> {
        let (bytes, result) = carry_out(DiskOp::Read, self, offset, std::slice::from_mut(frames));
        result.map(|()| bytes)
    }

    /// One call to the system, which may read less than there is room for.
    pub(super) fn read_vectored_at(
        &self,
        slices: &mut [IoSliceMut<'_>],
        offset: u64,
    ) -> Result<usize, Errno> {
        match &self.0.source {
            Source::File(file) => rustix::io::preadv(file, slices, offset),
            Source::Simulated(disk) => disk.read_at(slices, offset),
        }
    }

    /// The same to write.
    pub(super) fn write_vectored_at(
        &self,
        slices: &[IoSlice<'_>],
        offset: u64,
    ) -> Result<usize, Errno> {
        match &self.0.source {
            Source::File(file) => rustix::io::pwritev(file, slices, offset),
            Source::Simulated(disk) => disk.write_at(slices, offset),
        }
    }

    /// Has it keep what it has taken.
    pub(super) fn sync(&self) -> Result<usize, Errno> {
        match &self.0.source {
            Source::File(file) => rustix::fs::fdatasync(file).map(|()| 0),
            Source::Simulated(disk) => disk.sync(disk.taken()).map(|()| 0),
        }
    }

    /// A number that no other device of this process has.
    pub(crate) fn unique() -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// What tells it from others, in order of opening.
    pub(crate) fn number(&self) -> u32 {
        self.0.number
    }

    /// Its descriptor, if it is no simulated one: open as long as a clone of it is there.
    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        match &self.0.source {
            Source::File(file) => Some(file.as_raw_fd()),
            Source::Simulated(_) => None,
        }
    }

    /// The disk of a simulation that it is, if any.
    pub(crate) fn simulation(&self) -> Option<&SimDisk> {
        match &self.0.source {
            Source::File(_) => None,
            Source::Simulated(disk) => Some(disk),
        }
    }
}

/// What the kernel says direct I/O has to be aligned to: 0 where there is none, a page where it
/// does not say.
fn alignment(file: &impl AsFd) -> u32 {
    let told = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN);
    let told = told.ok().filter(|stat| stat.stx_mask & StatxFlags::DIOALIGN.bits() != 0);
    told.map_or(PAGE as u32, |stat| stat.stx_dio_mem_align.max(stat.stx_dio_offset_align))
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({}, {} bytes)", self.name(), self.len())
    }
}
