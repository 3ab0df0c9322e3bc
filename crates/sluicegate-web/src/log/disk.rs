//! What a log asks of the file system: one seam, so that tests can have any call fail.
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// A file system.
pub trait Disk: Debug + Send {
    /// An open file.
    type File: Debug + Send;

    /// Opens a file to append to, and makes it where it is not there.
    fn open(&self, path: &Path) -> io::Result<Self::File>;
    /// Appends some of these bytes; how many.
    fn write(&self, file: &Self::File, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts a file off.
    fn truncate(&self, file: &Self::File, len: u64) -> io::Result<()>;
    /// What is known of an open file.
    fn state(&self, file: &Self::File) -> io::Result<State>;
    /// What is known of the file that has this name, if there is one.
    fn find(&self, path: &Path) -> io::Result<Option<State>>;
    /// Whether the last byte of a file ends a line.
    fn ends_a_line(&self, path: &Path) -> io::Result<bool>;
    /// Gives a file another name, which no file has: `AlreadyExists` where one has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The plain files of a directory, with their lengths.
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>>;
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Its length in bytes.
    pub len: u64,
    /// When it was last written.
    pub modified: SystemTime,
    /// The device and the number there: whether two files are one.
    pub id: (u64, u64),
    /// How many names it has; without one, what is written is seen by nobody.
    pub names: u64,
    /// A plain file, and no pipe or device.
    pub is_plain: bool,
}

/// That of the machine.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Disk for System {
    type File = File;

    fn open(&self, path: &Path) -> io::Result<File> {
        File::options().append(true).create(true).open(path)
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        file.set_len(len)
    }

    fn state(&self, file: &File) -> io::Result<State> {
        State::of(&file.metadata()?)
    }

    fn find(&self, path: &Path) -> io::Result<Option<State>> {
        match fs::metadata(path) {
            Ok(known) => State::of(&known).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ends_a_line(&self, path: &Path) -> io::Result<bool> {
        let mut file = File::open(path)?;
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        Ok(last == *b"\n")
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag: NFS does not, nor do old systems.
            Err(Errno::INVAL | Errno::NOSYS) => rename_where_free(from, to),
            done => Ok(done?),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            // A file that was removed meanwhile is none.
            let Ok(known) = entry.metadata() else { continue };
            if let (true, Ok(name)) = (known.is_file(), entry.file_name().into_string()) {
                found.push((name, known.len()));
            }
        }
        Ok(found)
    }
}

/// Looks, then renames: who makes a file between the two loses it.
fn rename_where_free(from: &Path, to: &Path) -> io::Result<()> {
    // Not `exists`, for which a link that leads nowhere is none.
    match fs::symlink_metadata(to) {
        Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

impl State {
    fn of(known: &fs::Metadata) -> io::Result<State> {
        Ok(State {
            len: known.len(),
            modified: known.modified()?,
            id: (known.dev(), known.ino()),
            names: known.nlink(),
            is_plain: known.is_file(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_file_is_replaced_with_the_flag_or_without_it() {
        for rename in [|from: &Path, to: &Path| System.rename(from, to), rename_where_free] {
            let scratch = Scratch::new();
            let at = |name: &str| scratch.path().join(name);
            scratch.write("log", "new");
            scratch.write("file", "old");
            symlink("nowhere", at("link")).expect("links can be made");
            for taken in ["file", "link"] {
                let kind = rename(&at("log"), &at(taken)).map_err(|error| error.kind());
                assert_eq!(kind, Err(ErrorKind::AlreadyExists), "{taken}");
            }
            rename(&at("log"), &at("free")).expect("there is no such file");
            let read = |name: &str| fs::read_to_string(at(name)).expect("it is there");
            assert_eq!((read("file"), read("free")), ("old".into(), "new".into()));
            assert!(at("link").is_symlink() && !at("log").exists());
        }
    }
}
