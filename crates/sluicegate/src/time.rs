//! Time as the kernel sees it: nanoseconds since the net's clock started, read only in `run`.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Nanoseconds in a second.
const NANOS: u64 = 1_000_000_000;

/// A point in time, in nanoseconds since the clock of the net started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// The time since `earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        let nanos =
            later.as_secs().saturating_mul(NANOS).saturating_add(later.subsec_nanos().into());
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// Where a worker reads the time: the machine's monotonic clock, or the simulator's.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Nanoseconds since this instant.
    Real(Instant),
    /// Virtual time, moved by [`VirtualTime`].
    Virtual(VirtualTime),
}

impl Clock {
    /// A clock that starts now.
    pub fn real() -> Self {
        Self::Real(Instant::now())
    }

    /// The time by this clock.
    pub fn now(&self) -> Time {
        match self {
            // 2^64 ns are 584 years.
            Self::Real(start) => {
                let since = start.elapsed();
                Time(since.as_secs() * NANOS + u64::from(since.subsec_nanos()))
            }
            Self::Virtual(time) => time.now(),
        }
    }
}

/// The simulator's time: stands still until it is moved.
#[derive(Clone, Debug, Default)]
pub struct VirtualTime(Arc<AtomicU64>);

impl VirtualTime {
    /// The virtual time now.
    pub fn now(&self) -> Time {
        Time(self.0.load(Relaxed))
    }

    /// Moves time on by `by`: what a simulated handler does to cost something.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }

    /// Moves time on to `to`; never back.
    pub fn set(&self, to: Time) {
        self.0.fetch_max(to.0, Relaxed);
    }
}
