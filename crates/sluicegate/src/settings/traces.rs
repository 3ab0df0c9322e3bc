//! The settings of a net's traces of single flows.

use super::list::{Entry, Target};
use super::{Setting, Value};
use std::time::Duration;

/// The slowest that may be called slow.
const SLOW_MAX: Duration = Duration::from_secs(3600);
/// The fewest that chance may choose: one of so many.
const ONE_IN_MAX: u64 = 1_000_000_000;
/// The most of a class that may be the slowest of a window.
const SLOWEST_MAX: u64 = 64;
/// How short and how long a window may be, and how long it is unless that is set.
const WINDOWS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3600));
const WINDOW: Duration = Duration::from_secs(10);

/// Which single flows a net keeps when they have ended; none unless something is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tracing {
    /// Those that took so long; zero for none.
    pub slow: Duration,
    /// One of so many of those without an answer; 0 for none.
    pub failed: u64,
    /// One of so many of all; 0 for none.
    pub one_in: u64,
    /// So many of each class in a window, the slowest; 0 for none.
    pub slowest: u64,
    /// How long that is.
    pub window: Duration,
}

impl Default for Tracing {
    fn default() -> Self {
        Self { slow: Duration::ZERO, failed: 0, one_in: 0, slowest: 0, window: WINDOW }
    }
}

/// One of these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Slow,
    Failed,
    OneIn,
    Slowest,
    Window,
}

impl Tracing {
    /// Whether any are to be kept.
    pub fn any(&self) -> bool {
        self.slow > Duration::ZERO || [self.failed, self.one_in, self.slowest] != [0; 3]
    }

    pub fn set(&mut self, part: Part, value: Value) {
        match (part, value) {
            (Part::Slow, Value::Time(slow)) => self.slow = slow,
            (Part::Window, Value::Time(window)) => self.window = window,
            (Part::Slow | Part::Window, _) => {}
            (Part::Failed, _) => self.failed = value.count() as u64,
            (Part::OneIn, _) => self.one_in = value.count() as u64,
            (Part::Slowest, _) => self.slowest = value.count() as u64,
        }
    }

    /// The settings, with the values of `now`.
    pub fn entries(&self, now: &Self) -> [Entry; 5] {
        let upto = |n: u64, most| (Value::Count(n), "flows", Value::Count(0), Value::Count(most));
        let flows = |n| upto(n, ONE_IN_MAX);
        let time = |time: Duration, least: Duration, most: Duration| {
            (Value::Time(time), "us", least.into(), most.into())
        };
        let entry = |name, part, doc, (default, unit, least, most), value| {
            let path = format!("traces.{name}");
            let setting = Setting { path, doc, unit, least, most, default, value, live: true };
            Entry { setting, target: Target::Traces(part) }
        };
        [
            entry(
                "slow",
                Part::Slow,
                "Keeps the paths of flows that took so long or longer; 0: of none.",
                time(self.slow, Duration::ZERO, SLOW_MAX),
                now.slow.into(),
            ),
            entry(
                "failed",
                Part::Failed,
                "Keeps the path of one of so many flows that ended without an answer; 0: of none.",
                flows(self.failed),
                Value::Count(now.failed),
            ),
            entry(
                "one_in",
                Part::OneIn,
                "Keeps the path of one of so many flows, by chance; 0: of none.",
                flows(self.one_in),
                Value::Count(now.one_in),
            ),
            entry(
                "slowest",
                Part::Slowest,
                "Keeps the paths of so many flows of each class in each window, the slowest of \
                 those that were answered; 0: of none.",
                upto(self.slowest, SLOWEST_MAX),
                Value::Count(now.slowest),
            ),
            entry(
                "window",
                Part::Window,
                "The time of which the slowest flows are kept; they are told when it is over.",
                time(self.window, WINDOWS.0, WINDOWS.1),
                now.window.into(),
            ),
        ]
    }
}
