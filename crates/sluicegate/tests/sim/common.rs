//! A source, a log of what became of its flows, and a few stages to send them through.

pub use sluicegate::sim::Random;
use sluicegate::sim::Setup;
use sluicegate::{
    Adjust, Batch, ByWhy, Controller, Cx, Ended, Entering, NoRoom, Out, Sample, Sim, Snapshot,
    Stage, StageView, Tag, Time, VirtualTime, Why, WireView, from_fn, ms,
};
use sluicegate_macros::{From, Ports};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Steps that no test needs: more are a net that does not settle.
pub const STEPS: usize = 200_000;
/// Distance of the flow numbers of one worker's source from those of the next.
pub const PER_WORKER: u64 = 1_000_000;

/// What a test saw, shared by all replicas.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Seen>>);

#[derive(Default)]
pub struct Seen {
    /// Flows that were answered, with the answer and the worker it came to.
    pub answered: Vec<(u64, u64, usize)>,
    /// Flows that ended without one.
    pub ended: Vec<(u64, Why)>,
    /// Places that the source asked for in vain.
    pub missed: usize,
    /// What other stages of the test want to say.
    pub notes: Vec<(&'static str, u64)>,
}

impl Log {
    pub fn get(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn note(&self, what: &'static str, n: u64) {
        self.get().notes.push((what, n));
    }

    /// The numbers noted under a name, in order.
    pub fn noted(&self, what: &str) -> Vec<u64> {
        self.get().notes.iter().filter(|note| note.0 == what).map(|note| note.1).collect()
    }

    /// Asserts that each of these flows had exactly one end.
    pub fn assert_each_once(&self, flows: impl IntoIterator<Item = u64>) {
        let seen = self.get();
        let mut ends: Vec<u64> = seen.answered.iter().map(|a| a.0).collect();
        ends.extend(seen.ended.iter().map(|e| e.0));
        ends.sort_unstable();
        let mut flows: Vec<u64> = flows.into_iter().collect();
        flows.sort_unstable();
        assert_eq!(ends, flows, "each flow ends once");
    }
}

/// The lines of a trace.
#[derive(Clone, Default)]
pub struct Lines(Rc<RefCell<Vec<String>>>);

impl Lines {
    /// Has the simulation write its lines here.
    pub fn of(&self, setup: Setup) -> Setup {
        let kept = Rc::clone(&self.0);
        setup.trace(move |line| kept.borrow_mut().push(line.to_owned()))
    }

    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// How often this happened.
    pub fn count(&self, what: &str) -> usize {
        let what = format!("\t{what}\t");
        self.0.borrow().iter().filter(|line| line.contains(&what)).count()
    }
}

/// A source of `flows` flows a worker, whose answers come back to it.
pub struct Front {
    next: u64,
    until: u64,
    log: Log,
    patient: bool,
    leaves: bool,
}

impl Front {
    pub fn new(flows: u64, log: &Log) -> Self {
        Self { next: 0, until: flows, log: log.clone(), patient: false, leaves: false }
    }

    /// None of its flows has a deadline.
    pub fn patient(self) -> Self {
        Self { patient: true, ..self }
    }

    /// Nobody waits for one in five of its flows, as soon as they are sent.
    pub fn leaves(self) -> Self {
        Self { leaves: true, ..self }
    }

    fn pump(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        let base = cx.worker().index() as u64 * PER_WORKER;
        while self.next < self.until && !cx.draining() {
            if cx.room() == 0 {
                return cx.again();
            }
            // Of five classes, one in four with a deadline, six in seven for somebody: it matters
            // to queues that choose.
            let hurries = !self.patient && self.next.is_multiple_of(4);
            let deadline = hurries.then(|| cx.now() + ms(1));
            let (class, client) = ((self.next % 5) as u8, (self.next % 7) as u16);
            let entering = Entering { class, client, deadline, ..Entering::default() };
            match cx.enter(base + self.next, entering) {
                Ok(tag) => cx.out.emit(tag.with(self.next)),
                Err(NoRoom) => {
                    self.log.get().missed += 1;
                    return;
                }
            }
            if self.leaves && self.next % 5 == 3 {
                cx.gone(base + self.next);
            }
            self.next += 1;
        }
    }
}

impl Stage for Front {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        let worker = cx.worker().index();
        for event in batch {
            let (tag, answer) = event.split();
            self.log.get().answered.push((tag.flow(), answer, worker));
            tag.finish();
        }
    }

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        self.pump(cx);
    }

    fn ended(&mut self, ended: Ended, _: &mut Cx<'_, Out<u64>>) {
        self.log.get().ended.push((ended.flow, ended.why));
    }
}

/// A stage that sends on what it gets, unchanged.
pub fn pass() -> impl Stage<In = u64, Out = Out<u64>> {
    from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            cx.out.emit(event);
        }
    })
}

/// A stage that notes what it gets under `what`, and finishes it.
pub fn sink(what: &'static str, log: &Log) -> impl Stage<In = u64, Out = ()> + use<> {
    let log = log.clone();
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            let (tag, n) = event.split();
            log.note(what, n);
            tag.finish();
        }
    })
}

/// A law that publishes the pressure that it is told, in hundredths.
#[derive(Clone)]
pub struct Dictated(pub Arc<AtomicU64>);

impl Controller for Dictated {
    fn name(&self) -> &'static str {
        "told"
    }

    fn tick(&mut self, _: Time, _: &Sample) -> Adjust {
        Adjust { pressure: self.0.load(Relaxed) as f64 / 100.0, ..Adjust::default() }
    }
}

/// Runs until all workers sleep; the ledger must be even after every batch.
pub fn settle(sim: &mut Sim) {
    for _ in 0..STEPS {
        if !sim.step() {
            return;
        }
        sim.assert_even();
    }
    panic!("the net does not settle: {:#?}", sim.snapshot());
}

/// Runs until all workers sleep and have rested, and expects that nothing is left anywhere.
pub fn settle_empty(sim: &mut Sim) {
    settle(sim);
    assert!(sim.run_for(ms(20), STEPS));
    assert_empty(sim);
}

/// Runs until nothing happens by itself any more, drains, and expects that nothing is left
/// anywhere.
pub fn come_to_rest(sim: &mut Sim) {
    let mut rounds = 0;
    settle(sim);
    while let Some(next) = sim.next() {
        rounds += 1;
        if rounds > 1000 && sim.dead() > 0 {
            break;
        }
        assert!(rounds < 10_000, "the net does not come to rest: {:#?}", sim.snapshot());
        sim.skip(next);
        settle(sim);
    }
    sim.drain();
    settle_empty(sim);
    let ledger = sim.ledger();
    assert_eq!(ledger.forked, ledger.joined, "{ledger:?}");
}

/// Expects that nothing is in flight, no place is taken, nothing waits or is parked.
pub fn assert_empty(sim: &mut Sim) {
    let ledger = sim.ledger();
    assert_eq!((ledger.in_flight, ledger.places), (0, 0), "{ledger:?}");
    let net = sim.snapshot();
    for stage in &net.stages {
        assert_eq!((stage.queued, stage.parked_now), (0, 0), "{stage:?}");
        assert!(stage.parked_on.is_empty(), "{stage:?}");
    }
    assert!(net.wires.iter().all(|wire| wire.unanswered == 0), "{:?}", net.wires);
    assert_numbers(&net);
}

/// Expects that what is counted in several ways comes to the same.
pub fn assert_numbers(net: &Snapshot) {
    let (mut finished, mut ended) = (0, ByWhy::default());
    for class in &net.classes {
        finished += class.finished;
        ended += class.ended;
        assert_eq!(class.response.count(), class.finished, "{class:?}");
    }
    assert_eq!((finished, ended), (net.ledger.finished, net.ledger.ended), "{:?}", net.classes);
    for stage in &net.stages {
        let mut refused = ByWhy::default();
        stage.refused_by_class.iter().for_each(|(_, of_class)| refused += *of_class);
        assert_eq!(refused, stage.refused, "{stage:?}");
        assert_eq!(stage.batch_sizes.sum(), stage.served, "{stage:?}");
        assert!(stage.wait.count() <= stage.arrivals, "{stage:?}");
    }
}

pub fn stage_of(sim: &mut Sim, name: &str) -> StageView {
    let stages = sim.snapshot().stages;
    stages.into_iter().find(|stage| stage.name == name).expect("a stage of the net")
}

pub fn wire_of(sim: &mut Sim, from: &str, port: &str) -> WireView {
    let wires = sim.snapshot().wires;
    let mut fitting = wires.into_iter().filter(|wire| wire.from == from && wire.port == port);
    fitting.next().expect("a wire of the net")
}

/// A stage that sends on what it gets, each event at a cost.
pub fn busy_pass(
    time: &VirtualTime,
    cost: Duration,
) -> impl Stage<In = u64, Out = Out<u64>> + use<> {
    let time = time.clone();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            time.spend(cost);
            cx.out.emit(event);
        }
    })
}

/// A stage that ends what it gets as `end` says, each event at a cost.
pub fn busy_end(
    time: &VirtualTime,
    cost: fn(u64) -> Duration,
    end: fn(Tag, u64),
) -> impl Stage<In = u64, Out = ()> + use<> {
    let time = time.clone();
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            let (tag, n) = event.split();
            time.spend(cost(n));
            end(tag, n);
        }
    })
}

/// A stage that sends all it gets on port `a`.
pub fn all_on_a() -> impl Stage<In = u64, Out = Two> {
    from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
        for event in batch {
            cx.out.a.emit(event);
        }
    })
}

/// A question to an oracle, and its answer.
pub struct Asked(pub u64);
pub struct Told(pub u64);

/// What a stage gets that asks.
#[derive(From)]
pub enum AskerIn {
    Work(u64),
    Told(Told),
}

/// The ports of a stage that asks.
#[derive(Ports)]
pub struct AskerOut {
    pub go: Out<u64>,
    pub ask: Out<Asked>,
}

/// Asks about all that comes.
pub fn asker() -> impl Stage<In = AskerIn, Out = AskerOut> {
    from_fn(|batch: Batch<'_, AskerIn>, cx: &mut Cx<'_, AskerOut>| {
        for event in batch {
            let (tag, body) = event.split();
            match body {
                AskerIn::Work(n) => cx.out.ask.emit(tag.with(Asked(n))),
                AskerIn::Told(Told(n)) => cx.out.go.emit(tag.with(n)),
            }
        }
    })
}

/// Two ports of numbers.
#[derive(Ports)]
pub struct Two {
    pub a: Out<u64>,
    pub b: Out<u64>,
}
