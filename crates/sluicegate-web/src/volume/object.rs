//! An object of a volume in memory: its front, copied out of its pages and charged to a budget.
use super::edition::Edition;
use super::fetch::Key;
use super::shelf;
use crate::cache::{Charge, Life, Meta};
use bytes::Bytes;
use sluicegate_files::Order;
use sluicegate_http::Coding;
use sluicegate_volume::{Front, Kind};
use std::sync::Arc;

/// What an object costs beside its front: itself, and its places in the indexes of the workers.
const COST: u64 = 2048;

/// A file or a directory of a volume.
#[derive(Debug)]
pub struct Object {
    key: Key,
    edition: Arc<Edition>,
    names: Arc<[Bytes]>,
    /// None of a directory.
    forms: Vec<Form>,
    charge: Charge,
    /// How often it is asked for.
    pub life: Life,
}

/// A form of a file: as it is first, then those coded, best first.
#[derive(Debug)]
pub struct Form {
    /// As it was packed.
    pub packed: sluicegate_volume::Form,
    /// What a client is told about it.
    pub meta: Meta,
}

impl Object {
    /// The bytes that an object with a front of this length is charged with.
    pub fn cost(front: u64) -> u64 {
        front + COST
    }

    /// An object by its front, with its charge.
    pub fn new(key: Key, edition: &Arc<Edition>, front: Front, charge: Charge) -> Arc<Object> {
        let forms = match front.kind {
            Kind::Directory => Vec::new(),
            Kind::File { media, varies, forms } => {
                let media = String::from_utf8_lossy(&media).into_owned();
                let codings = if varies { Order::new(&Coding::ALL) } else { Order::NONE };
                let form = |packed: sluicegate_volume::Form| {
                    let tag = String::from_utf8_lossy(&packed.tag).into_owned();
                    let (len, modified) = (packed.len, Some(packed.modified));
                    let meta = Meta { media: media.clone().into(), tag, modified, len, codings };
                    Form { packed, meta }
                };
                forms.into_iter().map(form).collect()
            }
        };
        // Copied, so that who keeps them does not keep the front.
        let names = front.names.iter().map(|name| Bytes::copy_from_slice(name)).collect();
        let edition = Arc::clone(edition);
        Arc::new(Object { key, edition, names, forms, charge, life: Life::default() })
    }

    /// Where it lies.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Of which edition it is.
    pub fn edition(&self) -> &Arc<Edition> {
        &self.edition
    }

    /// All its names.
    pub fn names(&self) -> &[Bytes] {
        &self.names
    }

    /// The same for who keeps them longer than the object.
    pub fn names_to_share(&self) -> Arc<[Bytes]> {
        Arc::clone(&self.names)
    }

    /// Its forms, as it is first; none of a directory.
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// Whether its form as it is is one piece.
    pub fn is_small(&self) -> bool {
        self.forms.first().is_some_and(|form| form.packed.pieces() == 1)
    }

    /// Where a piece of a form lies.
    pub fn key_of(&self, form: usize, number: u64) -> Key {
        let start = self.forms.get(form).map_or(0, |form| form.packed.offset);
        Key { edition: self.key.edition, offset: start + number * sluicegate_volume::PIECE }
    }

    /// How many bytes a piece of a form has, 128 KiB at most.
    pub fn len_of(&self, form: usize, number: u64) -> usize {
        let piece = self.forms.get(form).and_then(|form| form.packed.piece(number));
        piece.map_or(0, |piece| (piece.end - piece.start) as usize)
    }
}

impl shelf::Kept for Object {
    fn key(&self) -> Key {
        self.key
    }

    fn life(&self) -> &Life {
        &self.life
    }

    fn size(&self) -> u64 {
        self.charge.bytes()
    }
}
