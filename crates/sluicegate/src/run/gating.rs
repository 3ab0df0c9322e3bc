//! The order of stages around gates: what leads to one goes before the stage behind it, or the work
//! would wait where nothing is refused; but only for a while.

use crate::run::Ready;
use crate::time::Time;
use std::time::Duration;

/// How long stages without a gate go before those behind one, at least: as long as a batch of cheap
/// events may take. It is as long as the last batch did, so that a flood at the gate costs at most
/// half of the worker.
const BETWEEN: Duration = Duration::from_micros(500);

/// How long what leads to a gate may run until the machine is looked at again, before the stage
/// behind it: what came meanwhile would else wait for a whole batch of that.
const STALE: Duration = Duration::from_micros(100);

/// What a worker knows of the gates among its replicas.
pub(crate) struct Gating {
    /// Bits of the replicas whose inlets have gates, and of those without one that lead to one.
    gated: u64,
    feeding: u64,
    /// When one with a gate last ran, and how long the others may go before the next does.
    passed: Time,
    between: Duration,
    /// Until when those that lead to one go first, and how long the others without a gate ran
    /// since.
    fed: Time,
    behind: Duration,
    /// How long what leads to a gate ran since the machine was looked at.
    stale: Duration,
}

impl Gating {
    pub fn new(gated: u64, feeding: u64) -> Self {
        Self {
            gated,
            feeding,
            passed: Time(0),
            between: BETWEEN,
            fed: Time(0),
            behind: Duration::ZERO,
            stale: Duration::ZERO,
        }
    }

    /// The replicas with gates.
    pub fn gated(&self) -> Ready {
        Ready(self.gated)
    }

    pub fn is_gated(&self, n: usize) -> bool {
        self.gated & 1 << n != 0
    }

    /// The machine was looked at.
    pub fn looked(&mut self) {
        self.stale = Duration::ZERO;
    }

    /// Whether to look at the machine before one of these runs: only those with gates are left.
    pub fn is_stale(&self, ready: Ready) -> bool {
        ready.0 & !self.gated == 0 && self.stale >= STALE
    }

    /// A replica ran for so long, until `now`.
    pub fn ran(&mut self, n: usize, time: Duration, now: Time) {
        if self.gated == 0 {
            return;
        }
        if self.is_gated(n) {
            (self.passed, self.between) = (now, time.max(BETWEEN));
        } else if self.feeding & 1 << n == 0 {
            self.behind += time;
        } else {
            self.stale += time;
        }
    }

    /// Those among which the policy chooses: what leads to a gate goes before the stage behind it.
    /// But only for a while, or a flood at the gate would keep everything from going through. It
    /// also goes for as long before what is behind the gate, each time that has run for so long:
    /// dear work there blinds the gate too.
    pub fn before(&mut self, ready: Ready, now: Time) -> Ready {
        let feeding = ready.0 & self.feeding;
        if feeding != 0 && self.behind >= BETWEEN {
            (self.behind, self.fed) = (Duration::ZERO, now + BETWEEN);
        }
        if feeding != 0 && now < self.fed {
            return Ready(feeding);
        }
        let (gated, others) = (ready.0 & self.gated, ready.0 & !self.gated);
        if gated == 0 || others == 0 {
            ready
        } else if now.since(self.passed) < self.between {
            Ready(others)
        } else {
            Ready(gated)
        }
    }
}
