//! When a worker rests: where most of what comes is refused, it looks at the outside a little later
//! and takes many at once.
//!
//! To wake for each request costs several times what its refusal does, and takes the processor from
//! the threads that handle what was admitted. Whoever is refused waits as long as a rest takes; so
//! does all else that comes to the worker, for a small part of the target.

use std::cell::Cell;
use std::time::Duration;

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

    /// Whether any was refused since the last rest.
    pub fn is_due(&self) -> bool {
        self.refused.get() > 0
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
}
