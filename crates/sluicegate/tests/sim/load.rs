//! Open load on one stage: arrivals and costs drawn from a seed, and what became of each flow.

use crate::common::Random;
use sluicegate::sim::{Arrivals, Gaps, Outside, ServiceTime};
use sluicegate::{
    AdmissionView, AsyncCx, AsyncStage, Batch, Capacity, Cx, Ended, Entering, Event, Net, OnFull,
    Out, Sim, Snapshot, Stage, Time, VirtualTime, Why, async_stage, from_fn, ms, stage,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One in twenty is dear.
pub const fn bimodal(cheap: Duration, dear: Duration) -> ServiceTime {
    ServiceTime::Bimodal { cheap, dear, one_in: 20 }
}

/// One greedy client, [`ELEPHANT`], and quiet ones.
#[derive(Clone, Copy, Debug)]
pub struct Clients {
    /// Flows of the elephant among a thousand.
    pub share: usize,
    /// How many times what others ask its flows cost.
    pub dear: u32,
    pub mice: usize,
}

pub const ELEPHANT: u16 = 7777;

impl Clients {
    fn draw(self, random: &mut Random) -> (u16, u32) {
        match random.below(1000) < self.share {
            true => (ELEPHANT, self.dear),
            false => (1 + random.below(self.mice) as u16, 1),
        }
    }
}

/// A run: a stage and what is offered to it.
#[derive(Clone)]
pub struct Load {
    pub cost: ServiceTime,
    /// From when on each event costs something else.
    pub change: Option<(Duration, ServiceTime)>,
    /// Threads of the stage's pool.
    pub threads: usize,
    /// Whether the stage runs on the one worker of the source instead of a pool.
    pub inline: bool,
    /// Whether the stage is an async one on that worker: its events wait there for what each costs,
    /// as many at once as there are threads; or, inline, spend it.
    pub tasks: bool,
    /// What it costs the source to let one flow in, whatever becomes of it.
    pub entering: Duration,
    /// Multiples of the capacity that are offered, one after the other.
    pub phases: Vec<(Duration, f64)>,
    /// Flows of each class among a hundred; the rest is of class 0.
    pub classes: Vec<(u8, usize)>,
    /// Who asks; nobody is named when `None`.
    pub clients: Option<Clients>,
    /// When a flow's answer is worth nothing any more, after its birth.
    pub deadline: Option<Duration>,
    /// Whether the source heeds the pressure of the inlet.
    pub heeds: bool,
    /// Whether the handler spends only as much of each cost as quality says.
    pub degrades: bool,
}

impl Load {
    /// So many times its capacity for a second, on a pool of eight threads.
    pub fn steady(cost: ServiceTime, times: f64) -> Self {
        Self {
            cost,
            change: None,
            threads: 8,
            inline: false,
            tasks: false,
            entering: Duration::ZERO,
            phases: vec![(ms(1000), times)],
            classes: Vec::new(),
            clients: None,
            deadline: None,
            heeds: false,
            degrades: false,
        }
    }

    /// Flows that the stage can serve in a second.
    pub fn capacity(&self) -> f64 {
        self.threads as f64 / self.cost.mean().as_secs_f64()
    }

    /// Runs it with this queue and seed. The ledger must be even all along, and in the end all must
    /// be gone.
    pub fn run(&self, queue: Capacity, seed: u64) -> Outcome {
        let (mut sim, log) = self.sim(queue, seed);
        let span: Duration = self.phases.iter().map(|phase| phase.0).sum();
        let mut views = Vec::new();
        while sim.now() < Time(0) + span {
            assert!(sim.run_for(ms(10), 1_000_000));
            sim.assert_even();
            views.push(sim.snapshot());
        }
        assert!(sim.run_for(ms(60_000), 10_000_000), "the queue does not drain");
        crate::common::assert_empty(&mut sim);
        assert_eq!(sim.next(), None, "it comes to rest");
        drop(sim);
        let flows = std::mem::take(&mut *log.lock().unwrap());
        Outcome { flows, views, span, threads: self.threads }
    }

    /// The net before it runs.
    pub fn sim(&self, queue: Capacity, seed: u64) -> (Sim, Ends) {
        let (time, ends) = (VirtualTime::default(), Ends::default());
        let mut net = Net::new("load");
        let rates: Vec<_> =
            self.phases.iter().map(|&(span, times)| (span, times * self.capacity())).collect();
        let outside =
            move |_| Ok(Outside::new(Arrivals::phases(Gaps::Poisson, rates.iter().copied(), seed)));
        let door = net.domain("door").machine(outside).pinned(1);
        let pool = match self.inline || self.tasks {
            true => door,
            false => net.domain("pool").pool(self.threads),
        };
        let (clock, done, told) = (time.clone(), ends.clone(), ends.clone());
        let (at_door, load) = (time.clone(), self.clone());
        let front = move || {
            let (time, ends, load) = (at_door.clone(), told.clone(), load.clone());
            Front { load, time, random: Random::new(seed ^ 0x5eed), asked: Vec::new(), ends }
        };
        let front = net.add(stage("front", front).on(door).flows(1 << 20));
        let degrades = self.degrades;
        let inlet = if self.tasks {
            let places = if self.inline { 64 } else { self.threads };
            let spends = self.inline.then_some(clock);
            let work =
                move || async_stage(Works { spends: spends.clone(), ends: done.clone() }, places);
            net.add(stage("work", work).on(pool).queue(queue)).inlet
        } else {
            let work = move || work(&clock, &done, degrades);
            net.add(stage("work", work).on(pool).queue(queue)).inlet
        };
        net.wire(front.out, inlet).on_full(OnFull::ShedNewest);
        (Sim::with_time(net, seed, time).unwrap(), ends)
    }
}

pub type Ends = Arc<Mutex<Vec<End>>>;

/// What became of a flow.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub born: Time,
    pub at: Time,
    pub class: u8,
    pub client: u16,
    pub cost: Duration,
    /// `None`: it was served.
    pub why: Option<Why>,
}

pub struct Outcome {
    pub flows: Vec<End>,
    /// Taken each 10 ms.
    pub views: Vec<Snapshot>,
    pub span: Duration,
    threads: usize,
}

impl Outcome {
    /// The cost of the flows served within `target` that were done in a part of the run, as a share
    /// of what its threads could have done in it.
    pub fn goodput(&self, target: Duration, from: Duration, to: Duration) -> f64 {
        let during = Time(0) + from..Time(0) + to;
        let good = self.served().filter(|end| end.at.since(end.born) <= target);
        let good = good.filter(|end| during.contains(&end.at));
        let work: Duration = good.map(|end| end.cost).sum();
        work.as_secs_f64() / (self.threads as f64 * (to - from).as_secs_f64())
    }

    /// The response time within which a share of those that were served were.
    pub fn response(&self, share: f64) -> Duration {
        let mut responses: Vec<_> = self.served().map(|end| end.at.since(end.born)).collect();
        responses.sort_unstable();
        let rank = (responses.len() as f64 * share) as usize;
        responses.get(rank.min(responses.len() - 1)).copied().unwrap_or_default()
    }

    /// The share of a class that was served.
    pub fn served_of(&self, class: u8) -> f64 {
        let of_class = self.flows.iter().filter(|end| end.class == class);
        let served = self.served().filter(|end| end.class == class).count();
        served as f64 / of_class.count().max(1) as f64
    }

    /// The admission to the stage, each 10 ms.
    pub fn admissions(&self) -> impl Iterator<Item = &AdmissionView> {
        self.views.iter().flat_map(|view| &view.stages[1].admission)
    }

    pub fn served(&self) -> impl Iterator<Item = &End> {
        self.flows.iter().filter(|end| end.why.is_none())
    }
}

#[derive(Clone, Copy)]
pub struct Ask {
    cost: Duration,
    class: u8,
    client: u16,
    born: Time,
}

impl Ask {
    fn end(self, at: Time, why: Option<Why>) -> End {
        let Self { cost, class, client, born } = self;
        End { born, at, class, client, cost, why }
    }
}

/// Spends what each event costs.
fn work(time: &VirtualTime, ends: &Ends, degrades: bool) -> impl Stage<In = Ask, Out = ()> + use<> {
    let (time, ends) = (time.clone(), ends.clone());
    from_fn(move |batch: Batch<'_, Ask>, cx: &mut Cx<'_, ()>| {
        for event in batch {
            let (tag, mut ask) = event.split();
            if degrades {
                ask.cost = ask.cost.mul_f64(cx.quality());
            }
            time.spend(ask.cost);
            ends.lock().unwrap().push(ask.end(cx.clock(), None));
            tag.finish();
        }
    })
}

/// Waits for what each event costs, or spends it.
struct Works {
    spends: Option<VirtualTime>,
    ends: Ends,
}

impl AsyncStage for Works {
    type In = Ask;
    type Out = ();
    type Done = ();

    async fn handle(&self, event: Event<Ask>, cx: &AsyncCx) {
        let (tag, ask) = event.split();
        let mut done = cx.now() + ask.cost;
        match &self.spends {
            Some(time) => time.spend(ask.cost),
            None => {
                cx.sleep(ask.cost).await;
                done = cx.now();
            }
        }
        self.ends.lock().unwrap().push(ask.end(done, None));
        tag.finish();
    }

    fn emit(&self, (): (), (): &mut ()) {}
}

/// How long the source lets flows in at once.
const SLICE: Duration = Duration::from_micros(500);

/// Lets in what arrives.
struct Front {
    load: Load,
    time: VirtualTime,
    random: Random,
    /// All that entered, by the number of their flow.
    asked: Vec<Ask>,
    ends: Ends,
}

impl Front {
    /// Draws what the flow that came then asks.
    fn ask(&mut self, born: Time) -> Ask {
        let cost = match self.load.change {
            Some((from, cost)) if born >= Time(0) + from => cost,
            _ => self.load.cost,
        };
        let (mut drawn, mut class) = (self.random.below(100), 0);
        for &(of, share) in &self.load.classes {
            if drawn < share {
                class = of;
                break;
            }
            drawn -= share;
        }
        let cost = cost.draw(&mut self.random);
        let (client, times) =
            self.load.clients.map_or((0, 1), |clients| clients.draw(&mut self.random));
        Ask { cost: cost * times, class, client, born }
    }

    fn end(&self, ask: Ask, at: Time, why: Why) {
        self.ends.lock().unwrap().push(ask.end(at, Some(why)));
    }
}

impl Stage for Front {
    type In = ();
    type Out = Out<Ask>;

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, Out<Ask>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<Ask>>) {
        let me = cx.stage();
        cx.local.get::<Outside>().listen(me);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Ask>>) {
        let now = cx.now();
        while let Some(born) = cx.local.get::<Outside>().next_until(now) {
            let ask = self.ask(born);
            self.time.spend(self.load.entering);
            let refuses = self.random.below(1000) < (cx.pressure() * 1000.0) as usize;
            if self.load.heeds && refuses {
                self.end(ask, now, Why::Gone);
            } else {
                let (flow, deadline) = (self.asked.len() as u64, self.load.deadline);
                self.asked.push(ask);
                let entering = Entering {
                    born: Some(born),
                    class: ask.class,
                    client: ask.client,
                    deadline: deadline.map(|after| born + after),
                    ..Entering::default()
                };
                let tag = cx.enter(flow, entering).expect("places for all");
                cx.out.emit(tag.with(ask));
            }
            if cx.room() == 0 || cx.clock().since(now) > SLICE {
                return cx.again();
            }
        }
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, Out<Ask>>) {
        let ask = self.asked[ended.flow as usize];
        self.end(ask, cx.now(), ended.why);
    }
}
