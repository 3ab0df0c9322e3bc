//! Single flows that are kept after their end, each with its path: the slow, those that ended
//! without an answer, samples, and the slowest.
//!
//! While any are to be kept, each worker notes the steps of all flows, for who is slow is known
//! when it is too late to begin; the path is put together when the flow has ended.

use super::paths::{ANSWERS, ASKED, ENTERED, FORKED, Known, PathKey, Paths, Step, UNKNOWN};
use super::slowest::{Floors, Slowest};
use crate::event::{StageId, WorkerId};
use crate::ledger::Why;
use crate::observe::Observer;
use crate::run::Plan;
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

/// Why a flow was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// It took as long as `traces.slow`, or longer.
    Slow,
    /// It ended without an answer.
    Failed,
    /// Chance chose it, or whoever asked for it asked for its trace too.
    Sampled,
    /// It was answered, and was among the slowest of its class in its window, of those that are
    /// kept for nothing else.
    Slowest,
}

impl Kept {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Slow, Self::Failed, Self::Sampled, Self::Slowest];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Failed => "failed",
            Self::Sampled => "sampled",
            Self::Slowest => "slowest",
        }
    }
}

/// A flow that has ended, with its path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowTrace {
    /// Counts the flows that were kept: who has seen this one need not look at those before.
    pub number: u64,
    /// The flow's number at its source.
    pub flow: u64,
    /// The stage that let it in; none where it came by an [`Entry`](crate::Entry).
    pub source: Option<String>,
    /// Its class when it ended.
    pub class: u8,
    /// Why it was kept.
    pub kept: Kept,
    /// Why it ended without an answer; none where it was answered.
    pub why: Option<Why>,
    /// The stage in whose run it ended.
    pub ended_in: String,
    /// When it was [born](crate::Tag::born), by the clock of the net.
    pub born: Time,
    /// How long after that it ended: when the run was over in which it did, with all stages that
    /// are fused, or before: when one that entered in that run took the place of one
    /// that had ended in it, or 4096 had.
    pub total: Duration,
    /// The trace of which it is part: that of which its source [said](crate::Entering::trace) that
    /// it is, else one of its own. Never 0.
    pub trace: u128,
    /// By which span it is known there, and to [whom it asks](crate::Tag::traceparent). Never 0.
    pub span: u64,
    /// The span that asked for it; none where the trace is its own.
    pub parent: Option<u64>,
    /// Its steps, those of questions about it among them, in the order in which they began.
    pub steps: Vec<FlowStep>,
    /// Steps for which there was no room. What was overwritten by other flows since is not counted.
    pub lost: usize,
}

/// What one stage did for a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowStep {
    /// The stage.
    pub stage: String,
    /// The domain of its worker, and the worker's number in there.
    pub domain: String,
    /// See `domain`.
    pub worker: usize,
    /// What was done.
    pub kind: StepKind,
    /// Whether it was done to a [second tag](crate::Tag::fork), beside the flow itself.
    pub forked: bool,
    /// When it came to the stage's queue: when the run began that sent it. Where the queue does not
    /// know, as with answers and in fused stages, when the step before was over.
    pub queued: Time,
    /// When the batch began in which it was taken.
    pub started: Time,
    /// When that batch was over, and what came of it delivered; of a stage to which another is
    /// fused, when that one began. None where it was not when the flow ended, elsewhere. A stage
    /// may keep the flow longer: then the next step is queued later.
    pub ended: Option<Time>,
    /// Events of the batch.
    pub batch: usize,
    /// The numbers of other flows of the batch, at most eight; of a question, its key.
    pub mates: Vec<u64>,
}

/// What a step of a flow was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// The stage let the flow in.
    Entered,
    /// It handled an event of the flow.
    Handled,
    /// It handled an answer to what it had asked.
    Answered,
    /// It handled a question about the flow.
    Question,
}

impl StepKind {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Handled => "handled",
            Self::Answered => "answered",
            Self::Question => "question",
        }
    }
}

impl Observer {
    /// The flows that are kept, oldest first: 256 of each [kind](Kept), the newest. Which flows
    /// those are the settings `traces.slow`, `traces.failed`, `traces.one_in` and `traces.slowest`
    /// say; unless one is set nothing is noted. At most 64 of a kind in a second of a worker are
    /// kept. The [slowest](Kept::Slowest) are there when their window is over.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Kept, Net, Sim, from_fn, stage};
    ///
    /// let mut net = Net::new("service");
    /// let cpu = net.domain("cpu").pinned(1);
    /// let end = || {
    ///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
    ///         batch.for_each(|event| event.split().0.finish());
    ///     })
    /// };
    /// let end = net.add(stage("end", end).on(cpu));
    /// let entry = net.entry(end.inlet);
    /// net.change(&[("traces.one_in", 1.into())])?;
    /// let mut sim = Sim::new(net, 1)?;
    /// entry.send(7).expect("there is room");
    /// assert!(sim.settle(100));
    /// let flows = sim.observer().flows();
    /// assert_eq!((flows[0].kept, &*flows[0].steps[0].stage), (Kept::Sampled, "end"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flows(&self) -> Vec<FlowTrace> {
        let plan = &*self.plan;
        let mut flows: Vec<RawFlow> = {
            let mut kept = plan.traces.kept();
            plan.traces.end_window(&mut kept, plan.clock.now());
            kept.flows.iter().flatten().cloned().collect()
        };
        flows.sort_by_key(|flow| flow.number);
        flows.into_iter().map(|flow| flow.named(plan)).collect()
    }

    /// Flows that were to be kept and were not, since too many were.
    pub fn flows_missed(&self) -> u64 {
        self.plan.traces.missed.load(Relaxed)
    }
}

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
struct RawFlow {
    number: u64,
    kept: Kept,
    end: (PathKey, u8, Option<Why>, StageId),
    at: Time,
    known: Known,
    /// By step.
    mates: Vec<Vec<u64>>,
    questions: Vec<bool>,
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

impl RawFlow {
    fn named(self, plan: &Plan) -> FlowTrace {
        let (key, class, why, ended_in) = self.end;
        let name =
            |stage: StageId| plan.stages.get(stage.index()).map(|stage| stage.spec.name.clone());
        let [high, low, parent] = self.known.trace;
        let trace = u128::from(high) << 64 | u128::from(low);
        let told = trace != 0;
        let steps = self.known.steps.iter().zip(self.mates).zip(self.questions);
        let mut steps: Vec<_> = steps.map(|((step, mates), asks)| (*step, mates, asks)).collect();
        let simulated = plan.traces.order.is_some();
        // Those of one worker are in order already.
        steps.sort_by_key(|(step, ..)| if simulated { step.number } else { step.started });
        end_each(&mut steps);
        let mut before = key.born;
        let steps = steps.into_iter().map(|(step, mates, asks)| {
            let queued = if step.queued == UNKNOWN { before } else { step.queued };
            let queued = if step.kind & ENTERED != 0 { queued } else { queued.max(before) };
            let step = Step { queued: queued.min(step.started), ..step };
            if step.kind & FORKED == 0 && step.ended != UNKNOWN {
                before = step.ended;
            }
            named(plan, &step, mates, asks)
        });
        FlowTrace {
            number: self.number,
            flow: key.flow,
            source: name(key.source()),
            class,
            kept: self.kept,
            why,
            ended_in: name(ended_in).unwrap_or_default(),
            born: Time(key.born),
            total: self.at.since(Time(key.born)),
            trace: if told { trace } else { key.own_trace() },
            span: key.span(),
            parent: told.then_some(parent),
            steps: steps.collect(),
            lost: self.known.lost,
        }
    }
}

/// A step was over when its worker began the next one, which was fused to it: any that is not of
/// the same batch, as that of a second tag is.
fn end_each<T, U>(steps: &mut [(Step, T, U)]) {
    for n in 0..steps.len() {
        let (now, later) = (steps[n].0, &steps[n + 1..]);
        let batch = |step: &Step| (step.started, step.stage);
        let mut later = later.iter().map(|(step, ..)| step);
        let next = later.find(|step| step.worker == now.worker && batch(step) != batch(&now));
        steps[n].0.ended = now.ended.min(next.map_or(UNKNOWN, |next| next.started));
    }
}

/// Whether chance chooses this flow, of so many one.
fn is_one_in(many: &AtomicU64, key: &PathKey) -> bool {
    let many = many.load(Relaxed);
    many > 0 && key.chance().is_multiple_of(many)
}

fn named(plan: &Plan, step: &Step, mates: Vec<u64>, asks: bool) -> FlowStep {
    let worker = WorkerId(step.worker);
    let domain = plan.domain_of(worker);
    FlowStep {
        stage: plan.stages[step.stage.index()].spec.name.clone(),
        domain: domain.name.clone(),
        worker: worker.index() - domain.first,
        kind: match (step.kind & ENTERED != 0, step.kind & ANSWERS != 0, asks) {
            (true, ..) => StepKind::Entered,
            (_, true, _) => StepKind::Answered,
            (.., true) => StepKind::Question,
            _ => StepKind::Handled,
        },
        forked: step.kind & FORKED != 0,
        queued: Time(step.queued),
        started: Time(step.started),
        ended: (step.ended != UNKNOWN).then_some(Time(step.ended)),
        batch: step.batch.into(),
        mates,
    }
}
