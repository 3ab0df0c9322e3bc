//! What is told of single flows that were kept after their end, each with its path.

use super::keep::RawFlow;
use super::paths::{ANSWERS, ENTERED, FORKED, Step, UNKNOWN};
use crate::event::{StageId, WorkerId};
use crate::ledger::Why;
use crate::observe::Observer;
use crate::run::Plan;
use crate::time::Time;
use std::time::Duration;

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
        let flows = plan.traces.flows(plan.clock.now());
        flows.into_iter().map(|flow| flow.named(plan)).collect()
    }

    /// Flows that were to be kept and were not, since too many were.
    pub fn flows_missed(&self) -> u64 {
        self.plan.traces.missed()
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
