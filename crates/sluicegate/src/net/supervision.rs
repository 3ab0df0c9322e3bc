//! What becomes of a stage whose handler panics again and again: its limits, and its breaker.

use std::time::Duration;

/// Panics in a row after which the breaker opens, unless declared otherwise.
const IN_A_ROW: u32 = 16;
/// How long it stays open, unless declared otherwise.
const OPEN_FOR: Duration = Duration::from_secs(1);

/// How a stage is supervised, for [`Spec::supervise`](crate::Spec::supervise).
///
/// A panic costs the event in hand and the flows that the replica held; the replica is
/// built anew and goes on. When it panics more often than it may, the *breaker* of its queue opens:
/// events of new work are refused as [`Why::Broken`](crate::Why::Broken) before they cost, while
/// answers, flags, timers and ends of flows are still heard. After a time one event is
/// tried. If that is handled, the breaker closes; if its handler panics too, it stays open for as
/// long again.
///
/// Unless declared otherwise it opens after 16 panics with nothing handled between, for a
/// second: so events that some clients make poisonous do not close the stage to others.
///
/// In a pinned domain each replica has a queue and a breaker of its own; the replicas of a pool
/// share both. [`StageView`](crate::StageView) counts panics, how often breakers opened, and how
/// many are open.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, Sim, Supervision, Why, from_fn, ms, stage};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
///
/// let down = Arc::new(AtomicBool::new(true));
/// let database = Arc::clone(&down);
/// let ask = move || {
///     let down = Arc::clone(&database);
///     from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         for event in batch {
///             assert!(!down.load(Relaxed), "the database is down");
///             event.split().0.finish();
///         }
///     })
/// };
/// let mut net = Net::new("supervised");
/// let cpu = net.domain("cpu").pinned(1);
/// let limits = Supervision::default().restarts(3, ms(10_000)).open_for(ms(500));
/// let ask = net.add(stage("ask", ask).on(cpu).supervise(limits));
/// let entry = net.entry(ask.inlet);
///
/// let mut sim = Sim::new(net, 1)?;
/// (0..10).for_each(|n| entry.send(n).expect("there is room"));
/// assert!(sim.settle(1000));
/// let ended = sim.ledger().ended;
/// assert_eq!((ended[Why::Failed], ended[Why::Broken]), (4, 6));
///
/// down.store(false, Relaxed);
/// assert!(sim.run_for(ms(500), 1000));
/// (0..10).for_each(|n| entry.send(n).expect("there is room"));
/// assert!(sim.settle(1000));
/// assert_eq!(sim.ledger().finished, 10, "one was tried, then the others");
/// # Ok::<(), sluicegate::StartError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Supervision {
    pub(crate) in_a_row: u32,
    /// The most restarts, and the time in which they count.
    pub(crate) restarts: Option<(u32, Duration)>,
    pub(crate) open_for: Duration,
    pub(crate) stops: bool,
    pub(crate) diverts: bool,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            in_a_row: IN_A_ROW,
            restarts: None,
            open_for: OPEN_FOR,
            stops: false,
            diverts: false,
        }
    }
}

impl Supervision {
    /// How many panics of the handler in a row, with nothing handled between, are too many; 16
    /// unless declared.
    pub fn in_a_row(mut self, panics: u32) -> Self {
        self.in_a_row = panics;
        self
    }

    /// How often a replica may be built anew `within` this time, whatever panicked in it:
    /// one more is too many, and 0 allows none. No limit unless declared. Futures of an
    /// async stage count too, though their panics cost no replica.
    pub fn restarts(mut self, most: u32, within: Duration) -> Self {
        self.restarts = Some((most, within));
        self
    }

    /// How long the breaker stays open before an event is tried; a second unless declared.
    pub fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }

    /// While the breaker is open, sends events as [letters](crate::Letter) instead of refusing
    /// them, with their bodies as they came. The stage must have a wire for letters.
    pub fn divert(mut self) -> Self {
        self.diverts = true;
        self
    }

    /// Stops the whole net where the breaker would open: [`Running::wait`](crate::Running::wait)
    /// and [`Running::stopped`](crate::Running::stopped) tell which stage did it. For stages
    /// without which the net is worth nothing. What is in flight ends as
    /// [`Why::Draining`](crate::Why::Draining).
    pub fn stop_net(mut self) -> Self {
        self.stops = true;
        self
    }
}
