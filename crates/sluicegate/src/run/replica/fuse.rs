//! Fused stages: what is emitted to one is handled in the run of the stage that emitted it.

use super::Replica;
use crate::event::{Event, MakeCopy, Notice, StageId, Tag};
use crate::observe::Happening;
use crate::queue::Taken;
use crate::run::{Build, Context, Gate, Maker, Runnable, Waiting};
use crate::stage::Stage;
use crate::time::Time;
use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// How many fused stages run within each other, since each takes a part of the worker's stack. The
/// next in a longer row takes the queue.
const DEEPEST: usize = 64;

/// What came of events that were to be handled at once.
pub(crate) enum Fused {
    /// They wait where they were: they have to take the queue.
    Cannot,
    /// All are handled.
    Done,
    /// The stage has more to do.
    Left,
}

/// A replica to which a wire is fused.
pub(crate) trait HandleNow<U> {
    /// Handles the events that `fill` brings: how many, the flows among them, and whether all are
    /// answers.
    fn handle_now(
        &self,
        of: (usize, i64, bool),
        fill: &mut dyn FnMut(&mut VecDeque<Event<U>>),
        cx: &mut Context<'_>,
    ) -> Fused;
}

/// Where the replica of one stage on this worker is found, once it is made.
pub(crate) type Seat<U> = OnceCell<Rc<dyn HandleNow<U>>>;

/// The seats of a worker, while it is made.
#[derive(Default)]
pub(crate) struct Seats(RefCell<BTreeMap<StageId, Rc<dyn Any>>>);

impl Seats {
    /// The seat of a stage that takes `U`.
    pub fn of<U: 'static>(&self, stage: StageId) -> Rc<Seat<U>> {
        let mut seats = self.0.borrow_mut();
        let seat = seats.entry(stage).or_insert_with(|| Rc::new(Seat::<U>::new()));
        Rc::clone(seat).downcast().expect("inlets carry the type of their stage")
    }
}

impl<S: Stage> Replica<S> {
    /// Makes a replica, and seats it where a wire is fused to it.
    pub fn seated(
        maker: Arc<Maker<S>>,
        copy: Option<MakeCopy<S::In>>,
        build: &Build<'_>,
    ) -> Box<dyn Runnable> {
        let replica = Self::new(maker, copy, build);
        if !build.fused().0 {
            return Box::new(replica);
        }
        let replica = Rc::new(RefCell::new(replica));
        let seat = build.seats.of::<S::In>(build.spec.id);
        let _ = seat.set(Rc::clone(&replica) as Rc<dyn HandleNow<S::In>>);
        Box::new(replica)
    }

    /// Whether so many events may be handled now.
    fn can(&mut self, n: usize, answers: bool, now: Time) -> bool {
        let (room_for_answers, room) = self.limits();
        let told = self.directives.epoch() != self.heard;
        let busy = told || self.stage.is_none() || self.hand.is_open();
        match answers {
            true => !busy && n <= room_for_answers,
            false => !busy && n <= room && self.breaker.gate(now) == Gate::Closed,
        }
    }
}

impl<S: Stage> HandleNow<S::In> for RefCell<Replica<S>> {
    fn handle_now(
        &self,
        (n, flows, answers): (usize, i64, bool),
        fill: &mut dyn FnMut(&mut VecDeque<Event<S::In>>),
        cx: &mut Context<'_>,
    ) -> Fused {
        // Nobody has it: fused wires make no circle.
        let mut this = self.borrow_mut();
        let now = cx.now;
        if cx.deep == DEEPEST || !this.can(n, answers, now) {
            return Fused::Cannot;
        }
        // What the stage that emitted holds, and what ended by its doing, is its own.
        let outer = cx.desk.begin_fused(this.id);
        cx.desk.queue(flows);
        this.work.taken = 0;
        fill(&mut this.work.events);
        let lane = if answers { "answers" } else { "asks" };
        cx.desk.note(Some(this.id), Happening::Took, n as u64, lane);
        this.work.traced = flows > 0 && cx.desk.flows.is_on();
        if this.work.traced {
            this.trace(cx.desk, cx.clock.now(), false);
        }
        let taken = Taken::fused(answers);
        this.handle_events(cx, &taken);
        let (_, handled) = this.count_served(cx, n);
        if cx.desk.measures.get() {
            this.stats.times().batch(handled);
        }
        let left = !this.work.events.is_empty();
        if left {
            this.put_back(cx, &taken);
        }
        let was_parked = this.parked;
        cx.deep += 1;
        this.deliver(cx);
        cx.deep -= 1;
        this.settle_counts(cx);
        cx.desk.end_fused(outer);
        // What it could not do while it held output is to be done now.
        let unparked = was_parked && !this.parked;
        if left || this.again || unparked { Fused::Left } else { Fused::Done }
    }
}

impl<S: Stage> Runnable for Rc<RefCell<Replica<S>>> {
    fn start(&mut self, cx: &mut Context<'_>) {
        self.borrow_mut().start(cx);
    }

    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        self.borrow_mut().run(cx)
    }

    fn waiting(&self) -> Waiting {
        self.borrow().waiting()
    }

    fn oldest(&self) -> Option<Time> {
        self.borrow().oldest()
    }

    fn is_parked(&self) -> bool {
        self.borrow().is_parked()
    }

    fn signal(&mut self, member: usize) {
        self.borrow_mut().signal(member);
    }

    fn started(&mut self) {
        self.borrow_mut().started();
    }

    fn pressed(&mut self, member: usize) {
        self.borrow_mut().pressed(member);
    }

    fn send_letters(&mut self, member: usize, tags: Vec<Tag>, cx: &mut Context<'_>) {
        self.borrow_mut().send_letters(member, tags, cx);
    }

    fn timer(&mut self, member: usize, token: u64) {
        self.borrow_mut().timer(member, token);
    }

    fn notice(&mut self, member: usize, notice: Notice) {
        self.borrow_mut().notice(member, notice);
    }

    fn is_gated(&self) -> bool {
        self.borrow().is_gated()
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> bool {
        self.borrow_mut().tick(cx)
    }

    fn drain(&mut self, cx: &mut Context<'_>) {
        self.borrow_mut().drain(cx);
    }

    fn drained(&mut self, cx: &mut Context<'_>) -> bool {
        self.borrow_mut().drained(cx)
    }

    fn in_flight(&mut self) -> i64 {
        self.borrow_mut().in_flight()
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        self.borrow_mut().close(cx);
    }
}
