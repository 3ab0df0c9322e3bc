//! Writes a generation: extents, then the index, and only when these are safe its superblock.
use crate::front::Front;
use crate::index::{self, Entry};
use crate::layout::{BLOCK, SLOTS, blocks};
use crate::pack::begin::Begun;
use crate::pack::content::Content;
use crate::pack::make::Made;
use crate::pack::plan::Object;
use crate::pack::{PackError, Packed};
use crate::storage::Target;
use crate::superblock::Superblock;
use crate::verify;
use bytes::Bytes;

/// A generation that is being written.
#[derive(Debug)]
pub(super) struct Writer<'a, T> {
    target: &'a mut T,
    begun: Begun,
    seed: u64,
    entries: Vec<Entry>,
    /// The block behind all that was placed.
    end: u64,
    packed: Packed,
}

impl<'a, T: Target> Writer<'a, T> {
    /// Writes what follows `begun`: these objects, in this order.
    pub(super) fn new(target: &'a mut T, begun: Begun, objects: &[Object]) -> Writer<'a, T> {
        let seed = seed(begun.newest.as_ref().map_or(0, |newest| newest.seed()), objects);
        let packed = Packed { generation: begun.generation + 1, ..Packed::default() };
        Writer { target, begun, seed, entries: Vec::new(), end: SLOTS, packed }
    }

    /// Writes an object, unless the generation before has the same.
    pub(super) fn put(&mut self, made: Made<'_>) -> Result<(), PackError> {
        let Made { object, laid, bodies, coded } = &made;
        let same = self.same(&made);
        let block = match same {
            Some(block) => block,
            None => self.write(&made)?,
        };
        self.end = self.end.max(block + laid.blocks);
        // All are bounded by `FRONT_MAX` and `LEN_MAX`.
        let entry = Entry {
            hash: 0,
            block,
            front: laid.front.len() as u32,
            front_sum: crc32c::crc32c(&laid.front),
            near: laid.near as u32,
            blocks: laid.blocks as u32,
        };
        let hashes = object.names.iter().map(|name| index::hash(self.seed, name.as_bytes()));
        self.entries.extend(hashes.map(|hash| Entry { hash, ..entry }));
        let packed = &mut self.packed;
        let count =
            if object.stamp.is_some() { &mut packed.files } else { &mut packed.directories };
        *count += 1;
        packed.kept += u64::from(same.is_some());
        packed.coded += bodies.len().saturating_sub(1) as u64;
        packed.made += coded;
        packed.bytes += bodies.iter().map(|body| body.len).sum::<u64>();
        Ok(())
    }

    /// Where the generation before has the same object, if it can still be read.
    fn same(&self, made: &Made<'_>) -> Option<u64> {
        let entry = self.begun.newest.as_ref()?.find(made.object.names[0].as_bytes())?;
        let front = verify::front_bytes(self.target, &entry).ok()?;
        // The front has the checksums of all pieces, and hashes of all forms in their tags.
        if front != made.laid.front || u64::from(entry.blocks) != made.laid.blocks {
            return None;
        }
        let front = Front::read(Bytes::from(front), &entry).ok()?;
        verify::bodies(self.target, &front).ok()?;
        Some(entry.block)
    }

    fn write(&mut self, made: &Made<'_>) -> Result<u64, PackError> {
        let block = self.take(made.laid.blocks)?;
        self.fill(block, &made.laid.front)?;
        let mut next = block + blocks(made.laid.front.len() as u64);
        for body in &made.bodies {
            self.body(next, body)?;
            next += blocks(body.len);
        }
        Ok(block)
    }

    fn body(&mut self, mut block: u64, body: &Content) -> Result<(), PackError> {
        body.each_piece(|piece| {
            self.fill(block, piece)?;
            block += blocks(piece.len() as u64);
            Ok(())
        })
    }

    /// Writes whole blocks, the last one with zeros behind the bytes.
    fn fill(&mut self, block: u64, bytes: &[u8]) -> Result<(), PackError> {
        let (whole, rest) = bytes.split_at(bytes.len() / BLOCK as usize * BLOCK as usize);
        let mut last = rest.to_vec();
        if !rest.is_empty() {
            last.resize(BLOCK as usize, 0);
        }
        for (offset, bytes) in [(0, whole), (whole.len() as u64, &last)] {
            if !bytes.is_empty() {
                let offset = block * BLOCK + offset;
                self.target.write_at(offset, bytes).map_err(PackError::Write)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, blocks: u64) -> Result<u64, PackError> {
        let limit = || self.target.limit().unwrap_or_default();
        self.begun.space.take(blocks).ok_or_else(|| PackError::Full(limit()))
    }

    /// Writes the index, and switches to the generation.
    pub(super) fn finish(mut self) -> Result<Packed, PackError> {
        self.entries.sort_unstable_by_key(|entry| entry.hash);
        let bytes = index::write(&self.entries);
        let index = self.take(blocks(bytes.len() as u64))?;
        self.fill(index, &bytes)?;
        let superblock = Superblock {
            generation: self.packed.generation,
            seed: self.seed,
            index,
            objects: self.entries.len() as u64,
            index_sum: crc32c::crc32c(&bytes),
            end: self.end.max(index + blocks(bytes.len() as u64)),
        };
        self.target.sync().map_err(PackError::Write)?;
        let written = self.target.write_at(superblock.offset(), &superblock.write());
        written.and_then(|()| self.target.sync()).map_err(PackError::Write)?;
        self.packed.end = superblock.end * BLOCK;
        Ok(self.packed)
    }
}

/// The first key from `seed` on under which no two names have the same hash.
fn seed(seed: u64, objects: &[Object]) -> u64 {
    let mut hashes = Vec::new();
    let mut is_good = |seed: &u64| {
        hashes.clear();
        let names = objects.iter().flat_map(|object| &object.names);
        hashes.extend(names.map(|name| index::hash(*seed, name.as_bytes())));
        hashes.sort_unstable();
        hashes.is_sorted_by(|a, b| a < b)
    };
    (0..).map(|more| seed.wrapping_add(more)).find(|seed| is_good(seed)).expect("there are many")
}
