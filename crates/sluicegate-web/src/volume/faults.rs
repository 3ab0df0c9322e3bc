//! What is wrong with volumes: noted by workers, which serve, and told by a thread that may wait
//! for whoever reads what it tells.
use super::fetch::{Fault, Fetch};
use sluicegate_io::PAGE;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Places that are told of between two looks; faults at others are counted.
const PLACES_MAX: usize = 16;

/// What one worker found and nobody has told yet.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    places: Vec<Place>,
    more: u64,
}

/// Where something is wrong.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    volume: String,
    offset: u64,
    bytes: usize,
    fault: Fault,
    times: u64,
}

impl Faults {
    /// Notes what came of a question, unless that passes by itself. Locked where something is
    /// wrong, and by whoever tells.
    pub fn note(&self, fetch: &Fetch, fault: Fault) {
        if matches!(fault, Fault::Busy | Fault::Late) {
            return;
        }
        let (offset, bytes) = (fetch.key().offset, fetch.pages() * PAGE);
        let volume = fetch.edition().device().name();
        let noted = &mut *self.lock();
        let same =
            |at: &&mut Place| at.volume == volume && at.offset == offset && at.fault == fault;
        if let Some(place) = noted.places.iter_mut().find(same) {
            place.times += 1;
        } else if noted.places.len() < PLACES_MAX {
            let volume = volume.to_owned();
            noted.places.push(Place { volume, offset, bytes, fault, times: 1 });
        } else {
            noted.more += 1;
        }
    }

    /// Tells what was noted since the last look. May block.
    pub fn tell(&self) {
        let Noted { places, more } = self.take();
        for Place { volume, offset, bytes, fault, times } in places {
            let what = match fault {
                Fault::Damaged => "a checksum is wrong; what lies there is answered with an error",
                Fault::TooLarge => {
                    "what is to be known of an object is more than an eighth of what a worker has: \
                     set `cache.budget` higher, or fewer `workers`"
                }
                _ => "it cannot be read; what lies there is answered with an error",
            };
            tracing::error!(target: "sluicegate::volume", volume, offset, bytes, times, "{what}");
        }
        if more > 0 {
            tracing::error!(target: "sluicegate::volume", more, "there are faults at other places");
        }
    }

    fn take(&self) -> Noted {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places and faults that are noted.
    #[cfg(test)]
    pub fn counted(&self) -> (usize, u64) {
        let Noted { places, more } = &*self.lock();
        (places.len(), places.iter().map(|place| place.times).sum::<u64>() + more)
    }
}
