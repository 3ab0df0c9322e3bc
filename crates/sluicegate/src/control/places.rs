//! How many are served at once by those who do not keep their thread meanwhile, and by how many
//! they go: calls of a service, tasks of an async stage.

use super::{PoolSample, Sizing, TICK};
use crate::time::{Time, nanos};
use std::ops::RangeInclusive;
use std::time::Duration;

/// What the means of held and used time take on of each that was served.
const NEWS: f64 = 1.0 / 32.0;

/// How many may be served at once: `4`, or as many of `4..=64` as help. Zero is taken to be one.
///
/// Of a range the least come first. While more wait there are more, as long as more are served in a
/// second by them, and fewer where fewer serve as many. The law is that of a
/// [pool](crate::Net::domain), but that a place which nobody needs costs nothing and stays.
///
/// ```
/// use sluicegate::{AsyncCx, Concurrency, Event, from_async_fn, ms, stage};
///
/// let places = Concurrency::from(8..=256).starting_at(32);
/// let slow = stage("slow", move || {
///     from_async_fn(places.clone(), async |event: Event<u32>, cx: AsyncCx| {
///         cx.sleep(ms(20)).await;
///         event
///     })
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrency {
    range: RangeInclusive<usize>,
    start: usize,
}

impl Concurrency {
    /// Begins with so many, within the range, instead of the least.
    pub fn starting_at(self, places: usize) -> Self {
        Self { start: places.clamp(*self.range.start(), *self.range.end()), ..self }
    }

    /// The most of them, whether they help or not.
    pub(crate) fn most(self) -> Self {
        Self::from(*self.range.end())
    }
}

impl From<usize> for Concurrency {
    fn from(places: usize) -> Self {
        Self::from(places..=places)
    }
}

impl From<RangeInclusive<usize>> for Concurrency {
    fn from(range: RangeInclusive<usize>) -> Self {
        let least = (*range.start()).max(1);
        Self { range: least..=(*range.end()).max(least), start: least }
    }
}

/// The places of one server, those that are taken, and what their holders use of threads.
pub(crate) struct Places {
    sizing: Sizing,
    threads: usize,
    running: usize,
    /// Nanoseconds with a place, and of a thread: of the last ones, older ones count less. All that
    /// are served at once share the threads.
    held: f64,
    used: f64,
    /// The last tick, and how many had been served by then and since.
    ticked: Time,
    served: u64,
    /// Whether one waited for nothing but a place since the last tick.
    full: bool,
}

impl Places {
    /// As many as these, of so many threads.
    pub fn new(places: Concurrency, threads: usize) -> Self {
        let Concurrency { range, start } = places;
        Self {
            sizing: Sizing::new(range).starting_at(start),
            threads,
            running: 0,
            held: 0.0,
            used: 0.0,
            ticked: Time(0),
            served: 0,
            full: false,
        }
    }

    /// Sets how many there are, from now on.
    pub fn set(&mut self, places: Concurrency) {
        self.sizing = Sizing::new(places.range).starting_at(places.start);
    }

    /// Says how many threads serve.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads.max(1);
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.sizing.threads()
    }

    pub fn running(&self) -> usize {
        self.running
    }

    /// How many more may be served now.
    pub fn room(&self) -> usize {
        self.all().saturating_sub(self.running)
    }

    /// Takes one.
    pub fn take(&mut self) {
        self.running += 1;
    }

    /// Gives one back that was held for so long, of which a thread was used for so long.
    pub fn give_back(&mut self, held: Duration, used: Duration) {
        self.running -= 1;
        self.served += 1;
        self.held += NEWS * (nanos(held) as f64 - self.held);
        self.used += NEWS * (nanos(used) as f64 - self.used);
    }

    /// One waits though nothing but a place is wanted.
    pub fn missed(&mut self) {
        self.full = true;
    }

    /// How many can be served at once: as many as threads for those that only compute, more for
    /// those that wait meanwhile.
    pub fn servers(&self) -> usize {
        let servers = (self.threads as f64 * self.held / self.used.max(1.0)).ceil();
        (servers as usize).clamp(self.threads.min(self.all()), self.all())
    }

    /// How many of those that wait find a server that is free.
    pub fn free(&self) -> usize {
        self.servers().saturating_sub(self.running)
    }

    /// Has the law look, if it is time, where so many wait.
    pub fn tick(&mut self, now: Time, waiting: usize) {
        let span = now.since(self.ticked);
        if span < TICK {
            return;
        }
        self.full |= waiting > 0 && self.room() == 0;
        let sample = PoolSample {
            span,
            served: std::mem::take(&mut self.served),
            // A place costs nothing while nobody has it: none is taken away for that.
            working: self.all(),
            busy: Duration::ZERO,
            stands: std::mem::take(&mut self.full),
        };
        self.ticked = now;
        self.sizing.tick(&sample);
    }
}
