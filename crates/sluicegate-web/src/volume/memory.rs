//! The memory of volumes: a number that somebody sets, divided among the workers.
use super::counts::Counts;
use super::faults::Faults;
use super::hot::{self, Hot};
use crate::cache::Budget;
use sluicegate::WorkerId;
use sluicegate_io::{Arena, Io, PAGE};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Of the budget one part in this many is for what is known of objects; the rest is pages.
const FRONTS_SHARE: u64 = 8;
/// The least that a worker can serve a volume with: a few pieces, and one that is read.
pub const SHARE_MIN: u64 = 1 << 20;

/// What each worker has.
#[derive(Debug, Default)]
pub struct Memory {
    shares: Vec<Arc<Share>>,
    /// Where what is hot is written.
    list: Option<PathBuf>,
    /// Whether each worker's machine is to know its pages.
    registered: bool,
}

/// What one worker has: it outlives its replica of the stage.
#[derive(Debug)]
pub struct Share {
    /// Pages.
    pub arena: Arena,
    /// What objects are charged to.
    pub fronts: Arc<Budget>,
    /// What becomes of questions.
    pub counts: Counts,
    /// What is wrong with volumes and not told yet.
    pub faults: Faults,
    /// Workers that asked once, and may hold something. Locked for each once.
    askers: Mutex<Vec<WorkerId>>,
    /// What was hot when the worker looked last: once in a while, and when a drain begins.
    hot: Mutex<Vec<Hot>>,
}

impl Memory {
    /// `budget` bytes for so many workers.
    ///
    /// # Errors
    /// It is too little, or the process may not have so many addresses.
    pub fn new(budget: u64, workers: usize) -> io::Result<Memory> {
        let each = budget / workers.max(1) as u64;
        if each < SHARE_MIN {
            let text = format!("a volume needs {} MiB for each worker", SHARE_MIN >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let shares =
            (0..workers).map(|_| Share::new(each).map(Arc::new)).collect::<io::Result<_>>()?;
        Ok(Memory { shares, list: None, registered: false })
    }

    /// The same whose hot content is written into a file.
    pub fn listed(self, list: Option<PathBuf>) -> Memory {
        Memory { list, ..self }
    }

    /// The same whose pages are registered with the machine of each worker, or not.
    pub fn registered(self, registered: bool) -> Memory {
        Memory { registered, ..self }
    }

    /// Whether they are to be.
    pub fn is_registered(&self) -> bool {
        self.registered
    }

    /// Where what is hot is written, if it is.
    pub fn list(&self) -> Option<&Path> {
        self.list.as_deref()
    }

    /// Writes what is hot, where that is asked for. May block.
    pub fn save(&self) {
        let Some(path) = &self.list else { return };
        if let Err(error) = hot::write(path, self) {
            tracing::error!(
                target: "sluicegate::volume",
                list = %path.display(), %error, "what is hot cannot be written",
            );
        }
    }

    /// Tells what workers found to be wrong with volumes. May block.
    pub fn tell_faults(&self) {
        self.shares.iter().for_each(|share| share.faults.tell());
    }

    /// That of a worker of the first domain.
    ///
    /// # Panics
    /// If there are fewer workers.
    pub fn share(&self, worker: WorkerId) -> &Arc<Share> {
        &self.shares[worker.index()]
    }

    /// Those of all workers; none where there is no volume.
    pub fn shares(&self) -> &[Arc<Share>] {
        &self.shares
    }
}

impl Share {
    fn new(bytes: u64) -> io::Result<Share> {
        let fronts = bytes / FRONTS_SHARE;
        let pages = (bytes - fronts) / PAGE as u64 * PAGE as u64;
        let arena = Arena::new(usize::try_from(pages).map_err(io::Error::other)?)?;
        let (counts, faults, askers, hot) = Default::default();
        Ok(Share { arena, fronts: Budget::new(fronts), counts, faults, askers, hot })
    }

    /// Has the machine of the worker know the pages. Where it cannot, that is told, and all goes on
    /// without.
    pub fn register(&self, io: &mut Io) {
        if let Err(error) = io.register(&self.arena) {
            tracing::warn!(
                target: "sluicegate::volume",
                %error, "`cache.registered` is of no use: pages are read into as without it",
            );
        }
    }

    /// Pages that somebody has.
    pub fn used(&self) -> usize {
        self.arena.pages() - self.arena.free()
    }

    /// Workers that may hold something.
    pub fn askers(&self) -> Vec<WorkerId> {
        self.askers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was hot when the worker looked last.
    pub fn hot(&self) -> Vec<Hot> {
        self.hot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what is hot.
    pub fn set_hot(&self, hot: Vec<Hot>) {
        *self.hot.lock().unwrap_or_else(PoisonError::into_inner) = hot;
    }

    /// Notes that a worker may.
    pub fn add_asker(&self, worker: WorkerId) {
        let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
        if !askers.contains(&worker) {
            askers.push(worker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_divided_and_never_exceeded() {
        let memory = Memory::new(16 << 20, 3).expect("it is enough");
        let bytes =
            |share: &Arc<Share>| share.arena.pages() as u64 * PAGE as u64 + share.fronts.limit();
        let all: u64 = memory.shares().iter().map(bytes).sum();
        assert!((15 << 20..=16 << 20).contains(&all), "{all}");
        assert!(Memory::new((3 << 20) - 1, 3).is_err());
    }
}
