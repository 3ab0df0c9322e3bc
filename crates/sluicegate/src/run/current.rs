//! What each worker runs at the moment, for those who look from outside while a handler hangs.
//!
//! One number a worker, which it alone writes, by a plain store a run: neither a lock nor an
//! exchange.

use crate::event::StageId;
use crate::observe::Count;
use crate::time::Time;
use std::time::Duration;

/// The bits of the name of a stage; the others are of the time.
const STAGE_BITS: u32 = 16;
/// A tick of these times: 1.024 us, so that they begin anew after nine years.
const TICK_BITS: u32 = 10;

/// What one worker runs, and since when; 0 while it runs no handler. On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Current(Count);

/// A run that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Differs from that of the run before.
    pub number: u64,
    pub stage: StageId,
    pub lasted: Duration,
}

impl Current {
    /// A handler of the stage is called.
    pub fn set(&self, stage: StageId, now: Time) {
        // The highest names are of no stage, so that none makes it 0.
        self.0.set((now.0 >> TICK_BITS << STAGE_BITS) | (u64::from(stage.0) + 1));
    }

    /// No handler runs.
    pub fn clear(&self) {
        self.0.set(0);
    }

    /// What runs, if anything does.
    pub fn get(&self, now: Time) -> Option<Run> {
        let number = self.0.get();
        let stage = (number & ((1 << STAGE_BITS) - 1)).checked_sub(1)?;
        // The worker may have read the clock after who asks: such a run has just begun.
        let (began, now) = (number >> STAGE_BITS << STAGE_BITS, now.0 >> TICK_BITS << STAGE_BITS);
        let ticks = (now.wrapping_sub(began) as i64 >> STAGE_BITS).max(0);
        let lasted = Duration::from_nanos((ticks as u64) << TICK_BITS);
        Some(Run { number, stage: StageId(stage as u16), lasted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    /// As the ticks have it.
    fn is_about(lasted: Duration, span: Duration) -> bool {
        lasted.abs_diff(span) < Duration::from_micros(2)
    }

    #[test]
    fn what_runs_is_told_with_its_time() {
        let current = Current::default();
        assert_eq!(current.get(Time(0) + ms(5)), None);
        for stage in [StageId(0), StageId(u16::MAX - 9)] {
            current.set(stage, Time(0) + ms(5));
            let run = current.get(Time(0) + ms(9)).unwrap();
            assert!(run.stage == stage && is_about(run.lasted, ms(4)), "{run:?}");
            let early = current.get(Time(0) + ms(3)).unwrap();
            assert_eq!((early.number, early.lasted), (run.number, ms(0)));
        }
        let end = Time((1 << 58) - 1);
        current.set(StageId(7), end);
        assert!(is_about(current.get(end + ms(2)).unwrap().lasted, ms(2)));
        current.clear();
        assert_eq!(current.get(end), None);
    }
}
