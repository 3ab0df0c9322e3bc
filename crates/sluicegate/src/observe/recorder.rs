//! What one worker notes of the flows that it handles, while flows are traced: a step each time one
//! is taken, and what became of it.

use super::flows::{Allowance, FlowEnd, Traces};
use super::paths::{ANSWERS, ASKED, ENTERED, FORKED, PathKey, Paths, Step, UNKNOWN};
use super::trace_parent::TraceParent;
use crate::event::{StageId, Tag, WorkerId};
use crate::ledger::Why;
use crate::time::{Clock, Time};
use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Ends of one run that are looked at, whether they are to be kept.
const ENDS_MAX: usize = 4096;

/// The part of a worker's desk that traces flows.
pub(crate) struct Recorder {
    shared: Arc<Traces>,
    /// What the worker knows of [`Traces::on`].
    on: Cell<bool>,
    worker: WorkerId,
    /// Made when the first step is noted.
    own: OnceCell<Arc<Paths>>,
    /// Whether anything waits for the end of the run.
    open: Cell<bool>,
    ending: Cell<bool>,
    batch: RefCell<OfBatch>,
    entered: RefCell<Vec<Entered>>,
    ends: RefCell<Vec<FlowEnd>>,
    /// When the handler of this run came back.
    came_back: Cell<Option<Time>>,
    allowance: RefCell<Allowance>,
    numbers: Cell<u64>,
}

/// The batch that is in a handler's hands.
#[derive(Default)]
struct OfBatch {
    started: Time,
    events: usize,
    /// When its events came, as far as that is known: each for so many of them.
    came: Vec<(Time, usize)>,
    /// Of these so many are passed, of events that are before.
    passed: (usize, usize),
    /// What was taken of it.
    steps: Vec<Noted>,
}

/// A step that is not over.
#[derive(Clone, Copy)]
struct Noted {
    key: PathKey,
    queued: u64,
    kind: u8,
}

/// A flow that entered in this run.
struct Entered {
    key: PathKey,
    now: Time,
    trace: Option<TraceParent>,
}

impl Recorder {
    pub fn new(shared: Arc<Traces>, worker: WorkerId) -> Self {
        Self {
            on: Cell::new(shared.on.load(Relaxed)),
            shared,
            worker,
            own: OnceCell::new(),
            open: Cell::new(false),
            ending: Cell::new(false),
            batch: RefCell::default(),
            entered: RefCell::default(),
            ends: RefCell::default(),
            came_back: Cell::new(None),
            allowance: RefCell::default(),
            numbers: Cell::new(0),
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

    /// The number of the next step.
    fn number(&self) -> u64 {
        let number = self.numbers.get() + 1;
        self.numbers.set(number);
        self.shared.order.as_ref().map_or(number, |order| order.fetch_add(1, Relaxed))
    }

    fn own(&self) -> &Paths {
        self.own.get_or_init(|| self.shared.paths(self.worker))
    }

    /// A batch begins, whose events came then, as far as that is known.
    #[cold]
    pub fn begin(&self, now: Time, events: usize, came: impl Iterator<Item = (Time, usize)>) {
        let mut batch = self.batch.borrow_mut();
        // A fused stage begins when the one before it came back.
        batch.started = self.came_back.get().map_or(now, |before| before.max(now));
        (batch.events, batch.passed) = (events, (0, 0));
        batch.came.clear();
        batch.came.extend(came);
        self.open.set(true);
    }

    /// The handler takes a flow of its batch; so many events are left of that.
    #[inline]
    pub fn step(&self, tag: &Tag, answers: bool, left: usize) {
        let mut batch = self.batch.borrow_mut();
        let place = batch.events.saturating_sub(left + 1);
        let kind = if answers { ANSWERS } else { 0 } | if tag.is_fork() { FORKED } else { 0 };
        let queued = batch.came(place);
        batch.steps.push(Noted { key: tag.path(), queued, kind });
    }

    /// The handler gives back what it took last.
    #[cold]
    pub fn undo(&self) {
        self.batch.borrow_mut().steps.pop();
    }

    /// A flow enters.
    #[cold]
    pub fn entered(&self, tag: &mut Tag, now: Time, trace: Option<TraceParent>) {
        if trace.is_some_and(|trace| trace.sampled) {
            tag.ask_for_trace();
        }
        self.entered.borrow_mut().push(Entered { key: tag.path(), now, trace });
        self.open.set(true);
    }

    /// A flow that has entered is part of this trace.
    #[cold]
    pub fn told(&self, tag: &mut Tag, of: TraceParent) {
        if of.sampled {
            tag.ask_for_trace();
        }
        let key = tag.path();
        let entered = &mut self.entered.borrow_mut();
        match entered.iter_mut().find(|entered| entered.key == key) {
            Some(entered) => entered.trace = Some(of),
            None => self.own().set_trace(&key, words(of)),
        }
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

    /// The handlers of this run of `stage` have come back, after so many events of a batch.
    #[inline]
    pub fn came_back(&self, stage: StageId, clock: &Clock, taken: usize) {
        if self.open.get() {
            self.end_steps(stage, clock.now(), taken);
        }
    }

    #[cold]
    fn end_steps(&self, stage: StageId, now: Time, taken: usize) {
        self.open.set(false);
        self.came_back.set(Some(now));
        let own = self.own();
        let (mut batch, first) = (self.batch.borrow_mut(), own.count());
        let mut step = Step {
            worker: self.worker.0,
            stage,
            kind: 0,
            batch: u16::try_from(taken).unwrap_or(u16::MAX),
            place: 0,
            queued: UNKNOWN,
            started: batch.started.0,
            ended: now.0,
            link: first,
            number: 0,
        };
        for (place, Noted { key, queued, kind }) in (0..).zip(batch.steps.drain(..)) {
            (step.place, step.queued, step.kind) = (place, queued, kind);
            step.number = self.number();
            own.add(&key, &step);
            own.take(key.flow);
        }
        // A flow that enters may take the place of one that has ended.
        if self.ending.get() {
            self.keep(now);
        }
        for Entered { key, now: entered, trace } in self.entered.borrow_mut().drain(..) {
            (step.place, step.kind, step.batch, step.link) = (0, ENTERED, 0, 0);
            (step.queued, step.started) = (key.born.min(entered.0), entered.0);
            step.number = self.number();
            own.add(&key, &step);
            if let Some(trace) = trace {
                own.set_trace(&key, words(trace));
            }
        }
    }

    /// A flow ends in the run of `stage`.
    #[cold]
    pub fn ended(&self, stage: StageId, tag: &Tag, why: Option<Why>) {
        let mut ends = self.ends.borrow_mut();
        if ends.len() < ENDS_MAX {
            let asked = tag.is_asked_for();
            ends.push(FlowEnd { key: tag.path(), class: tag.class(), why, stage, asked });
            self.ending.set(true);
        }
    }

    /// The run is over that began then: keeps what is to be kept of the flows that ended in it.
    #[inline]
    pub fn settle(&self, clock: &Clock, began: Time) {
        if self.ending.get() {
            let came_back = self.came_back.get().filter(|&time| time >= began);
            self.keep(came_back.unwrap_or_else(|| clock.now()));
        }
    }

    #[cold]
    fn keep(&self, now: Time) {
        self.ending.set(false);
        let allowance = &mut self.allowance.borrow_mut();
        for end in self.ends.borrow_mut().drain(..) {
            self.shared.end(&end, now, allowance);
        }
    }
}

/// As it is kept.
fn words(TraceParent { trace, parent, .. }: TraceParent) -> [u64; 3] {
    [(trace >> 64) as u64, trace as u64, parent]
}

impl OfBatch {
    /// When the event at a place of the batch came; places are asked about in order.
    fn came(&mut self, place: usize) -> u64 {
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
