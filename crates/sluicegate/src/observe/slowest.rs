//! The slowest flows of each class in a window of time, whatever is slow there.
//!
//! A worker knows how long a flow of a class must have taken to be among them, so that the others
//! cost it a comparison. Those that may be are held in one table until the window is over, and give
//! way to slower ones; so each has its path put together while that is known.

use crate::time::Time;

/// Flows of a window that is not over, of all classes.
pub(super) const OPEN_MAX: usize = 256;

/// A window of time; each begins where the one before ends.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    until: u64,
    length: u64,
}

impl Window {
    /// Whether this one is over, or they have another length now: then it becomes that in which
    /// `at` is.
    #[inline]
    fn ends(&mut self, at: Time, length: u64) -> bool {
        let ends = at.0 >= self.until || length != self.length;
        if ends {
            let until = (at.0 / length.max(1) + 1).saturating_mul(length);
            *self = Self { until, length };
        }
        ends
    }
}

/// What a worker knows of the window: how long a flow must have taken, by class.
#[derive(Clone, Debug, Default)]
pub(super) struct Floors {
    window: Window,
    /// Of classes that are not there yet none was among the slowest.
    least: Vec<u64>,
}

impl Floors {
    /// Whether a flow that ended `at` that time may be one of the slowest.
    #[inline]
    pub fn let_in(&mut self, class: u8, took: u64, (at, window): (Time, u64)) -> bool {
        if self.window.ends(at, window) {
            self.least.clear();
        }
        self.least.get(usize::from(class)).is_none_or(|&least| took >= least)
    }

    /// Remembers what the table said.
    pub fn set(&mut self, class: u8, least: u64) {
        let class = usize::from(class);
        if self.least.len() <= class {
            self.least.resize(class + 1, 0);
        }
        self.least[class] = least;
    }
}

/// The slowest so far of a window that is not over.
#[derive(Debug)]
pub(super) struct Slowest<F> {
    window: Window,
    open: Vec<Open<F>>,
}

#[derive(Debug)]
struct Open<F> {
    class: u8,
    took: u64,
    flow: F,
}

impl<F> Default for Slowest<F> {
    fn default() -> Self {
        Self { window: Window::default(), open: Vec::new() }
    }
}

impl<F> Slowest<F> {
    /// The slowest of the window before, if that is over `at` this time or windows have another
    /// length now, as they came.
    pub fn over(&mut self, at: Time, window: u64) -> Vec<F> {
        if !self.window.ends(at, window) {
            return Vec::new();
        }
        self.open.drain(..).map(|open| open.flow).collect()
    }

    /// Takes a flow in, if it is one of the `most` slowest of its class; how long another must have
    /// taken to be taken in. Of two that took as long the first one stays.
    pub fn put(&mut self, most: usize, class: u8, took: u64, flow: F) -> u64 {
        let open = Open { class, took, flow };
        match self.shortest(most, class) {
            None => self.open.push(open),
            Some(place) if self.open.get(place).is_some_and(|shortest| shortest.took < took) => {
                self.open.remove(place);
                self.open.push(open);
            }
            Some(_) => {}
        }
        let shortest = self.shortest(most, class);
        let took = shortest.map(|place| self.open.get(place).map(|open| open.took));
        // Where others take all the room there is none to be had in this window.
        took.map_or(0, |took| took.map_or(u64::MAX, |took| took.saturating_add(1)))
    }

    /// The place of the one that has to give way to the next; none where there is room.
    fn shortest(&self, most: usize, class: u8) -> Option<usize> {
        let own = self.open.iter().enumerate().filter(|(_, open)| open.class == class);
        if self.open.len() < OPEN_MAX && own.clone().count() < most {
            return None;
        }
        // The last of those that took as long.
        let shortest = own.rev().min_by_key(|(_, open)| open.took);
        Some(shortest.map_or(usize::MAX, |(place, _)| place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const WINDOW: u64 = 100;

    proptest! {
        #![proptest_config(crate::seeded())]

        /// Two workers end flows one after the other; against a sort of each window.
        #[test]
        fn they_are_the_first_of_all_sorted_by_time(
            most in 1..4_usize,
            ends in prop::collection::vec((0..40_u64, 0..2_usize, 0..3_u8, 0..20_u64), 1..120),
        ) {
            let mut workers = [Floors::default(), Floors::default()];
            let (mut table, mut told, mut at) = (Slowest::default(), Vec::new(), Time(0));
            let mut model: BTreeMap<(u64, u8), Vec<(u64, usize)>> = BTreeMap::new();
            for (n, (rest, worker, class, took)) in ends.into_iter().enumerate() {
                at.0 += rest;
                model.entry((at.0 / WINDOW, class)).or_default().push((took, n));
                let floors = &mut workers[worker];
                if floors.let_in(class, took, (at, WINDOW)) {
                    told.extend(table.over(at, WINDOW));
                    floors.set(class, table.put(most, class, took, n));
                }
            }
            told.extend(table.over(Time(at.0 + WINDOW), WINDOW));
            let mut expected = Vec::new();
            for mut flows in model.into_values() {
                flows.sort_by_key(|&(took, n)| (std::cmp::Reverse(took), n));
                expected.extend(flows.iter().take(most).map(|&(_, n)| n));
            }
            expected.sort_unstable();
            told.sort_unstable();
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn what_classes_hold_together_is_bounded() {
        let mut table = Slowest::default();
        for n in 0..OPEN_MAX as u64 {
            assert_eq!(table.put(2, (n / 2) as u8, n, n), if n % 2 == 0 { 0 } else { n });
        }
        assert_eq!(table.put(2, 200, 9, 0), u64::MAX, "there is no room for another class");
        assert_eq!(table.put(2, 0, 9, 999), 2, "within a class a slower one takes a place");
        let flows = table.over(Time(0), 1);
        assert_eq!(
            (flows.len(), flows.contains(&0), flows.contains(&999)),
            (OPEN_MAX, false, true)
        );
    }
}
