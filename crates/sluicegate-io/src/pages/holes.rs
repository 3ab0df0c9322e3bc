//! Which units of a region are free: runs of them, by place and by length.

use std::collections::{BTreeMap, BTreeSet};

/// The free runs of a region, none beside another.
pub(super) struct Holes {
    /// Length by first unit.
    by_place: BTreeMap<u32, u32>,
    /// Length and first unit.
    by_length: BTreeSet<(u32, u32)>,
}

impl Holes {
    /// A region of `units` free units.
    pub fn new(units: u32) -> Self {
        let mut holes = Self { by_place: BTreeMap::new(), by_length: BTreeSet::new() };
        holes.insert(0, units);
        holes
    }

    /// The first of `units` units, out of the shortest run that has as many.
    pub fn take(&mut self, units: u32) -> Option<u32> {
        let (len, first) = self.by_length.range((units, 0)..).next().copied()?;
        self.remove(first, len);
        if len > units {
            self.insert(first + units, len - units);
        }
        Some(first)
    }

    /// Pages that were taken are free again.
    pub fn give_back(&mut self, first: u32, units: u32) {
        let (mut first, mut units) = (first, units);
        if let Some((&before, &len)) = self.by_place.range(..first).next_back() {
            debug_assert!(before + len <= first, "units are given back once");
            if before + len == first {
                self.remove(before, len);
                (first, units) = (before, len + units);
            }
        }
        if let Some(&len) = self.by_place.get(&(first + units)) {
            self.remove(first + units, len);
            units += len;
        }
        self.insert(first, units);
    }

    fn insert(&mut self, first: u32, len: u32) {
        self.by_place.insert(first, len);
        self.by_length.insert((len, first));
    }

    fn remove(&mut self, first: u32, len: u32) {
        self.by_place.remove(&first);
        self.by_length.remove(&(len, first));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNITS: u32 = 40;

    proptest! {
        #[test]
        fn what_is_taken_is_nobody_elses(
            steps in prop::collection::vec((any::<bool>(), 1_u32..12), 0..100),
        ) {
            let mut holes = Holes::new(UNITS);
            let mut taken: Vec<(u32, u32)> = Vec::new();
            let mut used = [false; UNITS as usize];
            for (take, n) in steps {
                if take {
                    let longest = used.split(|unit| *unit).map(<[bool]>::len).max();
                    let Some(first) = holes.take(n) else {
                        prop_assert!(longest < Some(n as usize), "there was room for {n}");
                        continue;
                    };
                    for unit in first..first + n {
                        prop_assert!(!std::mem::replace(&mut used[unit as usize], true));
                    }
                    taken.push((first, n));
                } else if !taken.is_empty() {
                    let (first, n) = taken.swap_remove(n as usize % taken.len());
                    used[first as usize..(first + n) as usize].fill(false);
                    holes.give_back(first, n);
                }
            }
            for (first, n) in taken {
                holes.give_back(first, n);
            }
            prop_assert_eq!(holes.take(UNITS), Some(0), "all runs have become one again");
        }
    }
}
