//! Where a volume lies: anything that bytes can be read from, or written to, by their place.
use std::fs::{self, File, FileType};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;

/// What a volume is read from when it is opened and checked.
pub trait Storage {
    /// Fills `into` with the bytes at `offset`.
    ///
    /// # Errors
    /// What the device reports; `UnexpectedEof` behind its end.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// How long it is, in bytes.
    ///
    /// # Errors
    /// What the device reports.
    fn size(&self) -> io::Result<u64>;
}

/// What a volume is packed into.
pub trait Target: Storage {
    /// Writes all of `bytes` at `offset`. What was written lasts when [`sync`](Self::sync) has
    /// returned, and until then any part of it may be lost.
    ///
    /// # Errors
    /// What the device reports: `StorageFull` where there is no room.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Waits until all that was written would outlast a loss of power.
    ///
    /// # Errors
    /// What the device reports.
    fn sync(&mut self) -> io::Result<()>;

    /// The bytes that it can hold, where it cannot grow.
    fn limit(&self) -> Option<u64>;

    /// What tells it from the files of a directory, where it is one: device and inode.
    fn file(&self) -> Option<(u64, u64)>;
}

/// Opens a file or a block device, to read a volume from it.
///
/// # Errors
/// It cannot be opened, or is neither.
pub fn open(path: &Path) -> io::Result<File> {
    // Looked at first: to open a pipe waits for somebody who writes to it.
    if !holds_volume(fs::metadata(path)?.file_type()) {
        let text = "it is neither a file nor a block device";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    File::open(path)
}

/// Whether a volume can lie in what is of this type.
pub(crate) fn holds_volume(kind: FileType) -> bool {
    kind.is_file() || kind.is_block_device()
}

/// A file or a block device.
impl Storage for File {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(into, offset)
    }

    fn size(&self) -> io::Result<u64> {
        // The metadata of a block device say 0.
        let mut file = self;
        file.seek(SeekFrom::End(0))
    }
}
