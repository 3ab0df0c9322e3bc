//! What goes wrong in a simulation: a plan of troubles, written by hand or drawn from a seed.

use crate::net::{Kind, Net};
use crate::sim::Random;
use crate::time::Time;
use std::fmt;
use std::time::Duration;

/// Batches among which drawn troubles begin: small nets are at rest after a few hundred.
const BATCHES: usize = 300;

/// What can go wrong. Stages and domains go by name, workers by their number in the domain.
///
/// A slow disk is a slow stage of the pool that reads it; a peer that is lost is the business of
/// the simulated machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A handler of a stage, on whichever worker, panics with an event in hand.
    Panic {
        /// The stage.
        stage: String,
        /// How many events are handled before.
        after: usize,
    },
    /// A worker does nothing for a while, as when the system gives it no processor.
    Stall {
        /// The worker's domain.
        domain: String,
        /// Its number there.
        worker: usize,
        /// For how long.
        lasts: Duration,
    },
    /// The events of a stage cost more for a while, on all workers.
    Slow {
        /// The stage.
        stage: String,
        /// What each costs beside what it does already.
        by: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// The queues of a stage have no room for a while: whatever place is free is taken.
    Full {
        /// The stage.
        stage: String,
        /// For how long.
        lasts: Duration,
    },
    /// A thread of a pool never comes back, from the time on when it next is on duty and holds
    /// nothing. The last one that lives of a pool is spared.
    Dead {
        /// The pool.
        domain: String,
        /// The thread's number in it.
        worker: usize,
    },
}

/// When a trouble begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// Before this batch of the simulation: where handlers cost nothing, time stands still.
    Batch(u64),
    /// At this time.
    At(Time),
}

/// The troubles of a simulation, each with its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles(pub(super) Vec<(usize, Begins, Trouble)>);

impl Troubles {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// These, and one more that begins at a time.
    #[must_use]
    pub fn at(self, at: Time, trouble: Trouble) -> Self {
        self.and(Begins::At(at), trouble)
    }

    /// These, and one more that begins before a batch.
    #[must_use]
    pub fn before(self, batch: u64, trouble: Trouble) -> Self {
        self.and(Begins::Batch(batch), trouble)
    }

    fn and(mut self, begins: Begins, trouble: Trouble) -> Self {
        self.0.push((self.0.len(), begins, trouble));
        self
    }

    /// So many troubles, drawn from a seed for a net. The handlers of the stages `spared` do not
    /// panic: a source that is built anew may number its flows from the beginning again.
    pub fn drawn(net: &Net, seed: u64, count: usize, spared: &[&str]) -> Self {
        let mut random = Random::new(seed);
        let drawn = (0..count).filter_map(|_| {
            let trouble = draw(net, &mut random, spared)?;
            Some((Begins::Batch(random.below(BATCHES) as u64), trouble))
        });
        let numbered = drawn.enumerate().map(|(n, (begins, trouble))| (n, begins, trouble));
        Self(numbered.collect())
    }

    /// Those among them for whose number `keep` says so, with their numbers.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(usize) -> bool) -> Self {
        self.0.retain(|(n, ..)| keep(*n));
        self
    }

    /// Their numbers.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(n, ..)| *n)
    }
}

fn draw(net: &Net, random: &mut Random, spared: &[&str]) -> Option<Trouble> {
    if net.stages.is_empty() || net.domains.is_empty() {
        return None;
    }
    let stage = net.stages[random.below(net.stages.len())].name.clone();
    let domain = &net.domains[random.below(net.domains.len())];
    let worker = random.below(domain.threads.max(1));
    // From a batch's time to that of a drain.
    let lasts = Duration::from_micros(10) * 10_u32.pow(random.below(5) as u32);
    let by = Duration::from_micros(1) * 10_u32.pow(random.below(4) as u32);
    let after = random.below(3);
    Some(match random.below(5) {
        0 if !spared.contains(&&*stage) => Trouble::Panic { stage, after },
        1 => Trouble::Stall { domain: domain.name.clone(), worker, lasts },
        2 => Trouble::Full { stage, lasts },
        3 if domain.kind == Kind::Pool => Trouble::Dead { domain: domain.name.clone(), worker },
        _ => Trouble::Slow { stage, by, lasts },
    })
}

impl Trouble {
    /// Its kind, one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Panic { .. } => "panic",
            Self::Stall { .. } => "stall",
            Self::Slow { .. } => "slow",
            Self::Full { .. } => "full",
            Self::Dead { .. } => "dead",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic { stage, after } => {
                write!(f, "a handler of `{stage}` panics after {after} events")
            }
            Self::Stall { domain, worker, lasts } => {
                write!(f, "{domain}/{worker} stalls for {lasts:?}")
            }
            Self::Slow { stage, by, lasts } => {
                write!(f, "events of `{stage}` cost {by:?} more for {lasts:?}")
            }
            Self::Full { stage, lasts } => {
                write!(f, "the queues of `{stage}` are full for {lasts:?}")
            }
            Self::Dead { domain, worker } => write!(f, "{domain}/{worker} never comes back"),
        }
    }
}

impl fmt::Display for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, begins, trouble) in &self.0 {
            match begins {
                Begins::Batch(batch) => writeln!(f, "{n}: before batch {batch}: {trouble}")?,
                Begins::At(at) => writeln!(f, "{n}: after {:?}: {trouble}", at.since(Time(0)))?,
            }
        }
        Ok(())
    }
}
