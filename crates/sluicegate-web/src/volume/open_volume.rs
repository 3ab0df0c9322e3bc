//! Where a volume lies: opens its generations, the newest at start, and newer ones while it serves.
use super::edition::Edition;
use crate::files::Name;
use bytes::Bytes;
use sluicegate_io::Device;
use sluicegate_volume::{Front, Kind, Storage, Volume, VolumeError};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A volume that is served.
pub struct OpenVolume {
    path: PathBuf,
    /// Locked when a generation is opened, and by each worker when one is over.
    open: Mutex<Place>,
}

struct Place {
    storage: Arc<dyn Storage + Send + Sync>,
    /// What the path named when it was opened: device and inode. Nothing where there is no file.
    file: Option<(u64, u64)>,
    edition: Arc<Edition>,
}

impl OpenVolume {
    /// Opens the newest generation of the volume at a path, a regular file or a block device.
    ///
    /// # Errors
    /// It cannot be read, or is no volume, or a damaged one.
    pub fn open(path: &Path) -> Result<OpenVolume, VolumeError> {
        Ok(OpenVolume { path: path.to_owned(), open: Mutex::new(Place::at(path)?) })
    }

    /// A volume that is read in any other way, to test with.
    #[cfg(test)]
    pub fn of(
        storage: Arc<dyn Storage + Send + Sync>,
        device: Device,
    ) -> Result<OpenVolume, VolumeError> {
        let edition = Edition::new(Volume::open(&*storage)?, device);
        let open = Mutex::new(Place { storage, file: None, edition });
        Ok(OpenVolume { path: PathBuf::new(), open })
    }

    /// The edition that is served now.
    pub fn edition(&self) -> Arc<Edition> {
        Arc::clone(&self.lock().edition)
    }

    /// Looks for a newer generation, or another file in the place of this one, and has it take
    /// over. Whether it did. May block.
    ///
    /// # Errors
    /// As [`open`](Self::open); the former one is served on.
    pub fn renew(&self) -> Result<bool, VolumeError> {
        let (storage, former, file) = {
            let open = self.lock();
            (Arc::clone(&open.storage), Arc::clone(&open.edition), open.file)
        };
        let next = if file.is_some() && identity(&self.path).ok() != file {
            Place::at(&self.path)?
        } else if former.volume().newer(&*storage)? {
            let edition = Edition::new(Volume::open(&*storage)?, former.device().clone());
            Place { storage, file, edition }
        } else {
            return Ok(false);
        };
        *self.lock() = next;
        former.end();
        Ok(true)
    }

    /// The type and the content of a file of `most` bytes at most; nothing where there is none. May
    /// block: for what is read before anything is served.
    ///
    /// # Errors
    /// A sentence about what cannot be read, is damaged or is longer.
    pub fn read(&self, name: &Name, most: u64) -> Result<Option<(String, Bytes)>, String> {
        let (storage, edition) = {
            let open = self.lock();
            (Arc::clone(&open.storage), Arc::clone(&open.edition))
        };
        let name = name.as_str().as_bytes();
        let Some(entry) = edition.volume().find(name) else { return Ok(None) };
        let read = |offset: u64, len: u64| -> Result<Bytes, String> {
            let mut bytes = vec![0; len as usize];
            let read = storage.read_at(offset, &mut bytes);
            read.map_err(|error| format!("cannot be read: {error}")).map(|()| bytes.into())
        };
        let front = read(entry.offset(), entry.front_len())?;
        let front = match Front::parse(front, name, &entry) {
            Ok(front) => front,
            Err(sluicegate_volume::Bad::OtherName) => return Ok(None),
            Err(bad) => return Err(format!("is damaged: {bad}")),
        };
        let Kind::File { media, forms, .. } = front.kind else { return Ok(None) };
        let Some(form) = forms.first() else { return Ok(None) };
        if form.len > most {
            return Err(format!("is longer than {} KiB", most >> 10));
        }
        let body = read(form.offset, form.len)?;
        for number in 0..form.pieces() {
            let range = form.piece(number).unwrap_or_default();
            let piece = &body[range.start as usize..range.end as usize];
            form.check_piece(number, [piece]).map_err(|bad| format!("is damaged: {bad}"))?;
        }
        Ok(Some((String::from_utf8_lossy(&media).into_owned(), body)))
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn at(path: &Path) -> Result<Place, VolumeError> {
        let file = sluicegate_volume::open(path)?;
        let volume = Volume::open(&file)?;
        let metadata = file.metadata()?;
        let identity = (metadata.dev(), metadata.ino());
        let edition = Edition::new(volume, Device::open(path)?);
        Ok(Place { storage: Arc::new(file), file: Some(identity), edition })
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

impl fmt::Debug for OpenVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenVolume({:?})", self.edition())
    }
}
