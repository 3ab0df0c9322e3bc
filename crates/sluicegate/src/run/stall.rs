//! Stalls: handlers that keep their thread for too long, named while they do.
//!
//! Each worker says in a cell what it runs ([`Current`](super::Current)). A thread of the net's own
//! looks at all cells at a bounded rate, where somebody wants to be told; so does every snapshot.
//! In debug builds a worker of a pinned domain sees for itself whether a handler slept: there the
//! machine tells for how long the thread has.

use crate::event::StageId;
use crate::net::Kind;
use crate::run::{Machine, Plan};
use crate::time::Time;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// After what time a handler is named, unless declared otherwise: a pinned worker never blocks; a
/// thread of a pool may, and disks and databases take seconds when they are busy.
const PINNED: Duration = Duration::from_secs(1);
const POOL: Duration = Duration::from_secs(10);

/// How often is looked: four times in the shortest of these times, within these bounds.
const LOOK_MIN: Duration = Duration::from_millis(10);
const LOOK_MAX: Duration = Duration::from_secs(1);

/// A handler of a pinned domain that slept for so long in one run is named. Less may be the lock of
/// a queue, whose holder was taken off its processor.
const SLEPT: Duration = Duration::from_millis(2);

/// A handler that keeps its thread for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// What it does.
    pub what: Stalled,
    /// The stage.
    pub stage: String,
    /// Its domain.
    pub domain: String,
    /// The number of the worker in its domain, which is that of the replica.
    pub worker: usize,
    /// For how long, up to now.
    pub time: Duration,
}

/// How a handler stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stalled {
    /// It has not come back.
    Hangs,
    /// It came back, but slept in a pinned domain, where it holds up all stages of its worker. Seen
    /// in debug builds, where the [machine](crate::Machine::slept) can tell.
    Slept,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, domain, worker, .. } = self;
        let time = Duration::from_millis(self.time.as_millis() as u64);
        match self.what {
            Stalled::Hangs => {
                write!(f, "stage `{stage}` on {domain}/{worker} has not come back for {time:?}")
            }
            Stalled::Slept => write!(
                f,
                "stage `{stage}` on {domain}/{worker} slept for {time:?} in its handler, and with \
                 it all stages of that worker; what waits belongs in a pool or an async stage"
            ),
        }
    }
}

/// Who is told of stalls.
pub(crate) type OnStall = Box<dyn Fn(&Stall) + Send + Sync>;

/// All handlers that have not come back for longer than they may, each with the number of its run.
pub(crate) fn stalls(plan: &Plan, now: Time) -> impl Iterator<Item = (u64, Stall)> {
    let workers = plan
        .domains
        .iter()
        .flat_map(|domain| (0..domain.threads).map(move |worker| (domain, worker)));
    workers.filter_map(move |(domain, worker)| {
        let run = plan.currents[domain.first + worker].get(now)?;
        let stage = run.stage;
        let is_long = run.lasted >= limit(plan, stage);
        is_long.then(|| (run.number, stall(plan, Stalled::Hangs, stage, worker, run.lasted)))
    })
}

fn stall(plan: &Plan, what: Stalled, stage: StageId, worker: usize, time: Duration) -> Stall {
    let stage = &plan.stages[stage.index()];
    let domain = plan.domains[stage.domain].name.clone();
    Stall { what, stage: stage.spec.name.clone(), domain, worker, time }
}

/// How long a handler of the stage may take.
fn limit(plan: &Plan, stage: StageId) -> Duration {
    let stage = &plan.stages[stage.index()];
    stage.spec.stall.unwrap_or(match plan.domains[stage.domain].kind {
        Kind::Pinned => PINNED,
        Kind::Pool => POOL,
    })
}

/// Tells of each stall once, until the other end of `over` is dropped.
pub(crate) fn watch(plan: &Plan, over: &Receiver<()>) {
    let shortest = plan.stages.iter().map(|stage| limit(plan, stage.id)).min();
    let every = (shortest.unwrap_or(LOOK_MAX) / 4).clamp(LOOK_MIN, LOOK_MAX);
    let mut named = Vec::new();
    while let Err(RecvTimeoutError::Timeout) = over.recv_timeout(every) {
        let before = std::mem::take(&mut named);
        for (run, stall) in stalls(plan, plan.clock.now()) {
            let run = (run, stall.domain.clone(), stall.worker);
            if !before.contains(&run) {
                plan.tell(&stall);
            }
            named.push(run);
        }
    }
}

/// How long the thread of a worker had slept before what it does now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sleep(Option<Duration>);

impl Sleep {
    /// Before handlers run.
    pub fn begin(machine: &dyn Machine) -> Self {
        Self(machine.slept())
    }

    /// After a run of `stage` that took `time`.
    pub fn look(&mut self, machine: &dyn Machine, plan: &Plan, stage: StageId, worker: usize) {
        let slept = machine.slept();
        let Some((now, before)) = slept.zip(std::mem::replace(&mut self.0, slept)) else { return };
        let time = now.saturating_sub(before);
        let named = &plan.stages[stage.index()].slept;
        if time >= SLEPT && !named.swap(true, Relaxed) {
            plan.tell(&stall(plan, Stalled::Slept, stage, worker, time));
        }
    }

    /// Whether a run is long enough to be looked at.
    pub fn is_worth_a_look(run: Duration) -> bool {
        run >= SLEPT
    }
}
