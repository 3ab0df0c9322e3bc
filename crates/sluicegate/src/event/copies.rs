//! Copies of the bodies that a handler has in hand, kept for the letters of a panic.

use crate::event::Tag;
use crate::event::tag::TagKey;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What copies a body.
pub(crate) type MakeCopy<T> = fn(&T) -> T;

/// Copies of the events of one batch.
pub(crate) struct Copies<T> {
    copy: MakeCopy<T>,
    kept: Vec<(TagKey, T)>,
}

impl<T> Copies<T> {
    pub fn new(copy: MakeCopy<T>) -> Self {
        Self { copy, kept: Vec::new() }
    }

    /// A batch begins.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    /// Copies what a handler is about to be given. What cannot be copied is handled all the same.
    pub fn keep(&mut self, tag: &Tag, body: &T) {
        let copy = self.copy;
        if tag.is_flow()
            && let Ok(copy) = catch_unwind(AssertUnwindSafe(|| copy(body)))
        {
            self.kept.push((tag.key(), copy));
        }
    }

    /// The copy of what came with a tag.
    pub fn take(&mut self, tag: &Tag) -> Option<T> {
        let place = self.kept.iter().position(|(key, _)| *key == tag.key())?;
        Some(self.kept.swap_remove(place).1)
    }
}
