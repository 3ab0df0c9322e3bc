//! A piece of a form of an object, checked, in pages of an arena.
use super::edition::Edition;
use super::fetch::Key;
use super::object::Object;
use super::shelf;
use crate::cache::Life;
use bytes::Bytes;
use sluicegate_io::{PAGE, Paged};
use std::sync::Arc;

/// At most 128 KiB of an object.
#[derive(Debug)]
pub struct Piece {
    key: Key,
    object: Key,
    edition: Arc<Edition>,
    /// Those of its object, which may be let go of before.
    names: Arc<[Bytes]>,
    form: usize,
    pages: Paged,
    /// How often it is asked for.
    pub life: Life,
}

impl Piece {
    /// A piece, if its bytes are what was packed.
    pub fn checked(object: &Object, form: usize, number: u64, pages: Paged) -> Option<Arc<Piece>> {
        object.forms().get(form)?.packed.check_piece(number, pages.chunks()).ok()?;
        let (key, edition) = (object.key_of(form, number), Arc::clone(object.edition()));
        let (object, names, life) = (object.key(), object.names_to_share(), Life::default());
        Some(Arc::new(Piece { key, object, edition, names, form, pages, life }))
    }

    /// Where its object lies.
    pub fn object(&self) -> Key {
        self.object
    }

    /// The names of its object.
    pub fn names(&self) -> &[Bytes] {
        &self.names
    }

    /// Of which edition it is.
    pub fn edition(&self) -> &Arc<Edition> {
        &self.edition
    }

    /// Of which of its forms.
    pub fn form(&self) -> usize {
        self.form
    }

    /// Its bytes.
    pub fn pages(&self) -> &Paged {
        &self.pages
    }
}

impl shelf::Kept for Piece {
    fn key(&self) -> Key {
        self.key
    }

    fn life(&self) -> &Life {
        &self.life
    }

    /// In pages.
    fn size(&self) -> u64 {
        self.pages.len().div_ceil(PAGE) as u64
    }
}
