//! The file of a Unix socket: taken over when stale, removed at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix};

use crate::dial::stream_socket;
use crate::listen::ListenFault;

/// A socket's file that we made; removed on drop unless another took its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// The file that binding a socket to `path` has just made.
    pub fn created(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }

    /// Removes what a process that is gone left at `path`; an error when something else is there.
    pub fn remove_stale(path: &Path) -> Result<(), ListenFault> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(found) if !found.file_type().is_socket() => return Err(ListenFault::NotASocket),
            Ok(_) => {}
        }
        let probe = stream_socket(AddressFamily::UNIX)?;
        match net::connect(&probe, &SocketAddrUnix::new(path)?) {
            Err(Errno::CONNREFUSED) => Ok(fs::remove_file(path)?),
            Err(Errno::NOENT) => Ok(()),
            // Connected, or its backlog is full: somebody is there.
            Ok(()) | Err(Errno::AGAIN | Errno::INPROGRESS) => Err(ListenFault::InUse),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            // The next start takes a file over that could not be removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
