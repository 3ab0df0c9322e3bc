//! An open volume: one generation's index in memory.
use crate::error::VolumeError;
use crate::index::{self, Entry};
use crate::layout::{BLOCK, blocks};
use crate::storage::Storage;
use crate::superblock::Superblock;
use std::ops::Range;

/// One generation of a volume, as it was when it was opened; 32 bytes an object in memory. It
/// holds no storage: the same `Volume` serves all threads, however they read.
///
/// What it names stays in place until two further packs have ended: a pack writes over neither
/// the newest generation nor the one before.
#[derive(Debug)]
pub struct Volume {
    superblock: Superblock,
    entries: Box<[Entry]>,
}

impl Volume {
    /// Reads the superblocks and the index of the newest generation.
    ///
    /// # Errors
    /// If it cannot be read, is none, or is damaged: see [`VolumeError`].
    pub fn open<S: Storage + ?Sized>(storage: &S) -> Result<Volume, VolumeError> {
        let (newest, _) = Superblock::both(storage)?;
        if newest.generation == 0 {
            return Err(VolumeError::Unfinished);
        }
        Volume::of(newest, storage)
    }

    pub(crate) fn of<S: Storage + ?Sized>(
        superblock: Superblock,
        storage: &S,
    ) -> Result<Volume, VolumeError> {
        // No overflow: the superblock was checked.
        let (need, have) = (superblock.end * BLOCK, storage.size()?);
        if have < need {
            return Err(VolumeError::Truncated { need, have });
        }
        let len = usize::try_from(superblock.index_bytes())
            .map_err(|_| VolumeError::Structure("it does not fit into memory"))?;
        let mut bytes = vec![0; len];
        storage.read_at(superblock.index * BLOCK, &mut bytes)?;
        if crc32c::crc32c(&bytes) != superblock.index_sum {
            return Err(VolumeError::Index);
        }
        let entries = index::read(bytes, superblock.end).map_err(VolumeError::Structure)?;
        Ok(Volume { superblock, entries })
    }

    /// Where the object of this name may lie, without any reading: a request's path, decoded and
    /// without its first slash. Another name may have the same hash, so that only
    /// [`Front::parse`](crate::Front::parse) tells whether it is there.
    pub fn find(&self, name: &[u8]) -> Option<Entry> {
        let hash = index::hash(self.superblock.seed, name);
        let at = self.entries.binary_search_by_key(&hash, |entry| entry.hash).ok()?;
        Some(self.entries[at])
    }

    /// Whether `storage` has a newer generation than this one: then it is to be opened anew. Reads
    /// two blocks.
    ///
    /// # Errors
    /// As [`open`](Self::open); this one can then still be served.
    pub fn newer<S: Storage + ?Sized>(&self, storage: &S) -> Result<bool, VolumeError> {
        Ok(Superblock::both(storage)?.0.generation > self.superblock.generation)
    }

    /// Counts the packs into the volume, from 1.
    pub fn generation(&self) -> u64 {
        self.superblock.generation
    }

    /// All entries, by hash: one for each name.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The length of the storage that this generation needs, in bytes.
    pub fn end(&self) -> u64 {
        self.superblock.end * BLOCK
    }

    pub(crate) fn seed(&self) -> u64 {
        self.superblock.seed
    }

    pub(crate) fn index_blocks(&self) -> Range<u64> {
        let start = self.superblock.index;
        start..start + blocks(self.superblock.index_bytes())
    }

    /// All blocks that it needs, but for the slots.
    pub(crate) fn used(&self) -> impl Iterator<Item = Range<u64>> {
        let extents = self.entries.iter().map(|entry| entry.block..entry.end());
        extents.chain([self.index_blocks()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::SLOTS;
    use std::io;

    /// A disk of which nothing but the start matters.
    struct Start(Vec<u8>, u64);

    impl Storage for Start {
        fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
            let start = offset as usize;
            into.copy_from_slice(&self.0[start..start + into.len()]);
            Ok(())
        }

        fn size(&self) -> io::Result<u64> {
            Ok(self.1)
        }
    }

    #[test]
    fn what_a_superblock_counts_is_bounded() {
        let open = |generation: u64, objects: u64| {
            let end = SLOTS + blocks(objects * 32);
            let superblock =
                Superblock { generation, seed: 0, index: SLOTS, objects, index_sum: 0, end };
            let mut start = vec![0; 2 * BLOCK as usize];
            let slot = superblock.offset() as usize;
            start[slot..slot + BLOCK as usize].copy_from_slice(&superblock.write());
            Volume::open(&Start(start, end * BLOCK)).map(drop).expect_err("it cannot be")
        };
        // A device may be that long; memory is not.
        for (generation, objects) in [(1, crate::NAMES_MAX as u64 + 1), (1, 1 << 50), (u64::MAX, 0)]
        {
            let error = open(generation, objects);
            assert!(matches!(error, VolumeError::Structure(_)), "{generation} {objects}: {error}");
        }
    }

    #[test]
    fn each_of_100_000_names_is_found_where_it_lies() {
        const NAMES: u64 = 100_000;
        let name = |number: u64| format!("directory/{}/{number}.html", number % 1000);
        let first = SLOTS + blocks(NAMES * 32);
        let entry = |number: u64| Entry {
            hash: index::hash(7, name(number).as_bytes()),
            block: first + number,
            front: 500,
            front_sum: 0,
            near: 1,
            blocks: 1,
        };
        let mut entries: Vec<Entry> = (0..NAMES).map(entry).collect();
        entries.sort_unstable();
        let bytes = index::write(&entries);
        let superblock = Superblock {
            generation: 2,
            seed: 7,
            index: SLOTS,
            objects: NAMES,
            index_sum: crc32c::crc32c(&bytes),
            end: first + NAMES,
        };
        let mut start = superblock.write();
        start.resize(2 * BLOCK as usize, 0);
        start.extend(bytes);
        let volume = Volume::open(&Start(start, superblock.end * BLOCK)).expect("it is sound");
        for number in 0..NAMES {
            let found = volume.find(name(number).as_bytes()).map(|entry| entry.offset());
            assert_eq!(found, Some((first + number) * BLOCK));
        }
        assert_eq!(volume.find(name(NAMES).as_bytes()), None);
    }
}
