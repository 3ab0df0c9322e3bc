//! What each worker runs at the moment, for those who look from outside while a handler hangs.
//!
//! One number a worker, which it alone writes, by a plain store a run: neither a lock nor an
//! exchange.

use crate::observe::Count;
use crate::time::Time;
use std::time::Duration;

/// The bits of the place of a stage in its domain; the others are of the time. 2^58 ns are nine
/// years, after which times begin anew.
const CELL_BITS: u32 = 6;

/// What one worker runs, and since when; 0 while it runs no handler. On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Current(Count);

/// A run that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Differs from that of the run before.
    pub number: u64,
    /// The place of the stage in its domain.
    pub cell: usize,
    pub lasted: Duration,
}

impl Current {
    /// The handler in place `cell` is called.
    pub fn set(&self, cell: usize, now: Time) {
        // Places are below 63, so that none makes it 0.
        self.0.set((now.0 << CELL_BITS) | (cell as u64 + 1));
    }

    /// No handler runs.
    pub fn clear(&self) {
        self.0.set(0);
    }

    /// What runs, if anything does.
    pub fn get(&self, now: Time) -> Option<Run> {
        let number = self.0.get();
        let cell = (number & ((1 << CELL_BITS) - 1)).checked_sub(1)?;
        // The worker may have read the clock after who asks: such a run has just begun.
        let began = number & !((1 << CELL_BITS) - 1);
        let lasted = ((now.0 << CELL_BITS).wrapping_sub(began) as i64 >> CELL_BITS).max(0);
        Some(Run { number, cell: cell as usize, lasted: Duration::from_nanos(lasted as u64) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn what_runs_is_told_with_its_time() {
        let current = Current::default();
        assert_eq!(current.get(Time(0) + ms(5)), None);
        for cell in [0, 62] {
            current.set(cell, Time(0) + ms(5));
            let run = current.get(Time(0) + ms(9)).unwrap();
            assert_eq!((run.cell, run.lasted), (cell, ms(4)));
            let early = current.get(Time(0) + ms(3)).unwrap();
            assert_eq!((early.number, early.lasted), (run.number, ms(0)));
        }
        let end = Time((1 << 58) - 1);
        current.set(7, end);
        assert_eq!(current.get(end + ms(2)).unwrap().lasted, ms(2));
        current.clear();
        assert_eq!(current.get(end), None);
    }
}
