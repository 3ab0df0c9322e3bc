//! A reading of how much of a resource is used, and its level: one place writes it, everybody reads
//! it, and stages hear when the level changes.

use crate::run::{Mailbox, NEWS};
use crate::sync::{AtomicU8, AtomicU64, Mutex, MutexGuard};
use std::sync::atomic::{Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, Weak};

/// A level that was reached is left when so much less than its threshold is used.
const EASE: f64 = 0.1;

/// How short a resource is.
///
/// ```
/// use sluicegate::Level;
///
/// assert!(Level::Calm < Level::Pressed && Level::Pressed < Level::Short);
/// assert_eq!(Level::ALL.map(Level::name), ["calm", "pressed", "short"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is enough, or nothing is known of it.
    #[default]
    Calm,
    /// It is about to run short: what can be done without had better be.
    Pressed,
    /// There is next to none.
    Short,
}

impl Level {
    /// All of them, in this order.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Pressed, Self::Short];

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Pressed => "pressed",
            Self::Short => "short",
        }
    }
}

/// From what use on a resource is at a [`Level`]. The level is left when a tenth less than its
/// threshold is used, so that a reading that swings about that changes nothing.
///
/// ```
/// use sluicegate::{Gauge, Level, Levels};
///
/// let disk = Gauge::new("disk");
/// disk.set_levels(Levels { pressed: 0.5, short: 0.9 });
/// disk.set(Some(0.6));
/// assert_eq!(disk.level(), Level::Pressed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// The use from which on it is [pressed](Level::Pressed).
    pub pressed: f64,
    /// The use from which on it is [short](Level::Short), whatever the other says.
    pub short: f64,
}

impl Default for Levels {
    fn default() -> Self {
        Self { pressed: 0.85, short: 0.95 }
    }
}

impl Levels {
    /// The level after `before` of which so much is used.
    fn after(self, before: Level, used: Option<f64>) -> Level {
        let Some(used) = used else { return Level::Calm };
        let at = |threshold: f64, level: Level| {
            used >= if before >= level { threshold * (1.0 - EASE) } else { threshold }
        };
        match (at(self.short, Level::Short), at(self.pressed, Level::Pressed)) {
            (true, _) => Level::Short,
            (_, true) => Level::Pressed,
            _ => Level::Calm,
        }
    }
}

/// How much of a resource's budget is used: 0 is nothing, 1 all of it, and more is too much.
///
/// It knows nothing of the resource: who watches that, writes it now and then; laws such as
/// [`Headroom`](crate::Headroom) read it at their ticks, and stages that
/// [hear](crate::Spec::hear_level) of it are told when its [level](Gauge::level) changes. Where
/// nobody could read the resource, the gauge says nothing, and the level is calm.
///
/// ```
/// use sluicegate::{Gauge, Level};
///
/// let memory = Gauge::new("memory");
/// memory.set(Some(0.4));
/// assert_eq!((memory.name(), memory.used()), ("memory", Some(0.4)));
/// memory.set(Some(0.86));
/// assert_eq!(memory.level(), Level::Pressed);
/// memory.set(Some(0.84));
/// assert_eq!(memory.level(), Level::Pressed, "until a tenth less than the threshold is used");
/// memory.set(Some(0.76));
/// assert_eq!(memory.level(), Level::Calm);
/// ```
#[derive(Debug)]
pub struct Gauge {
    name: &'static str,
    /// The bits of an `f64`; not a number where nothing is known.
    used: AtomicU64,
    /// A place in [`Level::ALL`].
    level: AtomicU8,
    kept: Mutex<Kept>,
}

/// What is looked at when the gauge is set.
#[derive(Debug, Default)]
struct Kept {
    levels: Levels,
    /// Workers that are told of another level. A gauge may outlive their net.
    listeners: Vec<Weak<Mailbox>>,
}

impl Gauge {
    /// For the resource `name`, of which nothing is known yet.
    pub fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            used: AtomicU64::new(f64::NAN.to_bits()),
            level: AtomicU8::new(0),
            kept: Mutex::default(),
        })
    }

    /// The resource, which is also the name of laws that go by it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Says how much is used, or that it could not be read. What is not a number is no reading.
    /// Where the level is another one now, workers are woken whose stages hear of it.
    pub fn set(&self, used: Option<f64>) {
        let used = used.filter(|used| !used.is_nan());
        // A reading is rare: laws and stages take no lock. Under it, so that of two who set at once
        // the level is that of whose reading stays.
        let mut kept = self.kept();
        self.used.store(used.unwrap_or(f64::NAN).to_bits(), Relaxed);
        let before = self.level();
        let level = kept.levels.after(before, used);
        if level != before {
            self.level.store(level as u8, SeqCst);
            kept.listeners.retain(|worker| {
                let worker = worker.upgrade();
                worker.inspect(|worker| worker.notify(NEWS)).is_some()
            });
        }
    }

    /// How much was used at the last reading, if that is known.
    pub fn used(&self) -> Option<f64> {
        let used = f64::from_bits(self.used.load(Relaxed));
        (!used.is_nan()).then_some(used)
    }

    /// How short it was at the last reading.
    pub fn level(&self) -> Level {
        Level::ALL[usize::from(self.level.load(SeqCst))]
    }

    /// Has the next readings be held against other thresholds; see [`Levels::default`] for those
    /// that hold until then.
    pub fn set_levels(&self, levels: Levels) {
        self.kept().levels = levels;
    }

    /// The thresholds.
    pub fn levels(&self) -> Levels {
        self.kept().levels
    }

    /// Has a worker be told of another level.
    pub(crate) fn listen(&self, worker: &Arc<Mailbox>) {
        let mut kept = self.kept();
        kept.listeners.retain(|known| known.strong_count() > 0);
        if !kept.listeners.iter().any(|known| Weak::as_ptr(known) == Arc::as_ptr(worker)) {
            kept.listeners.push(Arc::downgrade(worker));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn readings() -> impl Strategy<Value = Vec<Option<f64>>> {
        prop::collection::vec(prop::option::of(0.0..1.5_f64), 1..60)
    }

    proptest! {
        /// A level is reached at its threshold and left a tenth below; between the two nothing
        /// changes, however the reading swings.
        #[test]
        fn a_level_changes_at_thresholds_alone(
            all in readings(),
            pressed in 0.05..1.0_f64,
            more in 0.0..0.5_f64,
        ) {
            let gauge = Gauge::new("x");
            let short = pressed + more;
            gauge.set_levels(Levels { pressed, short });
            for used in all {
                let before = gauge.level();
                gauge.set(used);
                let level = gauge.level();
                let Some(used) = used else {
                    prop_assert_eq!(level, Level::Calm);
                    continue;
                };
                if level > before {
                    let reached = if level == Level::Short { short } else { pressed };
                    prop_assert!(used >= reached);
                }
                if level < before {
                    let left = if before == Level::Short { short } else { pressed };
                    prop_assert!(used < left * 0.9 + 1e-12);
                }
                prop_assert!(used < short || level == Level::Short);
                prop_assert!(used < pressed || level >= Level::Pressed);
                prop_assert!(used >= pressed * 0.9 || level == Level::Calm || used >= short * 0.9);
            }
        }
    }

    #[test]
    fn what_is_no_number_is_no_reading() {
        let gauge = Gauge::new("x");
        gauge.set(Some(2.0));
        assert_eq!(gauge.level(), Level::Short);
        gauge.set(Some(f64::NAN));
        assert_eq!((gauge.used(), gauge.level()), (None, Level::Calm));
        let names = Level::ALL.map(Level::name);
        assert_eq!(names, ["calm", "pressed", "short"]);
    }
}
