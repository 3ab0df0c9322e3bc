//! What one worker notes of the flows that it handles, while flows are traced: a step each time one
//! is taken, and what became of it.

use super::keep::{Allowance, FlowEnd, Traces};
use super::paths::{ANSWERS, ASKED, ENTERED, FORKED, PathKey, Paths, Spot, Step, UNKNOWN};
use super::trace_parent::TraceParent;
use crate::event::{StageId, Tag, WorkerId};
use crate::ledger::Why;
use crate::time::{Clock, Time};
use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Ends of one run that wait for its end to be looked at, whether they are to be kept.
const ENDS_MAX: usize = 4096;

/// The part of a worker's desk that traces flows.
pub(crate) struct Recorder {
    shared: Arc<Traces>,
    clock: Clock,
    /// What the worker knows of [`Traces::on`].
    on: Cell<bool>,
    worker: WorkerId,
    /// Made when the first step is noted.
    own: OnceCell<Arc<Paths>>,
    /// Whether there is anything whose end is to come.
    open: Cell<bool>,
    noted: RefCell<Noted>,
}

/// What was noted in a run and has not ended.
#[derive(Default)]
struct Noted {
    batch: OfBatch,
    /// Where the steps of the run are: of its batch, and of those that are fused to it.
    steps: Vec<Spot>,
    /// Where the steps of the flows are that entered.
    entered: Vec<Spot>,
    ends: Vec<FlowEnd>,
    allowance: Allowance,
}

/// The batch of which a handler takes, or took last.
#[derive(Default)]
struct OfBatch {
    stage: StageId,
    started: Time,
    events: usize,
    /// When its event came where it has but one, as far as that is known.
    queued: u64,
    /// When its events came else: each for so many of them.
    came: Vec<(Time, usize)>,
    /// Of these so many are passed, of events that are before.
    passed: (usize, usize),
    /// The number of its first flow among those that the worker took with others.
    link: u64,
    /// Where the steps of the flows that were taken of it begin among those of the run.
    from: usize,
}

impl Recorder {
    pub fn new(shared: Arc<Traces>, worker: WorkerId, clock: Clock) -> Self {
        Self {
            on: Cell::new(shared.on.load(Relaxed)),
            shared,
            clock,
            worker,
            own: OnceCell::new(),
            open: Cell::new(false),
            noted: RefCell::default(),
        }
    }

    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// A turn of the worker begins, in which steps are noted or not.
    pub fn look(&self) {
        self.on.set(self.shared.on.load(Relaxed));
    }

    /// Whether steps are noted.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.get()
    }

    /// Whether chance has this flow be kept.
    pub fn chooses(&self, key: &PathKey) -> bool {
        self.is_on() && self.shared.chooses(key)
    }

    /// In a simulation, the number of the next step.
    #[inline]
    fn number(&self) -> u64 {
        self.shared.order.as_ref().map_or(0, |order| order.fetch_add(1, Relaxed))
    }

    #[inline]
    fn own(&self) -> &Paths {
        self.own.get_or_init(|| self.shared.paths(self.worker))
    }

    /// A batch of one event of `stage` begins, which came then, as far as that is known.
    #[inline]
    pub fn begin_one(&self, stage: StageId, started: Time, came: Option<Time>) {
        let Noted { batch, steps, .. } = &mut *self.noted.borrow_mut();
        batch.begin(stage, (started, 1), steps.len());
        batch.link = UNKNOWN;
        batch.queued = came.map_or(UNKNOWN, |came| came.0);
    }

    /// A batch of so many begins, which came then, as far as that is known: each for so many.
    pub fn begin(
        &self,
        stage: StageId,
        batch_of: (Time, usize),
        came: impl Iterator<Item = (Time, usize)>,
    ) {
        let Noted { batch, steps, .. } = &mut *self.noted.borrow_mut();
        batch.begin(stage, batch_of, steps.len());
        batch.link = self.own().count();
        batch.passed = (0, 0);
        batch.came.clear();
        batch.came.extend(came);
    }

    /// The handler takes a flow of its batch; so many events are left of that.
    #[inline(never)]
    pub fn step(&self, tag: &Tag, answers: bool, left: usize) {
        let Noted { batch, steps, .. } = &mut *self.noted.borrow_mut();
        let (own, key) = (self.own(), tag.path());
        let alone = batch.events == 1;
        let step = Step {
            worker: self.worker.0,
            stage: batch.stage,
            kind: if answers { ANSWERS } else { 0 } | if tag.is_fork() { FORKED } else { 0 },
            batch: batch.events.min(usize::from(u16::MAX)) as u16,
            place: (steps.len() - batch.from) as u16,
            queued: if alone { batch.queued } else { batch.came(left) },
            started: batch.started.0,
            ended: UNKNOWN,
            link: batch.link,
            number: self.number(),
        };
        steps.push(own.add(&key, &step));
        if !alone {
            own.take(key.flow, batch.link);
        }
        self.open.set(true);
    }

    /// The handler gives back what it took last.
    #[cold]
    pub fn undo(&self) {
        let Noted { batch, steps, .. } = &mut *self.noted.borrow_mut();
        if let Some(step) = steps.pop() {
            self.own().undo(step, batch.events > 1);
        }
    }

    /// The handler came back and took so many events of several.
    pub fn took(&self, events: usize) {
        let Noted { batch, steps, .. } = &*self.noted.borrow();
        if events != batch.events {
            steps[batch.from..].iter().for_each(|step| self.own().set_batch(*step, events));
        }
    }

    /// A flow enters.
    #[inline(never)]
    pub fn entered(&self, tag: &mut Tag, now: Time, trace: Option<TraceParent>) {
        let (noted, own, key) = (&mut *self.noted.borrow_mut(), self.own(), tag.path());
        // The path of a flow that has ended is kept before another one takes its place.
        if noted.ends.iter().any(|end| end.key.shares_place(&key)) {
            self.end_early(noted);
        }
        let step = Step {
            worker: self.worker.0,
            stage: key.source(),
            kind: ENTERED,
            batch: 0,
            place: 0,
            queued: key.born.min(now.0),
            started: now.0,
            ended: UNKNOWN,
            link: UNKNOWN,
            number: self.number(),
        };
        noted.entered.push(own.begin(&key, &step));
        self.open.set(true);
        if let Some(trace) = trace {
            self.told(tag, trace);
        }
    }

    /// A flow that has entered is part of this trace.
    pub fn told(&self, tag: &mut Tag, of: TraceParent) {
        if of.sampled {
            tag.ask_for_trace();
        }
        self.own().set_trace(&tag.path(), words(of));
    }

    /// A question about a flow is on its way.
    #[cold]
    pub fn asked(&self, stage: StageId, tag: &Tag, question: &Tag, now: Time) {
        let step = Step {
            worker: self.worker.0,
            stage,
            kind: ASKED,
            batch: 0,
            place: 0,
            queued: now.0,
            started: now.0,
            ended: now.0,
            link: question.flow(),
            number: self.number(),
        };
        self.own().add(&tag.path(), &step);
    }

    /// A flow ends in the run of `stage`.
    #[inline(never)]
    pub fn ended(&self, stage: StageId, tag: &Tag, why: Option<Why>) {
        let noted = &mut *self.noted.borrow_mut();
        if noted.ends.len() == ENDS_MAX {
            self.end_early(noted);
        }
        let (key, class, asked) = (tag.path(), tag.class(), tag.is_asked_for());
        noted.ends.push(FlowEnd { key, class, why, stage, asked });
        self.open.set(true);
    }

    /// All that was noted ends now: the run is over. That a step of it was over when one began that
    /// is fused to it is seen when a path is read.
    #[inline]
    pub fn close(&self, now: Time) {
        if self.open.get() {
            self.end_all(now);
        }
    }

    #[inline(never)]
    fn end_all(&self, now: Time) {
        self.open.set(false);
        let noted = &mut *self.noted.borrow_mut();
        self.end_noted(noted, now);
        noted.steps.clear();
        noted.entered.clear();
    }

    /// What ended until now is over before its run is: there is no more room for it.
    #[cold]
    fn end_early(&self, noted: &mut Noted) {
        self.end_noted(noted, self.clock.now());
    }

    /// Steps of what goes on end again when the run is over.
    fn end_noted(&self, noted: &mut Noted, now: Time) {
        let own = self.own();
        // Not chained: that is a branch more a step.
        noted.steps.iter().for_each(|step| own.end(*step, now.0));
        noted.entered.iter().for_each(|step| own.end(*step, now.0));
        noted.ends.iter().for_each(|end| self.shared.end(end, now, &mut noted.allowance));
        noted.ends.clear();
    }
}

/// A trace and the span in it that asks, as they are kept.
fn words(of: TraceParent) -> [u64; 3] {
    [(of.trace >> 64) as u64, of.trace as u64, of.parent]
}

impl OfBatch {
    #[inline]
    fn begin(&mut self, stage: StageId, (started, events): (Time, usize), from: usize) {
        (self.stage, self.started, self.events, self.from) = (stage, started, events, from);
    }

    /// When the event came after which so many are left; events are asked about in order.
    fn came(&mut self, left: usize) -> u64 {
        let place = self.events.saturating_sub(left + 1);
        let (mut passed, mut before) = self.passed;
        while let Some(&(time, n)) = self.came.get(passed) {
            if place < before + n {
                self.passed = (passed, before);
                return time.0;
            }
            (passed, before) = (passed + 1, before + n);
        }
        UNKNOWN
    }
}
