//! A stage as declared: how it is made, where it runs, and the bounds of its queue and batches.

use crate::control::{Controller, Gauge, Off, Served};
use crate::event::{Event, MakeCopy};
use crate::net::{Domain, Kind, Supervision};
use crate::queue::{Gated, InletQueue, Item, Order, Probe, WorkBound};
use crate::run::{Build, Make, Maker, Replica, Runnable, TIMERS};
use crate::settings::{Own, OwnSettings, Value};
use crate::stage::{AnyStage, Ports, Stage};
use std::any::{Any, type_name};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// Events in a queue, unless declared otherwise.
const CAPACITY: usize = 1024;
/// Events in a batch of a pinned stage, unless declared otherwise: 32 to 64 amortise the cost of
/// a run, more only lengthens waits.
const PINNED_BATCH: usize = 64;
/// Events in a batch of a pool's stage, unless declared otherwise: what one thread takes, the
/// others cannot begin.
const POOL_BATCH: usize = 1;
/// The name of the port on which letters are sent.
pub(crate) const LETTERS: &str = "letters";
/// Time for one batch, unless declared otherwise.
const SLICE: Duration = Duration::from_micros(500);

/// The queue of an inlet as declared: its capacity, and how it chooses.
///
/// ```
/// use sluicegate::{Order, Overload, bounded, ms};
///
/// let plain = bounded(64);
/// // The nearest deadline first, and no more work than keeps to 50 ms.
/// let chosen = bounded(4096).order(Order::ByDeadline).admit(Overload::p99(ms(50)));
/// ```
#[derive(Clone)]
pub struct Capacity {
    events: usize,
    gating: Option<Gating>,
    keeps_late: bool,
}

/// What chooses among the events of a queue.
#[derive(Clone, Default)]
pub(crate) struct Gating {
    pub order: Order,
    /// What makes the laws of one queue; none: nothing but the capacity bounds it.
    pub laws: Vec<MakeLaw>,
    /// The capacity in work, where one is declared.
    pub work: Option<WorkBound>,
}

type MakeLaw = Arc<dyn Fn() -> Box<dyn Controller> + Send + Sync>;

/// A queue for at most `events` events a worker: first come, first served, until it is full.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, Sim, bounded, from_fn, stage};
///
/// let mut net = Net::new("small");
/// let cpu = net.domain("cpu").pinned(1);
/// let end = || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// };
/// let end = net.add(stage("end", end).on(cpu).queue(bounded(2)));
/// let entry = net.entry(end.inlet);
/// let sim = Sim::new(net, 1)?;
/// assert_eq!([1, 2, 3].map(|n| entry.send(n).is_ok()), [true, true, false]);
/// # Ok::<(), sluicegate::StartError>(())
/// ```
pub fn bounded(events: usize) -> Capacity {
    Capacity { events, gating: None, keeps_late: false }
}

impl Gating {
    /// What chooses in one queue that so many replicas serve.
    fn gated<I: Item>(&self, replicas: usize, keeps_late: bool) -> Gated<I> {
        let laws = self.controllers();
        let cells = (0..replicas).map(|_| Arc::new(Served::under(&laws))).collect();
        Gated::new(self.order, laws, cells, keeps_late, self.work)
    }

    /// What the laws declare of their own settings, each with the name of its law.
    pub fn settings(&self) -> Vec<(&'static str, Own)> {
        let mut laws = self.controllers();
        let each = laws.iter_mut().flat_map(|law| {
            let (name, own) = (law.name(), OwnSettings::list(|own| law.settings(own)));
            own.into_iter().map(move |own| (name, own))
        });
        each.collect()
    }

    /// Has laws of this name made with another value of a setting of theirs.
    pub fn declare(&mut self, law: &'static str, name: &str, value: Value) {
        let set: Arc<[(String, Value)]> = Arc::new([(name.to_owned(), value)]);
        for make in &mut self.laws {
            let (before, set) = (Arc::clone(make), Arc::clone(&set));
            *make = Arc::new(move || {
                let mut made = before();
                if made.name() == law {
                    OwnSettings::set(&set, |own| made.settings(own));
                }
                made
            });
        }
    }

    /// The laws of one queue.
    fn controllers(&self) -> Vec<Box<dyn Controller>> {
        if self.laws.is_empty() {
            return vec![Box::new(Off)];
        }
        self.laws.iter().map(|make| make()).collect()
    }
}

impl Capacity {
    /// Has the more important [class](crate::Tag::class) go first, and in each class the events
    /// go in `order`. When the queue is full, the least important event that would go last is
    /// pushed out for a more important one. What is past its [deadline](crate::Tag::deadline), or
    /// cannot be handled before it, is dropped before it costs.
    ///
    /// Within a class the [clients](crate::Tag::client) get equal time, by what their events
    /// cost, or as their [weights](crate::Tag::set_weight) say, and `order` holds within each: for
    /// 128 of them at once, more share. Who has the most work waiting makes room first; those that
    /// had far more than the others end as [`Why::Greedy`](crate::Why::Greedy). Flows of nobody are
    /// one client together.
    ///
    /// Notes, which belong to no flow, go before all flows.
    ///
    /// ```
    /// use sluicegate::{AdmissionQueue, Ask, Order, Time, bounded, ms};
    ///
    /// let adaptive = bounded(10).order(Order::AdaptiveLifo(ms(100)));
    /// let mut queue = AdmissionQueue::new(adaptive, 2);
    /// for n in 0..4 {
    ///     queue.offer(Time(0), Ask::default(), n).expect("there is room");
    /// }
    /// let mut next = |at| queue.take(Time(0) + ms(at)).map(|(n, _)| n);
    /// assert_eq!(next(10), Some(0), "who came first");
    /// assert_eq!(next(200), Some(3), "the queue has stood for long: who came last");
    /// ```
    pub fn order(mut self, order: Order) -> Self {
        self.gating.get_or_insert_default().order = order;
        self
    }

    /// Bounds the queue by work too, not by number alone: it is full while what waits will take
    /// `most`, by the measured cost of events and as many threads as serve it. Then the
    /// [wire](crate::Wire::on_full) waits, sheds or diverts, as for a queue that is full of events:
    /// unlike a law this refuses nothing that can wait at the sender. An empty queue takes an event
    /// whatever it costs. Until one was handled each is taken to cost 100 us. The order is
    /// [`Order::Fifo`] within classes unless declared, and who is more important makes the others
    /// go for it, as [there](Self::order).
    ///
    /// It keeps a wait short whatever the events cost: of those that take 10 us there may be
    /// 500 in a queue for 5 ms that one thread serves, of those that take 1 ms there may be 5.
    ///
    /// ```
    /// use sluicegate::{AdmissionQueue, Ask, Time, bounded, ms};
    ///
    /// let mut queue = AdmissionQueue::new(bounded(1000).work(ms(1)), 1);
    /// let waiting = (0..1000).take_while(|_| queue.offer(Time(0), Ask::default(), ()).is_ok());
    /// assert_eq!(waiting.count(), 11, "ten that take 100 us, and one for whom a place is free");
    /// ```
    pub fn work(mut self, most: Duration) -> Self {
        self.gating.get_or_insert_default().work = Some(WorkBound(most));
        self
    }

    /// Has the stage handle also what is past its [deadline](crate::Tag::deadline) or has
    /// [gone](crate::Cx::gone), which else ends before it costs: for a stage that gives out
    /// answers, for which the work is done, or which must not miss any. What a law refuses, or
    /// drops because it has waited for too long, ends all the same.
    pub fn keep_late(mut self) -> Self {
        self.keeps_late = true;
        self
    }

    /// Has each queue keep the bounds that `law` sets for it, beside its capacity. What is refused
    /// ends at once and its source is told, unless the wire
    /// [diverts](crate::Wire::divert) it. The order is [`Order::Fifo`] within classes
    /// unless declared. Where several laws are declared, the strictest rules for each bound; the
    /// [`AdmissionView`](crate::AdmissionView) shows the vote of each.
    ///
    /// ```
    /// use sluicegate::{Limit, Order, Overload, bounded, ms};
    ///
    /// let queue = bounded(4096).order(Order::ByDeadline);
    /// queue.admit(Overload::p99(ms(50))).admit(Limit::of(1000));
    /// ```
    pub fn admit<C: Controller + Clone + Sync>(mut self, law: C) -> Self {
        let make: MakeLaw = Arc::new(move || Box::new(law.clone()));
        self.gating.get_or_insert_default().laws.push(make);
        self
    }

    /// The most events, and a queue that chooses whatever was declared.
    pub(crate) fn gated<I: Item>(self) -> (usize, Gated<I>) {
        (self.events, self.gating.unwrap_or_default().gated(1, self.keeps_late))
    }
}

/// A stage to be added to a net; see [`stage`].
///
/// ```
/// use sluicegate::{Batch, Cx, Net, Out, bounded, from_fn, ms, stage};
///
/// let mut net = Net::new("words");
/// let cpu = net.domain("cpu").pinned(2);
/// let split = || {
///     from_fn(|batch: Batch<'_, String>, cx: &mut Cx<'_, Out<String>>| {
///         for event in batch {
///             for word in event.split_whitespace().take(8) {
///                 cx.out.emit(event.tag().fork().with(word.to_owned()));
///             }
///             event.split().0.finish();
///         }
///     })
/// };
/// // Small batches, as an event may make eight of the next stage's.
/// let spec = stage("split", split).on(cpu).queue(bounded(256)).batch(16).emits(8).slice(ms(1));
/// let split = net.add(spec);
/// ```
pub struct Spec<S: Stage> {
    stage: Declared,
    make: Make<S>,
    copy: Option<MakeCopy<S::In>>,
}

/// What was declared of a stage, whatever its type.
#[derive(Clone)]
pub(crate) struct Declared {
    pub name: String,
    pub domain: Option<Domain>,
    pub capacity: usize,
    /// `None`: first come, first served.
    pub gating: Option<Gating>,
    pub keeps_late: bool,
    /// `None`: as fits the kind of its domain.
    pub batch: Option<usize>,
    pub emits: usize,
    pub flows: usize,
    pub slice: Duration,
    /// `None`: as fits the kind of its domain.
    pub stall: Option<Duration>,
    pub timers: u32,
    pub supervision: Supervision,
    pub hears_pressure: bool,
    /// Gauges of whose level it hears.
    pub hears_levels: Vec<Arc<Gauge>>,
    pub hears_finished: bool,
}

impl Declared {
    /// Whether it hears of anything that changes outside of it.
    pub fn hears(&self) -> bool {
        self.hears_pressure || !self.hears_levels.is_empty()
    }
}

/// A stage called `name`, each replica of which is made by `make` on its worker.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, from_fn, stage};
///
/// let mut net = Net::new("sums");
/// let cpu = net.domain("cpu").pinned(2);
/// // Called once on each worker: each replica has a sum of its own, which needs no lock.
/// let sum = || {
///     let mut sum = 0;
///     from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         for event in batch {
///             let (tag, n) = event.split();
///             sum += n;
///             tag.finish();
///         }
///     })
/// };
/// let sum = net.add(stage("sum", sum).on(cpu));
/// net.entry(sum.inlet);
/// assert!(net.check().is_ok());
/// ```
pub fn stage<S: Stage>(name: &str, make: impl Fn() -> S + Send + Sync + 'static) -> Spec<S> {
    let stage = Declared {
        name: name.to_owned(),
        domain: None,
        capacity: CAPACITY,
        gating: None,
        keeps_late: false,
        batch: None,
        emits: 1,
        flows: 0,
        slice: SLICE,
        stall: None,
        timers: TIMERS,
        supervision: Supervision::default(),
        hears_pressure: false,
        hears_levels: Vec::new(),
        hears_finished: false,
    };
    Spec { stage, make: Arc::new(make), copy: None }
}

impl<S: Stage> Spec<S> {
    /// The domain whose threads run it.
    pub fn on(mut self, domain: Domain) -> Self {
        self.stage.domain = Some(domain);
        self
    }

    /// The bound of its queue, 1024 events unless declared, and how the queue chooses.
    pub fn queue(mut self, queue: Capacity) -> Self {
        self.stage.capacity = queue.events;
        self.stage.gating = queue.gating;
        self.stage.keeps_late = queue.keeps_late;
        self
    }

    /// The most events in one batch; unless declared 64 in a pinned domain, 1 in a pool.
    pub fn batch(mut self, events: usize) -> Self {
        self.stage.batch = Some(events);
        self
    }

    /// The most events that one event (or signal, timer, end of a flow) makes the stage emit on
    /// one port; 1 unless declared.
    pub fn emits(mut self, events: usize) -> Self {
        self.stage.emits = events;
        self
    }

    /// Makes the stage a source: each replica may have this many flows in the net at once.
    pub fn flows(mut self, places: usize) -> Self {
        self.stage.flows = places;
        self
    }

    /// The longest that a batch may take before the worker looks at its other work; 500 us
    /// unless declared. The first event of a batch is always handled. Runs that took twice as long
    /// are [counted](crate::StageView::overruns).
    pub fn slice(mut self, slice: Duration) -> Self {
        self.stage.slice = slice;
        self
    }

    /// How long a handler may keep its thread before it is told of as a
    /// [`Stall`](crate::Stall); unless declared 1 s in a pinned domain, 10 s in a pool.
    pub fn stall(mut self, after: Duration) -> Self {
        self.stage.stall = Some(after);
        self
    }

    /// The most timers that a replica may have [set](crate::Cx::after) at once, 2^24 unless
    /// declared. One more is a defect, and panics.
    pub fn timers(mut self, timers: u32) -> Self {
        self.stage.timers = timers;
        self
    }

    /// What becomes of the stage when its handler panics again and again; see [`Supervision`].
    pub fn supervise(mut self, supervision: Supervision) -> Self {
        self.stage.supervision = supervision;
        self
    }

    /// Keeps a copy of the body of each event of new work while it is handled, for the
    /// [letter](crate::Letter) that is sent if the handler panics. Without a wire for
    /// letters nothing is copied. Answers are not, nor what an async stage has in flight.
    pub fn keep_copies(mut self) -> Self
    where
        S::In: Clone,
    {
        self.copy = Some(S::In::clone);
        self
    }

    /// Has [`Stage::pressure`] called when the [pressure](crate::Cx::pressure) beyond the stage's
    /// ports changes.
    pub fn hear_pressure(mut self) -> Self {
        self.stage.hears_pressure = true;
        self
    }

    /// Has [`Stage::level`] called when the [level](Gauge::level) of a resource changes; once for
    /// each gauge of which the stage is to hear.
    pub fn hear_level(mut self, gauge: &Arc<Gauge>) -> Self {
        self.stage.hears_levels.push(Arc::clone(gauge));
        self
    }

    /// Has [`Stage::finished`] called for each flow of this source that was answered.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Entering, Net, Out, Sim, Stage, from_fn, stage};
    ///
    /// /// Lets one flow in after the other, three in all.
    /// struct Source;
    ///
    /// impl Source {
    ///     fn send(&self, flow: u64, cx: &mut Cx<'_, Out<u64>>) {
    ///         let tag = cx.enter(flow, Entering::default()).expect("the one before has ended");
    ///         cx.out.emit(tag.with(flow));
    ///     }
    /// }
    ///
    /// impl Stage for Source {
    ///     type In = ();
    ///     type Out = Out<u64>;
    ///
    ///     fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
    ///         self.send(1, cx);
    ///     }
    ///
    ///     fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, Out<u64>>) {}
    ///
    ///     fn finished(&mut self, flow: u64, cx: &mut Cx<'_, Out<u64>>) {
    ///         if flow < 3 {
    ///             self.send(flow + 1, cx);
    ///         }
    ///     }
    /// }
    ///
    /// let mut net = Net::new("in turn");
    /// let cpu = net.domain("cpu").pinned(1);
    /// let source = net.add(stage("source", || Source).on(cpu).flows(1).hear_finished());
    /// let end = || {
    ///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
    ///         batch.for_each(|event| event.split().0.finish());
    ///     })
    /// };
    /// let end = net.add(stage("end", end).on(cpu));
    /// net.wire(source.out, end.inlet);
    /// let mut sim = Sim::new(net, 1)?;
    /// assert!(sim.settle(100));
    /// assert_eq!(sim.ledger().finished, 3);
    /// # Ok::<(), sluicegate::StartError>(())
    /// ```
    pub fn hear_finished(mut self) -> Self {
        self.stage.hears_finished = true;
        self
    }

    /// What makes its replicas.
    pub(crate) fn maker(&self) -> Make<S> {
        Arc::clone(&self.make)
    }

    /// Has any stage with the same ports take its place while the net runs, if it is asked to:
    /// [`Observer::replace`](crate::Observer::replace). Else only one of the same type can.
    pub fn replaceable(self) -> Spec<AnyStage<S::In, S::Out>> {
        let Self { stage, make, copy } = self;
        Spec { stage, make: Arc::new(move || Box::new(make())), copy }
    }

    pub(crate) fn declare(self) -> StageSpec {
        let Self { stage, make, copy } = self;
        let maker = Arc::new(Maker::new(make));
        StageSpec {
            declared: stage,
            ports: S::Out::NAMES,
            queues: Box::new(Erased::<S::In>(PhantomData)),
            kind: (Box::new(Arc::clone(&maker)), type_name::<S>()),
            build: Box::new(move |build| Replica::<S>::seated(Arc::clone(&maker), copy, build)),
        }
    }
}

impl Declared {
    /// The most events in one batch of a stage whose domain is of `kind`.
    pub fn batch_in(&self, kind: Kind) -> usize {
        self.batch.unwrap_or(match kind {
            Kind::Pinned => PINNED_BATCH,
            Kind::Pool => POOL_BATCH,
        })
    }
}

pub(crate) type BuildReplica = Box<dyn Fn(&Build<'_>) -> Box<dyn Runnable> + Send + Sync>;

/// The `Arc<Maker<S>>` of a stage, and the name of its type.
pub(crate) type StageKind = (Box<dyn Any + Send + Sync>, &'static str);

/// A stage in its net, its types erased.
pub(crate) struct StageSpec {
    pub declared: Declared,
    pub ports: &'static [&'static str],
    pub queues: Box<dyn MakeQueues>,
    pub kind: StageKind,
    pub build: BuildReplica,
}

/// Whether the replicas of a stage are made by this.
pub(crate) fn is_made_by<S: Stage>(kind: &StageKind, make: &Make<S>) -> bool {
    let maker = kind.0.downcast_ref::<Arc<Maker<S>>>();
    maker.is_some_and(|maker| Arc::ptr_eq(&maker.get(), make))
}

impl StageSpec {
    /// Whether its replicas are made by this.
    pub fn is_made_by<S: Stage>(&self, make: &Make<S>) -> bool {
        is_made_by(&self.kind, make)
    }

    /// The name of a port; the one after the last is that for letters.
    pub fn port(&self, port: usize) -> &'static str {
        self.ports.get(port).copied().unwrap_or(LETTERS)
    }
}

impl std::ops::Deref for StageSpec {
    type Target = Declared;
    fn deref(&self) -> &Declared {
        &self.declared
    }
}

/// The queues of one stage.
pub(crate) struct Queues {
    /// `Vec<Arc<InletQueue<In>>>`.
    pub typed: Box<dyn Any + Send + Sync>,
    pub probes: Vec<Arc<dyn Probe>>,
}

/// Makes the queues of an inlet without naming its type.
pub(crate) trait MakeQueues: Send + Sync {
    /// Makes `n` queues, each served by so many replicas.
    fn make(&self, n: usize, replicas: usize, declared: &Declared) -> Queues;
}

struct Erased<T>(PhantomData<fn(T)>);

impl<T: Send + 'static> MakeQueues for Erased<T> {
    fn make(&self, n: usize, replicas: usize, declared: &Declared) -> Queues {
        let gated = |gating: &Gating| gating.gated::<Event<T>>(replicas, declared.keeps_late);
        let queue = |_| InletQueue::new(declared.capacity, declared.gating.as_ref().map(gated));
        let typed: Vec<_> = (0..n).map(queue).map(Arc::new).collect();
        let probes = typed.iter().map(|queue| Arc::clone(queue) as Arc<dyn Probe>).collect();
        Queues { typed: Box::new(typed), probes }
    }
}
