//! Time as the kernel sees it: nanoseconds since the net's clock started, read only in `run`.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Nanoseconds in a second.
const NANOS: u64 = 1_000_000_000;

/// A point in time, in nanoseconds since the clock of the net started.
///
/// ```
/// use sluicegate::{Time, ms};
///
/// let later = Time(0) + ms(5);
/// assert_eq!(later, Time(5_000_000));
/// assert_eq!((later.since(Time(0)), Time(0).since(later)), (ms(5), ms(0)));
/// ```
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
///
/// ```
/// use sluicegate::{Clock, Time, VirtualTime, ms};
///
/// let time = VirtualTime::default();
/// let clock = Clock::Virtual(time.clone());
/// time.advance(ms(5));
/// assert_eq!(clock.now(), Time(0) + ms(5));
/// ```
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
///
/// Each worker of a simulation has time of its own to spend: while one is busy, the others go on.
///
/// ```
/// use sluicegate::{VirtualTime, ms};
///
/// let time = VirtualTime::default();
/// let begin = time.now();
/// time.advance(ms(5));
/// assert_eq!(time.now().since(begin), ms(5));
/// ```
#[derive(Clone, Debug, Default)]
pub struct VirtualTime(Arc<Moment>);

#[derive(Debug, Default)]
struct Moment {
    /// The time of all workers.
    common: AtomicU64,
    /// What the running worker has spent beyond it.
    spent: AtomicU64,
}

impl VirtualTime {
    /// The virtual time now, as the running worker sees it.
    pub fn now(&self) -> Time {
        Time(self.0.common.load(Relaxed).saturating_add(self.0.spent.load(Relaxed)))
    }

    /// Moves the time of all workers on by `by`.
    pub fn advance(&self, by: Duration) {
        self.set(Time(self.0.common.load(Relaxed)) + by);
    }

    /// Keeps the running worker busy for `by`: what a simulated handler does to cost something.
    /// The others go on meanwhile; they see what the worker emits in this batch at once.
    pub fn spend(&self, by: Duration) {
        self.0.spent.fetch_add(nanos(by), Relaxed);
    }

    /// Moves the time of all workers on to `to`; never back.
    pub fn set(&self, to: Time) {
        self.0.common.fetch_max(to.0, Relaxed);
    }

    /// Forgets what the running worker spent: another one is to run.
    pub(crate) fn switch(&self) {
        self.0.spent.store(0, Relaxed);
    }
}

/// `n` milliseconds.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(sluicegate::ms(1500), Duration::new(1, 500_000_000));
/// ```
pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A span in nanoseconds.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
