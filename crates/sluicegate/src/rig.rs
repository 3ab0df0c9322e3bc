//! One stage under test: no threads, no clock, no sockets.

use crate::control::Gauge;
use crate::desk::Desk;
use crate::event::{Batch, Ended, Event, OUTSIDE, StageId, Tag, Work, WorkerId};
use crate::gone::Gone;
use crate::ledger::Ledger;
use crate::run::{Machine, Mailbox, Park, Wheel};
use crate::stage::{Binder, Cx, Flag, Hand, Local, OutSpec, Ports, Runtime, Stage};
use crate::time::{Clock, VirtualTime};
use std::any::Any;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Bound of a rig's outboxes: as good as none.
const OUTBOX: usize = 1 << 20;

/// A stage alone. Feed it events, call its handler once by [`batch`](Rig::batch), and look at
/// what waits on its ports.
///
/// ```
/// use sluicegate::{Batch, Cx, Full, Out, Rig, from_fn};
///
/// let polite = from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
///     for event in batch {
///         if let Err(Full(event)) = cx.out.try_emit(event) {
///             event.split().0.finish();
///         }
///     }
/// });
/// let mut rig = Rig::of(polite);
/// rig.out.set_credit(1);
/// rig.feed([7_u64, 8]).batch(64);
/// assert_eq!(*rig.out.take()[0], 7);
/// assert_eq!(rig.ledger().finished, 1);
/// ```
pub struct Rig<S: Stage> {
    /// The stage.
    pub stage: S,
    /// Its ports: `rig.out.port.take()` gives what was emitted.
    pub out: S::Out,
    work: Work<S::In>,
    desk: Rc<Desk>,
    wheel: Wheel,
    time: VirtualTime,
    clock: Clock,
    machine: Box<dyn Machine>,
    again: bool,
    flag: Flag,
    hand: Hand,
    flows: u64,
    quality: f64,
    draining: bool,
}

impl<S: Stage> Rig<S> {
    /// A rig around `stage`.
    pub fn of(stage: S) -> Self {
        Self::with(stage, Park::new())
    }

    /// A rig around a stage that needs a machine.
    pub fn with(stage: S, machine: impl Machine) -> Self {
        let time = VirtualTime::default();
        let spec =
            OutSpec { bound: OUTBOX, spare: 0, batch: OUTBOX, home: WorkerId(0), sealed: false };
        let mut rig = Self {
            stage,
            out: S::Out::bind(&mut Binder { link: &mut |_| None, spec }),
            work: Work::new(Duration::MAX),
            desk: Desk::new(WorkerId(0), 1, Arc::new(Gone::new(1)), Arc::default()),
            wheel: Wheel::new(),
            clock: Clock::Virtual(time.clone()),
            time,
            machine: Box::new(machine),
            again: false,
            flag: Flag::new(&Arc::<Mailbox>::default(), 1),
            hand: Hand::default(),
            flows: 0,
            quality: 1.0,
            draining: false,
        };
        rig.call(|stage, _, cx| stage.start(cx));
        rig
    }

    /// Queues an event for each body, each a flow of its own.
    pub fn feed<B: Into<S::In>>(&mut self, bodies: impl IntoIterator<Item = B>) -> &mut Self {
        for body in bodies {
            self.flows += 1;
            let now = self.time.now();
            let tag = Tag::new(self.flows, now, WorkerId(0), OUTSIDE);
            self.desk.counts.entered.set(self.desk.counts.entered.get() + 1);
            self.desk.queue(1);
            self.work.events.push_back(tag.with(body.into()));
        }
        self
    }

    /// Queues events as they are.
    pub fn feed_events(&mut self, events: impl IntoIterator<Item = Event<S::In>>) -> &mut Self {
        self.work.events.extend(events);
        self
    }

    /// Calls the handler exactly once, with at most `n` events.
    pub fn batch(&mut self, n: usize) -> &mut Self {
        let mut rest = self.work.events.split_off(self.work.events.len().min(n));
        let (desk, clock) = (Rc::clone(&self.desk), self.clock.clone());
        self.call(|stage, work, cx| {
            work.begin(false, desk.gone.any(), cx.now(), 0);
            stage.handle(Batch { work, desk: &desk, clock: &clock }, cx);
        });
        self.work.events.append(&mut rest);
        self.out.each(&mut |port| port.deliver());
        self
    }

    /// Raises the stage's flag.
    pub fn signal(&mut self) -> &mut Self {
        self.again = false;
        self.flag.take();
        self.call(|stage, _, cx| stage.signal(cx))
    }

    /// Tells the stage that all of the net has started.
    pub fn started(&mut self) -> &mut Self {
        self.call(|stage, _, cx| stage.started(cx))
    }

    /// Tells the stage of another pressure beyond its ports; see
    /// [`Out::set_pressure`](crate::Out::set_pressure) for what
    /// [`Cx::pressure`](crate::Cx::pressure) reads.
    pub fn pressure(&mut self, pressure: f64) -> &mut Self {
        self.call(|stage, _, cx| stage.pressure(pressure, cx))
    }

    /// Tells the stage of the level of a gauge.
    pub fn level(&mut self, gauge: &Gauge) -> &mut Self {
        self.call(|stage, _, cx| stage.level(gauge, gauge.level(), cx))
    }

    /// Tells the stage that a flow ended.
    pub fn ended(&mut self, ended: Ended) -> &mut Self {
        self.call(|stage, _, cx| stage.ended(ended, cx))
    }

    /// Has the stage drain.
    pub fn drain(&mut self) -> &mut Self {
        self.draining = true;
        self.call(|stage, _, cx| stage.drain(cx))
    }

    /// Moves time on and lets the timers run out.
    pub fn advance(&mut self, by: Duration) -> &mut Self {
        self.time.advance(by);
        while let Some((_, token)) = self.wheel.expired(self.time.now()) {
            self.call(|stage, _, cx| stage.timer(token, cx));
        }
        self
    }

    /// Sets the quality that the stage is asked for; see [`Cx::quality`](crate::Cx::quality).
    pub fn set_quality(&mut self, quality: f64) {
        self.quality = quality;
    }

    /// Events that were not taken.
    pub fn queued(&self) -> usize {
        self.work.events.len()
    }

    /// Whether the stage's flag was raised, by itself or by others, since it was last signalled.
    pub fn wants_again(&self) -> bool {
        self.again || self.flag.is_raised()
    }

    /// What the stage did with its flows so far; what it holds is not counted.
    pub fn ledger(&self) -> Ledger {
        self.desk.counts.ledger()
    }

    /// The rig's machine.
    pub fn machine<M: 'static>(&mut self) -> &mut M {
        let machine: &mut dyn Any = &mut *self.machine;
        machine.downcast_mut().expect("the machine that the rig was made with")
    }

    fn call(&mut self, f: impl FnOnce(&mut S, &mut Work<S::In>, &mut Cx<'_, S::Out>)) -> &mut Self {
        let _open = self.desk.open();
        let runtime = Runtime {
            now: self.time.now(),
            clock: &self.clock,
            desk: &self.desk,
            wheel: &mut self.wheel,
            stage: StageId(0),
            cell: 0,
            places: usize::MAX,
            quality: self.quality,
            draining: self.draining,
            flag: &self.flag,
            hand: &mut self.hand,
            emits: 1,
            again: &mut self.again,
        };
        let machine: &mut dyn Any = &mut *self.machine;
        let mut cx = Cx { out: &mut self.out, local: Local(machine), runtime };
        f(&mut self.stage, &mut self.work, &mut cx);
        self.hand.keep(&mut VecDeque::new());
        self.hand.flown().for_each(drop);
        self.desk.settle(self.time.now());
        self.desk.skip_ends();
        self
    }
}
