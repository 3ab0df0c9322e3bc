//! A whole net in virtual time on one thread: the workers' own loops, in an order drawn from a
//! seed.
//!
//! A [`Sim`] runs any net as its threads would, but one batch at a time, and time moves only when
//! no worker can go on. Between any two batches it can be looked at: [`Sim::assert_even`] holds
//! the ledger against what is found in queues and stages. A wake-up that is missing is a net that
//! stands still.
//!
//! A [`Setup`] says what else a simulation has: a trace, which is a line for each thing that
//! happens, and [`Troubles`] that befall it. [`Arrivals`] and [`ServiceTime`] are models of load
//! and of what it costs, [`Crowd`] a source of such load. A [`Search`] tries many seeds, and
//! shrinks the first that fails.

mod arrivals;
mod crowd;
mod outbreak;
mod parts;
mod random;
mod seeds;
mod service;
mod setup;
mod trouble;

pub use arrivals::{Arrivals, Gaps};
pub use crowd::{Crowd, Outside};
pub(crate) use outbreak::Befallen;
pub use parts::Part;
pub use random::Random;
pub use seeds::{Case, Failure, Search, TRACE_KEPT};
pub use service::ServiceTime;
pub use setup::Setup;
pub use trouble::{Begins, Trouble, Troubles};

use crate::ledger::Ledger;
use crate::net::Net;
use crate::observe::{Observer, Record, Snapshot, sum};
use crate::run::{Plan, StartError, StopError, Turn, Worker};
use crate::time::{Clock, Time, VirtualTime};
use outbreak::Outbreak;
use parts::SimulatedPart;
use setup::Sink;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A net under simulation. The same net, seed and calls give the same run.
///
/// ```
/// # use sluicegate::{Batch, Cx, Net, from_fn, stage};
/// # let mut net = Net::new("one");
/// # let cpu = net.domain("cpu").pinned(1);
/// # let end = || {
/// #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
/// #         batch.for_each(|event| event.split().0.finish());
/// #     })
/// # };
/// # let end = net.add(stage("end", end).on(cpu));
/// # let entry = net.entry(end.inlet);
/// use sluicegate::{Sim, ms};
///
/// let mut sim = Sim::new(net, 7)?;
/// entry.send(1).expect("there is room");
/// assert!(sim.run_for(ms(100), 1000), "it comes to rest");
/// sim.assert_even();
/// assert_eq!(sim.ledger().finished, 1);
/// # Ok::<(), sluicegate::StartError>(())
/// ```
pub struct Sim {
    plan: Arc<Plan>,
    workers: Vec<Simulated>,
    /// What is attached to the net.
    parts: Vec<SimulatedPart>,
    time: VirtualTime,
    random: Random,
    outbreak: Outbreak,
    trace: Option<Trace>,
    /// Whether the net has been stopped.
    stopped: bool,
}

/// Where the lines of a trace go.
struct Trace {
    sink: Sink,
    /// Empty between turns; kept for their memory.
    records: Vec<Record>,
    line: String,
}

struct Simulated {
    worker: Worker,
    /// When the worker looks again by itself; `None` while it has something to do.
    sleeps: Option<Option<Time>>,
    /// Until when it is busy with what it did last.
    busy: Time,
    /// Whether it never runs again once it has nothing to do and holds nothing.
    dying: bool,
    dead: bool,
}

impl Sim {
    /// The net in virtual time that starts at 0.
    pub fn new(net: Net, seed: u64) -> Result<Self, StartError> {
        Self::with(net, Setup::seed(seed))
    }

    /// The net in the time of others: of simulated machines, or of handlers that cost something.
    pub fn with_time(net: Net, seed: u64, time: VirtualTime) -> Result<Self, StartError> {
        Self::with(net, Setup::seed(seed).time(&time))
    }

    /// The net with all that a [`Setup`] can say.
    pub fn with(net: Net, setup: Setup) -> Result<Self, StartError> {
        net.check().map_err(StartError::Faults)?;
        let Setup { seed, time, sink, troubles } = setup;
        let plan = Plan::new(net, Clock::Virtual(time.clone()), sink.is_some());
        let outbreak = Outbreak::new(troubles, &plan)?;
        let mut workers = Self::make_workers(&plan, &time)?;
        workers.iter_mut().for_each(|simulated| simulated.worker.befall(outbreak.befallen()));
        let trace = sink.map(|sink| Trace { sink, records: Vec::new(), line: String::new() });
        let random = Random::new(seed ^ 0x9e37_79b9_7f4a_7c15);
        plan.start();
        let parts = Vec::new();
        let mut sim = Self { plan, workers, parts, time, random, outbreak, trace, stopped: false };
        (0..sim.workers.len()).for_each(|worker| sim.write_trace(worker));
        Ok(sim)
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.time.now()
    }

    /// Runs one batch of one worker that is awake. `false` when all sleep or are busy.
    pub fn step(&mut self) -> bool {
        if self.stopped {
            return false;
        }
        self.outbreak.look(self.time.now(), &self.plan, &mut self.workers);
        let awake: Vec<usize> = (0..self.all()).filter(|&n| self.is_awake(n)).collect();
        if awake.is_empty() {
            return false;
        }
        let chosen = awake[self.random.below(awake.len())];
        let (_, simulated) = self.simulated(chosen);
        if simulated.sleeps.take().is_some() {
            let told = !simulated.worker.is_parked();
            simulated.worker.woke(if told { "told" } else { "time" });
            simulated.worker.unpark();
        }
        let mut rest = Duration::ZERO;
        match simulated.worker.turn(1) {
            Turn::Busy => {}
            Turn::Idle(until) => simulated.sleeps = Some(until),
            Turn::Rest(time) => rest = time,
            Turn::Stopped => self.close_of(chosen),
        }
        let busy = self.time.now() + rest;
        let (_, simulated) = self.simulated(chosen);
        simulated.busy = busy;
        simulated.die_if_due();
        self.time.switch();
        self.outbreak.count();
        self.write_trace(chosen);
        true
    }

    /// Runs until all workers sleep or are busy, at most `steps` batches. Time stands still.
    /// `false` when the steps were not enough.
    pub fn settle(&mut self, steps: usize) -> bool {
        (0..steps).any(|_| !self.step())
    }

    /// Runs for `span` of virtual time, at most `steps` batches; time moves when none can
    /// go on. `false` when the steps were not enough.
    pub fn run_for(&mut self, span: Duration, mut steps: usize) -> bool {
        let end = self.now() + span;
        loop {
            while self.step() {
                steps = match steps.checked_sub(1) {
                    Some(left) => left,
                    None => return false,
                };
            }
            if !self.skip(end) {
                return true;
            }
        }
    }

    /// Moves time, where no worker can go on, to when the next thing happens by itself, or to
    /// `until` if that is before. `false` when nothing happens until then.
    pub fn skip(&mut self, until: Time) -> bool {
        let next = self.next().filter(|&next| next <= until);
        self.time.set(next.map_or(until, |next| next.max(Time(self.now().0 + 1))));
        next.is_some()
    }

    /// The next time at which anything happens by itself: now, while a worker can go on.
    pub fn next(&self) -> Option<Time> {
        if self.stopped {
            return None;
        }
        let parts = self.parts.iter().flat_map(|part| &part.workers);
        let workers = self.workers.iter().chain(parts).filter_map(Simulated::next);
        workers.chain(self.outbreak.next()).min()
    }

    /// How many threads of pools never come back: a pool whose size is not fixed is looked after
    /// for as long as one of its threads is in a handler, so that a net with such a one does not
    /// rest.
    pub fn dead(&self) -> usize {
        self.workers.iter().filter(|worker| worker.dead).count()
    }

    /// What stopped the net, if anything did; then nothing happens any more.
    pub fn stopped(&self) -> Option<StopError> {
        self.plan.stopped.get().cloned()
    }

    /// Has the net take no new work.
    pub fn drain(&mut self) {
        self.plan.drain();
    }

    /// The ledger now, with what is in flight counted in queues, outboxes, windows and stages.
    pub fn ledger(&mut self) -> Ledger {
        Self::ledger_of(&self.plan, &mut self.workers)
    }

    fn ledger_of(plan: &Plan, workers: &mut [Simulated]) -> Ledger {
        let mut ledger = sum(&[], plan);
        ledger.in_flight = 0;
        for simulated in workers {
            ledger += simulated.worker.ledger();
        }
        for stage in &plan.stages {
            let queued: usize = stage.probes.iter().map(|probe| probe.lengths().1).sum();
            ledger.in_flight += queued as i64;
        }
        ledger
    }

    /// Checks what must hold between any two batches: that no flow vanished or was made twice,
    /// and that the workers' counts of what they queued agree with the queues; in the net and in
    /// its parts.
    pub fn assert_even(&mut self) {
        Self::assert_even_of(&self.plan, &mut self.workers);
        for part in &mut self.parts {
            Self::assert_even_of(&part.plan, &mut part.workers);
        }
    }

    fn assert_even_of(plan: &Plan, workers: &mut [Simulated]) {
        let ledger = Self::ledger_of(plan, workers);
        assert!(ledger.balanced(), "the ledger of `{}` is uneven: {ledger:?}", plan.name);
        let counted: i64 = workers.iter().map(|simulated| simulated.worker.queued()).sum();
        let entered: u64 = plan.entries.iter().map(|e| e.entered.load(Relaxed)).sum();
        let found: usize =
            plan.stages.iter().flat_map(|s| &s.probes).map(|probe| probe.lengths().1).sum();
        assert_eq!(counted + entered as i64, found as i64, "counted and found in queues");
        assert!(ledger.places >= 0, "a source's place was freed twice: {ledger:?}");
    }

    /// What an observer sees now, of all workers at the same time.
    pub fn snapshot(&mut self) -> Snapshot {
        let cuts: Vec<_> = self.workers.iter_mut().map(|s| s.worker.cut()).collect();
        let observer = self.observer();
        observer.view(&cuts, &observer.asleep())
    }

    /// What watches the net. Its workers publish when they run, so that its ledger may be old.
    pub fn observer(&self) -> Observer {
        Observer::new(Arc::clone(&self.plan))
    }

    /// Ends all that is in flight, as threads do when they stop.
    fn close(&mut self) {
        self.stopped = true;
        self.workers.iter_mut().for_each(|simulated| simulated.worker.close());
    }

    /// Writes what a worker noted.
    fn write_trace(&mut self, worker: usize) {
        let Some(mut trace) = self.trace.take() else { return };
        let of_part = worker >= self.workers.len();
        let (plan, simulated) = self.simulated(worker);
        let Trace { sink, records, line } = &mut trace;
        simulated.worker.take_records(records);
        for record in records.drain(..) {
            let domain = plan.domain_of(record.worker);
            let name = match of_part {
                true => Cow::from(format!("{}.{}", plan.name, domain.name)),
                false => Cow::from(&domain.name),
            };
            let place = (&*name, record.worker.index() - domain.first);
            let stage = record.stage.map(|stage| &*plan.stages[stage.index()].spec.name);
            line.clear();
            record.write(place, stage, line);
            sink(line);
        }
        self.trace = Some(trace);
    }

    fn is_awake(&self, n: usize) -> bool {
        let parts = self.parts.iter().flat_map(|part| &part.workers);
        let simulated = self.workers.iter().chain(parts).nth(n);
        simulated.and_then(Simulated::next).is_some_and(|next| next <= self.now())
    }
}

impl Simulated {
    /// When the worker goes on: once it is not busy any more, if it has something to do, was
    /// woken by another, or its own time has come.
    fn next(&self) -> Option<Time> {
        if self.dead {
            return None;
        }
        let wakes = match self.sleeps {
            Some(_) if self.worker.is_parked() => self.worker.due()?,
            _ => self.busy,
        };
        Some(wakes.max(self.busy))
    }

    /// Dies while it sleeps, so that it takes nothing along.
    fn die_if_due(&mut self) {
        if self.dying && self.sleeps.is_some() && self.worker.may_die() {
            self.worker.die();
            self.dead = true;
        }
    }
}
