//! Reads what a directory holds, as far as it is served.
use crate::files::Name;
use rustix::fs::{AtFlags, Dir, FileType, statat};
use sluicegate_files::Root;
use std::io;
use std::time::{Duration, SystemTime};

/// Entries that are shown at most; the page says when there are more.
pub const ENTRIES_MAX: usize = 10_000;

/// A directory of a site.
#[derive(Debug)]
pub struct Listing {
    /// Decoded, with slashes at both ends.
    pub path: String,
    /// In no order.
    pub entries: Vec<Entry>,
    /// Whether all are here.
    pub complete: bool,
}

/// A file or a directory in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Without a slash.
    pub name: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// Bytes of a file; nothing of a directory.
    pub size: Option<u64>,
    /// When it was last modified.
    pub modified: SystemTime,
}

/// Reads the directory at a name that ends with a slash. What is never served is left out: dot
/// files, names that are not UTF-8, links that leave the root, sockets and their like.
///
/// # Errors
/// `NotFound` where no directory is; else what the kernel says.
pub fn read(root: &Root, name: &Name) -> io::Result<Listing> {
    let dir = root.look(name.as_str())?;
    if !dir.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let path = format!("/{}", name.as_str());
    let mut listing = Listing { path, entries: Vec::new(), complete: true };
    for found in Dir::read_from(&dir)? {
        let found = found?;
        let Ok(file) = found.file_name().to_str() else { continue };
        if file.starts_with('.') {
            continue;
        }
        if listing.entries.len() == ENTRIES_MAX {
            listing.complete = false;
            break;
        }
        // What is gone meanwhile, or leads elsewhere, is not shown.
        let Ok(stat) = statat(&dir, file, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let entry = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Entry {
                name: file.to_owned(),
                directory: false,
                size: Some(stat.st_size as u64),
                modified: since_epoch(stat.st_mtime),
            },
            FileType::Directory => Entry {
                name: file.to_owned(),
                directory: true,
                size: None,
                modified: since_epoch(stat.st_mtime),
            },
            FileType::Symlink => match through(root, &format!("{}{file}", name.as_str()), file) {
                Some(entry) => entry,
                None => continue,
            },
            _ => continue,
        };
        listing.entries.push(entry);
    }
    Ok(listing)
}

/// What a link leads to, if that is served.
fn through(root: &Root, place: &str, file: &str) -> Option<Entry> {
    let metadata = root.look(place).ok()?.metadata().ok()?;
    let served = metadata.is_file() || metadata.is_dir();
    served.then(|| Entry {
        name: file.to_owned(),
        directory: metadata.is_dir(),
        size: metadata.is_file().then_some(metadata.len()),
        modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
    })
}

fn since_epoch(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
