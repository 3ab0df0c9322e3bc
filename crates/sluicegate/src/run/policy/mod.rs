//! Policies: which stage of a worker runs next, and when.
//!
//! Each worker has one of its own: it chooses among the stages of one thread, and knows nothing of
//! other threads.

mod cohort;
mod exit_first;
mod fifo;
mod gather;
mod longest_queue;
mod names;
mod priority;
mod settings;
mod shares;
#[cfg(test)]
mod tests;

pub use cohort::Cohort;
pub use exit_first::ExitFirst;
pub use fifo::Fifo;
pub use longest_queue::LongestQueue;
pub use priority::Priority;
pub(crate) use settings::PolicySettings;
pub use shares::Shares;

use crate::run::Runnable;
use crate::settings::OwnSettings;
use crate::time::Time;
use std::time::Duration;

/// Says which stage a worker runs next.
///
/// A stage is ready when events wait in its queue, or when it is to hear something else: a flag, a
/// timer, an answer, room for what it holds. It stays ready until it ran.
///
/// Whatever the policy says, what leads to an inlet that refuses, by an order or a law, goes before
/// the stage behind it for a while; until it may run that stage is [held](Stages::held).
///
/// The stage whose oldest event has waited longest:
///
/// ```
/// use sluicegate::{Next, Policy, Ready, Stages};
///
/// struct OldestFirst;
///
/// impl Policy for OldestFirst {
///     fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
///         let came = |&n: &usize| stages.oldest(n).unwrap_or(stages.now());
///         ready.iter().min_by_key(came).into()
///     }
/// }
/// ```
pub trait Policy: 'static {
    /// Hears the names of the worker's stages, in the order of their numbers, before all else.
    ///
    /// # Errors
    /// What does not fit: a stage that is named and not there. [`Net::check`](crate::Net::check)
    /// asks a policy that it makes for that alone.
    fn start(&mut self, _stages: &[&str]) -> Result<(), String> {
        Ok(())
    }

    /// Declares what numbers of its own may be changed while it runs, as
    /// `domains.NAME.policy.SETTING`: see [`OwnSettings`].
    fn settings(&mut self, _own: &mut OwnSettings<'_>) {}

    /// What to do where these are ready, of which there is at least one.
    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next;
}

/// What a policy says.
///
/// ```
/// use sluicegate::{Next, Policy, Ready, Stages};
///
/// /// The stage that is farthest from the exit first.
/// struct EntryFirst;
///
/// impl Policy for EntryFirst {
///     fn next(&mut self, ready: Ready, _: &Stages<'_>) -> Next {
///         Next::from(ready.iter().last())
///     }
/// }
///
/// let mut net = sluicegate::Net::new("eager");
/// let cpu = net.domain("cpu").policy(|| EntryFirst).pinned(1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The stage with this number runs: one batch. One that is not ready is as [`Next::Look`].
    Run(usize),
    /// The worker looks at its machine, and asks again.
    Look,
    /// None of those that are ready runs before this time, unless something happens: the worker
    /// sleeps until then, and asks again. It must come: a stage that is put off for ever is never
    /// run, and its net does not drain.
    Wait(Time),
}

impl From<Option<usize>> for Next {
    fn from(stage: Option<usize>) -> Self {
        stage.map_or(Self::Look, Self::Run)
    }
}

/// The stages of a worker that have something to do. They are numbered by their distance to the
/// exit of the net: 0 is the nearest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready(pub(crate) u64);

impl Ready {
    /// Whether the stage with number `n` is ready.
    pub fn contains(self, n: usize) -> bool {
        n < 64 && self.0 & (1 << n) != 0
    }

    /// The ready stage that is nearest to the exit.
    pub fn nearest_exit(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
    }

    /// The ready stages, nearest to the exit first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = Self(left).nearest_exit()?;
            left &= left - 1;
            Some(next)
        })
    }
}

/// What a policy may ask of the stages of its worker. Nothing is looked up before it is asked.
pub struct Stages<'a> {
    pub(crate) now: Time,
    pub(crate) held: Ready,
    pub(crate) ran: &'a Ran,
    pub(crate) replicas: &'a dyn Waits,
}

impl Stages<'_> {
    /// The time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// What waits for the stage with number `n`, of which there must be one. It costs one lock of
    /// its queue; in a pool the other threads may take what was seen.
    pub fn waiting(&self, n: usize) -> Waiting {
        self.replicas.waiting(n)
    }

    /// When the oldest event came that asks something of the stage with number `n`, if one waits.
    /// It costs another lock; where the queue has an order or a law, also a look at each event.
    pub fn oldest(&self, n: usize) -> Option<Time> {
        self.replicas.oldest(n)
    }

    /// What the worker ran since the policy was last asked, if anything.
    pub fn ran(&self) -> Option<Ran> {
        (self.ran.stage != Ran::NONE.stage).then_some(*self.ran)
    }

    /// Those that are ready too, but may not run now.
    pub fn held(&self) -> Ready {
        self.held
    }
}

/// What waits for a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Events in its queue, those that ask and answers.
    pub events: usize,
    /// Whether it is to hear something else than events that ask: an answer, a flag, a timer, the
    /// end of a flow, or room for what it holds.
    pub urgent: bool,
}

/// One run of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its number.
    pub stage: usize,
    /// How many events it handled; none where it only heard a flag or the like.
    pub events: usize,
    /// How long it took, by the clock of the net.
    pub time: Duration,
}

impl Ran {
    /// No run: the loop of a worker writes less so than with an option.
    pub(crate) const NONE: Self = Self { stage: usize::MAX, events: 0, time: Duration::ZERO };
}

/// Who knows what waits for stages.
pub(crate) trait Waits {
    fn waiting(&self, n: usize) -> Waiting;
    fn oldest(&self, n: usize) -> Option<Time>;
}

impl Waits for Vec<Box<dyn Runnable>> {
    fn waiting(&self, n: usize) -> Waiting {
        self[n].waiting()
    }

    fn oldest(&self, n: usize) -> Option<Time> {
        self[n].oldest()
    }
}
