//! A reply that is sent in pieces: how they are framed, and when they are all there.

use bytes::{BufMut, BytesMut};
use sluicegate_io::Chunk;

use crate::machine::encode::{Chunks, SCRATCH};

/// What is still to come of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// So many bytes.
    Bytes(u64),
    /// Chunks, until the handler ends them (RFC 9112 section 7.1).
    Chunks,
    /// Bytes as they are, until the handler ends them; the connection is closed behind them.
    Raw,
}

/// What was given is not what the head promised: the reply cannot be brought to a good end.
#[derive(Debug)]
pub(crate) struct Broken;

/// Sixteen digits and a line end.
const SIZE_LINE_MAX: usize = 18;

impl Rest {
    /// Whether it goes on although nothing was given yet.
    pub fn is_due(self) -> bool {
        self != Self::Bytes(0)
    }

    /// Appends the pieces that were given, the last ones where `ended`. What is to come then;
    /// `None` when that was all.
    pub fn take(
        self,
        pieces: &mut Vec<Chunk>,
        ended: bool,
        scratch: &mut BytesMut,
        chunks: &mut Chunks,
    ) -> Result<Option<Self>, Broken> {
        let given: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        match self {
            Self::Bytes(left) => {
                chunks.extend(pieces.drain(..));
                // The head has promised an exact length: less is not padded, more is not sent.
                if given > left || (given == 0 && left > 0) {
                    return Err(Broken);
                }
                let left = left - given;
                return Ok((left > 0).then_some(Self::Bytes(left)));
            }
            // To be asked again at once would go on for ever.
            _ if pieces.is_empty() && !ended => return Err(Broken),
            Self::Raw => chunks.extend(pieces.drain(..)),
            // A chunk of no bytes would be the last one.
            Self::Chunks if given == 0 => pieces.clear(),
            Self::Chunks => {
                push_size(given, scratch, chunks);
                chunks.extend(pieces.drain(..));
                chunks.push(Chunk::from(&b"\r\n"[..]));
            }
        }
        if ended && self == Self::Chunks {
            chunks.push(Chunk::from(&b"0\r\n\r\n"[..]));
        }
        Ok((!ended).then_some(self))
    }
}

fn push_size(size: u64, scratch: &mut BytesMut, chunks: &mut Chunks) {
    if scratch.capacity() < SIZE_LINE_MAX {
        scratch.reserve(SCRATCH);
    }
    let digits = (u64::BITS - size.leading_zeros()).div_ceil(4);
    for digit in (0..digits).rev() {
        scratch.put_u8(b"0123456789abcdef"[(size >> (4 * digit)) as usize & 15]);
    }
    scratch.put_slice(b"\r\n");
    chunks.push(Chunk::Bytes(scratch.split().freeze()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn take(rest: Rest, texts: &[&'static str], ended: bool) -> Result<(String, bool), Broken> {
        let (mut scratch, mut chunks) = (BytesMut::new(), Chunks::new());
        let piece = |text: &&'static str| Chunk::Bytes(Bytes::from_static(text.as_bytes()));
        let mut pieces = texts.iter().map(piece).collect();
        let next = rest.take(&mut pieces, ended, &mut scratch, &mut chunks)?;
        assert!(pieces.is_empty());
        let bytes: Vec<u8> = chunks.iter().flat_map(Chunk::slices).flatten().copied().collect();
        Ok((String::from_utf8(bytes).unwrap(), next.is_some()))
    }

    #[track_caller]
    fn check(rest: Rest, texts: &[&'static str], ended: bool, expect: Option<(&str, bool)>) {
        let found = take(rest, texts, ended).ok();
        assert_eq!(found, expect.map(|(text, more)| (text.to_owned(), more)));
    }

    #[test]
    fn a_known_length_is_kept_to() {
        check(Rest::Bytes(3), &["a", "b"], false, Some(("ab", true)));
        check(Rest::Bytes(3), &["abc"], false, Some(("abc", false)));
        check(Rest::Bytes(3), &["abcd"], false, None);
        check(Rest::Bytes(3), &[""], true, None);
        check(Rest::Bytes(0), &[], false, Some(("", false)));
    }

    #[test]
    fn an_unknown_length_is_chunked() {
        // RFC 9112 section 7.1: chunk-size CRLF chunk-data CRLF, and last-chunk at the end.
        check(Rest::Chunks, &["ab", "c"], false, Some(("3\r\nabc\r\n", true)));
        check(Rest::Chunks, &["abc"], true, Some(("3\r\nabc\r\n0\r\n\r\n", false)));
        check(Rest::Chunks, &[], true, Some(("0\r\n\r\n", false)));
        check(Rest::Chunks, &[""], false, Some(("", true)));
        check(Rest::Chunks, &[], false, None);
    }

    #[test]
    fn raw_bytes_are_as_they_are() {
        check(Rest::Raw, &["ab", "c"], false, Some(("abc", true)));
        check(Rest::Raw, &[], true, Some(("", false)));
        check(Rest::Raw, &[], false, None);
    }

    #[test]
    fn sizes_are_hexadecimal() {
        for size in [1, 9, 15, 16, 255, 4096, 0xabcd_ef01, u64::MAX] {
            let (mut scratch, mut chunks) = (BytesMut::new(), Chunks::new());
            push_size(size, &mut scratch, &mut chunks);
            assert_eq!(chunks[0].as_slice(), Some(format!("{size:x}\r\n").as_bytes()));
        }
    }
}
