//! Packing: from a directory to a new generation of a volume.
mod begin;
mod content;
mod error;
mod make;
mod plan;
mod rounds;
mod space;
mod target;
mod write;

pub use content::HELD_MAX;
pub use error::PackError;

use crate::pack::make::Maker;
use crate::pack::plan::{Walked, objects};
use crate::pack::target::PackTarget;
use crate::pack::write::Writer;
use crate::storage::Target;
use sluicegate_files::{Compression, Root};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::SystemTime;

/// How a directory is packed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files that stand for their directory, first found.
    pub index: Vec<String>,
    /// Which coded forms are made ahead.
    pub compression: Compression,
    /// Threads that read and code; at least one.
    pub threads: usize,
    /// Packs also into what is not empty and no volume, or one that is damaged: what is there is
    /// lost.
    pub overwrite: bool,
    /// The time of packing: nothing is told to have been modified later.
    pub now: SystemTime,
}

/// What was packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// The number of the generation.
    pub generation: u64,
    /// Files.
    pub files: u64,
    /// Directories that were given a redirect: all but the root.
    pub directories: u64,
    /// Coded forms, made here or from files beside.
    pub coded: u64,
    /// Coded forms that were made here.
    pub made: u64,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// Objects that were taken over from the generation before, and not written again.
    pub kept: u64,
    /// Bytes from the start of the volume to the end of what the generation uses.
    pub end: u64,
    /// What was not packed, as a server of the directory would not serve it: why, and how much.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// Packs the directory into a file or a block device. A file that is not there is made, and
/// removed again where that fails.
///
/// # Errors
/// See [`PackError`]. What the volume held before is then still whole.
pub fn pack_into(dir: &Path, volume: &Path, options: &Options) -> Result<Packed, PackError> {
    let root = open(dir)?;
    let mut target = PackTarget::open(volume)?;
    let packed = pack_root(&root, &mut target, options);
    match &packed {
        Ok(_) => target.keep()?,
        Err(_) => target.give_up(),
    }
    packed
}

/// Packs the directory as the next generation of the volume in `target`. The same directory in the
/// same volume makes the same bytes, on any machine and with any number of threads.
///
/// # Errors
/// See [`PackError`]. What the volume held before is then still whole.
pub fn pack<T: Target>(dir: &Path, target: &mut T, options: &Options) -> Result<Packed, PackError> {
    pack_root(&open(dir)?, target, options)
}

fn open(dir: &Path) -> Result<Root, PackError> {
    Root::open(dir).map_err(PackError::Root)
}

fn pack_root<T: Target>(
    root: &Root,
    target: &mut T,
    options: &Options,
) -> Result<Packed, PackError> {
    let own = target.file();
    let walked = Walked::new(root, own)?;
    let objects = objects(&walked.found, &options.index);
    let begun = begin::begin(target, options.overwrite)?;
    let maker = Maker { root, files: &walked.found, options };
    let mut writer = Writer::new(target, begun, &objects);
    let mut rounds = rounds::rounds(&objects);
    let mut made = rounds.next().map(|round| rounds::make(&maker, round)).transpose()?;
    // While one round is written the next one is made.
    while let Some(round) = made.take() {
        let next = rounds.next();
        made = thread::scope(|scope| {
            let next = next.map(|next| scope.spawn(|| rounds::make(&maker, next)));
            round.into_iter().try_for_each(|made| writer.put(made))?;
            next.map(|next| next.join().expect("making does not panic")).transpose()
        })?;
    }
    walked.check(&Walked::new(root, own)?)?;
    let packed = writer.finish()?;
    Ok(Packed { left_out: walked.left_out, ..packed })
}
