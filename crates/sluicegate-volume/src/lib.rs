//! A volume: a site in one file or on one block device, read without a file system in the way.
//!
//! A volume is an array of blocks of [`BLOCK`] bytes. Blocks 0 and 1 are the *slots* of two
//! *superblocks*; the one with the higher generation counts. It tells where the *index* lies: for
//! each name a hash, and where the *extent* of its object is. An extent begins with the object's
//! *front* (its names, what clients are told of it, the heads of its answers, the checksums of its
//! bodies); behind it come the bodies of its *forms*, as it is and coded, each at a block.
//!
//! A reader opens a volume once ([`Volume::open`]); after that it looks names up in memory
//! ([`Volume::find`]), reads by any means it likes, and has what it read checked
//! ([`Front::parse`], [`Form::check_piece`]). Nothing here reads bodies or keeps them.
//!
//! All numbers are little endian; all checksums are CRC32C. They find what a disk has broken, not
//! what somebody has forged: who can write a volume can write a site.
#![forbid(unsafe_code)]

mod draft;
mod error;
mod fields;
mod front;
mod index;
mod layout;
mod pack;
mod storage;
mod superblock;
mod verify;
mod volume;

pub use error::VolumeError;
pub use front::{Bad, Form, Front, Kind};
pub use index::Entry;
pub use layout::{BLOCK, FRONT_MAX, LEN_MAX, NAMES_MAX, PIECE};
pub use pack::{HELD_MAX, Options, PackError, Packed, pack, pack_into};
pub use storage::{Storage, Target, open};
pub use verify::{Broken, Checked, verify};
pub use volume::Volume;
