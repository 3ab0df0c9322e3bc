//! Why a directory was not packed.
use crate::error::VolumeError;
use crate::layout::LEN_MAX;
use crate::pack::plan::FOUND_MAX;
use std::error::Error;
use std::fmt;
use std::io;

/// Why a directory was not packed. What the volume held before is whole.
#[derive(Debug)]
#[non_exhaustive]
pub enum PackError {
    /// The directory cannot be opened.
    Root(io::Error),
    /// A file or a directory in it cannot be read.
    Read(String, io::Error),
    /// A file or a directory went while it was packed, or may not be read.
    Unreadable(String),
    /// A file or a directory changed while it was packed.
    Changed(String),
    /// A file that is too long.
    TooLong(String),
    /// More names than a volume may have.
    TooMany,
    /// The volume lies in the directory.
    Inside(String),
    /// The volume cannot be opened to be written.
    Open(io::Error),
    /// The volume would be something else than a file or a block device.
    Odd,
    /// Another pack writes to it.
    Locked,
    /// The device is mounted, or in other use.
    Busy,
    /// It is not empty and no volume.
    NotEmpty,
    /// It is a volume that cannot be read, so that nobody knows what must be left.
    Damaged(VolumeError),
    /// The device is too short: its bytes.
    Full(u64),
    /// The volume cannot be read or written.
    Write(io::Error),
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PackError::Root(error) => write!(f, "the directory cannot be opened: {error}"),
            PackError::Read(name, error) => write!(f, "`{name}` cannot be read: {error}"),
            PackError::Unreadable(name) => write!(
                f,
                "`{name}` cannot be opened: it may not be read, or went while the directory was \
                 packed; make it readable, or take it away"
            ),
            PackError::Changed(name) => write!(
                f,
                "`{name}` changed while the directory was packed; pack it again when nobody \
                 writes to it"
            ),
            PackError::TooLong(name) => {
                write!(f, "`{name}` is too long: a file may have {LEN_MAX} bytes")
            }
            PackError::TooMany => write!(
                f,
                "there are more than {FOUND_MAX} files and directories; pack them into several \
                 volumes"
            ),
            PackError::Inside(name) => write!(
                f,
                "the volume would hold itself, as `{name}`; put it outside of the directory"
            ),
            PackError::Open(error) => write!(f, "the volume cannot be opened: {error}"),
            PackError::Odd => f.write_str("a volume is a file or a block device; this is neither"),
            PackError::Locked => {
                f.write_str("another pack writes to this volume; wait until it has ended")
            }
            PackError::Busy => f.write_str("the device is mounted, or in other use"),
            PackError::NotEmpty => f.write_str(
                "there is something, and it is no volume; if it may be lost: --overwrite",
            ),
            PackError::Damaged(error) => {
                write!(f, "the volume that is there {error}. If it may be lost: --overwrite")
            }
            PackError::Full(limit) => write!(
                f,
                "it does not fit into the {limit} bytes of the device, which has to hold the \
                 generation before too; one that was there is still whole"
            ),
            PackError::Write(error) if error.kind() == io::ErrorKind::StorageFull => f.write_str(
                "there is no space left for the volume; a generation that was there is still whole",
            ),
            PackError::Write(error) => write!(
                f,
                "the volume cannot be written: {error}; a generation that was there is still whole"
            ),
        }
    }
}

impl Error for PackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PackError::Root(error)
            | PackError::Read(_, error)
            | PackError::Open(error)
            | PackError::Write(error) => Some(error),
            PackError::Damaged(error) => Some(error),
            _ => None,
        }
    }
}
