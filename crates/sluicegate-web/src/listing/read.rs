//! Reads what a directory holds, as far as it is served.
use crate::files::Name;
use sluicegate_files::{Held, Root, What, held};
use std::io;
use std::time::SystemTime;

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
    let path = format!("/{}", name.as_str());
    let mut listing = Listing { path, entries: Vec::new(), complete: true };
    for found in held(root, name.as_str())? {
        let Held { name, what } = found?;
        let (directory, stamp) = match what {
            What::File(stamp) => (false, stamp),
            What::Directory(stamp) => (true, stamp),
            What::LeftOut(_) => continue,
        };
        if listing.entries.len() == ENTRIES_MAX {
            listing.complete = false;
            break;
        }
        let (size, modified) = ((!directory).then_some(stamp.len), stamp.modified());
        listing.entries.push(Entry { name, directory, size, modified });
    }
    Ok(listing)
}
