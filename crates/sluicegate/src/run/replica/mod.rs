//! One replica of a stage: takes a batch, calls the handler, delivers what it emitted.

mod fuse;
mod handle;
mod heed;
mod make;
mod supervise;
pub(crate) use fuse::{Fused, Seat, Seats};

use crate::control::{Gauge, Level, Served};
use crate::desk::{Desk, EndedOf};
use crate::event::{Event, Notice, StageId, Tag, Work};
use crate::ledger::Why;
use crate::net::Supervision;
use crate::observe::{Happening, StageStats};
use crate::queue::{Aside, InletQueue, Probe};
use crate::run::close::refuse_all;
use crate::run::{
    Bell, Breaker, Context, Directives, Letters, Make, Maker, Runnable, Waiting, refuse,
};
use crate::settings::Value;
use crate::stage::{AnyOut, Cx, Flag, Hand, Local, Ports, Runtime, Stage, Window, message};
use crate::time::Time;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The flag was raised.
const FLAG: u8 = 1;
/// All of the net has started.
const STARTED: u8 = 2;
/// The pressure beyond the ports may have changed, or the level of a resource.
const PRESSURE: u8 = 4;

pub(crate) struct Replica<S: Stage> {
    id: StageId,
    stage: Option<S>,
    make: Make<S>,
    maker: Arc<Maker<S>>,
    queue: Arc<InletQueue<S::In>>,
    /// Where the inlet has a gate: what this replica measures for it.
    gate_cell: Option<Arc<Served>>,
    aside: Aside<Event<S::In>>,
    /// In a pool: tells the other threads that the queue has more.
    others: Option<Bell>,
    work: Work<S::In>,
    out: S::Out,
    ended: VecDeque<Notice>,
    timers: VecDeque<u64>,
    /// What it has to hear of, by bits.
    signals: u8,
    /// Its flag, raised by others.
    flag: Flag,
    /// What an async stage has in flight.
    hand: Hand,
    /// A flag raised by the stage itself while its output was held.
    again: bool,
    parked: bool,
    /// Whether stages are fused to its ports.
    fuses: bool,
    /// Whether flags left no room for the events that wait: these go first in the next run.
    starved: bool,
    held: i64,
    stats: Arc<StageStats>,
    batch: usize,
    emits: usize,
    places: usize,
    /// What each outbox takes of new work, and beyond that of what answers and ends of flows make
    /// the stage emit.
    outbox: (usize, usize),
    cell: u16,
    /// The names of the ports, for traces.
    ports: &'static [&'static str],
    /// Nanoseconds that an event costs, about: newer batches weigh more.
    cost: u64,
    /// Those that serve the same queue share it.
    breaker: Arc<Breaker>,
    supervision: Supervision,
    /// Whether an event is tried here while the breaker is open.
    trying: bool,
    /// How often its flag's handler panicked in a row.
    flag_panics: u32,
    /// What the last panic said.
    panic: Arc<str>,
    /// Where there is a wire for them.
    letters: Option<Box<Letters<S::In>>>,
    /// Whether it has heard that the net started.
    started: bool,
    /// Whether it hears of pressure, and the tenth of that which it heard of last.
    hears_pressure: bool,
    tenth: u8,
    /// The gauges of whose level it hears, with that of which it heard of last.
    levels: Vec<(Arc<Gauge>, Level)>,
    /// Whether it hears of flows that were answered.
    hears_finished: bool,
    directives: Arc<Directives>,
    /// Their epoch when it last looked at them, if it need not look again.
    heard: u64,
    /// The numbers that it goes by, which value it is, and whether it is paused.
    numbers: u64,
    replaced: u64,
    paused: bool,
    /// What was set of the stage's own settings.
    own: Vec<(String, Value)>,
}

impl<S: Stage> Replica<S> {
    /// Calls the stage. `None` when it panicked; then it is gone.
    fn call<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut S, &mut Work<S::In>, &mut Cx<'_, S::Out>) -> R,
    ) -> Option<R> {
        let mut again = false;
        let stage = self.stage.as_mut()?;
        let runtime = Runtime {
            now: cx.now,
            clock: cx.clock,
            desk: cx.desk,
            wheel: cx.wheel,
            stage: self.id,
            cell: self.cell,
            places: self.places,
            quality: self.queue.quality(),
            draining: cx.draining,
            flag: &self.flag,
            hand: &mut self.hand,
            emits: self.emits,
            again: &mut again,
        };
        let mut inner = Cx { out: &mut self.out, local: Local(cx.machine), runtime };
        let work = &mut self.work;
        let done = catch_unwind(AssertUnwindSafe(|| f(stage, work, &mut inner)));
        self.again |= again;
        match done {
            Ok(done) => Some(done),
            Err(panic) => {
                self.panicked(message(&*panic), cx);
                None
            }
        }
    }

    /// Ends the flows that the replica held. A new one is made before the next batch.
    fn panicked(&mut self, message: Arc<str>, cx: &mut Context<'_>) {
        self.count_panics(1, message, cx);
        let before = cx.desk.set_dropping(Why::Failed);
        let old = self.stage.take();
        // A destructor may panic too; the replica is gone all the same.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
        for tag in self.work.windows.iter().flatten().flat_map(Window::clear) {
            cx.desk.hold(1);
            drop(tag);
        }
        cx.desk.set_dropping(before);
        self.hand.lose(cx.now);
        self.fly(cx);
    }

    /// Delivers what was emitted; whether the stage is parked then.
    fn deliver(&mut self, cx: &mut Context<'_>) {
        let (desk, fuses) = (cx.desk, self.fuses);
        let (mut emitted, mut held, mut ports) = (0, 0, self.ports.iter());
        let note = |what, n: usize, port| {
            if n > 0 {
                desk.note(Some(self.id), what, n as u64, port);
            }
        };
        self.out.each(&mut |port: &mut dyn AnyOut| {
            let name = ports.next().copied().unwrap_or_default();
            let flows = port.take_emitted();
            note(Happening::Emitted, flows, name);
            if fuses {
                port.pass(cx);
            }
            port.deliver();
            note(Happening::Held, port.len(), name);
            emitted += flows;
            held += port.len();
        });
        self.held -= emitted as i64;
        self.park(held > 0, cx);
    }

    /// Notes what happened to the replica.
    fn note(&self, cx: &Context<'_>, what: Happening, n: usize) {
        cx.desk.note(Some(self.id), what, n as u64, "");
    }

    /// Has another thread of the pool look at the queue.
    fn tell_others(&self) {
        if let Some(others) = &self.others {
            others.ring();
        }
    }

    fn park(&mut self, parked: bool, cx: &Context<'_>) {
        if self.parked != parked {
            self.parked = parked;
            let what = if parked { Happening::Parked } else { Happening::Unparked };
            self.note(cx, what, 0);
            // Who looks meanwhile has read the clock later than this run did.
            self.stats.park(parked, cx.clock.now());
        }
    }

    /// Ends the flows of what the gate dropped.
    fn end_dropped(&mut self, cx: &Context<'_>) {
        for (event, why) in self.aside.dropped.drain(..) {
            refuse(event, why, cx.desk);
        }
    }

    /// Begins a run.
    fn begin(&mut self, cx: &Context<'_>) {
        cx.desk.run(self.id, cx.now);
        self.work.taken = 0;
        // What ended before is not its doing.
        cx.desk.skip_ends();
    }

    /// Does `f` outside the order of runs.
    fn aside(&mut self, cx: &mut Context<'_>, f: impl FnOnce(&mut Self, &mut Context<'_>)) {
        self.begin(cx);
        f(self, cx);
        self.deliver(cx);
        self.account(cx);
    }

    /// Settles the counts of one run, whose end is the beginning of the next.
    fn account(&mut self, cx: &mut Context<'_>) {
        let desk = cx.desk;
        let start = std::mem::replace(&mut cx.now, cx.clock.now());
        let busy = cx.now.0.saturating_sub(start.0);
        self.stats.busy.add(busy);
        if self.work.overran(busy) {
            self.stats.overruns.add(1);
        }
        cx.handled = self.work.taken;
        if let Some(tracer) = desk.tracer() {
            if busy > 0 {
                tracer.note(Some(self.id), Happening::Spent, busy, "");
            }
            tracer.note_ledger(self.id, desk.counts.ledger());
        }
        // What an async stage has in flight costs the time for which it is.
        if let Some(cell) = self.gate_cell.as_ref().filter(|_| !self.hand.is_open()) {
            cell.busy.add(busy);
        }
        let taken = self.work.taken as u64;
        if taken > 0 {
            // A division costs as much as the rest of this.
            let each = if taken == 1 { busy } else { busy / taken };
            self.cost = (self.cost * 3 + each) / 4;
            if desk.measures.get() && !self.hand.is_open() {
                self.stats.times().service.record(each, taken);
            }
        }
        desk.settle(cx.now);
        self.settle_counts(cx);
    }

    /// Counts the flows that ended without an answer. Out of the way of all others.
    #[cold]
    fn count_ends(&self, desk: &Desk) {
        desk.each_end(|EndedOf { class, why, n }| self.stats.refused.of(class).add(why, n));
    }

    /// Settles what a run did to flows.
    #[inline]
    fn settle_counts(&mut self, cx: &Context<'_>) {
        self.held += cx.desk.take_held();
        if cx.desk.has_ended() {
            self.count_ends(cx.desk);
        }
        if self.work.strays > 0 {
            self.stats.strays.add(std::mem::take(&mut self.work.strays));
        }
    }
}

impl<S: Stage> Runnable for Replica<S> {
    fn start(&mut self, cx: &mut Context<'_>) {
        self.aside(cx, Self::make_stage);
    }

    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        self.begin(cx);
        if self.directives.epoch() != self.heard && !self.heed(cx) {
            return false;
        }
        if self.parked {
            self.deliver(cx);
        }
        if self.stage.is_none() {
            self.make_stage(cx);
        }
        let gone = self.stage.is_none();
        if !self.parked && std::mem::take(&mut self.again) {
            self.signals |= FLAG;
        }
        if self.flag.take() {
            self.signals |= FLAG;
        }
        self.handle_ended(cx);
        if !self.starved {
            self.handle_flags(cx);
        }
        let handled = if cx.takes { self.handle_batch(cx) } else { self.leave_batch() };
        let was_parked = self.parked;
        self.deliver(cx);
        self.account(cx);
        if self.parked && !was_parked && handled.more {
            self.tell_others();
        }
        let (free, unparked) = (!self.parked, was_parked && !self.parked);
        let more = handled.more && (free || handled.answers);
        let told = !self.ended.is_empty() || !self.timers.is_empty();
        let flags = (self.signals != 0 && !gone) || (self.again && free);
        more || told || flags || unparked
    }

    fn waiting(&self) -> Waiting {
        let mut waiting = self.queue.waiting();
        let told = !self.ended.is_empty() || !self.timers.is_empty();
        let flags = self.signals != 0 || self.again || self.flag.is_raised();
        waiting.urgent |= told || flags || self.parked;
        waiting
    }

    fn oldest(&self) -> Option<Time> {
        self.queue.oldest()
    }

    fn is_parked(&self) -> bool {
        self.parked
    }

    fn signal(&mut self, _: usize) {
        self.signals |= FLAG;
    }

    fn started(&mut self) {
        self.signals |= STARTED;
    }

    fn pressed(&mut self, _: usize) {
        self.signals |= PRESSURE;
    }

    fn send_letters(&mut self, _: usize, tags: Vec<Tag>, cx: &mut Context<'_>) {
        self.aside(cx, |this, cx| {
            let Some(letters) = &mut this.letters else { return };
            letters.salvage(tags, &this.panic, this.work.copies.as_mut(), cx.desk);
        });
    }

    fn timer(&mut self, _: usize, token: u64) {
        self.timers.push_back(token);
    }

    fn notice(&mut self, _: usize, notice: Notice) {
        self.ended.push_back(notice);
    }

    fn is_gated(&self) -> bool {
        self.queue.is_gated()
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> bool {
        let mut again = false;
        self.aside(cx, |this, cx| {
            again = this.queue.tick(cx.now, &cx.desk.gone, &mut this.aside.dropped);
            this.hand.tick(cx.now, usize::from(!this.queue.is_empty()));
            this.end_dropped(cx);
        });
        again
    }

    fn drain(&mut self, cx: &mut Context<'_>) {
        self.aside(cx, |this, cx| {
            this.call_aside(cx, |stage, _, cx| stage.drain(cx));
        });
    }

    fn drained(&mut self, cx: &mut Context<'_>) -> bool {
        let mut done = true;
        self.aside(cx, |this, cx| {
            // A replica that panicked and was not rebuilt yet has nothing left to do.
            done = this.call_aside(cx, |stage, _, cx| stage.drained(cx)).unwrap_or(true);
        });
        done && self.ended.is_empty() && !self.parked && self.queue.is_empty()
    }

    fn in_flight(&mut self) -> i64 {
        let mut waiting = 0;
        self.out.each(&mut |port: &mut dyn AnyOut| waiting += port.flows());
        let asked: usize = self.work.windows.iter().flatten().map(Window::taken).sum();
        self.held + waiting as i64 + asked as i64
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        let before = cx.desk.set_dropping(Why::Draining);
        for notice in self.ended.drain(..).filter(|notice| !notice.question) {
            cx.desk.free_place(notice.source, notice.flow);
        }
        let old = self.stage.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
        for tag in self.work.windows.iter().flatten().flat_map(Window::clear) {
            cx.desk.hold(1);
            tag.refuse(Why::Draining);
        }
        let mut waiting = 0;
        self.out.each(&mut |port: &mut dyn AnyOut| waiting += port.discard());
        // Their tags said that they were let go of by a stage, but an outbox held them.
        cx.desk.hold(waiting as i64);
        self.queue.take_all(&mut self.work.events);
        refuse_all(&mut self.work.events, Why::Draining, cx.desk);
        self.held += cx.desk.take_held();
        cx.desk.set_dropping(before);
    }
}
