//! The front of an object: all that is told of it, and how its bodies are checked.
use crate::fields::Fields;
use crate::index::Entry;
use crate::layout::{BLOCK, LEN_MAX, blocks, pieces};
use bytes::Bytes;
use sluicegate_http::Coding;
use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

pub(crate) const FILE: u8 = 0;
pub(crate) const DIRECTORY: u8 = 1;
/// Forms that an object may have: as it is, and in each coding.
const FORMS_MAX: usize = 1 + Coding::ALL.len();

/// An object of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// What it is.
    pub kind: Kind,
    /// All its names: that of the file and, for an index, that of its directory with the slash.
    pub names: Vec<Bytes>,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory, named without its slash: clients are sent to the name with it.
    Directory,
    /// A file.
    File {
        /// Content type.
        media: Bytes,
        /// Whether answers about it say `Vary: Accept-Encoding`, whatever forms there are.
        varies: bool,
        /// First as it is, then those coded, best first.
        forms: Vec<Form>,
    },
}

/// One form of a file: as it is, or coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its coding; nothing for the file as it is.
    pub coding: Option<Coding>,
    /// Where its body begins, in bytes; at a block.
    pub offset: u64,
    /// Bytes of its body.
    pub len: u64,
    /// When it was last modified, to the second.
    pub modified: SystemTime,
    /// Entity tag with its quotes.
    pub tag: Bytes,
    /// The head of 200, made ahead as [`prebuild`](sluicegate_http::prebuild) makes it.
    pub head: Bytes,
    /// The head of 304.
    pub unchanged: Bytes,
    /// The checksums of its pieces, four bytes each.
    pub(crate) sums: Bytes,
}

/// Why bytes that were read are not to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// They are those of another name with the same hash: the one that was asked for is not there.
    OtherName,
    /// Their checksum is wrong.
    Sum,
    /// Their checksum is sound, and yet they cannot be.
    Structure,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bad::OtherName => "it belongs to another name",
            Bad::Sum => "its checksum is wrong",
            Bad::Structure => "it cannot be understood",
        })
    }
}

impl std::error::Error for Bad {}

impl Front {
    /// Reads the front that was found at `entry`, for the name that was looked up. `bytes` begin at
    /// [`Entry::offset`] and may be longer than the front. The front keeps them: no field is
    /// copied.
    ///
    /// # Errors
    /// [`Bad::OtherName`] where the name is not in the volume; else the volume is damaged.
    pub fn parse(bytes: Bytes, name: &[u8], entry: &Entry) -> Result<Front, Bad> {
        let front = Front::read(bytes, entry)?;
        match front.names.iter().any(|own| own == name) {
            true => Ok(front),
            false => Err(Bad::OtherName),
        }
    }

    /// The same whatever it is called.
    pub(crate) fn read(mut bytes: Bytes, entry: &Entry) -> Result<Front, Bad> {
        bytes.truncate(entry.front as usize);
        if bytes.len() < entry.front as usize || crc32c::crc32c(&bytes) != entry.front_sum {
            return Err(Bad::Sum);
        }
        let mut fields = Fields(bytes);
        let front = Front::fields(&mut fields, entry).ok_or(Bad::Structure)?;
        if fields.0.is_empty() { Ok(front) } else { Err(Bad::Structure) }
    }

    fn fields(fields: &mut Fields, entry: &Entry) -> Option<Front> {
        let (kind, names) = (fields.u8()?, fields.u8()?);
        let names = (0..names).map(|_| fields.counted()).collect::<Option<Vec<_>>>()?;
        let kind = match kind {
            DIRECTORY => Kind::Directory,
            FILE => {
                let (media, varies, forms) = (fields.counted()?, fields.u8()? != 0, fields.u8()?);
                if forms == 0 || usize::from(forms) > FORMS_MAX {
                    return None;
                }
                let forms = (0..forms).map(|_| Form::fields(fields, entry));
                Kind::File { media, varies, forms: forms.collect::<Option<_>>()? }
            }
            _ => return None,
        };
        Some(Front { kind, names })
    }
}

impl Form {
    fn fields(fields: &mut Fields, entry: &Entry) -> Option<Form> {
        let coding = match fields.u8()? {
            0 => None,
            number => Some(*Coding::ALL.get(usize::from(number) - 1)?),
        };
        // Within the extent, so that the front is the same wherever that lies.
        let (block, len, modified) = (fields.u32()?, fields.u64()?, fields.u64()?);
        let end = (len <= LEN_MAX).then(|| u64::from(block) + blocks(len))?;
        if u64::from(block) < blocks(entry.front_len()) || end > entry.blocks.into() {
            return None;
        }
        Some(Form {
            coding,
            offset: entry.offset() + u64::from(block) * BLOCK,
            len,
            modified: SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(modified))?,
            tag: fields.counted()?,
            head: fields.counted()?,
            unchanged: fields.counted()?,
            sums: fields.bytes(pieces(len) * 4)?,
        })
    }

    /// How many pieces its body has.
    pub fn pieces(&self) -> u64 {
        pieces(self.len)
    }

    /// The bytes of a piece, counted from the start of the body; nothing where there is none.
    pub fn piece(&self, number: u64) -> Option<Range<u64>> {
        let start = number.checked_mul(crate::PIECE).filter(|start| *start < self.len)?;
        Some(start..self.len.min(start + crate::PIECE))
    }

    /// Checks the bytes of one piece, given in parts as they lie in memory: all of it, and nothing
    /// of what fills its last block.
    ///
    /// # Errors
    /// [`Bad::Sum`] if they are not what was packed; then they must not be served.
    pub fn check_piece<'a>(
        &self,
        number: u64,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), Bad> {
        let piece = self.piece(number).ok_or(Bad::Sum)?;
        let (mut sum, mut len) = (0, 0);
        for part in parts {
            sum = crc32c::crc32c_append(sum, part);
            len += part.len() as u64;
        }
        let right = len == piece.end - piece.start && Some(sum) == self.sum(number);
        if right { Ok(()) } else { Err(Bad::Sum) }
    }

    fn sum(&self, number: u64) -> Option<u32> {
        let at = usize::try_from(number).ok()?.checked_mul(4)?;
        Some(u32::from_le_bytes(self.sums.get(at..at + 4)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;

    #[test]
    fn a_front_is_for_its_own_names() {
        let names = ["docs/index.html", "docs/"].map(str::to_owned);
        let laid = Draft { names: &names, file: None }.lay();
        let (front, near, blocks) = (laid.front.len() as u32, laid.near as u32, laid.blocks as u32);
        let front_sum = crc32c::crc32c(&laid.front);
        let entry = Entry { hash: 0, block: 2, front, front_sum, near, blocks };
        let parse = |bytes: &[u8], name: &str| {
            Front::parse(Bytes::copy_from_slice(bytes), name.as_bytes(), &entry)
        };
        // What was read may be longer.
        let read = [&laid.front[..], &[7; 100]].concat();
        for name in &names {
            assert_eq!(parse(&read, name).map(|front| front.kind), Ok(Kind::Directory));
        }
        for other in ["", "docs", "docs/index.html/", "x"] {
            assert_eq!(parse(&read, other), Err(Bad::OtherName), "{other}");
        }
        assert_eq!(parse(&read[..laid.front.len() - 1], "docs/"), Err(Bad::Sum));
    }
}
