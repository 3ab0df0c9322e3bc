//! When a worker rests: where most of what comes is refused, it looks at the outside a little later
//! and takes many at once.
//!
//! To wake for each request costs several times what its refusal does, and takes the processor from
//! the threads that handle what was admitted. Whoever is refused waits as long as a rest takes; so
//! does all else that comes to the worker, for a small part of the target.

use std::cell::Cell;
use std::time::Duration;

/// The part of the target of a gate that one rest takes, and the longest rest.
const PART: u32 = 25;
const MAX: Duration = Duration::from_millis(2);

/// How long a worker rests that brings events to a gate with this target. Without one nobody knows
/// how long what is admitted may take.
pub(crate) fn rest_for(target: Option<Duration>) -> Duration {
    target.map_or(Duration::ZERO, |target| (target / PART).min(MAX))
}

/// What became of the events that one worker brought to gates since it last asked for a rest.
#[derive(Default)]
pub(crate) struct Rest {
    refused: Cell<u64>,
    /// The shortest rest of the gates that refused any.
    time: Cell<Duration>,
    /// Flows that had entered on the worker.
    entered: Cell<u64>,
}

impl Rest {
    /// A gate whose rests take so long has refused an event.
    pub fn refused(&self, time: Duration) {
        let before = self.refused.replace(self.refused.get() + 1);
        self.time.set(if before == 0 { time } else { self.time.get().min(time) });
    }

    /// How long to rest now, if at all, where so many flows have `entered` by now.
    pub fn take(&self, entered: u64) -> Option<Duration> {
        let new = entered - self.entered.replace(entered);
        (self.refused.take() * 2 > new).then(|| self.time.take()).filter(|time| !time.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn who_refuses_most_of_what_came_rests_once() {
        let rest = Rest::default();
        assert_eq!(rest.take(10), None);
        rest.refused(ms(2));
        rest.refused(ms(1));
        rest.refused(ms(2));
        assert_eq!(rest.take(15), Some(ms(1)), "by the nearest target");
        assert_eq!(rest.take(15), None, "nobody came");
        rest.refused(ms(2));
        assert_eq!(rest.take(17), None, "half of them passed");
    }

    #[test]
    fn a_rest_is_a_small_part_of_the_target() {
        let rests = [ms(1000), ms(50), ms(5), ms(0)].map(|target| rest_for(Some(target)));
        assert_eq!(rests.map(|rest| rest.as_micros()), [2000, 2000, 200, 0]);
        assert_eq!(rest_for(None), ms(0));
    }
}
