//! The index: for each name where the front of its object lies, small enough to stay in memory.
use crate::fields::Fields;
use crate::layout::{BLOCK, FRONT_MAX, PIECE, SLOTS, blocks};
use bytes::Bytes;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Bytes of an entry, in a volume and in memory.
pub(crate) const ENTRY: usize = 32;

/// Where an object lies. Copied, not borrowed: it is four words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// First, for entries are sorted by it.
    pub(crate) hash: u64,
    /// The block at which the extent begins.
    pub(crate) block: u64,
    /// Bytes of the front.
    pub(crate) front: u32,
    pub(crate) front_sum: u32,
    /// Blocks of the front and, where it is one piece, of the body as it is.
    pub(crate) near: u32,
    /// Blocks of the extent.
    pub(crate) blocks: u32,
}

const _: () = assert!(size_of::<Entry>() == ENTRY);

impl Entry {
    /// Where the front begins, in bytes; at a block.
    pub fn offset(&self) -> u64 {
        self.block * BLOCK
    }

    /// The length of the front, in bytes.
    pub fn front_len(&self) -> u64 {
        self.front.into()
    }

    /// The bytes to read at [`offset`](Self::offset) to have the front, and the body as it is too
    /// where that is at most one piece: whole blocks.
    pub fn near_len(&self) -> u64 {
        u64::from(self.near) * BLOCK
    }

    /// The length of the extent in bytes: whole blocks.
    pub fn extent_len(&self) -> u64 {
        u64::from(self.blocks) * BLOCK
    }

    /// The first block behind the extent.
    pub(crate) fn end(&self) -> u64 {
        self.block + u64::from(self.blocks)
    }

    fn read(fields: &mut Fields) -> Option<Entry> {
        Some(Entry {
            hash: fields.u64()?,
            block: fields.u64()?,
            front: fields.u32()?,
            front_sum: fields.u32()?,
            near: fields.u32()?,
            blocks: fields.u32()?,
        })
    }

    /// What is wrong with it in a generation that ends at the block `end`, if anything is.
    fn check(&self, end: u64) -> Result<(), &'static str> {
        let behind = self.block.checked_add(self.blocks.into());
        if self.block < SLOTS || behind.is_none_or(|behind| behind > end) {
            return Err("an object lies outside of it");
        }
        let front = u64::from(self.front);
        let near = blocks(front)..=blocks(front) + blocks(PIECE);
        let sizes = near.contains(&self.near.into()) && self.near <= self.blocks;
        let fits = sizes && (1..=FRONT_MAX).contains(&front);
        if fits { Ok(()) } else { Err("an object has a front that cannot be") }
    }
}

/// The hash of a name with the key of a volume.
pub(crate) fn hash(seed: u64, name: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(seed, 0);
    hasher.write(name);
    hasher.finish()
}

pub(crate) fn write(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * ENTRY);
    for entry in entries {
        out.extend(entry.hash.to_le_bytes());
        out.extend(entry.block.to_le_bytes());
        for number in [entry.front, entry.front_sum, entry.near, entry.blocks] {
            out.extend(number.to_le_bytes());
        }
    }
    out
}

/// Reads the index of a generation that ends at the block `end`.
pub(crate) fn read(bytes: Vec<u8>, end: u64) -> Result<Box<[Entry]>, &'static str> {
    let mut fields = Fields(Bytes::from(bytes));
    let entries: Box<[Entry]> = std::iter::from_fn(|| Entry::read(&mut fields)).collect();
    if !entries.is_sorted_by(|a, b| a.hash < b.hash) {
        return Err("its entries are in no order");
    }
    entries.iter().try_for_each(|entry| entry.check(end))?;
    Ok(entries)
}
