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
}

/// Takes what belongs to the body; whether it is complete.
///
/// A buffer is kept only where the body ends in it: otherwise senders that dawdle would hold all
/// buffers of the pool. Where buffers are scarce, none is.
pub(crate) fn collect(
    exchange: &mut Exchange,
    left: &mut Left,
    input: &mut Input,
    patience: &mut Patience,
    shared: &Shared,
) -> Result<bool, Problem> {
    let (body, limits) = (exchange.collected(), &shared.limits);
    while !input.is_empty() {
        let bytes = input.bytes();
        let n = match left {
            Left::Sized(left) => {
                let n = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                body.claim(n, limits.bodies)?;
                *left -= n as u64;
                let keeps = *left == 0 && !shared.scarce;
                let ends_here = if keeps { input.take_front(n) } else { None };
                match ends_here {
                    Some(buf) => body.keep(buf),
                    None => {
                        body.copy(&input.bytes()[..n]);
                        input.consume(n);
                    }
                }
                patience.got(n as u64);
                if *left == 0 {
                    body.close_block();
                    return Ok(true);
                }
                continue;
            }
            Left::Chunked(chunked) => match chunked.step(bytes, limits)? {
                Step::More => bytes.len(),
                Step::Data { skip, len } => {
                    body.claim(len, limits.bodies)?;
                    body.copy(&bytes[skip..skip + len]);
                    skip + len
                }
                Step::End { skip } => {
                    input.consume(skip);
                    body.close_block();
                    return Ok(true);
                }
            },
        };
        input.consume(n);
        patience.got(n as u64);
    }
    Ok(false)
}
