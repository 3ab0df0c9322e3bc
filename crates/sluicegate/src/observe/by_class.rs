//! Counts by class of flow, made when a class is first seen, with one writer each.

use std::sync::OnceLock;

/// A `T` for each class that was seen: a list, as there are few. One thread adds, any may read.
#[derive(Debug, Default)]
pub(crate) struct ByClass<T>(OnceLock<Box<Of<T>>>);

#[derive(Debug)]
struct Of<T> {
    class: u8,
    counts: T,
    next: ByClass<T>,
}

impl<T: Default> ByClass<T> {
    /// That of a class, for the one who writes.
    pub fn of(&self, class: u8) -> &T {
        let mut at = self;
        loop {
            let next = || Box::new(Of { class, counts: T::default(), next: Self(OnceLock::new()) });
            let found = at.0.get_or_init(next);
            if found.class == class {
                return &found.counts;
            }
            at = &found.next;
        }
    }

    /// All that were seen until now.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &T)> {
        std::iter::successors(self.0.get(), |of| of.next.0.get()).map(|of| (of.class, &of.counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Count;

    #[test]
    fn each_class_has_its_own_from_when_it_is_first_seen() {
        let counts = ByClass::<Count>::default();
        assert_eq!(counts.iter().count(), 0);
        for class in [7, 0, 7, 255, 0, 7] {
            counts.of(class).add(1);
        }
        let seen: Vec<_> = counts.iter().map(|(class, n)| (class, n.get())).collect();
        assert_eq!(seen, [(7, 3), (0, 2), (255, 1)]);
    }
}
