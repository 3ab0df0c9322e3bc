//! The measures of a volume.

/// Bytes of a block: what storage is read and written by.
pub const BLOCK: u64 = 4096;

/// Bytes of a piece of a body, the last one but for its end: each has a checksum of its own, so
/// that it can be read, checked and kept without the others.
pub const PIECE: u64 = 32 * BLOCK;

/// The most names of a volume: their index takes half a GiB.
pub const NAMES_MAX: usize = 1 << 24;

/// The longest body, in bytes: 64 GiB, whose checksums take 2 MiB.
pub const LEN_MAX: u64 = 1 << 36;

/// The longest front, in bytes: more than the checksums of four bodies of the greatest length.
pub const FRONT_MAX: u64 = 16 << 20;

/// Slots for superblocks, in the first blocks.
pub(crate) const SLOTS: u64 = 2;

/// The blocks that so many bytes take.
pub(crate) fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK)
}

/// The pieces of a body of so many bytes.
pub(crate) fn pieces(len: u64) -> u64 {
    len.div_ceil(PIECE)
}
