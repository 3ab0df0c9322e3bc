//! Received bytes that are not interpreted yet, and the body that is collected from them.

use bytes::BytesMut;
use sluicegate::Time;
use sluicegate_io::{Buf, Chunk};

use crate::limits::BLOCK;
use crate::machine::bodies::Share;
use crate::status::Problem;

/// Bytes that wait: the buffer in hand as it came, and behind it copies, so that a connection
/// that waits holds at most one buffer of the pool. Empty, it has no memory but its own.
#[derive(Debug, Default)]
pub(crate) struct Input {
    front: Option<Buf>,
    front_at: Time,
    rest: Option<Box<Rest>>,
}

/// Copied bytes; never all used up.
#[derive(Debug)]
struct Rest {
    bytes: Vec<u8>,
    /// Bytes that are used up.
    used: usize,
    /// When the first of them came, or at the latest.
    at: Time,
}

impl Input {
    /// Appends what was received at `now`.
    pub fn push(&mut self, buf: Buf, now: Time) {
        if self.is_empty() {
            (self.front, self.front_at) = (Some(buf), now);
            return;
        }
        let empty = || Box::new(Rest { bytes: Vec::new(), used: 0, at: now });
        let rest = self.rest.get_or_insert_with(empty);
        // Who always has a further request waiting must not make it grow for ever.
        if rest.used > rest.bytes.len() / 2 {
            rest.bytes.drain(..rest.used);
            rest.used = 0;
        }
        rest.bytes.extend_from_slice(&buf);
    }

    pub fn len(&self) -> usize {
        let rest = self.rest.as_ref().map_or(0, |rest| rest.bytes.len() - rest.used);
        self.front.as_ref().map_or(0, |buf| buf.len()) + rest
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first bytes that wait; empty only when none do.
    pub fn bytes(&self) -> &[u8] {
        match (&self.front, &self.rest) {
            (Some(buf), _) => buf,
            (None, Some(rest)) => &rest.bytes[rest.used..],
            (None, None) => &[],
        }
    }

    /// When the first of them came, or at the latest.
    pub fn since(&self) -> Time {
        match &self.rest {
            Some(rest) if self.front.is_none() => rest.at,
            _ => self.front_at,
        }
    }

    /// Drops the first `n` of `bytes()`.
    pub fn consume(&mut self, n: usize) {
        match (&mut self.front, &mut self.rest) {
            (Some(buf), _) if n < buf.len() => buf.advance(n),
            (Some(_), _) => self.front = None,
            (None, Some(rest)) if n < rest.bytes.len() - rest.used => rest.used += n,
            (None, _) => self.rest = None,
        }
    }

    /// Takes the buffer in hand where it holds just `n` bytes.
    pub fn take_front(&mut self, n: usize) -> Option<Buf> {
        self.front.take_if(|buf| buf.len() == n)
    }

    /// Gives the buffer in hand back to its pool.
    pub fn unpin(&mut self) {
        let Some(front) = self.front.take() else { return };
        let mut bytes = front.to_vec();
        if let Some(rest) = &self.rest {
            bytes.extend_from_slice(&rest.bytes[rest.used..]);
        }
        self.rest = Some(Box::new(Rest { bytes, used: 0, at: self.front_at }));
    }

    pub fn clear(&mut self) {
        (self.front, self.rest) = (None, None);
    }
}

/// A body as it is collected.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub chunks: Vec<Chunk>,
    /// Copied bytes that are no chunk yet.
    block: BytesMut,
    pub len: u64,
    /// What it takes of the bytes that bodies may have together.
    pub share: Option<Share>,
}

impl Collected {
    /// Asks for room for `n` more bytes, with `most` for all bodies of the worker.
    pub fn claim(&mut self, n: usize, most: usize) -> Result<(), Problem> {
        self.reserve(self.len as usize + n, most)
    }

    /// Asks for room for `n` bytes in all.
    pub fn reserve(&mut self, n: usize, most: usize) -> Result<(), Problem> {
        match &mut self.share {
            Some(share) => share.cover(n, most),
            None => Ok(()),
        }
    }

    pub fn copy(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.block.len() >= BLOCK {
                self.close_block();
            }
            let n = bytes.len().min(BLOCK - self.block.len());
            self.block.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
        }
    }

    /// The last bytes of the body, in a buffer of their own.
    pub fn keep(&mut self, buf: Buf) {
        self.close_block();
        self.len += buf.len() as u64;
        self.chunks.push(Chunk::from(buf));
    }

    pub fn close_block(&mut self) {
        if !self.block.is_empty() {
            self.chunks.push(Chunk::Bytes(self.block.split().freeze()));
        }
    }

    pub fn clear(&mut self) {
        self.chunks.clear();
        self.block.clear();
        (self.len, self.share) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_io::Pool;

    fn buf(pool: &Pool, text: &[u8]) -> Buf {
        let mut buf = pool.take().unwrap();
        assert_eq!(buf.push(text), text.len());
        buf
    }

    #[test]
    fn at_most_one_buffer_waits() {
        let pool = Pool::new(2, 64);
        let mut input = Input::default();
        for text in [&b"abc"[..], b"def", b"gh"] {
            input.push(buf(&pool, text), Time(input.len() as u64));
        }
        assert_eq!((input.len(), pool.in_use(), input.since()), (8, 1, Time(0)));
        assert!(input.take_front(2).is_none());
        input.consume(1);
        assert_eq!(input.bytes(), b"bc");
        input.consume(2);
        assert_eq!((input.bytes(), pool.in_use(), input.since()), (&b"defgh"[..], 0, Time(3)));
        input.consume(5);
        assert!(input.is_empty() && input.rest.is_none());
    }

    #[test]
    fn who_is_never_done_does_not_make_it_grow() {
        let pool = Pool::new(2, 64);
        let mut input = Input::default();
        input.push(buf(&pool, b"abcd"), Time(0));
        for n in 0..10_000 {
            input.push(buf(&pool, b"abcd"), Time(n));
            input.consume(4);
            assert_eq!(input.bytes(), b"abcd");
        }
        let kept = input.rest.map_or(0, |rest| rest.bytes.capacity());
        assert!(kept < 64, "{kept}");
    }

    #[test]
    fn the_buffer_in_hand_is_given_back_and_its_bytes_are_kept() {
        let pool = Pool::new(3, 64);
        let mut input = Input::default();
        input.push(buf(&pool, b"abc"), Time(1));
        input.consume(1);
        input.unpin();
        assert_eq!((input.bytes(), pool.in_use(), input.since()), (&b"bc"[..], 0, Time(1)));
        input.push(buf(&pool, b"de"), Time(2));
        input.consume(4);
        for (at, text) in [(3, b"fg"), (4, b"hi")] {
            input.push(buf(&pool, text), Time(at));
        }
        input.unpin();
        assert_eq!((input.bytes(), pool.in_use(), input.since()), (&b"fghi"[..], 0, Time(3)));
    }

    #[test]
    fn a_body_is_collected_in_blocks() {
        let pool = Pool::new(1, 64);
        let mut body = Collected::default();
        let text = vec![7; BLOCK + 5];
        body.copy(&text);
        body.keep(buf(&pool, b"end"));
        let lens: Vec<_> = body.chunks.iter().map(Chunk::len).collect();
        assert_eq!((lens, body.len), (vec![BLOCK, 5, 3], text.len() as u64 + 3));
    }
}
