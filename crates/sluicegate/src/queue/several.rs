//! Several links of which an event needs a place in each.

use crate::event::{Event, WorkerId};
use crate::stage::{Grant, Link, Places, Wanted};
use std::collections::VecDeque;
use std::sync::Arc;

/// Links that are asked together.
pub(crate) trait Several<T> {
    fn count(&self) -> usize;
    fn nth(&mut self, n: usize) -> &mut dyn Link<T>;
    /// What the places in all of them are known by.
    fn token(&self) -> &Arc<()>;

    /// As many places as all have, `n` at most. Never two locks at once.
    fn reserve_in_all(&mut self, home: WorkerId, n: usize, waits: usize) -> usize {
        let mut least = n;
        for link in 0..self.count() {
            let got = self.nth(link).reserve(home, least, waits);
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

    /// Exactly so many places in each.
    fn permit_in_all(&mut self, home: WorkerId, wanted: Wanted) -> Option<Grant> {
        let (mut queues, mut window) = (Vec::with_capacity(self.count()), None);
        for link in 0..self.count() {
            let Some(grant) = self.nth(link).permit(home, wanted) else {
                let new = wanted.n - wanted.spare;
                (0..link).for_each(|before| self.nth(before).retract(new));
                return None;
            };
            // All have the same window, in which there is to be room once.
            if let Some(promises) = &grant.window {
                promises.take_back(wanted.n);
            }
            window = grant.window;
            queues.push(grant.places);
        }
        if let Some(promises) = &window {
            promises.keep(wanted.n);
        }
        Some(Grant { places: Arc::new(Everywhere(queues, Arc::clone(self.token()))), window })
    }

    /// Whether the places are such, in all of these.
    fn are_of(&self, grant: &Grant) -> bool {
        grant.is_at(Arc::as_ptr(self.token()).addr())
    }

    fn retract_in_all(&mut self, n: usize) {
        (0..self.count()).for_each(|link| self.nth(link).retract(n));
    }

    /// Whether any has room; if none has, all will tell.
    fn wait_for_any(&mut self, home: WorkerId) -> bool {
        (0..self.count()).any(|link| self.nth(link).wait_for_room(home))
    }

    /// Whether all have room; those that have not will tell.
    fn wait_for_all(&mut self, home: WorkerId) -> bool {
        (0..self.count()).fold(true, |room, link| self.nth(link).wait_for_room(home) & room)
    }
}

/// Sends events of which so many have a place, and gives back what places they did not need.
pub(crate) fn send_placed<T>(
    link: &mut dyn Link<T>,
    events: &mut VecDeque<Event<T>>,
    placed: usize,
) {
    let used = link.send(events, placed);
    if placed > used {
        link.release(placed - used);
    }
}

/// A place in each of several queues.
struct Everywhere(Vec<Arc<dyn Places>>, Arc<()>);

impl Places for Everywhere {
    fn give_back(&self, n: usize) {
        self.0.iter().for_each(|queue| queue.give_back(n));
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.1).addr()
    }
}
