//! Received bytes that are not interpreted yet, and the body that is collected from them.

use bytes::BytesMut;
use sluicegate::Time;
use sluicegate_io::{Buf, Chunk};

use crate::limits::BLOCK;
use crate::machine::bodies::Share;
use crate::status::Problem;

/// Bytes that wait: the buffer in hand as it came, and behind it copies, so that a connection
/// that waits holds at most one buffer of the pool.
#[derive(Debug, Default)]
pub(crate) struct Input {
    front: Option<Buf>,
    rest: Vec<u8>,
    /// Bytes of `rest` that are used up.
    used: usize,
    front_at: Time,
    rest_at: Time,
}

impl Input {
    /// Appends what was received at `now`.
    pub fn push(&mut self, buf: Buf, now: Time) {
        if self.is_empty() {
            (self.front, self.front_at) = (Some(buf), now);
        } else {
            if self.rest.is_empty() {
                self.rest_at = now;
            }
            // Who always has a further request waiting must not make it grow for ever.
            if self.used > self.rest.len() / 2 {
                self.rest.drain(..self.used);
                self.used = 0;
            }
            self.rest.extend_from_slice(&buf);
        }
    }

    pub fn len(&self) -> usize {
        self.front.as_ref().map_or(0, |buf| buf.len()) + self.rest.len() - self.used
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first bytes that wait; empty only when none do.
    pub fn bytes(&self) -> &[u8] {
        match &self.front {
            Some(buf) => buf,
            None => &self.rest[self.used..],
        }
    }

    /// When the first of them came, or at the latest.
    pub fn since(&self) -> Time {
        if self.front.is_some() { self.front_at } else { self.rest_at }
    }

    /// Drops the first `n` of `bytes()`.
    pub fn consume(&mut self, n: usize) {
        match &mut self.front {
            Some(buf) if n < buf.len() => buf.advance(n),
            Some(_) => self.front = None,
            None => {
                self.used += n;
                if self.used >= self.rest.len() {
                    self.forget_rest();
                }
            }
        }
    }

    /// Takes the buffer in hand where it holds just `n` bytes.
    pub fn take_front(&mut self, n: usize) -> Option<Buf> {
        self.front.take_if(|buf| buf.len() == n)
    }

    /// Gives the buffer in hand back to its pool.
    pub fn unpin(&mut self) {
        if let Some(front) = self.front.take() {
            if self.rest.len() == self.used {
                self.forget_rest();
            }
            self.rest.splice(..self.used, front.iter().copied());
            (self.used, self.rest_at) = (0, self.front_at);
        }
    }

    pub fn clear(&mut self) {
        self.front = None;
        self.forget_rest();
    }

    fn forget_rest(&mut self) {
        self.used = 0;
        // A connection that waits for its next request keeps no memory for it.
        self.rest = Vec::new();
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
        match &mut self.share {
            Some(share) => share.cover(self.len as usize + n, most),
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
        self.chunks.push(Chunk::Buf(buf));
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
        assert!(input.is_empty() && input.rest.capacity() == 0);
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
        assert!(input.rest.capacity() < 64, "{}", input.rest.capacity());
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
