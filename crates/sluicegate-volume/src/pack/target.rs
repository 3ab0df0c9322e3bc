//! A file or block device that is packed into: opened, and locked against a second pack.
use crate::pack::PackError;
use crate::storage::{Storage, Target, holds_volume};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file or a block device, locked while this lives.
#[derive(Debug)]
pub(super) struct PackTarget {
    file: File,
    /// Without links, for it may be given up, and its directory is synced.
    path: PathBuf,
    /// The length of a device.
    limit: Option<u64>,
    /// Device and inode.
    id: (u64, u64),
    /// Whether the file was not there before.
    made: bool,
}

impl PackTarget {
    pub(super) fn open(path: &Path) -> Result<PackTarget, PackError> {
        let there = match fs::metadata(path) {
            Ok(metadata) => Some(metadata.file_type()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(PackError::Open(error)),
        };
        let is_device = there.is_some_and(|kind| kind.is_block_device());
        if there.is_some_and(|kind| !holds_volume(kind)) {
            return Err(PackError::Odd);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(there.is_none());
        if is_device {
            // The kernel then refuses one that is mounted.
            options.custom_flags(OFlags::EXCL.bits() as i32);
        }
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => PackError::Busy,
            _ => PackError::Open(error),
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(PackError::Locked),
            Err(TryLockError::Error(error)) => return Err(PackError::Open(error)),
        }
        // Once it is locked: a pack that failed before may have removed what it had made.
        let path = path.canonicalize().map_err(PackError::Open)?;
        let metadata = file.metadata().map_err(PackError::Open)?;
        let limit = is_device.then(|| file.size()).transpose().map_err(PackError::Open)?;
        let (id, made) = ((metadata.dev(), metadata.ino()), there.is_none());
        Ok(PackTarget { file, path, limit, id, made })
    }

    /// Makes the name of a new file last as its content does.
    pub(super) fn keep(&self) -> Result<(), PackError> {
        let directory = File::open(self.path.parent().unwrap_or(Path::new("/")));
        directory.and_then(|directory| directory.sync_all()).map_err(PackError::Write)
    }

    /// Removes a file that was made for nothing.
    pub(super) fn give_up(&self) {
        if self.made {
            // That the pack failed is told; this would say the same.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Storage for PackTarget {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        Storage::read_at(&self.file, offset, into)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
}

impl Target for PackTarget {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn limit(&self) -> Option<u64> {
        self.limit
    }

    fn file(&self) -> Option<(u64, u64)> {
        Some(self.id)
    }
}
