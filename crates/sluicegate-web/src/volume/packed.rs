//! Volumes for tests: directories packed into files.
use sluicegate_files::Compression;
use sluicegate_volume::{Options, pack_into};
use std::path::Path;
use std::time::SystemTime;

/// Packs a directory as the command does.
pub(crate) fn pack(dir: &Path, volume: &Path, compression: Compression) {
    let index = vec!["index.html".to_owned()];
    let options =
        Options { index, compression, threads: 1, overwrite: false, now: SystemTime::now() };
    pack_into(dir, volume, &options).expect("it can be packed");
}
