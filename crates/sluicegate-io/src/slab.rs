//! A table whose places are used again, with generations so that an old name finds nothing.

use crate::conn::{ConnId, SLOTS_MAX};

/// At most `limit` values, each found by the name it was given.
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    /// Places that were used and are empty, the last emptied on top: it is the warmest.
    free: Vec<u32>,
    limit: usize,
}

struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub fn new(limit: usize) -> Self {
        Self { places: Vec::new(), free: Vec::new(), limit: limit.min(SLOTS_MAX) }
    }

    /// Values in the table.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= self.limit
    }

    /// Puts `value` in and names it, or gives it back when the table is full.
    pub fn insert(&mut self, value: T) -> Result<ConnId, T> {
        if self.is_full() {
            return Err(value);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { generation: 0, value: None });
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[slot as usize];
        debug_assert!(place.value.is_none(), "a free place holds a value");
        place.value = Some(value);
        Ok(ConnId::new(slot, place.generation))
    }

    pub fn get(&self, id: ConnId) -> Option<&T> {
        let place = self.places.get(id.slot())?;
        if place.generation == id.generation() { place.value.as_ref() } else { None }
    }

    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut T> {
        let place = self.places.get_mut(id.slot())?;
        if place.generation == id.generation() { place.value.as_mut() } else { None }
    }

    pub fn remove(&mut self, id: ConnId) -> Option<T> {
        let place = self.places.get_mut(id.slot())?;
        if place.generation != id.generation() {
            return None;
        }
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(id.slot() as u32);
        Some(value)
    }

    /// The names of all values, in the order of their places.
    pub fn ids(&self) -> impl Iterator<Item = ConnId> + '_ {
        let named = |(slot, place): (usize, &Place<T>)| {
            place.value.as_ref().map(|_| ConnId::new(slot as u32, place.generation))
        };
        self.places.iter().enumerate().filter_map(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8),
        Remove(usize),
        Get(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<u8>().prop_map(Step::Insert),
            any::<usize>().prop_map(Step::Remove),
            any::<usize>().prop_map(Step::Get),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_list_of_names(steps in prop::collection::vec(step(), 0..200)) {
            const LIMIT: usize = 5;
            let mut slab = Slab::new(LIMIT);
            // Every name ever given, with its value while it is in.
            let mut model: Vec<(ConnId, Option<u8>)> = Vec::new();
            for step in steps {
                let full = model.iter().filter(|(_, value)| value.is_some()).count() == LIMIT;
                prop_assert_eq!(slab.is_full(), full);
                match step {
                    Step::Insert(value) => match slab.insert(value) {
                        Ok(id) => {
                            prop_assert!(!full && model.iter().all(|(old, _)| *old != id));
                            model.push((id, Some(value)));
                        }
                        Err(back) => prop_assert!(full && back == value),
                    },
                    Step::Remove(at) if !model.is_empty() => {
                        let at = at % model.len();
                        prop_assert_eq!(slab.remove(model[at].0), model[at].1.take());
                    }
                    Step::Get(at) if !model.is_empty() => {
                        let (id, mut value) = model[at % model.len()];
                        prop_assert_eq!(slab.get(id), value.as_ref());
                        prop_assert_eq!(slab.get_mut(id), value.as_mut());
                    }
                    Step::Remove(_) | Step::Get(_) => {}
                }
                let mut expected: Vec<_> =
                    model.iter().filter(|(_, value)| value.is_some()).map(|(id, _)| *id).collect();
                expected.sort_by_key(|id| id.slot());
                prop_assert_eq!(slab.ids().collect::<Vec<_>>(), expected);
            }
        }
    }
}
