//! Where a volume lies: anything that bytes can be read from by their place.
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
