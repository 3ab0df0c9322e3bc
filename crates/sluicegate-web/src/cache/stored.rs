//! The bytes of a page or a variant in memory: large ones lie where the kernel can send from.
use sluicegate_io::{LARGE, PageMemory};
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::FileExt;

/// Bytes of a page of memory, on nearly all machines.
const PAGE: u64 = 4096;

/// Bytes that are never changed.
#[derive(Debug)]
pub enum Stored {
    /// Small ones, or where the process may have no page memory.
    Heap(Vec<u8>),
    /// Those that are sent without being copied.
    Pages(PageMemory),
}

impl Stored {
    /// The memory that `len` bytes take: large ones take whole pages.
    pub fn cost(len: u64) -> u64 {
        if len < LARGE as u64 { len } else { len.checked_next_multiple_of(PAGE).unwrap_or(len) }
    }

    /// Reads at most `len` bytes of a file from its start.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn read(file: &File, len: u64) -> io::Result<Stored> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        Stored::filled(len, |room| fill(file, room))
    }

    fn filled(
        len: usize,
        mut fill: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Stored> {
        if len >= LARGE
            && let Some(pages) = PageMemory::filled(len, &mut fill)?
        {
            return Ok(Stored::Pages(pages));
        }
        let mut bytes = vec![0; len];
        let filled = fill(&mut bytes)?;
        bytes.truncate(filled);
        Ok(Stored::Heap(bytes))
    }
}

impl From<Vec<u8>> for Stored {
    /// Large content is copied, once.
    fn from(bytes: Vec<u8>) -> Stored {
        if bytes.len() < LARGE {
            return Stored::Heap(bytes);
        }
        let copied = Stored::filled(bytes.len(), |room| {
            room.copy_from_slice(&bytes);
            Ok(room.len())
        });
        copied.unwrap_or(Stored::Heap(bytes))
    }
}

impl Deref for Stored {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Stored::Heap(bytes) => bytes,
            Stored::Pages(pages) => pages,
        }
    }
}

fn fill(file: &File, room: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < room.len() {
        match file.read_at(&mut room[filled..], filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn files_of_all_lengths_are_read_up_to_their_end() {
        let dir = Scratch::new();
        for len in [0, 1, LARGE - 1, LARGE, 3 * LARGE + 5] {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            dir.write("file", &bytes);
            let file = File::open(dir.path().join("file")).unwrap();
            for asked in [len, len + 7, len / 2] {
                let read = Stored::read(&file, asked as u64).unwrap();
                assert_eq!(&*read, &bytes[..asked.min(len)]);
                assert_eq!(matches!(read, Stored::Pages(_)), asked >= LARGE);
            }
            assert_eq!(&*Stored::from(bytes.clone()), bytes);
        }
    }
}
