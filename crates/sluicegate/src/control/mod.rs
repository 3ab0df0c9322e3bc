//! Controllers: laws that keep an inlet inside its operating range.
//!
//! A law is sans-I/O: at each tick it sees a [`Sample`] of what the inlet measured and answers with
//! an [`Adjust`], the bounds that the inlet keeps until the next tick. It knows neither queues nor
//! clocks, so that the same code runs in a service, in the simulator and in a plain test. A new
//! law is one file, here or in a service: `examples/own_law.rs` is one, with a run that shows what
//! it does. Where an inlet has several, the strictest bounds rule.
//!
//! What each does at a step of load, drawn by `sluicegate lab laws`, is kept beside the figures in
//! `bench/results/overload/laws-2026-11-30/step-*.svg`, with those of laws that were tried and are
//! dominated.

mod bucket;
mod codel;
mod gate;
mod gauge;
mod gradient2;
mod headroom;
mod laws;
mod level;
mod limit;
mod meter;
mod off;
mod overload;
mod places;
mod quality;
mod seda;
mod seda_multiclass;
mod share;
mod sizing;
mod spread;
mod vegas;

pub use codel::Codel;
pub(crate) use gate::{Asking, Gate, TICK};
pub use gauge::{Gauge, Level, Levels};
pub use gradient2::Gradient2;
pub use headroom::Headroom;
pub use limit::Limit;
pub(crate) use meter::{Served, Was};
pub use off::Off;
pub use overload::Overload;
pub use places::Concurrency;
pub(crate) use places::Places;
pub use seda::Seda;
pub use seda_multiclass::SedaMulticlass;
pub(crate) use sizing::{PoolSample, Sizing};
pub use spread::Spread;
pub use vegas::Vegas;

use crate::settings::OwnSettings;
use crate::time::Time;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What targets may be set to.
const TARGETS: RangeInclusive<Duration> = Duration::from_micros(1)..=Duration::from_secs(3600);

/// A law of admission; each queue has its own, one or several.
///
/// ```
/// use sluicegate::{Adjust, Controller, Sample, Time, bounded, ms};
///
/// /// Lets no more work wait than is done in 20 ms, and tells sources when half of that waits.
/// #[derive(Clone)]
/// struct Short;
///
/// impl Controller for Short {
///     fn name(&self) -> &'static str {
///         "short"
///     }
///
///     fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
///         let pressure = if sample.work > ms(10) { 0.5 } else { 0.0 };
///         Adjust { work: ms(20), pressure, ..Adjust::default() }
///     }
/// }
///
/// let queue = bounded(4096).admit(Short);
/// let mut busy = Sample::default();
/// busy.work = ms(15);
/// assert_eq!(Short.tick(Time(0), &busy).pressure, 0.5);
/// ```
pub trait Controller: Send + 'static {
    /// The law's name in snapshots.
    fn name(&self) -> &'static str;

    /// The time that it keeps to, if it has one.
    fn target(&self) -> Option<Duration> {
        None
    }

    /// Whether it needs [`Sample::classes`]: measured only where a law does, at 40 KiB for each
    /// thread that serves the queue.
    fn tells_classes(&self) -> bool {
        false
    }

    /// Declares what numbers of its own may be changed while it runs, as
    /// `stages.NAME.gate.LAW.SETTING`; what is set counts from the next tick on.
    fn settings(&mut self, _own: &mut OwnSettings<'_>) {}

    /// Says within which bounds the queue shall be until the next tick.
    fn tick(&mut self, now: Time, sample: &Sample) -> Adjust;
}

/// What an inlet measured since the last tick.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sample {
    /// How long ago the last tick was.
    pub span: Duration,
    /// Events that asked to enter.
    pub offered: u64,
    /// Those among them that were refused, and those that were pushed out or dropped later.
    pub refused: u64,
    /// Events that were handled.
    pub served: u64,
    /// What an event costs in its handler: a mean over at least some hundred events.
    pub cost: Duration,
    /// The mean time from one event leaving a queue that is not empty to the next: the cost over
    /// the threads that serve the queue, or more when they have other things to do.
    pub pace: Duration,
    /// Events that wait.
    pub queued: usize,
    /// The queued work: how long what waits will take.
    pub work: Duration,
    /// Events in the hands of handlers.
    pub running: usize,
    /// How long the queue has not been empty.
    pub standing: Duration,
    /// How long the events that were handled had waited in this queue.
    pub waits: Spread,
    /// How long ago the flows of the events that were handled had been born when the handler was
    /// done: SEDA's response time.
    pub responses: Spread,
    /// The same by class: 0 to 8, and all that are higher. Empty unless a law of the inlet
    /// [tells classes](Controller::tells_classes).
    pub classes: Vec<Spread>,
}

/// What a controller sets. By default nothing is bounded.
///
/// ```
/// use sluicegate::{Adjust, ms};
/// use std::time::Duration;
///
/// assert_eq!(Adjust::default().work, Duration::MAX);
/// let strict = Adjust { work: ms(20), share: 0.1, ..Adjust::default() };
/// assert_eq!(strict.events, usize::MAX);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adjust {
    /// The most work that may wait. An empty queue takes an event whatever it costs.
    pub work: Duration,
    /// The most events that may wait or be in the hands of handlers.
    pub events: usize,
    /// The most events that may enter in a second.
    pub rate: f64,
    /// The most events of each class that may enter in a second: 0 to 8, and all that are higher.
    pub class_rates: [f64; Self::CLASSES],
    /// How many may enter at once, where there is a rate.
    pub burst: f64,
    /// The longest that an event may have waited when it is its turn: else it is dropped.
    pub patience: Duration,
    /// Whether what came last is served first.
    pub newest_first: bool,
    /// The share of what is offered, 0 to 1, that should rather be refused upstream, before
    /// anything was done for it; see [`Cx::pressure`](crate::Cx::pressure).
    pub pressure: f64,
    /// The share of what asks to enter, 0 to 1, that is refused here whatever waits: the least
    /// important classes first.
    pub share: f64,
    /// How well the handlers behind the queue should do their work, 0 to 1, so that less has to be
    /// refused; see [`Cx::quality`](crate::Cx::quality).
    pub quality: f64,
    /// What was compared with the target.
    pub measured: Option<Duration>,
}

impl Default for Adjust {
    fn default() -> Self {
        Self {
            work: Duration::MAX,
            events: usize::MAX,
            rate: f64::INFINITY,
            class_rates: [f64::INFINITY; Self::CLASSES],
            burst: 1.0,
            patience: Duration::MAX,
            newest_first: false,
            pressure: 0.0,
            share: 0.0,
            quality: 1.0,
            measured: None,
        }
    }
}

impl Adjust {
    /// Classes that have rates and figures of their own, from 0 on; what is of a higher class
    /// counts as of the last. As many as in SEDA's released code.
    pub const CLASSES: usize = 10;

    /// The place of a class in what is told by class.
    fn place(class: u8) -> usize {
        usize::from(class).min(Self::CLASSES - 1)
    }

    fn has_rate(&self) -> bool {
        self.class_rates.iter().any(|rate| rate.is_finite()) || self.rate.is_finite()
    }

    /// The stricter of both for each bound. A burst counts only where there is a rate; what was
    /// measured is told by the first that measured anything.
    pub fn strictest(self, other: Self) -> Self {
        Self {
            work: self.work.min(other.work),
            events: self.events.min(other.events),
            rate: self.rate.min(other.rate),
            class_rates: std::array::from_fn(|n| self.class_rates[n].min(other.class_rates[n])),
            burst: match (self.has_rate(), other.has_rate()) {
                (true, false) => self.burst,
                (false, true) => other.burst,
                _ => self.burst.min(other.burst),
            },
            patience: self.patience.min(other.patience),
            newest_first: self.newest_first || other.newest_first,
            pressure: self.pressure.max(other.pressure),
            share: self.share.max(other.share),
            quality: self.quality.min(other.quality),
            measured: self.measured.or(other.measured),
        }
    }
}
