//! Where a volume lies: anything that bytes can be read from, or written to, by their place.
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

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
