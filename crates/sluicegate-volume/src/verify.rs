//! Checks all of a volume: that it can be, and that every byte of it is as it was packed.
use crate::error::VolumeError;
use crate::front::{Form, Front, Kind};
use crate::index::{self, Entry};
use crate::layout::{BLOCK, blocks};
use crate::storage::Storage;
use crate::volume::Volume;
use bytes::Bytes;
use std::fmt;
use std::io;

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The number of the generation.
    pub generation: u64,
    /// Files and directories.
    pub objects: u64,
    /// Bytes of all bodies that were read.
    pub bytes: u64,
    /// Objects with something wrong.
    pub broken: u64,
}

/// An object with something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its first name; nothing where its front cannot be read.
    pub name: Option<String>,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "`{name}`: {}", self.what),
            None => write!(f, "the object at byte {}: {}", self.offset, self.what),
        }
    }
}

/// Checks the newest generation of a volume. What is wrong with single objects is told as it is
/// found; what is wrong with all is an error.
///
/// # Errors
/// As [`Volume::open`].
pub fn verify<S: Storage + ?Sized>(
    storage: &S,
    mut tell: impl FnMut(&Broken),
) -> Result<Checked, VolumeError> {
    let volume = Volume::open(storage)?;
    let mut checked = Checked { generation: volume.generation(), ..Checked::default() };
    let mut entries = volume.entries().to_vec();
    entries.sort_unstable_by_key(|entry| (entry.block, entry.hash));
    let same = |a: &Entry, b: &Entry| Entry { hash: 0, ..*a } == Entry { hash: 0, ..*b };
    let mut free = 0;
    for entries in entries.chunk_by(same) {
        let entry = entries[0];
        checked.objects += 1;
        let (name, wrong) = object(storage, &volume, entries, &mut checked.bytes);
        let index = volume.index_blocks();
        let overlaps = entry.block < free || (entry.block < index.end && index.start < entry.end());
        let overlaps =
            overlaps.then(|| "it lies where another object or the index does".to_owned());
        free = free.max(entry.end());
        if let Some(what) = overlaps.or(wrong) {
            checked.broken += 1;
            tell(&Broken { name, offset: entry.offset(), what });
        }
    }
    Ok(checked)
}

/// The name of an object and what is wrong with it. `entries` are those of its names.
fn object<S: Storage + ?Sized>(
    storage: &S,
    volume: &Volume,
    entries: &[Entry],
    bytes: &mut u64,
) -> (Option<String>, Option<String>) {
    let front = front_bytes(storage, &entries[0]).map_err(|error| unread(&error));
    let front = front.and_then(|bytes| {
        let front = Front::read(Bytes::from(bytes), &entries[0]);
        front.map_err(|bad| format!("its front is damaged: {bad}"))
    });
    let front = match front {
        Ok(front) => front,
        Err(what) => return (None, Some(what)),
    };
    let name = front.names.first().map(|name| String::from_utf8_lossy(name).into_owned());
    let mut hashes: Vec<u64> =
        front.names.iter().map(|name| index::hash(volume.seed(), name)).collect();
    hashes.sort_unstable();
    if !hashes.iter().eq(entries.iter().map(|entry| &entry.hash)) {
        return (name, Some("the index has it under another name".to_owned()));
    }
    if !in_order(&entries[0], &front) {
        return (name, Some("its bodies overlap".to_owned()));
    }
    let wrong = match bodies(storage, &front) {
        Ok(read) => {
            *bytes += read;
            None
        }
        Err(what) => Some(what),
    };
    (name, wrong)
}

fn forms(front: &Front) -> &[Form] {
    match &front.kind {
        Kind::Directory => &[],
        Kind::File { forms, .. } => forms,
    }
}

/// Whether bodies lie one behind the other, and nothing is between.
fn in_order(entry: &Entry, front: &Front) -> bool {
    let mut next = entry.offset() + blocks(entry.front_len()) * BLOCK;
    let mut adjoins = |form: &Form| {
        let adjoins = form.offset == next;
        next = form.offset + blocks(form.len) * BLOCK;
        adjoins
    };
    forms(front).iter().all(&mut adjoins) && next == entry.end() * BLOCK
}

/// Reads the front at an entry.
pub(crate) fn front_bytes<S: Storage + ?Sized>(storage: &S, entry: &Entry) -> io::Result<Vec<u8>> {
    // Bounded by `FRONT_MAX`.
    let mut front = vec![0; entry.front as usize];
    storage.read_at(entry.offset(), &mut front)?;
    Ok(front)
}

/// Reads and checks all bodies of an object; their bytes, or what is wrong with one of them.
pub(crate) fn bodies<S: Storage + ?Sized>(storage: &S, front: &Front) -> Result<u64, String> {
    let (mut bytes, mut buffer) = (0, Vec::new());
    for form in forms(front) {
        let what = form.coding.map_or("as it is", |coding| coding.name());
        for number in 0..form.pieces() {
            let piece = form.piece(number).expect("there are so many");
            let len = piece.end - piece.start;
            // At most a piece.
            buffer.resize(len as usize, 0);
            let read = storage.read_at(form.offset + piece.start, &mut buffer);
            let wrong = match read {
                Ok(()) => form.check_piece(number, [&buffer[..]]).map_err(|bad| bad.to_string()),
                Err(error) => Err(unread(&error)),
            };
            wrong.map_err(|wrong| {
                format!("its content ({what}), bytes {} to {}: {wrong}", piece.start, piece.end - 1)
            })?;
            bytes += len;
        }
    }
    Ok(bytes)
}

fn unread(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}
