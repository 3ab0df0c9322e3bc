//! Takes heads off the input: in place where one came whole, else gathered piece by piece.

use crate::exchange::Exchange;
use crate::limits::{HEAD_MAX, Limits};
use crate::line::check_line;
use crate::machine::input::Input;
use crate::machine::scan::{Found, Scan};
use crate::machine::shared::Shared;
use crate::status::Problem;

/// A head that is not complete yet: nothing, for a connection that waits or whose heads come whole.
#[derive(Debug, Default)]
pub(crate) struct Reader(Option<Box<Partial>>);

#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    scan: Scan,
}

impl Reader {
    /// Whether no byte of a head was read.
    pub fn is_fresh(&self) -> bool {
        self.0.as_ref().is_none_or(|partial| partial.scan.is_fresh())
    }

    /// Bytes of the head so far.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |partial| partial.bytes.len())
    }

    /// An exchange with the next head, or `None` when all input was used up before its end.
    pub fn read(
        &mut self,
        input: &mut Input,
        shared: &mut Shared,
    ) -> Result<Option<Exchange>, Problem> {
        if self.is_fresh() && !matches!(input.bytes(), [b'\r' | b'\n', ..]) {
            let mut exchange = shared.take();
            // What is not plainly a whole head is looked at more closely below, so that what is
            // said of it does not depend on how the bytes were split.
            if let Ok(Some(len)) = exchange.head_mut().take_from(input.bytes(), &shared.limits) {
                input.consume(len);
                self.0 = None;
                return Ok(Some(exchange));
            }
            shared.recycle(exchange);
        }
        let partial = self.0.get_or_insert_default();
        if !partial.gather(input, &shared.limits)? {
            return Ok(None);
        }
        let mut exchange = shared.take();
        let taken = exchange.head_mut().take_from(&partial.bytes, &shared.limits);
        self.0 = None;
        match taken {
            Ok(Some(_)) => Ok(Some(exchange)),
            Ok(None) => Err(Problem::bad("the head is not understood")),
            Err(problem) => Err(problem),
        }
    }
}

impl Partial {
    /// Moves bytes from the input in here, up to the end of the head; whether it is there.
    fn gather(&mut self, input: &mut Input, limits: &Limits) -> Result<bool, Problem> {
        while !input.is_empty() {
            let before = self.bytes.len();
            // One more than fits, so that the scan sees that there is more.
            let room = (limits.head.min(HEAD_MAX) + 1).saturating_sub(before);
            let n = input.bytes().len().min(room);
            self.bytes.extend_from_slice(&input.bytes()[..n]);
            loop {
                match self.scan.advance(&self.bytes, limits)? {
                    Found::FirstLine(len) => check_line(&self.bytes[..len])?,
                    Found::More => {
                        input.consume(n);
                        break;
                    }
                    Found::Empty(len) => {
                        self.bytes.clear();
                        input.consume(len - before);
                        break;
                    }
                    Found::End(len) => {
                        self.bytes.truncate(len);
                        input.consume(len - before);
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}
