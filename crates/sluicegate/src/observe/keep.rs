//! Which single flows are kept after their end, and how: the slow, those that ended without an
//! answer, samples, and the slowest.
//!
//! While any are to be kept, each worker notes the steps of all flows, for who is slow is known
//! when it is too late to begin; the path is put together when the flow has ended.

use super::flows::Kept;
use super::paths::{ASKED, Known, PathKey, Paths};
use super::slowest::{Floors, Slowest};
use crate::event::{StageId, WorkerId};
use crate::ledger::Why;
use crate::settings::Tracing;
use crate::time::{Time, nanos};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Flows that are kept of each kind.
const KEPT: usize = 256;
/// Flows of each kind that a worker keeps in a second: to keep one takes some microseconds.
const KEPT_A_SECOND: u16 = 64;
/// Steps of a kept flow, its questions with it.
const STEPS_MAX: usize = 64;
const SECOND: u64 = 1_000_000_000;

/// What the workers of a net share to trace flows.
#[derive(Default)]
pub(crate) struct Traces {
    /// What the net declared.
    pub declared: Tracing,
    /// Whether any are to be kept.
    pub on: AtomicBool,
    /// In a simulation, where workers have times of their own: in which order steps began.
    pub order: Option<AtomicU64>,
    slow: AtomicU64,
    failed: AtomicU64,
    one_in: AtomicU64,
    slowest: AtomicU64,
    window: AtomicU64,
    paths: Box<[OnceLock<Arc<Paths>>]>,
    /// Taken when a flow is kept, which is seldom by the allowance of each worker, and by whoever
    /// looks.
    kept: Mutex<KeptFlows>,
    missed: AtomicU64,
}

#[derive(Default)]
struct KeptFlows {
    number: u64,
    flows: [VecDeque<RawFlow>; Kept::ALL.len()],
    slowest: Slowest<RawFlow>,
}

/// How many flows a worker has kept in this second, by [`Kept`], and how long one must have taken
/// to be among the slowest.
#[derive(Default)]
pub(crate) struct Allowance {
    second: u64,
    kept: [u16; Kept::ALL.len()],
    floors: Floors,
}

/// The end of a flow, before it is known whether it is to be kept.
pub(crate) struct FlowEnd {
    pub key: PathKey,
    pub class: u8,
    pub why: Option<Why>,
    pub stage: StageId,
    /// Whether whoever sent it asked for its trace.
    pub asked: bool,
}

/// A kept flow, before names are looked up.
#[derive(Clone)]
pub(super) struct RawFlow {
    pub number: u64,
    pub kept: Kept,
    pub end: (PathKey, u8, Option<Why>, StageId),
    pub at: Time,
    pub known: Known,
    /// By step.
    pub mates: Vec<Vec<u64>>,
    pub questions: Vec<bool>,
}

impl Traces {
    /// For so many workers, whose clocks are one or, in a simulation, are not.
    pub fn new(workers: usize, tracing: Tracing, simulated: bool) -> Self {
        let paths = (0..workers).map(|_| OnceLock::new()).collect();
        let order = simulated.then(AtomicU64::default);
        let traces = Self { declared: tracing, paths, order, ..Self::default() };
        traces.set(|now| *now = tracing);
        traces
    }

    pub fn set(&self, set: impl FnOnce(&mut Tracing)) {
        let mut tracing = self.get();
        set(&mut tracing);
        self.slow.store(nanos(tracing.slow), Relaxed);
        self.failed.store(tracing.failed, Relaxed);
        self.one_in.store(tracing.one_in, Relaxed);
        self.slowest.store(tracing.slowest, Relaxed);
        self.window.store(nanos(tracing.window), Relaxed);
        self.on.store(tracing.any(), Relaxed);
    }

    pub fn get(&self) -> Tracing {
        Tracing {
            slow: Duration::from_nanos(self.slow.load(Relaxed)),
            failed: self.failed.load(Relaxed),
            one_in: self.one_in.load(Relaxed),
            slowest: self.slowest.load(Relaxed),
            window: Duration::from_nanos(self.window.load(Relaxed)),
        }
    }

    /// What a worker notes steps in.
    pub fn paths(&self, worker: WorkerId) -> Arc<Paths> {
        Arc::clone(self.paths[worker.index()].get_or_init(|| Arc::new(Paths::new())))
    }

    /// Those that are kept, oldest first.
    pub(super) fn flows(&self, now: Time) -> Vec<RawFlow> {
        let mut kept = self.kept();
        self.end_window(&mut kept, now);
        let mut flows: Vec<_> = kept.flows.iter().flatten().cloned().collect();
        drop(kept);
        flows.sort_by_key(|flow| flow.number);
        flows
    }

    /// Those that were to be kept and were not.
    pub fn missed(&self) -> u64 {
        self.missed.load(Relaxed)
    }

    fn kept(&self) -> MutexGuard<'_, KeptFlows> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a flow that has ended `at` this time, if it is to be kept.
    #[inline]
    pub fn end(&self, end: &FlowEnd, at: Time, allowance: &mut Allowance) {
        let took = at.0.saturating_sub(end.key.born);
        let kept = self.keeps(end, took);
        if kept.is_some() || self.may_be_slowest(end, (took, at), &mut allowance.floors) {
            self.keep(end, kept, (took, at), allowance);
        }
    }

    /// Keeps a flow that is to be kept so, or as one of the slowest, unless too many were.
    #[cold]
    fn keep(
        &self,
        end: &FlowEnd,
        kept: Option<Kept>,
        (took, at): (u64, Time),
        allowance: &mut Allowance,
    ) {
        let kept = match kept {
            Some(kept) if allowance.takes(kept, at) => kept,
            _ if self.may_be_slowest(end, (took, at), &mut allowance.floors) => {
                if !allowance.takes(Kept::Slowest, at) {
                    self.missed.fetch_add(1, Relaxed);
                    return;
                }
                Kept::Slowest
            }
            None => return,
            Some(_) => {
                self.missed.fetch_add(1, Relaxed);
                return;
            }
        };
        let mut flow = RawFlow {
            number: 0,
            kept,
            end: (end.key, end.class, end.why, end.stage),
            at,
            known: Known::default(),
            mates: Vec::new(),
            questions: Vec::new(),
        };
        self.add_path(&end.key, &mut flow);
        let mut all = self.kept();
        if kept != Kept::Slowest {
            return all.push(flow);
        }
        self.end_window(&mut all, at);
        let most = self.slowest.load(Relaxed) as usize;
        let least = all.slowest.put(most, end.class, took, flow);
        allowance.floors.set(end.class, least);
    }

    /// Has the slowest be kept of a window that is over.
    fn end_window(&self, all: &mut KeptFlows, now: Time) {
        let flows = all.slowest.over(now, self.window.load(Relaxed));
        flows.into_iter().for_each(|flow| all.push(flow));
    }

    /// Why a flow is to be kept that took so long, but for being among the slowest.
    #[inline]
    fn keeps(&self, end: &FlowEnd, took: u64) -> Option<Kept> {
        let slow = self.slow.load(Relaxed);
        if end.why.is_some() && is_one_in(&self.failed, &end.key) {
            Some(Kept::Failed)
        } else if slow > 0 && took >= slow {
            Some(Kept::Slow)
        } else {
            (end.asked || self.chooses(&end.key)).then_some(Kept::Sampled)
        }
    }

    /// Whether a flow may be among the slowest of its window, as far as the worker knows.
    #[inline]
    fn may_be_slowest(&self, end: &FlowEnd, (took, at): (u64, Time), floors: &mut Floors) -> bool {
        self.slowest.load(Relaxed) > 0
            && end.why.is_none()
            && floors.let_in(end.class, took, (at, self.window.load(Relaxed)))
    }

    /// Whether chance has this flow be kept.
    #[inline]
    pub fn chooses(&self, key: &PathKey) -> bool {
        is_one_in(&self.one_in, key)
    }

    /// Adds what all workers know of a flow, and of the questions about it.
    fn add_path(&self, key: &PathKey, flow: &mut RawFlow) {
        let mut questions = Vec::new();
        for (worker, paths) in (0..).zip(&self.paths) {
            let Some(paths) = paths.get() else { continue };
            let Some(known) = paths.of(worker, key) else { continue };
            flow.known.lost += known.lost;
            if known.trace != [0; 3] {
                flow.known.trace = known.trace;
            }
            for step in known.steps {
                if step.kind & ASKED != 0 {
                    let home = step.worker;
                    questions.push(PathKey::new(step.link, key.born, step.stage, home, true));
                } else if flow.known.steps.len() < STEPS_MAX {
                    flow.mates.push(paths.mates(&step));
                    flow.known.steps.push(step);
                    flow.questions.push(key.is_question());
                } else {
                    flow.known.lost += 1;
                }
            }
        }
        // A question is asked once, so that there is an end to these.
        for question in questions.iter().take(STEPS_MAX) {
            if flow.known.steps.len() < STEPS_MAX {
                self.add_path(question, flow);
            }
        }
    }
}

impl KeptFlows {
    /// Keeps a flow, and of its kind the newest.
    fn push(&mut self, mut flow: RawFlow) {
        self.number += 1;
        flow.number = self.number;
        let flows = &mut self.flows[flow.kept as usize];
        if flows.len() == KEPT {
            flows.pop_front();
        }
        flows.push_back(flow);
    }
}

impl Allowance {
    /// Whether one more of this kind may be kept at this time.
    fn takes(&mut self, kept: Kept, at: Time) -> bool {
        let second = at.0 / SECOND;
        if self.second != second {
            (self.second, self.kept) = (second, Default::default());
        }
        let of_kind = &mut self.kept[kept as usize];
        let takes = *of_kind < KEPT_A_SECOND;
        *of_kind += u16::from(takes);
        takes
    }
}

/// Whether chance chooses this flow, of so many one.
fn is_one_in(many: &AtomicU64, key: &PathKey) -> bool {
    let many = many.load(Relaxed);
    many > 0 && key.chance().is_multiple_of(many)
}
