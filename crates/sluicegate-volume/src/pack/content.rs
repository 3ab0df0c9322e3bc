//! The content of one form while it is packed: in memory, or where it is too long for that, a file
//! that is read twice.
use crate::layout::PIECE;
use crate::pack::PackError;
use crate::pack::plan::failed;
use sluicegate_files::{Root, Stamp, Tagger};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The longest content that is held in memory, in bytes. Longer files get no coded forms but those
/// that lie beside them.
pub const HELD_MAX: u64 = 8 << 20;

/// The content of a form, and what is known of it.
#[derive(Debug)]
pub(super) struct Content {
    /// Whose it is, for errors.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) len: u64,
    /// The entity tag for these bytes.
    pub(super) tag: String,
    /// The checksum of each piece.
    pub(super) sums: Vec<u32>,
}

#[derive(Debug)]
pub(super) enum Source {
    Held(Vec<u8>),
    File(File),
}

impl Content {
    /// What was made in memory.
    pub(super) fn held(name: &str, bytes: Vec<u8>) -> Content {
        let mut tagger = Tagger::default();
        tagger.add(&bytes);
        let sums = bytes.chunks(PIECE as usize).map(crc32c::crc32c).collect();
        let (name, len, tag) = (name.to_owned(), bytes.len() as u64, tagger.tag());
        Content { name, source: Source::Held(bytes), len, tag, sums }
    }

    /// Reads a file, which has to be as it was when it was found.
    pub(super) fn read(root: &Root, name: &str, stamp: &Stamp) -> Result<Content, PackError> {
        let failed = |error| failed(name, error);
        let file = root.look(name).map_err(failed)?;
        let same = |file: &File| match Stamp::of(&file.metadata().map_err(failed)?) == *stamp {
            true => Ok(()),
            false => Err(PackError::Changed(name.to_owned())),
        };
        same(&file)?;
        let content = if stamp.len <= HELD_MAX {
            let mut bytes = vec![0; stamp.len as usize];
            fill(&file, name, 0, &mut bytes)?;
            Content::held(name, bytes)
        } else {
            let (mut tagger, mut sums) = (Tagger::default(), Vec::new());
            pieces(&file, name, stamp.len, |piece| {
                tagger.add(piece);
                sums.push(crc32c::crc32c(piece));
                Ok(())
            })?;
            let (name, len, tag) = (name.to_owned(), stamp.len, tagger.tag());
            Content {
                name,
                source: Source::File(file.try_clone().map_err(failed)?),
                len,
                tag,
                sums,
            }
        };
        same(&file)?;
        Ok(content)
    }

    /// Gives the pieces, one after the other, as they were when this was made.
    pub(super) fn each_piece(
        &self,
        mut give: impl FnMut(&[u8]) -> Result<(), PackError>,
    ) -> Result<(), PackError> {
        match &self.source {
            Source::Held(bytes) => bytes.chunks(PIECE as usize).try_for_each(give),
            Source::File(file) => {
                let mut sums = self.sums.iter();
                pieces(file, &self.name, self.len, |piece| {
                    if sums.next() != Some(&crc32c::crc32c(piece)) {
                        return Err(PackError::Changed(self.name.clone()));
                    }
                    give(piece)
                })
            }
        }
    }
}

/// Reads the pieces of a file of so many bytes.
fn pieces(
    file: &File,
    name: &str,
    len: u64,
    mut give: impl FnMut(&[u8]) -> Result<(), PackError>,
) -> Result<(), PackError> {
    let mut piece = vec![0; PIECE.min(len) as usize];
    for start in (0..len).step_by(PIECE as usize) {
        let piece = &mut piece[..PIECE.min(len - start) as usize];
        fill(file, name, start, piece)?;
        give(piece)?;
    }
    Ok(())
}

fn fill(file: &File, name: &str, offset: u64, into: &mut [u8]) -> Result<(), PackError> {
    file.read_exact_at(into, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => PackError::Changed(name.to_owned()),
        _ => failed(name, error),
    })
}
