//! One replica of a stage: takes a batch, calls the handler, delivers what it emitted.

mod handle;

use crate::control::Served;
use crate::desk::Desk;
use crate::event::{Event, Notice, StageId, Work};
use crate::ledger::Why;
use crate::net::Kind;
use crate::observe::{Happening, StageStats};
use crate::queue::{Aside, InletQueue, Probe};
use crate::run::close::refuse_all;
use crate::run::{Bell, Breaker, Build, Context, Runnable, Waiting, refuse};
use crate::stage::{AnyOut, Binder, Cx, Flag, Hand, Local, OutSpec, Ports, Runtime, Stage, Window};
use crate::time::Time;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What an event is taken to cost before any was handled, in nanoseconds.
const DEAR: u64 = 100_000;

pub(crate) struct Replica<S: Stage> {
    id: StageId,
    stage: Option<S>,
    make: Arc<dyn Fn() -> S + Send + Sync>,
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
    signalled: bool,
    /// The same, raised by others.
    flag: Flag,
    /// What an async stage has in flight.
    hand: Hand,
    /// A flag raised by the stage itself while its output was held.
    again: bool,
    parked: bool,
    /// Whether flags left no room for the events that wait: these go first in the next run.
    starved: bool,
    held: i64,
    stats: Arc<StageStats>,
    batch: usize,
    emits: usize,
    places: usize,
    cell: u16,
    /// The names of the ports, for traces.
    ports: &'static [&'static str],
    /// Nanoseconds that an event costs, about: newer batches weigh more.
    cost: u64,
    /// While open, what is asked is refused as failed.
    breaker: Breaker,
    /// While open, a flag whose handler panicked is not raised again.
    flag_breaker: Breaker,
}

impl<S: Stage> Replica<S> {
    pub fn new(make: Arc<dyn Fn() -> S + Send + Sync>, build: &Build<'_>) -> Self {
        let spec = build.spec;
        let queues: &Vec<Arc<InletQueue<S::In>>> =
            spec.queues.downcast_ref().expect("the queues of a stage carry its input type");
        let kind = build.plan.domains[spec.domain].kind;
        let own = build.worker.index() - build.plan.domains[spec.domain].first;
        let queue = Arc::clone(queues.get(own).unwrap_or(&queues[0]));
        let gate_cell = match kind {
            Kind::Pinned => queue.cell(0),
            Kind::Pool => queue.cell(own),
        };
        let Build { plan, .. } = build;
        let mut link = |port| {
            let wire = plan.wire_from((spec.id, port))?;
            Some((plan.wires[wire].link)(build, wire))
        };
        let declared = &spec.spec;
        let batch = declared.batch_in(kind);
        let bound = batch.saturating_mul(declared.emits);
        let spare = build.places().saturating_mul(declared.emits);
        let spec_of_out = OutSpec { bound, spare, batch, home: build.worker, sealed: true };
        let out = S::Out::bind(&mut Binder { link: &mut link, spec: spec_of_out });
        let mut work = Work::new(declared.slice);
        // A queue that chooses has looked already, and counts what it dropped.
        work.drops_late = !declared.keeps_late && !queue.is_gated();
        work.windows.clone_from(&build.windows);
        let hand = Hand::new(queue.is_gated(), declared.keeps_late);
        Self {
            id: spec.id,
            stage: None,
            make,
            queue,
            gate_cell,
            aside: Aside::default(),
            others: (kind == Kind::Pool).then(|| plan.remote_bell(spec.id, 0)),
            work,
            out,
            ended: VecDeque::new(),
            timers: VecDeque::new(),
            signalled: false,
            flag: Flag::new(build.mailbox, build.bit),
            hand,
            again: false,
            parked: false,
            starved: false,
            held: 0,
            stats: plan.stats.stage(build.worker, spec.id),
            batch,
            emits: declared.emits,
            places: declared.flows,
            cell: spec.cell,
            ports: spec.ports,
            cost: DEAR,
            breaker: Breaker::default(),
            flag_breaker: Breaker::default(),
        }
    }

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
        if done.is_err() {
            self.panicked(cx);
        }
        done.ok()
    }

    /// Ends the flows that the replica held. A new one is made before the next batch.
    fn panicked(&mut self, cx: &mut Context<'_>) {
        self.stats.panics.add(1);
        self.note(cx, Happening::Panicked, 1);
        let before = cx.desk.set_dropping(Why::Failed);
        let old = self.stage.take();
        // A destructor may panic too; the replica is gone all the same.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
        for tag in self.work.windows.iter().flatten().flat_map(Window::clear) {
            cx.desk.hold(1);
            tag.refuse(Why::Failed);
        }
        cx.desk.set_dropping(before);
        self.hand.lose(cx.now);
        self.fly();
    }

    fn make_stage(&mut self, cx: &mut Context<'_>) {
        let make = &self.make;
        match catch_unwind(AssertUnwindSafe(|| make())) {
            Ok(stage) => {
                self.stage = Some(stage);
                self.note(cx, Happening::Built, 0);
                self.call(cx, |stage, _, cx| stage.start(cx));
                if cx.draining {
                    self.call(cx, |stage, _, cx| stage.drain(cx));
                }
            }
            Err(_) => {
                self.stats.panics.add(1);
                self.note(cx, Happening::Panicked, 1);
            }
        }
    }

    /// Delivers what was emitted; whether the stage is parked then.
    fn deliver(&mut self, desk: &Desk) {
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
            port.deliver();
            note(Happening::Held, port.len(), name);
            emitted += flows;
            held += port.len();
        });
        self.held -= emitted as i64;
        self.park(held > 0, desk);
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

    fn park(&mut self, parked: bool, desk: &Desk) {
        if parked && !self.parked {
            self.stats.parked.add(1);
        }
        if self.parked != parked {
            self.parked = parked;
            let what = if parked { Happening::Parked } else { Happening::Unparked };
            desk.note(Some(self.id), what, 0, "");
            self.stats.parked_now.set(u64::from(parked));
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
        cx.desk.set_now(cx.now);
        self.work.taken = 0;
        // What ended before is not its doing.
        cx.desk.account_ends();
    }

    /// Does `f` outside the order of runs.
    fn aside(&mut self, cx: &mut Context<'_>, f: impl FnOnce(&mut Self, &mut Context<'_>)) {
        self.begin(cx);
        f(self, cx);
        self.deliver(cx.desk);
        self.account(cx);
    }

    /// Settles the counts of one run, whose end is the beginning of the next.
    fn account(&mut self, cx: &mut Context<'_>) {
        let desk = cx.desk;
        self.held += desk.take_held();
        let start = std::mem::replace(&mut cx.now, cx.clock.now());
        let busy = cx.now.0.saturating_sub(start.0);
        self.stats.busy.add(busy);
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
        match self.work.taken {
            0 => {}
            // A division costs as much as the rest of this.
            1 => self.cost = (self.cost * 3 + busy) / 4,
            taken => self.cost = (self.cost * 3 + busy / taken as u64) / 4,
        }
        if let Some((now, before)) = desk.account_ends() {
            self.stats.ended(now, before);
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
        if self.parked {
            self.deliver(cx.desk);
        }
        if self.stage.is_none() {
            self.make_stage(cx);
        }
        let gone = self.stage.is_none();
        if !self.parked && std::mem::take(&mut self.again) {
            self.signalled = true;
        }
        self.signalled |= self.flag.take();
        self.handle_ended(cx);
        if !self.starved {
            self.handle_flags(cx);
        }
        let handled = if cx.takes { self.handle_batch(cx) } else { self.leave_batch() };
        let was_parked = self.parked;
        self.deliver(cx.desk);
        self.account(cx);
        if self.parked && !was_parked && handled.more {
            self.tell_others();
        }
        let (free, unparked) = (!self.parked, was_parked && !self.parked);
        let more = handled.more && (free || handled.answers);
        let told = !self.ended.is_empty() || !self.timers.is_empty();
        let flags = (self.signalled && !gone) || (self.again && free);
        more || told || flags || unparked
    }

    fn waiting(&self) -> Waiting {
        let mut waiting = self.queue.waiting();
        let told = !self.ended.is_empty() || !self.timers.is_empty();
        let flags = self.signalled || self.again || self.flag.is_raised();
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
        self.signalled = true;
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
            this.call(cx, |stage, _, cx| stage.drain(cx));
        });
    }

    fn drained(&mut self, cx: &mut Context<'_>) -> bool {
        let mut done = true;
        self.aside(cx, |this, cx| {
            // A replica that panicked and was not rebuilt yet has nothing left to do.
            done = this.call(cx, |stage, _, cx| stage.drained(cx)).unwrap_or(true);
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
