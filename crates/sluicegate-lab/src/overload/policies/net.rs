//! Stages on one worker in virtual time: each keeps it busy for what its batches and events cost.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate::{
    Batch, Cx, Ended, Entering, Net, OnFull, Out, Outlet, Stage, VirtualTime, bounded, ms, stage,
};
use sluicegate_macros::Ports;

use super::scene::Scene;
use super::which::Which;
use crate::overload::door::clients::Clients;
use crate::overload::outside::{Outside, play};
use crate::record::Row;

/// Requests in the net at once: more than all its queues hold.
const FLOWS: usize = 1 << 14;
/// How long the source lets requests in before the worker does something else.
const SLICE: Duration = Duration::from_micros(500);
/// How long a batch may take: longer than any but the dearest here.
const BATCH: Duration = ms(5);
/// What it costs to let a request in.
const ENTERING: Duration = Duration::from_micros(5);

/// A stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub name: &'static str,
    /// What a batch costs beside its events, and what each of these does.
    pub startup: Duration,
    pub cost: Duration,
    /// Events that may wait.
    pub queue: usize,
    /// Events in a batch.
    pub batch: usize,
}

/// What became of it: rows by kind and second, and for how long the worker was busy.
pub(super) struct Became {
    pub rows: Vec<Vec<Row>>,
    pub busy: Duration,
}

impl Scene {
    /// Plays it under a policy.
    ///
    /// # Errors
    /// One sentence, where the net has faults or does not come to rest: a defect.
    pub fn became(&self, which: Which, seed: u64) -> Result<Became, String> {
        let rates = self.kinds.iter().map(|kind| kind.rate(self.seconds)).collect();
        let world = World {
            ways: self.kinds.iter().map(|kind| kind.way).collect(),
            steps: self.steps,
            clients: Arc::new(Mutex::new(Some(Clients::changing(rates, self.seconds, seed)))),
            time: VirtualTime::default(),
            busy: Arc::default(),
        };
        let (net, time) = (world.net(self, which), world.time.clone());
        play(net, time, self.seconds, seed, &format!("under {}", which.name()))?;
        let busy = Duration::from_nanos(world.busy.load(Relaxed));
        let clients = world.lock().take().expect("it is taken once");
        Ok(Became { rows: clients.rows(), busy })
    }
}

/// What the stages of one simulation share: only one thread is there.
#[derive(Clone)]
struct World {
    /// By kind, the stages that its requests pass.
    ways: Vec<&'static [usize]>,
    steps: &'static [Step],
    clients: Arc<Mutex<Option<Clients>>>,
    time: VirtualTime,
    /// Nanoseconds that the worker was busy.
    busy: Arc<AtomicU64>,
}

impl World {
    fn lock(&self) -> MutexGuard<'_, Option<Clients>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, f: impl FnOnce(&mut Clients) -> R) -> R {
        f(self.lock().as_mut().expect("it is taken when the simulation is over"))
    }

    fn spend(&self, time: Duration) {
        self.time.spend(time);
        self.busy.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    fn net(&self, scene: &Scene, which: Which) -> Net {
        let mut net = Net::new("policies");
        let world = self.clone();
        let machine = move |_| {
            let world = world.clone();
            Ok(Outside::new(move || world.lock().as_mut()?.next()))
        };
        let (shares, order) = (scene.shares, scene.order);
        let policy = move || which.make(shares, order);
        // The worker under test does not let requests in: what it cannot take finds a queue full.
        let door = net.domain("door").machine(machine).pinned(1);
        let cpu = net.domain("cpu").policy(policy).pinned(1);
        let world = self.clone();
        let source = net.add(stage("source", move || Source(world.clone())).on(door).flows(FLOWS));
        let nodes: Vec<_> = (0..self.steps.len())
            .map(|n| {
                let (step, world) = (self.steps[n], self.clone());
                let work = stage(step.name, move || Work { step, world: world.clone() });
                let work = work.on(cpu).batch(step.batch).slice(BATCH);
                net.add(work.queue(bounded(step.queue)))
            })
            .collect();
        let mut lead = |from: Outlet<Page>, to: Option<usize>| match to {
            Some(to) => drop(net.wire(from, nodes[to].inlet).on_full(OnFull::ShedNewest)),
            None => net.seal(from),
        };
        let way = |kind: usize| self.ways.get(kind).copied().unwrap_or_default();
        for (kind, port) in source.out.all().into_iter().enumerate() {
            lead(port, way(kind).first().copied());
        }
        for (n, node) in nodes.iter().enumerate() {
            for (kind, port) in node.out.all().into_iter().enumerate() {
                let place = way(kind).iter().position(|step| *step == n);
                lead(port, place.and_then(|place| way(kind).get(place + 1)).copied());
            }
        }
        net
    }
}

/// A request on its way.
#[derive(Clone, Copy)]
struct Page {
    flow: u64,
    kind: usize,
    /// Stages that it has passed.
    passed: usize,
}

/// Where a stage sends: for each kind of requests a port, of which there are so many at most.
#[derive(Ports)]
struct Leads {
    first: Out<Page>,
    second: Out<Page>,
    third: Out<Page>,
    fourth: Out<Page>,
}

impl Leads {
    fn of(&mut self, kind: usize) -> &mut Out<Page> {
        match kind {
            0 => &mut self.first,
            1 => &mut self.second,
            2 => &mut self.third,
            _ => &mut self.fourth,
        }
    }
}

impl LeadsOutlets {
    fn all(self) -> [Outlet<Page>; 4] {
        [self.first, self.second, self.third, self.fourth]
    }
}

struct Work {
    step: Step,
    world: World,
}

impl Stage for Work {
    type In = Page;
    type Out = Leads;

    fn handle(&mut self, batch: Batch<'_, Page>, cx: &mut Cx<'_, Leads>) {
        self.world.spend(self.step.startup);
        for event in batch {
            let (tag, mut page) = event.split();
            self.world.spend(self.step.cost);
            page.passed += 1;
            if page.passed < self.world.ways[page.kind].len() {
                cx.out.of(page.kind).emit(tag.with(page));
                continue;
            }
            self.world.with(|clients| clients.answered(page.flow, cx.clock(), Duration::MAX));
            tag.finish();
        }
    }
}

/// Lets in what is due.
struct Source(World);

impl Stage for Source {
    type In = ();
    type Out = Leads;

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, Leads>) {}

    fn start(&mut self, cx: &mut Cx<'_, Leads>) {
        let me = cx.stage();
        cx.local.get::<Outside>().lead_to(me);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Leads>) {
        let now = cx.now();
        while let Some(due) = self.0.with(|clients| clients.due(now)) {
            self.0.time.spend(ENTERING);
            match cx.enter(due.flow, Entering { born: Some(due.at), ..Entering::default() }) {
                Ok(tag) => {
                    let page = Page { flow: due.flow, kind: due.kind, passed: 0 };
                    cx.out.of(due.kind).emit(tag.with(page));
                }
                Err(_) => self.0.with(|clients| clients.refused(due.flow, cx.clock())),
            }
            if cx.room() == 0 || cx.clock().since(now) > SLICE {
                return cx.again();
            }
        }
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, Leads>) {
        self.0.with(|clients| clients.refused(ended.flow, cx.now()));
    }
}
