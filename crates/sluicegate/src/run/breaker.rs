//! The breaker of a replica: opens when it panics again and again.

use crate::time::Time;
use std::time::Duration;

/// Panics in a row, with nothing handled between them, after which the breaker opens.
const PANICS_IN_A_ROW: u32 = 16;
/// How long it stays open.
const OPEN_FOR: Duration = Duration::from_secs(1);

/// Counts panics that follow each other.
#[derive(Default)]
pub(crate) struct Breaker {
    in_a_row: u32,
    open_until: Time,
}

impl Breaker {
    /// The replica panicked; whether that opened the breaker.
    pub fn panicked(&mut self, now: Time) -> bool {
        self.in_a_row += 1;
        let opens = self.in_a_row >= PANICS_IN_A_ROW;
        if opens {
            self.in_a_row = 0;
            self.open_until = now + OPEN_FOR;
        }
        opens
    }

    /// The replica handled something.
    pub fn worked(&mut self) {
        self.in_a_row = 0;
    }

    pub fn is_open(&self, now: Time) -> bool {
        self.open_until > now
    }
}
