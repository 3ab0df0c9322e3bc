//! How a pack begins: with what the volume holds already.
use crate::error::VolumeError;
use crate::layout::{BLOCK, SLOTS};
use crate::pack::PackError;
use crate::pack::space::Space;
use crate::storage::Target;
use crate::superblock::Superblock;
use crate::volume::Volume;

/// What has to be zero before something counts as empty: file systems that begin later than that
/// have left a trace here, all but very odd ones.
const EMPTY: u64 = 1 << 20;

/// What a pack goes on from.
#[derive(Debug)]
pub(super) struct Begun {
    /// The newest generation; 0 is one without content.
    pub(super) generation: u64,
    /// Its index, where it has content.
    pub(super) newest: Option<Volume>,
    pub(super) space: Space,
}

/// Finds out what there is, and makes a volume where there is none.
pub(super) fn begin<T: Target>(target: &mut T, overwrite: bool) -> Result<Begun, PackError> {
    // The last byte of a file must have a place that the kernel can name.
    let limit = target.limit().unwrap_or(i64::MAX as u64) / BLOCK;
    let (newest, before) = match Superblock::both(target) {
        Ok(both) => both,
        Err(VolumeError::NoVolume) if overwrite || is_empty(target)? => {
            return found(target, limit);
        }
        Err(VolumeError::NoVolume) => return Err(PackError::NotEmpty),
        Err(VolumeError::Read(error)) => return Err(PackError::Write(error)),
        Err(_) if overwrite => return found(target, limit),
        Err(error) => return Err(PackError::Damaged(error)),
    };
    let generation = newest.generation;
    if generation == 0 {
        return Ok(Begun { generation, newest: None, space: Space::new(&[], limit) });
    }
    let newest = match Volume::of(newest, target) {
        Ok(newest) => newest,
        Err(VolumeError::Read(error)) => return Err(PackError::Write(error)),
        Err(_) if overwrite => return found(target, limit),
        Err(error) => return Err(PackError::Damaged(error)),
    };
    // One that cannot be read any more serves nobody.
    let before = before.and_then(|before| Volume::of(before, target).ok());
    let kept: Vec<&Volume> = before.iter().chain([&newest]).collect();
    let space = Space::new(&kept, limit);
    Ok(Begun { generation, newest: Some(newest), space })
}

/// Makes a volume without content. Only when that is safe, content is written: a first pack that is
/// cut off can be told from a file that is no volume.
fn found<T: Target>(target: &mut T, limit: u64) -> Result<Begun, PackError> {
    if limit <= SLOTS {
        return Err(PackError::Full(limit * BLOCK));
    }
    let empty =
        Superblock { generation: 0, seed: 0, index: SLOTS, objects: 0, index_sum: 0, end: SLOTS };
    let slots = [empty.write(), vec![0; BLOCK as usize]].concat();
    target.write_at(0, &slots).map_err(PackError::Write)?;
    target.sync().map_err(PackError::Write)?;
    Ok(Begun { generation: 0, newest: None, space: Space::new(&[], limit) })
}

fn is_empty<T: Target>(target: &T) -> Result<bool, PackError> {
    let len = target.size().map_err(PackError::Write)?.min(EMPTY);
    let mut bytes = vec![0; len as usize];
    target.read_at(0, &mut bytes).map_err(PackError::Write)?;
    Ok(bytes.iter().all(|byte| *byte == 0))
}
