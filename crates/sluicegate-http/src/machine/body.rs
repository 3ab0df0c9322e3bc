//! Takes a request's body off the input, by its length or by its chunks.

use crate::exchange::Exchange;
use crate::machine::chunked::{Chunked, Step};
use crate::machine::input::Input;
use crate::machine::patience::Patience;
use crate::machine::shared::Shared;
use crate::status::Problem;

/// What is still to come of a body.
#[derive(Debug)]
pub(crate) enum Left {
    Sized(u64),
    /// Boxed, for it is large, rare, and would make every connection larger.
    Chunked(Box<Chunked>),
    /// Whatever comes until the peer finishes sending.
    Raw,
}

/// What the first bytes of the input are.
pub(crate) struct Part {
    /// Bytes of framing.
    pub skip: usize,
    /// Bytes of data behind them.
    pub data: usize,
    /// The body is complete then.
    pub ends: bool,
}

impl Left {
    /// Takes what is not empty as the next bytes; `most` bytes of data are taken of chunks.
    pub fn part(&mut self, bytes: &[u8], most: u64) -> Result<Part, Problem> {
        Ok(match self {
            Self::Sized(left) => {
                let data = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= data as u64;
                Part { skip: 0, data, ends: *left == 0 }
            }
            Self::Chunked(chunked) => match chunked.step(bytes, most)? {
                Step::More => Part { skip: bytes.len(), data: 0, ends: false },
                Step::Data { skip, len } => Part { skip, data: len, ends: false },
                Step::End { skip } => Part { skip, data: 0, ends: true },
            },
            Self::Raw => Part { skip: 0, data: bytes.len(), ends: false },
        })
    }
}

/// Takes what belongs to the body, `most` bytes of it; whether it is complete.
///
/// A buffer is kept only where the body ends in it: otherwise senders that dawdle would hold all
/// buffers of the pool. Where buffers are scarce, none is.
pub(crate) fn collect(
    exchange: &mut Exchange,
    left: &mut Left,
    input: &mut Input,
    patience: &mut Patience,
    most: u64,
    shared: &Shared,
) -> Result<bool, Problem> {
    let body = exchange.collected();
    while !input.is_empty() {
        let Part { skip, data, ends } = left.part(input.bytes(), most)?;
        body.claim(data, shared.limits.bodies)?;
        // Chunks end with framing, and are copied.
        let keeps = ends && data > 0 && !shared.scarce;
        match if keeps { input.take_front(data) } else { None } {
            Some(buf) => body.keep(buf),
            None => {
                body.copy(&input.bytes()[skip..skip + data]);
                input.consume(skip + data);
            }
        }
        patience.got((skip + data) as u64);
        if ends {
            body.close_block();
            return Ok(true);
        }
    }
    Ok(false)
}
