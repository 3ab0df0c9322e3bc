//! Several links of which an event needs a place in each.

use crate::event::WorkerId;
use crate::stage::{Link, Places};
use std::sync::Arc;

/// Links that are asked together.
pub(crate) trait Several<T> {
    fn count(&self) -> usize;
    fn nth(&mut self, n: usize) -> &mut dyn Link<T>;

    /// As many places as all have, `n` at most. Never two locks at once.
    fn reserve_in_all(&mut self, home: WorkerId, n: usize) -> usize {
        let mut least = n;
        for link in 0..self.count() {
            let got = self.nth(link).reserve(home, least);
            if got < least {
                (0..link).for_each(|before| self.nth(before).release(least - got));
                least = got;
            }
        }
        least
    }

    fn release_in_all(&mut self, n: usize) {
        (0..self.count()).for_each(|link| self.nth(link).release(n));
    }

    /// Exactly `n` places in each.
    fn permit_in_all(&mut self, home: WorkerId, n: usize) -> Option<Arc<dyn Places>> {
        let mut all = Everywhere(Vec::with_capacity(self.count()));
        for link in 0..self.count() {
            match self.nth(link).permit(home, n) {
                Some(places) => all.0.push(places),
                None => {
                    all.give_back(n);
                    return None;
                }
            }
        }
        Some(Arc::new(all))
    }

    /// Whether all have room; those that have not will tell.
    fn wait_for_all(&mut self, home: WorkerId) -> bool {
        (0..self.count()).fold(true, |room, link| self.nth(link).wait_for_room(home) & room)
    }
}

/// A place in each of several queues.
struct Everywhere(Vec<Arc<dyn Places>>);

impl Places for Everywhere {
    fn give_back(&self, n: usize) {
        self.0.iter().for_each(|queue| queue.give_back(n));
    }
}
