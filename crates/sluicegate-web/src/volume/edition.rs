//! An open generation of a volume: its index in memory, and where it is read from.
use crate::files::Name;
use crate::volume::Fetch;
use sluicegate_io::Device;
use sluicegate_volume::{Entry, Volume};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// One generation, from when it was opened until another has taken its place.
pub struct Edition {
    number: u32,
    volume: Volume,
    device: Device,
    over: AtomicBool,
}

impl Edition {
    /// An open generation, and the device that it lies on.
    pub fn new(volume: Volume, device: Device) -> Arc<Edition> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        Arc::new(Edition { number, volume, device, over: AtomicBool::new(false) })
    }

    /// A number that no other edition of this process has.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its index.
    pub fn volume(&self) -> &Volume {
        &self.volume
    }

    /// Where it is read from.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What to ask for what lies at a name; nothing where nothing does. Looks into memory alone.
    pub fn look(self: &Arc<Self>, name: &Name) -> Option<Fetch> {
        let entry = self.volume.find(name.as_str().as_bytes())?;
        Some(Fetch::Object { edition: Arc::clone(self), entry, name: name.clone() })
    }

    /// Says that another has taken its place: what is known of it is to be let go of.
    pub fn end(&self) {
        self.over.store(true, Relaxed);
    }

    /// Whether another has taken its place.
    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// Bytes of an entry's front in whole pages, and how many pages are read with it.
    pub fn pages_of(entry: &Entry) -> (usize, usize) {
        let pages = |bytes: u64| bytes.div_ceil(sluicegate_io::PAGE as u64) as usize;
        (pages(entry.front_len()), pages(entry.near_len()))
    }
}

impl fmt::Debug for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Edition({}, generation {})", self.device.name(), self.volume.generation())
    }
}
