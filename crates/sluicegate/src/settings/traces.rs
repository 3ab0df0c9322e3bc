//! The settings of a net's traces of single flows.

use super::list::{Entry, Target};
use super::{Setting, Value};
use std::time::Duration;

/// The slowest that may be called slow.
const SLOW_MAX: Duration = Duration::from_secs(3600);
/// The fewest that chance may choose: one of so many.
const ONE_IN_MAX: u64 = 1_000_000_000;

/// Which single flows a net keeps when they have ended; none unless something is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tracing {
    /// Those that took so long; zero for none.
    pub slow: Duration,
    /// One of so many of those without an answer; 0 for none.
    pub failed: u64,
    /// One of so many of all; 0 for none.
    pub one_in: u64,
}

/// One of these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Slow,
    Failed,
    OneIn,
}

impl Tracing {
    pub fn set(&mut self, part: Part, value: Value) {
        match (part, value) {
            (Part::Slow, Value::Time(slow)) => self.slow = slow,
            (Part::Slow, _) => {}
            (Part::Failed, _) => self.failed = value.count() as u64,
            (Part::OneIn, _) => self.one_in = value.count() as u64,
        }
    }

    /// The settings, with the values of `now`.
    pub fn entries(&self, now: &Self) -> [Entry; 3] {
        let flows = |n: u64| (Value::Count(n), "flows", Value::Count(0), Value::Count(ONE_IN_MAX));
        let time = |time| (Value::Time(time), "us", Value::Time(Duration::ZERO), SLOW_MAX.into());
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
                time(self.slow),
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
        ]
    }
}
