//! A reply that is sent in pieces: what of which content, left in its exchange between the pieces.
use crate::cache::Large;
use crate::volume::Object;
use bytes::Bytes;
use sluicegate_http::Body;
use sluicegate_http::multipart::{Multipart, Piece};
use sluicegate_io::{Chunk, Homed};
use std::io;
use std::sync::Arc;

/// What a reply is sent of, and which part of it.
#[derive(Debug)]
pub struct Streamed {
    /// The content.
    pub source: Source,
    /// Which part of it.
    pub extent: Extent,
}

/// Content that is sent in pieces.
#[derive(Clone, Debug)]
pub enum Source {
    /// An open file.
    File(Arc<Large>),
    /// An object of a volume, by the number of one of its forms.
    Object(Arc<Object>, usize),
}

/// What of some content is sent.
#[derive(Clone, Debug)]
pub enum Extent {
    /// All of it: so many bytes.
    Whole(u64),
    /// So many bytes from an offset.
    Part {
        /// Where they begin.
        first: u64,
        /// How many there are.
        len: u64,
    },
    /// Several parts.
    Several(Multipart),
}

impl Extent {
    /// How many bytes are sent.
    pub fn len(&self) -> u64 {
        match self {
            Extent::Whole(len) | Extent::Part { len, .. } => *len,
            Extent::Several(parts) => parts.len(),
        }
    }

    /// The body where all of the content is in memory, of slices by their offset and length.
    pub fn cut(&self, slice: impl Fn(u64, u64) -> Chunk) -> Body {
        let parts = match self {
            Extent::Whole(len) => return one(slice(0, *len)),
            Extent::Part { first, len } => return one(slice(*first, *len)),
            Extent::Several(parts) => parts,
        };
        let chunk = |piece: &Piece| match piece {
            Piece::Text(text) => Chunk::Bytes(text.clone()),
            Piece::Part { first, len } => slice(*first, *len),
        };
        Body::Chunks(parts.pieces().iter().map(chunk).collect())
    }

    /// What comes next where `given` bytes have gone before, `left` at most: a text, or a stretch
    /// of the content.
    pub fn next(&self, given: u64, left: u64) -> Piece {
        let first = match self {
            Extent::Whole(_) => given,
            Extent::Part { first, .. } => first + given,
            Extent::Several(parts) => {
                let next = parts.cut(given, left).next();
                return next.unwrap_or(Piece::Text(Bytes::new()));
            }
        };
        Piece::Part { first, len: left }
    }
}

fn one(chunk: Chunk) -> Body {
    match chunk {
        Chunk::Bytes(bytes) => Body::Bytes(bytes),
        Chunk::Homed(Homed::Paged(paged)) => Body::Paged(paged),
        chunk @ Chunk::Homed(Homed::Buf(_)) => Body::Chunks(vec![chunk]),
    }
}

impl Streamed {
    /// Reads `len` bytes of a file's stream of which `given` bytes have gone before. May block.
    ///
    /// # Errors
    /// As [`Large::piece`]; or it is none of a file.
    pub fn read(&self, given: u64, len: usize) -> io::Result<Vec<u8>> {
        let Source::File(large) = &self.source else { return Err(io::ErrorKind::Other.into()) };
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let done = bytes.len() as u64;
            match self.extent.next(given + done, len as u64 - done) {
                Piece::Text(text) if text.is_empty() => break,
                Piece::Text(text) => bytes.extend_from_slice(&text),
                // At most `len`, so that it fits a `usize`.
                Piece::Part { first, len } => bytes.extend(large.piece(first, len as usize)?),
            }
        }
        Ok(bytes)
    }
}
