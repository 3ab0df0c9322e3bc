//! The desk of the worker that is running on this thread: where tags settle their ends.
//!
//! A tag must be able to count its own end wherever it is dropped, without a lock, an atomic or a
//! reference count. So the worker that runs on a thread leaves its desk in a thread-local place,
//! and takes it away again when its turn ends (the simulator runs many workers on one thread).

use crate::event::{NO_SOURCE, Notice, StageId, Tag, WorkerId};
use crate::gone::Gone;
use crate::ledger::{Counts, Why, bump};
use crate::observe::{Happening, Recorder, Tracer, WorkerStats};
use crate::run::{Current, Rest};
use crate::sim::Befallen;
use crate::time::{Clock, Time};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

thread_local! {
    static HERE: RefCell<Option<Rc<Desk>>> = const { RefCell::new(None) };
}

/// Ends of tags on threads where no worker runs. Stays 0 unless a tag is carried out of its net.
static STRAYS: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Desk {
    pub worker: WorkerId,
    pub counts: Counts,
    /// Tags that the running stage took or made, less those it gave away.
    held: Cell<i64>,
    /// Flows that this worker put into queues, less those it took out of queues.
    queued: Cell<i64>,
    /// When the running batch began.
    now: Cell<Time>,
    /// Flows that ended without an answer by the doing of the running stage.
    ended: RefCell<Vec<EndedOf>>,
    /// Flows that were answered in the run that is not over.
    answered: RefCell<Vec<Answered>>,
    /// Whether there are any.
    answers: Cell<bool>,
    /// Where the worker counts what it tells others.
    pub stats: Arc<WorkerStats>,
    /// Whether distributions are measured.
    pub measures: Cell<bool>,
    /// The epoch for which the worker published its part of the ledger, and whether it has met an
    /// event that was sent in a later one.
    pub epoch: Cell<u64>,
    pub behind: Cell<bool>,
    /// What a tag that is dropped now died of.
    dropping: Cell<Why>,
    /// The stage whose replica runs, or ran last.
    running: Cell<StageId>,
    /// Where it is told to those who look from outside.
    current: OnceCell<Arc<Current>>,
    /// Stages that have a wire for letters, and the flows that panics cost these.
    lettered: RefCell<Vec<StageId>>,
    salvaged: RefCell<Vec<(StageId, Tag)>>,
    /// A stage that panicked more often than it may, so that the net is to stop.
    stops: RefCell<Option<(StageId, Arc<str>)>>,
    /// By source.
    placed: Box<[Placed]>,
    /// The flows of the net that are gone, and how many of them are at home here.
    pub gone: Arc<Gone>,
    gone_here: Cell<usize>,
    /// Whether it had better rest when there is nothing to do.
    pub rest: Rest,
    /// Stages whose flags are to be raised: sources that missed a place and may try again, and
    /// those that watch for flows that are gone.
    roused: RefCell<Vec<StageId>>,
    watchers: RefCell<Vec<StageId>>,
    notices: RefCell<Vec<Notice>>,
    /// Whether there is any of these, of what was salvaged, or a reason to stop.
    news: Cell<bool>,
    /// Only where a trace was asked for.
    tracer: OnceCell<Tracer>,
    /// What it notes of single flows.
    pub flows: Recorder,
    /// Only in a simulation, by stage.
    befallen: OnceCell<Rc<[Befallen]>>,
}

/// What is set aside of a stage while one that is fused to it runs.
pub(crate) struct Outer {
    stage: StageId,
    held: i64,
    ended: Vec<EndedOf>,
}

/// So many flows of a class that ended without an answer.
#[derive(Clone, Copy)]
pub(crate) struct EndedOf {
    pub class: u8,
    pub why: Why,
    pub n: u64,
}

/// A flow that was answered.
pub(crate) struct Answered {
    pub class: u8,
    pub born: Time,
    pub deadline: Option<Time>,
}

/// The source missed a place since one was freed.
const MISSED: u8 = 1;
/// The source hears of flows that were answered.
const HEARS: u8 = 2;

/// The places of one source on this worker.
#[derive(Default)]
struct Placed {
    taken: Cell<u32>,
    /// What else has to be done when one is freed; mostly nothing.
    notes: Cell<u8>,
}

impl Desk {
    pub fn new(
        worker: WorkerId,
        stages: usize,
        gone: Arc<Gone>,
        stats: Arc<WorkerStats>,
    ) -> Rc<Self> {
        Self::with(stages, gone, stats, Recorder::new(Arc::default(), worker, Clock::real()))
    }

    /// One that notes single flows there.
    pub fn with(
        stages: usize,
        gone: Arc<Gone>,
        stats: Arc<WorkerStats>,
        flows: Recorder,
    ) -> Rc<Self> {
        let worker = flows.worker();
        Rc::new(Self {
            worker,
            counts: Counts::default(),
            held: Cell::new(0),
            queued: Cell::new(0),
            now: Cell::new(Time(0)),
            ended: RefCell::default(),
            answered: RefCell::default(),
            answers: Cell::new(false),
            stats,
            measures: Cell::new(true),
            epoch: Cell::new(0),
            behind: Cell::new(false),
            dropping: Cell::new(Why::Dropped),
            running: Cell::new(NO_SOURCE),
            current: OnceCell::new(),
            lettered: RefCell::default(),
            salvaged: RefCell::default(),
            stops: RefCell::default(),
            placed: (0..stages).map(|_| Placed::default()).collect(),
            gone,
            gone_here: Cell::new(0),
            rest: Rest::default(),
            roused: RefCell::default(),
            watchers: RefCell::default(),
            notices: RefCell::default(),
            news: Cell::new(false),
            tracer: OnceCell::new(),
            flows,
            befallen: OnceCell::new(),
        })
    }

    /// Puts this desk in its place on this thread until the guard is dropped.
    pub fn open(self: &Rc<Self>) -> Opened {
        Opened(HERE.with(|here| here.borrow_mut().replace(Rc::clone(self))))
    }

    /// Has all that happens be noted from now on.
    pub fn trace(&self, tracer: Tracer) {
        let _ = self.tracer.set(tracer);
    }

    pub fn tracer(&self) -> Option<&Tracer> {
        self.tracer.get()
    }

    /// Notes what happened, to a stage or to the worker; costs a look where nobody asked for it.
    #[inline]
    pub fn note(&self, stage: Option<StageId>, what: Happening, n: u64, detail: &'static str) {
        if let Some(tracer) = self.tracer.get() {
            tracer.note(stage, what, n, detail);
        }
    }

    pub fn befall(&self, befallen: Rc<[Befallen]>) {
        let _ = self.befallen.set(befallen);
    }

    /// What befalls the handlers of a stage, in a simulation.
    #[inline]
    pub fn befallen(&self, stage: StageId) -> Option<&Befallen> {
        self.befallen.get().map(|befallen| &befallen[stage.index()])
    }

    pub fn hold(&self, n: i64) {
        self.held.set(self.held.get() + n);
    }

    /// What was held since this was last asked.
    pub fn take_held(&self) -> i64 {
        self.held.take()
    }

    pub fn queue(&self, n: i64) {
        self.queued.set(self.queued.get() + n);
    }

    pub fn queued(&self) -> i64 {
        self.queued.get()
    }

    pub fn now(&self) -> Time {
        self.now.get()
    }

    /// A replica of `stage` runs from `now` on.
    pub fn run(&self, stage: StageId, now: Time) {
        self.running.set(stage);
        self.now.set(now);
        if let Some(current) = self.current.get() {
            current.set(stage, now);
        }
    }

    /// Tells what runs there.
    pub fn tell_current(&self, current: Arc<Current>) {
        let _ = self.current.set(current);
    }

    pub fn running(&self) -> StageId {
        self.running.get()
    }

    /// Has the flows that panics cost `stage` be salvaged.
    pub fn set_lettered(&self, stage: StageId) {
        self.lettered.borrow_mut().push(stage);
    }

    /// Has no more flows be salvaged: what is lost from now on ends. Returns of which stages some
    /// were.
    pub fn end_letters(&self) -> Vec<StageId> {
        self.lettered.take()
    }

    /// Has flows of these stages be salvaged again.
    pub fn resume_letters(&self, stages: Vec<StageId>) {
        self.lettered.replace(stages);
    }

    /// Keeps the tag of a flow that a panic cost the stage that runs.
    pub fn salvage(&self, tag: Tag) {
        self.salvaged.borrow_mut().push((self.running(), tag));
        self.news.set(true);
    }

    /// The stage whose flow was salvaged first.
    pub fn salvager(&self) -> Option<StageId> {
        self.salvaged.borrow().first().map(|(stage, _)| *stage)
    }

    /// The flows that were salvaged of one stage.
    pub fn take_salvaged(&self, stage: StageId) -> Vec<Tag> {
        let mut salvaged = self.salvaged.borrow_mut();
        salvaged.extract_if(.., |(of, _)| *of == stage).map(|(_, tag)| tag).collect()
    }

    /// Has the net be stopped for the stage that runs, whose last panic said `message`.
    pub fn stop_net(&self, message: Arc<str>) {
        *self.stops.borrow_mut() = Some((self.running(), message));
        self.news.set(true);
    }

    /// The stage for which the net is to be stopped.
    pub fn take_stop(&self) -> Option<(StageId, Arc<str>)> {
        self.stops.borrow_mut().take()
    }

    /// Whether any ended without an answer since they were last told.
    #[inline]
    pub fn has_ended(&self) -> bool {
        !self.ended.borrow().is_empty()
    }

    /// Leaves out what ended before.
    #[inline]
    pub fn skip_ends(&self) {
        self.ended.borrow_mut().clear();
    }

    /// Tells which flows ended without an answer, and forgets them.
    pub fn each_end(&self, tell: impl FnMut(EndedOf)) {
        self.ended.borrow_mut().drain(..).for_each(tell);
    }

    /// Sets aside what the running stage holds and what ended by its doing, while another runs in
    /// its place.
    #[inline]
    pub fn begin_fused(&self, stage: StageId) -> Outer {
        let outer = self.running.get();
        self.run(stage, self.now.get());
        Outer { stage: outer, held: self.held.take(), ended: self.ended.take() }
    }

    /// Goes on with the stage that ran before.
    #[inline]
    pub fn end_fused(&self, outer: Outer) {
        self.run(outer.stage, self.now.get());
        self.held.set(outer.held);
        self.ended.replace(outer.ended);
    }

    pub fn set_dropping(&self, why: Why) -> Why {
        self.dropping.replace(why)
    }

    /// Takes a place for a flow of `source`, unless all `places` are taken.
    pub fn take_place(&self, source: StageId, places: usize) -> bool {
        let placed = &self.placed[source.index()];
        let free = (placed.taken.get() as usize) < places;
        if free {
            placed.taken.set(placed.taken.get() + 1);
            self.counts.places.set(self.counts.places.get() + 1);
        }
        placed.notes.set(placed.notes.get() | if free { 0 } else { MISSED });
        free
    }

    /// Frees the place of a flow that has ended.
    #[inline]
    pub fn free_place(&self, source: StageId, flow: u64) {
        if self.gone_here.get() > 0 {
            self.unset_gone(source, flow);
        }
        let placed = &self.placed[source.index()];
        self.take_back(placed);
        let notes = placed.notes.replace(placed.notes.get() & !MISSED);
        if notes & MISSED != 0 {
            self.roused.borrow_mut().push(source);
            self.news.set(true);
        }
    }

    #[inline]
    fn take_back(&self, placed: &Placed) {
        debug_assert!(placed.taken.get() > 0, "a place was freed twice");
        placed.taken.set(placed.taken.get().saturating_sub(1));
        self.counts.places.set(self.counts.places.get() - 1);
    }

    /// Counts a flow of a class that ended without an answer.
    pub fn end(&self, class: u8, why: Why) {
        self.counts.end(why);
        self.stats.classes.of(class).ended.add(why, 1);
        let mut ended = self.ended.borrow_mut();
        match ended.last_mut() {
            Some(last) if (last.class, last.why) == (class, why) => last.n += 1,
            _ => ended.push(EndedOf { class, why, n: 1 }),
        }
    }

    /// Counts a flow that was answered.
    pub fn finish(&self, answered: Answered) {
        bump(&self.counts.finished);
        self.stats.classes.of(answered.class).finished.add(1);
        if self.measures.get() || answered.deadline.is_some() {
            self.answers.set(true);
            self.answered.borrow_mut().push(answered);
        }
    }

    /// Tells, at the end of a run, when it was that flows were answered or ended in it.
    #[inline]
    pub fn settle(&self, now: Time) {
        if self.answers.take() {
            self.count_answers(now);
        }
        self.flows.close(now);
    }

    #[inline(never)]
    fn count_answers(&self, now: Time) {
        for Answered { class, born, deadline } in self.answered.borrow_mut().drain(..) {
            let stats = self.stats.classes.of(class);
            if deadline.is_some_and(|deadline| deadline < now) {
                stats.late.add(1);
            }
            if self.measures.get() {
                let response = stats.response.get_or_init(Box::default);
                response.record(now.0.saturating_sub(born.0), 1);
            }
        }
    }

    /// Nobody waits any more for the answer to a flow of `source` on this worker.
    pub fn set_gone(&self, source: StageId, flow: u64) {
        // There are no more flows that could be meant: the list stays bounded whatever is said.
        if (self.gone_here.get() as i64) < self.counts.places.get()
            && self.gone.add(self.worker, (source, flow))
        {
            self.gone_here.set(self.gone_here.get() + 1);
            self.roused.borrow_mut().extend(&*self.watchers.borrow());
            self.news.set(true);
        }
    }

    /// Has a source hear of each of its flows that was answered.
    pub fn hear_finished(&self, source: StageId) {
        let notes = &self.placed[source.index()].notes;
        notes.set(notes.get() | HEARS);
    }

    /// Has the flag of a stage raised whenever a flow of this worker is gone.
    pub fn watch_gone(&self, stage: StageId) {
        let mut watchers = self.watchers.borrow_mut();
        if !watchers.contains(&stage) {
            watchers.push(stage);
        }
    }

    /// The flow has ended, gone or not. Out of the way of all others.
    #[cold]
    fn unset_gone(&self, source: StageId, flow: u64) {
        if self.gone.remove(self.worker, &(source, flow)) {
            self.gone_here.set(self.gone_here.get() - 1);
        }
    }

    /// Takes a stage whose flag is to be raised.
    pub fn take_roused(&self) -> Option<StageId> {
        self.roused.borrow_mut().pop()
    }

    /// A flow with a place at its source has ended.
    pub fn settled(&self, notice: Notice) {
        if notice.why.is_some() || notice.home != self.worker {
            return self.tell(notice);
        }
        let placed = &self.placed[notice.source.index()];
        match placed.notes.get() {
            0 if self.gone_here.get() == 0 => self.take_back(placed),
            notes if notes & HEARS == 0 => self.free_place(notice.source, notice.flow),
            _ => self.tell(notice),
        }
    }

    /// Leaves a notice to be carried to its home worker after this run.
    pub fn tell(&self, notice: Notice) {
        self.notices.borrow_mut().push(notice);
        self.news.set(true);
    }

    /// Whether notices or stages whose flags are to be raised have come since this was last asked.
    pub fn take_news(&self) -> bool {
        self.news.take()
    }

    pub fn take_notices(&self, into: &mut Vec<Notice>) {
        into.append(&mut self.notices.borrow_mut());
    }
}

/// Restores the desk that was there before.
pub(crate) struct Opened(Option<Rc<Desk>>);

impl Drop for Opened {
    fn drop(&mut self) {
        HERE.with(|here| *here.borrow_mut() = self.0.take());
    }
}

/// Runs `f` with the desk of this thread, or counts a stray.
pub(crate) fn here(f: impl FnOnce(&Desk)) {
    let mut told = false;
    here_if_any(|desk| {
        f(desk);
        told = true;
    });
    if !told {
        STRAYS.fetch_add(1, Relaxed);
    }
}

/// Runs `f` with the desk of this thread, if a worker runs on it. While thread-locals are taken
/// down there is none.
pub(crate) fn here_if_any(f: impl FnOnce(&Desk)) {
    let _ = HERE.try_with(|here| here.borrow().as_deref().map(f));
}

/// What a tag that is dropped here died of.
pub(crate) fn dropping() -> Why {
    let mut why = Why::Dropped;
    here_if_any(|desk| why = desk.dropping.get());
    why
}

/// Whether what is dropped here by a panic is to be salvaged.
pub(crate) fn salvages() -> bool {
    let mut salvages = false;
    here_if_any(|desk| salvages = desk.lettered.borrow().contains(&desk.running()));
    salvages
}

/// Ends of tags that happened where no worker runs, in this process.
pub fn strays() -> u64 {
    STRAYS.load(Relaxed)
}
