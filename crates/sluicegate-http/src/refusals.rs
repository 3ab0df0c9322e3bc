//! Counts of the answers that were given in place of a handler's: nothing is refused in silence.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The statuses that are given without a handler, in order.
const STATUSES: [u16; 15] =
    [400, 401, 403, 408, 413, 414, 417, 421, 429, 431, 500, 501, 503, 504, 505];

/// Requests refused before they reached a handler, or whose handler gave no answer, or was not
/// given all of their body in pieces, by status.
/// Shared by all workers: it is written only where something went wrong.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; STATUSES.len()]);

impl Refusals {
    /// Each status and how often it was given.
    pub fn each(&self) -> impl Iterator<Item = (u16, u64)> {
        STATUSES.into_iter().zip(self.0.iter().map(|count| count.load(Relaxed)))
    }

    /// Counts an answer with one of these statuses.
    pub fn count(&self, status: u16) {
        let place = STATUSES.iter().position(|&known| known == status);
        debug_assert!(place.is_some(), "{status} is not counted");
        if let Some(place) = place {
            self.0[place].fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_is_counted_by_itself() {
        let refusals = Refusals::default();
        STATUSES.into_iter().for_each(|status| refusals.count(status));
        refusals.count(431);
        let counts: Vec<_> = refusals.each().filter(|&(_, n)| n != 1).collect();
        assert_eq!(counts, [(431, 2)]);
    }
}
