//! Why a volume cannot be used.
use std::error::Error;
use std::fmt;
use std::io;

/// Why a volume cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum VolumeError {
    /// It cannot be read.
    Read(io::Error),
    /// Neither slot has a sound superblock.
    NoVolume,
    /// A format that this version does not know.
    Version(u32),
    /// The first pack into it has not ended.
    Unfinished,
    /// It ends before its generation does: bytes that are needed, and that are there.
    Truncated {
        /// Bytes up to the end of the generation.
        need: u64,
        /// Bytes that are there.
        have: u64,
    },
    /// The checksum of its index is wrong.
    Index,
    /// Its index has a sound checksum, and yet cannot be: what is wrong.
    Structure(&'static str),
}

impl fmt::Display for VolumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VolumeError::Read(error) => write!(f, "cannot be read: {error}"),
            VolumeError::NoVolume => f.write_str(
                "is no volume, or both its superblocks are damaged; `sluicegate pack DIR FILE` \
                 makes one",
            ),
            VolumeError::Version(version) => write!(
                f,
                "is a volume of format {version}, which this version does not know; use the \
                 sluicegate that packed it, or pack it again"
            ),
            VolumeError::Unfinished => {
                f.write_str("has no content yet: the first pack into it did not end; pack again")
            }
            VolumeError::Truncated { need, have } => {
                write!(f, "is truncated: {have} bytes of {need}; copy it again, or pack it again")
            }
            VolumeError::Index => f.write_str(
                "has a damaged index: its checksum is wrong; copy it again, or pack it again",
            ),
            VolumeError::Structure(what) => {
                write!(f, "has an index that cannot be: {what}; pack it again")
            }
        }
    }
}

impl Error for VolumeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            VolumeError::Read(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for VolumeError {
    fn from(error: io::Error) -> VolumeError {
        VolumeError::Read(error)
    }
}
