//! The superblock: what there is of a generation, in one block that is whole or does not count.
use crate::error::VolumeError;
use crate::fields::Fields;
use crate::index::ENTRY;
use crate::layout::{BLOCK, NAMES_MAX, SLOTS, blocks};
use crate::storage::Storage;
use bytes::Bytes;

const MAGIC: [u8; 8] = *b"SLUICEGT";
const VERSION: u32 = 1;
/// The checksum stands at the end of the block.
const SUM_AT: usize = BLOCK as usize - 4;

/// One generation of a volume. Generation 0 is one without content, that the first pack begins
/// with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Superblock {
    pub(crate) generation: u64,
    /// The key of the hash of names.
    pub(crate) seed: u64,
    /// The block at which the index begins.
    pub(crate) index: u64,
    pub(crate) objects: u64,
    pub(crate) index_sum: u32,
    /// The block behind the last one that the generation uses.
    pub(crate) end: u64,
}

impl Superblock {
    /// The slot of this generation, as an offset in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.generation % SLOTS * BLOCK
    }

    pub(crate) fn index_bytes(&self) -> u64 {
        self.objects * ENTRY as u64
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(BLOCK as usize);
        block.extend(MAGIC);
        block.extend(VERSION.to_le_bytes());
        block.extend(self.index_sum.to_le_bytes());
        for number in [self.generation, self.seed, self.index, self.objects, self.end] {
            block.extend(number.to_le_bytes());
        }
        block.resize(SUM_AT, 0);
        let sum = crc32c::crc32c(&block);
        block.extend(sum.to_le_bytes());
        block
    }

    /// Reads a slot; nothing where it holds no superblock, or one that was torn.
    fn read(block: Vec<u8>) -> Option<Result<Superblock, VolumeError>> {
        let sum = u32::from_le_bytes(block[SUM_AT..].try_into().ok()?);
        let mut fields = Fields(Bytes::from(block));
        if crc32c::crc32c(&fields.0[..SUM_AT]) != sum || fields.bytes(8)? != MAGIC[..] {
            return None;
        }
        let version = fields.u32()?;
        if version != VERSION {
            return Some(Err(VolumeError::Version(version)));
        }
        let index_sum = fields.u32()?;
        let (generation, seed) = (fields.u64()?, fields.u64()?);
        let (index, objects, end) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let block = Superblock { generation, seed, index, objects, index_sum, end };
        Some(block.check().map(|()| block))
    }

    fn check(&self) -> Result<(), VolumeError> {
        let fits = |block: u64| block.checked_mul(BLOCK).is_some();
        let bytes = self.objects.checked_mul(ENTRY as u64);
        let index_end = bytes.and_then(|bytes| self.index.checked_add(blocks(bytes)));
        let inside = self.index >= SLOTS && index_end.is_some_and(|end| end <= self.end);
        if !fits(self.end) || !inside {
            return Err(VolumeError::Structure("its superblock names blocks that cannot be"));
        }
        // The index is read into memory, and the next generation has a number too.
        if self.objects > NAMES_MAX as u64 || self.generation == u64::MAX {
            return Err(VolumeError::Structure("its superblock counts what cannot be"));
        }
        Ok(())
    }

    /// The superblocks of both slots, the newest first.
    ///
    /// # Errors
    /// Where none is sound, or the newest is of another format.
    pub(crate) fn both<S: Storage + ?Sized>(
        storage: &S,
    ) -> Result<(Superblock, Option<Superblock>), VolumeError> {
        let mut found = Vec::new();
        for slot in 0..SLOTS.min(storage.size()? / BLOCK) {
            let mut block = vec![0; BLOCK as usize];
            storage.read_at(slot * BLOCK, &mut block)?;
            // A superblock in the slot of another generation was never written there.
            let foreign = |read: &Result<Superblock, _>| {
                read.as_ref().is_ok_and(|block| block.generation % SLOTS != slot)
            };
            found.extend(Superblock::read(block).filter(|read| !foreign(read)));
        }
        let mut sound = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        sound.sort_by_key(|block| std::cmp::Reverse(block.generation));
        let mut sound = sound.into_iter();
        let newest = sound.next().ok_or(VolumeError::NoVolume)?;
        Ok((newest, sound.next()))
    }
}
