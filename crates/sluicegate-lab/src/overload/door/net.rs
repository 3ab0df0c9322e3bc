//! A net of stages in virtual time: each keeps a thread busy for what it costs, and passes on.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate::{
    Batch, Capacity, Cx, Ended, Entering, Net, OnFull, Out, Outlet, Overload, Stage, VirtualTime,
    bounded, stage,
};
use sluicegate_macros::Ports;

use super::clients::Clients;
use crate::overload::outside::{Outside, play};
use crate::record::Row;

/// Requests in the net at once: more than all its queues hold.
const FLOWS: usize = 1 << 14;
/// Events that may wait before a gate, or where nothing refuses, whatever the law says.
const QUEUE: usize = 4096;
/// Events that may wait behind a gate that is to notice at once that they do: for each thread of a
/// stage, or for the one worker.
const SHORT: usize = 2;
const SHORT_SHARED: usize = 1;
/// Events that may wait behind one unless somebody thinks of it, as the kernel has it.
const USUAL: usize = 1024;
/// How long the source lets requests in before the worker does something else.
const SLICE: Duration = Duration::from_micros(500);
/// What it costs to let a request in, or to refuse it there.
const ENTERING: Duration = Duration::from_micros(5);

/// Where the gates are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gates {
    /// Nowhere: a queue is full, or it is not.
    Nowhere,
    /// Before the first stage, with the whole target; behind it queues of the usual length, on
    /// wires that wait.
    Blind,
    /// The same with next to no room behind it.
    Door,
    /// Before each stage, with an even part of the target.
    Stages,
    /// Before the second stage, where it is known which way a request goes, with the whole target;
    /// behind it as behind a door.
    Known,
}

/// Who runs the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// The one worker that also lets requests in.
    One,
    /// Threads of its own for each.
    Apart,
}

/// A stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub name: &'static str,
    /// What an event keeps a thread busy for.
    pub cost: Duration,
    /// Its threads, where it has some for itself.
    pub threads: usize,
}

/// Stages, and which of them the requests of each kind pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub steps: &'static [Step],
    /// By kind. All begin with the first stage; no more than two kinds.
    pub ways: &'static [&'static [usize]],
    pub on: On,
    /// The longest time in which an answer is good.
    pub target: Duration,
}

/// What became of it: rows by kind and second, and all the time that stages were busy.
pub(super) struct Became {
    pub rows: Vec<Vec<Row>>,
    pub busy: Duration,
}

impl Gates {
    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nowhere => "nowhere",
            Self::Blind => "at the door, usual queues",
            Self::Door => "at the door",
            Self::Stages => "at each stage",
            Self::Known => "where the way is known",
        }
    }

    /// Whether a stage has one, by its place on the way of a request.
    fn are_at(self, place: usize) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Blind | Self::Door => place == 0,
            Self::Stages => true,
            Self::Known => place == 1,
        }
    }

    /// The queue of a stage at this place of a way that has `of`; `short` is next to no room.
    fn queue(self, place: usize, of: usize, short: usize, target: Duration) -> Capacity {
        match (self.are_at(place), self) {
            (true, Self::Stages) => bounded(QUEUE).admit(Overload::p99(target / of.max(1) as u32)),
            (true, _) => bounded(QUEUE).admit(Overload::p99(target)),
            (false, Self::Blind) => bounded(USUAL),
            (false, _) if self.is_behind(place) => bounded(short),
            (false, _) => bounded(QUEUE),
        }
    }

    /// Whether a stage at this place is behind a gate, with next to no room.
    fn is_behind(self, place: usize) -> bool {
        match self {
            Self::Nowhere | Self::Blind | Self::Stages => false,
            Self::Door => place > 0,
            Self::Known => place > 1,
        }
    }

    /// What a wire to such a stage does with an event for which there is no room.
    fn on_full(self, place: usize) -> OnFull {
        let refuses = self == Self::Nowhere || self.are_at(place);
        if refuses || place == 0 { OnFull::ShedNewest } else { OnFull::Wait }
    }
}

impl Shape {
    /// What all stages on the way of a kind cost.
    pub fn work(&self, kind: usize) -> Duration {
        self.ways[kind].iter().map(|step| self.steps[*step].cost).sum()
    }

    /// Plays requests of each kind at these rates.
    ///
    /// # Errors
    /// One sentence, where the net has faults or does not come to rest: a defect.
    pub fn play(
        &'static self,
        gates: Gates,
        rates: &[f64],
        seconds: usize,
        seed: u64,
    ) -> Result<Became, String> {
        let world = World {
            shape: self,
            clients: Arc::new(Mutex::new(Some(Clients::new(rates, seconds, seed)))),
            time: VirtualTime::default(),
            busy: Arc::default(),
        };
        let (net, time) = (world.net(gates), world.time.clone());
        play(net, time, seconds, seed, &format!("with gates {}", gates.name()))?;
        let busy = Duration::from_nanos(world.busy.load(Relaxed));
        let clients = world.lock().take().expect("it is taken once");
        Ok(Became { rows: clients.rows(), busy })
    }
}

/// What the stages of one simulation share: only one thread is there.
#[derive(Clone)]
struct World {
    shape: &'static Shape,
    clients: Arc<Mutex<Option<Clients>>>,
    time: VirtualTime,
    /// Nanoseconds that stages were busy.
    busy: Arc<AtomicU64>,
}

impl World {
    fn lock(&self) -> MutexGuard<'_, Option<Clients>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, f: impl FnOnce(&mut Clients) -> R) -> R {
        f(self.lock().as_mut().expect("it is taken when the simulation is over"))
    }

    fn net(&self, gates: Gates) -> Net {
        let mut net = Net::new("door");
        let world = self.clone();
        let machine = move |_| {
            let world = world.clone();
            Ok(Outside::new(move || world.lock().as_mut()?.next()))
        };
        let cpu = net.domain("cpu").machine(machine).pinned(1);
        let world = self.clone();
        let source = net.add(stage("source", move || Source(world.clone())).on(cpu).flows(FLOWS));
        let Shape { steps, on, target, .. } = *self.shape;
        let mut nodes = Vec::with_capacity(steps.len());
        for (n, step) in steps.iter().enumerate() {
            let (domain, short) = match on {
                On::Apart => (net.domain(step.name).pool(step.threads), SHORT * step.threads),
                On::One => (cpu, SHORT_SHARED),
            };
            let (place, of) = self.place(n);
            let world = self.clone();
            let work = stage(step.name, move || Work { step: n, place, world: world.clone() });
            // One event a batch, as pools have it: what is in a batch waits where no gate sees it.
            let work = work.on(domain).batch(1);
            nodes.push(net.add(work.queue(gates.queue(place, of, short, target))));
        }
        net.wire(source.out, nodes[0].inlet).on_full(gates.on_full(0));
        let lead = |net: &mut Net, from: Outlet<Page>, to: Option<usize>| match to {
            Some(to) => {
                let (place, _) = self.place(to);
                net.wire(from, nodes[to].inlet).on_full(gates.on_full(place));
            }
            None => net.seal(from),
        };
        for (n, node) in nodes.iter().enumerate() {
            let [first, second] = self.next(n);
            lead(&mut net, node.out.first, first);
            lead(&mut net, node.out.second, second);
        }
        net
    }

    /// The place of a stage on the way that it is on, and how many that way has.
    fn place(&self, step: usize) -> (usize, usize) {
        let on = |way: &&[usize]| Some((way.iter().position(|one| *one == step)?, way.len()));
        self.shape.ways.iter().find_map(on).expect("each stage is on a way")
    }

    /// Where a stage sends requests of the first kind, and of the second if that is elsewhere.
    fn next(&self, step: usize) -> [Option<usize>; 2] {
        let after = |way: &&[usize]| {
            let at = way.iter().position(|one| *one == step)?;
            way.get(at + 1).copied()
        };
        let mut each = self.shape.ways.iter().map(after);
        let (first, second) = (each.next().flatten(), each.next().flatten());
        if first == second { [first, None] } else { [first, second] }
    }
}

/// A request on its way.
#[derive(Clone, Copy)]
struct Page {
    flow: u64,
    kind: usize,
}

/// Where a stage sends.
#[derive(Ports)]
struct Leads {
    first: Out<Page>,
    second: Out<Page>,
}

struct Work {
    step: usize,
    place: usize,
    world: World,
}

impl Stage for Work {
    type In = Page;
    type Out = Leads;

    fn handle(&mut self, batch: Batch<'_, Page>, cx: &mut Cx<'_, Leads>) {
        let Shape { steps, ways, target, .. } = *self.world.shape;
        let cost = steps[self.step].cost;
        let next = self.world.next(self.step);
        for event in batch {
            let (tag, page) = event.split();
            self.world.time.spend(cost);
            self.world.busy.fetch_add(cost.as_nanos() as u64, Relaxed);
            match ways[page.kind].get(self.place + 1).copied() {
                None => {
                    self.world.with(|clients| clients.answered(page.flow, cx.clock(), target));
                    tag.finish();
                }
                to if to == next[0] => cx.out.first.emit(tag.with(page)),
                _ => cx.out.second.emit(tag.with(page)),
            }
        }
    }
}

/// Lets in what is due.
struct Source(World);

impl Stage for Source {
    type In = ();
    type Out = Out<Page>;

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, Out<Page>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<Page>>) {
        let me = cx.stage();
        cx.local.get::<Outside>().lead_to(me);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Page>>) {
        let now = cx.now();
        while let Some(due) = self.0.with(|clients| clients.due(now)) {
            self.0.time.spend(ENTERING);
            match cx.enter(due.flow, Entering { born: Some(due.at), ..Entering::default() }) {
                Ok(tag) => cx.out.emit(tag.with(Page { flow: due.flow, kind: due.kind })),
                Err(_) => self.0.with(|clients| clients.refused(due.flow, cx.clock())),
            }
            if cx.room() == 0 || cx.clock().since(now) > SLICE {
                return cx.again();
            }
        }
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, Out<Page>>) {
        self.0.with(|clients| clients.refused(ended.flow, cx.now()));
    }
}
