//! Pieces of output: shared bytes, or received buffers sent on.

use bytes::Bytes;

use crate::buf::Buf;

/// One piece of output: shared immutable bytes, or a received buffer sent on without a copy.
#[derive(Debug)]
pub enum Chunk {
    /// Shared, reference-counted bytes.
    Bytes(Bytes),
    /// A buffer of a pool.
    Buf(Buf),
}

impl Chunk {
    /// The bytes of this piece.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Buf(buf) => buf,
        }
    }

    /// How many bytes this piece has.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether nothing is (left) in this piece.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the first `n` bytes, at most all of them.
    pub fn advance(&mut self, n: usize) {
        match self {
            Self::Bytes(bytes) => drop(bytes.split_to(n.min(bytes.len()))),
            Self::Buf(buf) => buf.advance(n),
        }
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&'static [u8]> for Chunk {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Bytes(Bytes::from_static(bytes))
    }
}

impl From<Buf> for Chunk {
    fn from(buf: Buf) -> Self {
        Self::Buf(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pool;

    #[test]
    fn a_chunk_stays_small() {
        assert_eq!(size_of::<Chunk>(), 32);
    }

    #[test]
    fn both_kinds_advance() {
        let mut buf = Pool::new(1, 8).take().unwrap();
        buf.push(b"abc");
        for mut chunk in [Chunk::from(&b"abc"[..]), Chunk::from(buf)] {
            chunk.advance(2);
            assert_eq!(chunk.as_slice(), b"c");
            chunk.advance(9);
            assert!(chunk.is_empty());
        }
    }
}
