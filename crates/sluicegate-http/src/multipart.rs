//! Several parts of a representation in one body: multipart/byteranges (RFC 9110 section 14.6).

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;

use crate::range::content_range;

/// The body of a 206 with several parts, laid out: what to copy, and what to take from the
/// representation.
#[derive(Clone, Debug)]
pub struct Multipart {
    pieces: Vec<Piece>,
    boundary: String,
    len: u64,
}

/// A stretch of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes: the head of a part, or the end.
    Text(Bytes),
    /// So many bytes of the representation, from an offset.
    Part {
        /// Where they begin.
        first: u64,
        /// How many there are.
        len: u64,
    },
}

impl Piece {
    /// How many bytes of the body it is.
    pub fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Part { len, .. } => *len,
        }
    }

    /// Whether it is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Multipart {
    /// Lays out parts, each its first and last offset, of a representation of `total` bytes.
    pub fn new(parts: &[(u64, u64)], media: &str, total: u64) -> Self {
        // Keys from the system, new each time: content cannot be written to hold the boundary.
        let boundary = format!("{:016x}", RandomState::new().hash_one(total));
        let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
        for (nth, &(first, last)) in parts.iter().enumerate() {
            let line_end = if nth == 0 { "" } else { "\r\n" };
            let range = content_range(first, last, total);
            let text = format!(
                "{line_end}--{boundary}\r\nContent-Type: {media}\r\nContent-Range: {range}\r\n\r\n"
            );
            pieces.push(Piece::Text(text.into()));
            pieces.push(Piece::Part { first, len: last - first + 1 });
        }
        pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
        let len = pieces.iter().map(Piece::len).sum();
        Self { pieces, boundary, len }
    }

    /// The content type of the whole.
    pub fn media(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// All stretches of the body in their order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// How many bytes the body has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has none: it never does.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The stretches of the `len` bytes of the body at `offset`, the first and last of them cut.
    pub fn cut(&self, offset: u64, len: u64) -> impl Iterator<Item = Piece> {
        let (mut at, end) = (0, offset.saturating_add(len));
        self.pieces.iter().filter_map(move |piece| {
            let (begin, stop) = (offset.max(at), end.min(at + piece.len()));
            let skip = begin.saturating_sub(at);
            at += piece.len();
            (begin < stop).then(|| match piece {
                // Both are within the text, so that they fit a `usize`.
                Piece::Text(text) => {
                    Piece::Text(text.slice(skip as usize..(skip + stop - begin) as usize))
                }
                Piece::Part { first, .. } => Piece::Part { first: first + skip, len: stop - begin },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(pieces: impl Iterator<Item = Piece>, content: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => body.extend_from_slice(&text),
                Piece::Part { first, len } => {
                    body.extend_from_slice(&content[first as usize..][..len as usize]);
                }
            }
        }
        body
    }

    #[test]
    fn parts_stand_between_boundaries() {
        let parts = Multipart::new(&[(0, 1), (8, 9)], "text/plain", 10);
        let body = body(parts.pieces().iter().cloned(), b"0123456789");
        let mark = &parts.boundary;
        let expected = format!(
            "--{mark}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
             --{mark}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n\
             --{mark}--\r\n"
        );
        assert_eq!(String::from_utf8_lossy(&body), expected);
        assert_eq!(parts.len(), expected.len() as u64);
        assert_eq!(parts.media(), format!("multipart/byteranges; boundary={mark}"));
        let other = Multipart::new(&[(0, 1), (8, 9)], "text/plain", 10);
        assert_ne!(&other.boundary, mark, "a boundary cannot be foreseen");
    }

    proptest! {
        #[test]
        fn cuts_of_any_size_make_the_whole(
            ends in prop::collection::btree_set(0u64..400, 2..12),
            step in 1u64..300,
        ) {
            let content: Vec<u8> = (0..400u32).map(|n| n as u8).collect();
            let ends: Vec<_> = ends.into_iter().collect();
            let parts: Vec<_> = ends.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            let parts = Multipart::new(&parts, "a/b", 400);
            let whole = body(parts.pieces().iter().cloned(), &content);
            let mut joined = Vec::new();
            while (joined.len() as u64) < parts.len() {
                let piece = body(parts.cut(joined.len() as u64, step), &content);
                prop_assert_eq!(piece.len() as u64, step.min(parts.len() - joined.len() as u64));
                joined.extend(piece);
            }
            prop_assert_eq!(joined, whole);
        }
    }
}
