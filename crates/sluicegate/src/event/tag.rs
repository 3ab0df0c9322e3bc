//! The tag: a linear token that makes sure no flow vanishes.

use crate::desk::{self, Answered};
use crate::event::Event;
use crate::gone::{FlowId, Gone};
use crate::ledger::{Why, bump};
use crate::observe::{PathKey, TraceParent};
use crate::time::Time;
use std::fmt;

/// A stage of the net, by its place in the order of declaration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub(crate) u16);

impl StageId {
    /// The stage's number.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A worker of the net, counted over all domains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub(crate) u16);

impl WorkerId {
    /// The worker's number, over all domains.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Source of events that belong to no flow.
pub(crate) const NO_SOURCE: StageId = StageId(u16::MAX);
/// Source of flows that an [`Entry`](crate::Entry) let in: nobody in the net waits for their end.
pub(crate) const OUTSIDE: StageId = StageId(u16::MAX - 1);

const NO_DEADLINE: u64 = u64::MAX;
/// In when it was born: whoever sent it asked for its trace.
const TRACED: u64 = 1 << 63;
/// A second tag: its end is a join and nobody is told.
const FORKED: u8 = 1;
/// A question sent over a windowed wire: its end goes back to the asker.
const QUESTION: u8 = 2;
/// The flow of an answer that its asker took and put back: it is redeemed already.
const REDEEMED: u8 = 4;
/// Why a wire diverted it last: the place in `DIVERSIONS` and one more, 0 where none did.
const DIVERTED: u8 = 0b11 << DIVERTED_AT;
const DIVERTED_AT: u8 = 3;
const DIVERSIONS: [Why; 3] = [Why::Shed, Why::Refused, Why::Greedy];
/// The logarithm of its weight.
const WEIGHT: u8 = 0b111 << WEIGHT_AT;
const WEIGHT_AT: u8 = 5;

/// The token of one flow: neither `Copy` nor `Clone`. It is consumed by [`Tag::with`],
/// [`Tag::finish`] or [`Tag::refuse`]; a tag that is dropped counts against the stage that
/// dropped it, and the flow's source is told.
///
/// ```
/// use sluicegate::{Batch, Cx, Out, Rig, Why, from_fn};
///
/// let stage = from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
///     for event in batch {
///         let (tag, n) = event.split();
///         match n {
///             0 => tag.refuse(Why::Refused),
///             1 => tag.finish(),
///             n => cx.out.emit(tag.with(n - 1)),
///         }
///     }
/// });
/// let mut rig = Rig::of(stage);
/// rig.feed([0_u64, 1, 2]).batch(64);
/// assert_eq!(*rig.out.take()[0], 1);
/// let ledger = rig.ledger();
/// assert_eq!((ledger.finished, ledger.ended[Why::Refused]), (1, 1));
/// # rig.out.take();
/// ```
#[must_use = "a flow ends only by finish, refuse, or by sending its tag on"]
pub struct Tag {
    flow: u64,
    born: Time,
    deadline: u64,
    home: WorkerId,
    source: StageId,
    client: u16,
    class: u8,
    flags: u8,
}

impl Tag {
    pub(crate) fn new(flow: u64, born: Time, home: WorkerId, source: StageId) -> Self {
        let born = Time(born.0 & !TRACED);
        Self { flow, born, deadline: NO_DEADLINE, home, source, client: 0, class: 0, flags: 0 }
    }

    /// A tag of no flow: the ledger does not count it.
    pub fn none(home: WorkerId) -> Self {
        Self::new(0, Time(0), home, NO_SOURCE)
    }

    /// Says when the answer is worth nothing any more, for a stage that knows better than the
    /// source did.
    pub fn set_deadline(&mut self, deadline: Option<Time>) {
        self.deadline = deadline.map_or(NO_DEADLINE, |time| time.0);
    }

    /// Brings the deadline nearer; one that is nearer already stays.
    pub fn limit_deadline(&mut self, to: Time) {
        self.deadline = self.deadline.min(to.0);
    }

    /// Puts the flow into a class; higher is more important.
    pub fn set_class(&mut self, class: u8) {
        self.class = class;
    }

    /// Says on whose behalf the flow runs; see [`Tag::client`]. Whoever hashes clients that may be
    /// hostile should seed the hash: two whose hash is the same are one.
    pub fn set_client(&mut self, client: u16) {
        self.client = client;
    }

    /// Has the flow cost its client so many times less where clients share a queue, so that it gets
    /// so many times the time of one whose flows have weight 1, which is that of all unless this is
    /// said. The next lower power of two counts, from 1 to 128.
    pub fn set_weight(&mut self, weight: u8) {
        self.flags = self.flags & !WEIGHT | (weight.max(1).ilog2() as u8) << WEIGHT_AT;
    }

    /// The flow's number, chosen by its source and unique among the source's flows in flight.
    pub fn flow(&self) -> u64 {
        self.flow
    }

    /// When the flow's first byte was read.
    pub fn born(&self) -> Time {
        Time(self.born.0 & !TRACED)
    }

    /// When the answer is worth nothing any more.
    pub fn deadline(&self) -> Option<Time> {
        (self.deadline != NO_DEADLINE).then_some(Time(self.deadline))
    }

    /// The flow's class; higher is more important.
    pub fn class(&self) -> u8 {
        self.class
    }

    /// A hash of the client for whom the flow runs, by which queues share among clients; 0 when
    /// nobody said.
    pub fn client(&self) -> u16 {
        self.client
    }

    /// How many times the time of others its client gets where they share: a power of two.
    pub fn weight(&self) -> u8 {
        1 << (self.flags >> WEIGHT_AT)
    }

    /// The worker on which the flow entered, and to which its answer returns.
    pub fn home(&self) -> WorkerId {
        self.home
    }

    /// Why a wire [diverted](crate::Wire::divert) the flow, the last one if several did on its way:
    /// for this reason it would have ended. Who has nothing better for it refuses it so.
    pub fn diverted(&self) -> Option<Why> {
        let n = usize::from((self.flags & DIVERTED) >> DIVERTED_AT);
        n.checked_sub(1).map(|place| DIVERSIONS[place])
    }

    /// Says of which trace the flow is part, for a source that learns it later than the flow
    /// [entered](crate::Cx::enter): on the same worker. While no paths are kept it is not noted.
    pub fn set_trace(&mut self, of: TraceParent) {
        desk::here_if_any(|desk| {
            if desk.flows.is_on() {
                desk.flows.told(self, of);
            }
        });
    }

    /// What a handler says to others whom it asks for the flow's sake: the trace of which the flow
    /// is part, with the flow's own [span](crate::FlowTrace::span) as the parent. Of which trace it
    /// is, whoever read it says in `of`, as to [`Entering`](crate::Entering); where nobody did the
    /// flow begins one.
    ///
    /// `sampled` is set where it was by whoever asked, or where chance has the flow be kept. The
    /// same is given for each tag of the flow, at any time; a question has a span of its own, which
    /// is told nowhere: ask the tag of the flow.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Out, Rig, TraceParent, from_fn};
    ///
    /// let stage = from_fn(|batch: Batch<'_, Option<TraceParent>>, cx: &mut Cx<'_, Out<String>>| {
    ///     for event in batch {
    ///         let (tag, came) = event.split();
    ///         let field = tag.traceparent(came).to_string();
    ///         cx.out.emit(tag.with(field));
    ///     }
    /// });
    /// let mut rig = Rig::of(stage);
    /// rig.feed([Some(TraceParent { trace: 0xabc, parent: 7, sampled: false }), None]).batch(64);
    /// let [passed_on, own] = rig.out.take().try_into().expect("two events");
    /// assert!(passed_on.starts_with("00-00000000000000000000000000000abc-"));
    /// assert!(!passed_on.contains("0000000000000007") && passed_on.ends_with("-00"));
    /// assert_ne!(passed_on[3..35], own[3..35]);
    /// # passed_on.split().0.finish();
    /// # own.split().0.finish();
    /// ```
    pub fn traceparent(&self, of: Option<TraceParent>) -> TraceParent {
        let key = self.path();
        let mut sampled = of.is_some_and(|of| of.sampled);
        desk::here_if_any(|desk| sampled |= desk.flows.chooses(&key));
        let trace = of.map_or_else(|| key.own_trace(), |of| of.trace);
        TraceParent { trace, parent: key.span(), sampled }
    }

    /// Notes why a wire diverts it.
    pub(crate) fn set_diverted(&mut self, why: Why) {
        // What is late or gone is never diverted.
        let place = DIVERSIONS.iter().position(|one| *one == why).unwrap_or(0);
        self.flags = self.flags & !DIVERTED | (place as u8 + 1) << DIVERTED_AT;
    }

    /// Has its path be kept when it ends, while any are.
    pub(crate) fn ask_for_trace(&mut self) {
        self.born.0 |= TRACED;
    }

    pub(crate) fn is_asked_for(&self) -> bool {
        self.born.0 & TRACED != 0
    }

    pub(crate) fn is_fork(&self) -> bool {
        self.flags & FORKED != 0
    }

    /// Under which its steps are found.
    pub(crate) fn path(&self) -> PathKey {
        PathKey::new(self.flow, self.born().0, self.source, self.home.0, self.is_question())
    }

    /// Whether the ledger counts this tag.
    pub fn is_flow(&self) -> bool {
        self.source != NO_SOURCE
    }

    /// The event with this tag and `body`.
    pub fn with<T>(self, body: T) -> Event<T> {
        Event { tag: self, body }
    }

    /// Ends the flow: its answer has been given. To the asker of a question, whose answer is an
    /// event, this is a question that somebody let go of.
    pub fn finish(self) {
        self.end(None);
    }

    /// Ends the flow without an answer; its source is told why.
    pub fn refuse(self, why: Why) {
        self.end(Some(why));
    }

    /// A second tag of the same flow, for work beside it. Its end is counted as joined and
    /// nobody is told of it.
    pub fn fork(&self) -> Self {
        if self.is_flow() {
            desk::here(|desk| {
                bump(&desk.counts.forked);
                desk.hold(1);
            });
        }
        // A fork of a question is no question: only one of them may come back to the asker.
        Self { flags: FORKED | self.flags & WEIGHT, ..*self }
    }

    /// The tag of a question about this flow, which goes back to `asker` when it dies.
    pub(crate) fn question(&self, key: u64, asker: StageId, home: WorkerId) -> Self {
        let flags = QUESTION | self.flags & WEIGHT;
        let question = Self { flow: key, source: asker, home, flags, ..*self };
        desk::here(|desk| {
            bump(&desk.counts.forked);
            if desk.flows.is_on() {
                desk.flows.asked(asker, self, &question, desk.now());
            }
        });
        question
    }

    /// Whether the deadline is at `time` or before it.
    pub(crate) fn is_due_by(&self, time: Time) -> bool {
        self.deadline <= time.0
    }

    /// Whether nobody waits for the answer to the flow. A second tag is for work that nobody ever
    /// waits for, and what a question fetches others may want too.
    pub(crate) fn is_in(&self, gone: &Gone) -> bool {
        gone.any() && self.flow_key().is_some_and(|flow| flow.is_in(gone))
    }

    /// The flow, if its source could say that nobody waits for it any more.
    pub(crate) fn flow_key(&self) -> Option<FlowKey> {
        let can = self.flags & (FORKED | QUESTION) == 0 && self.is_flow();
        can.then_some(FlowKey { home: self.home, flow: (self.source, self.flow) })
    }

    /// Whether this tag has a place of its own in the answer lane of `stage`.
    pub(crate) fn returns_to(&self, stage: StageId) -> bool {
        self.source == stage && self.flags & FORKED == 0
    }

    /// Marks the flow of an answer that is put back.
    pub(crate) fn mark_redeemed(&mut self) {
        self.flags |= REDEEMED;
    }

    /// Takes that mark off; whether it was there.
    pub(crate) fn unmark_redeemed(&mut self) -> bool {
        let was = self.flags & REDEEMED != 0;
        self.flags &= !REDEEMED;
        was
    }

    pub(crate) fn is_question(&self) -> bool {
        self.flags & QUESTION != 0
    }

    /// What tells the tag from all others in flight, but those of a flow that was forked again.
    pub(crate) fn key(&self) -> TagKey {
        (self.source, self.flow, self.home, self.flags & (FORKED | QUESTION))
    }

    /// Consumes the tag of a question that was answered.
    pub(crate) fn join(self) {
        desk::here(|desk| bump(&desk.counts.joined));
        std::mem::forget(self);
    }

    fn end(self, why: Option<Why>) {
        self.settle(why);
        std::mem::forget(self);
    }

    fn settle(&self, why: Option<Why>) {
        if !self.is_flow() {
            return;
        }
        desk::here(|desk| {
            desk.hold(-1);
            if self.is_question() {
                bump(&desk.counts.joined);
                desk.tell(self.notice(Some(why.unwrap_or(Why::Dropped))));
                return;
            }
            if self.flags & FORKED != 0 {
                bump(&desk.counts.joined);
                return;
            }
            match why {
                None => desk.finish(self.answered()),
                Some(why) => desk.end(self.class, why),
            }
            if desk.flows.is_on() {
                desk.flows.ended(desk.running(), self, why);
            }
            if self.source != OUTSIDE {
                desk.settled(self.notice(why));
            }
        });
    }

    fn answered(&self) -> Answered {
        Answered { class: self.class, born: self.born(), deadline: self.deadline() }
    }

    fn notice(&self, why: Option<Why>) -> Notice {
        let question = self.is_question();
        Notice { flow: self.flow, source: self.source, home: self.home, question, why }
    }
}

/// See [`Tag::key`].
pub(super) type TagKey = (StageId, u64, WorkerId, u8);

/// Names a flow of the net while it is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlowKey {
    pub home: WorkerId,
    pub flow: FlowId,
}

impl FlowKey {
    pub fn is_in(&self, gone: &Gone) -> bool {
        gone.has(self.home, &self.flow)
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        let why = if std::thread::panicking() { Why::Failed } else { desk::dropping() };
        // What a panic costs goes on as a letter where there is a wire for those.
        if why == Why::Failed && self.is_flow() && desk::salvages() {
            let tag = Self { ..*self };
            return desk::here(|desk| desk.salvage(tag));
        }
        self.settle(Some(why));
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tag")
            .field("flow", &self.flow)
            .field("born", &self.born())
            .field("class", &self.class)
            .field("home", &self.home.0)
            .field("source", &self.source.0)
            .finish_non_exhaustive()
    }
}

/// The end of a flow on its way to the source's place on its home worker, or of a question on
/// its way to the asker's window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice {
    /// The flow's number at its source, or the question's key.
    pub flow: u64,
    pub source: StageId,
    pub home: WorkerId,
    pub question: bool,
    /// `None`: answered on another worker, so that only the place is to be freed, or at a source
    /// that hears of it.
    pub why: Option<Why>,
}

/// A flow, or a question about one, that ended without an answer.
#[derive(Debug)]
pub struct Ended {
    /// The flow's number, as its source gave it.
    pub flow: u64,
    /// Why there is no answer.
    pub why: Why,
    /// For the asker of a question: the flow that asked, which is still alive. Answer it,
    /// send it on, or refuse it. `None` for the source of a flow, which has ended.
    pub tag: Option<Tag>,
}
