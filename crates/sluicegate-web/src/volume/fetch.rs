//! What the stage `pages` is asked, and what it answers.
use super::edition::Edition;
use super::object::Object;
use super::piece::Piece;
use crate::files::Name;
use sluicegate_volume::Entry;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What is kept, by where it lies: a front or a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The number of the edition.
    pub edition: u32,
    /// The offset on the device.
    pub offset: u64,
}

/// A question.
#[derive(Clone, Debug)]
pub enum Fetch {
    /// What lies at a name.
    Object {
        /// Of this edition.
        edition: Arc<Edition>,
        /// Where its index says.
        entry: Entry,
        /// The name.
        name: Name,
    },
    /// A piece of a form of an object.
    Piece {
        /// The object.
        object: Arc<Object>,
        /// The number of its form.
        form: usize,
        /// The number of the piece.
        number: u64,
        /// Pieces behind it that will be asked for too, most likely.
        ahead: u64,
        /// The name by which a cache asks for it.
        name: Option<Name>,
    },
}

/// An answer.
#[derive(Debug)]
pub struct Fetched {
    /// What was asked.
    pub fetch: Fetch,
    /// What came of it.
    pub got: Result<Got, Fault>,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Got {
    /// The object, and its piece as it is where that was at hand.
    Object(Arc<Object>, Option<Arc<Piece>>),
    /// Nothing lies at the name: another one has its hash.
    Nothing,
    /// The piece.
    Piece(Arc<Piece>),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too much is waited for already, or there is no page free for it.
    Busy,
    /// All that a worker has would not be enough for what is to be known of the object.
    TooLarge,
    /// The device does not answer.
    Late,
    /// The device failed, or ends too early.
    Device,
    /// What it gave is not what was packed.
    Damaged,
}

impl Fault {
    /// The status of the reply.
    pub fn status(self) -> u16 {
        match self {
            Fault::Busy | Fault::TooLarge | Fault::Late => 503,
            Fault::Device | Fault::Damaged => 500,
        }
    }
}

/// What had to go: whoever holds it is to let go of it too.
#[derive(Debug, Default)]
pub struct Evicted {
    /// Objects.
    pub objects: Vec<Arc<Object>>,
    /// Pieces.
    pub pieces: Vec<Arc<Piece>>,
    /// All objects: who kept them is gone.
    pub all: bool,
}

impl Fetch {
    /// Where it lies.
    pub fn key(&self) -> Key {
        match self {
            Fetch::Object { edition, entry, .. } => {
                Key { edition: edition.number(), offset: entry.offset() }
            }
            Fetch::Piece { object, form, number, .. } => object.key_of(*form, *number),
        }
    }

    /// Where its object lies: the same for all that is asked of that, so that one replica has it.
    pub fn object_key(&self) -> Key {
        match self {
            Fetch::Object { .. } => self.key(),
            Fetch::Piece { object, .. } => object.key(),
        }
    }

    /// The edition.
    pub fn edition(&self) -> &Arc<Edition> {
        match self {
            Fetch::Object { edition, .. } => edition,
            Fetch::Piece { object, .. } => object.edition(),
        }
    }

    /// The name that it is asked for by.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Fetch::Object { name, .. } => Some(name),
            Fetch::Piece { name, .. } => name.as_ref(),
        }
    }

    /// Whether the name that is asked for is one of this object.
    pub fn is_of(&self, object: &Object) -> bool {
        let asked = self.name().map(|name| name.as_str().as_bytes());
        asked.is_some_and(|asked| object.names().iter().any(|name| name == asked))
    }

    /// How many pages are read for it, from where it lies.
    pub fn pages(&self) -> usize {
        match self {
            Fetch::Object { entry, .. } => Edition::pages_of(entry).1,
            Fetch::Piece { object, form, number, .. } => {
                object.len_of(*form, *number).div_ceil(sluicegate_io::PAGE)
            }
        }
    }

    /// What is to be charged for what is known of it, beside its pages.
    pub fn charge(&self) -> u64 {
        match self {
            Fetch::Object { entry, .. } => Object::cost(entry.front_len()),
            Fetch::Piece { .. } => 0,
        }
    }

    /// The piece behind it, if that will be asked for too.
    pub fn next(&self) -> Option<Fetch> {
        match self {
            Fetch::Piece { object, form, number, ahead, name } if *ahead > 0 => {
                let (object, name) = (Arc::clone(object), name.clone());
                let (form, number, ahead) = (*form, number + 1, ahead - 1);
                Some(Fetch::Piece { object, form, number, ahead, name })
            }
            _ => None,
        }
    }
}

/// Whoever asks for the same thing by the same name waits for one answer.
impl PartialEq for Fetch {
    fn eq(&self, other: &Fetch) -> bool {
        self.key() == other.key() && self.name() == other.name()
    }
}

impl Eq for Fetch {}

impl Hash for Fetch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
