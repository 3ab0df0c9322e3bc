//! Nets drawn from seeds: whatever the wires, queues, policies and panics, the ledger is even after
//! every batch, all comes to rest, and nothing is left anywhere.

use crate::common::{Front, Log, Random, Two, come_to_rest, stage_of};
use sluicegate::sim::{Case, ServiceTime, Setup, Troubles};
use sluicegate::{
    Adjust, AsyncCx, AsyncStage, Batch, Capacity, Cause, Codel, Cohort, Controller, Cx, Domain,
    Ended, Event, Fifo, Full, Inlet, Letter, Limit, LongestQueue, Net, Next, OnFull, Order, Out,
    Outlet, Policy, Priority, Ready, Sample, Shares, Sim, Stage, Stages, Supervision, Time,
    VirtualTime, Why, Wire, async_stage, bounded, from_fn, ms, reserve_all, stage,
};
use sluicegate_macros::{From, Ports};
use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The most flows of a worker, stages in a row, and troubles of a net.
pub const MOST: (u64, usize, usize) = (40, 5, 4);

/// A question to an oracle, and its answer.
struct Asked(u64);
struct Told(u64);

#[derive(From)]
enum AskerIn {
    Work(u64),
    Told(Told),
}

#[derive(Ports)]
struct AskerOut {
    go: Out<u64>,
    ask: Out<Asked>,
}

/// Seeds for the replicas of a net, each another.
#[derive(Clone)]
struct Seeds(Arc<AtomicU64>);

impl Seeds {
    fn next(&self) -> Random {
        Random::new(self.0.fetch_add(1, Relaxed))
    }
}

/// What goes wrong with an event now and then. Returns the event that goes on.
fn chance<T>(event: Event<T>, random: &mut Random) -> Option<Event<T>> {
    match random.below(60) {
        0 => panic!("now and then"),
        1 => drop(event),
        2 => event.split().0.refuse(Why::Refused),
        3 => event.split().0.finish(),
        4 => {
            drop(event.tag().fork());
            return Some(event);
        }
        5 => {
            event.tag().fork().finish();
            return Some(event);
        }
        _ => return Some(event),
    }
    None
}

/// Asks about half of what comes, and sends it on when it is told.
struct Asker(Random);

impl Stage for Asker {
    type In = AskerIn;
    type Out = AskerOut;

    fn handle(&mut self, mut batch: Batch<'_, AskerIn>, cx: &mut Cx<'_, AskerOut>) {
        while let Some(event) = batch.next() {
            if self.0.one_in(30) {
                // Put back once, then handled: its timer has it look again.
                cx.after(std::time::Duration::from_millis(1), 0);
                return batch.put_back(event);
            }
            let Some(event) = chance(event, &mut self.0) else { continue };
            match (self.0.below(2), &*event) {
                (0, AskerIn::Work(n)) => {
                    let question = Asked(*n);
                    cx.out.ask.emit(event.map(|_| question));
                }
                (_, AskerIn::Work(n) | AskerIn::Told(Told(n))) => {
                    let n = *n;
                    cx.out.go.emit(event.map(|_| n));
                }
            }
        }
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, AskerOut>) {
        let tag = ended.tag.expect("the flow that asked");
        match self.0.below(20) {
            0 => panic!("when told"),
            1..10 => tag.refuse(ended.why),
            _ => cx.out.go.emit(tag.with(0)),
        }
    }
}

fn oracle(seeds: &Seeds) -> impl Stage<In = Asked, Out = Out<Told>> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, Asked>, cx: &mut Cx<'_, Out<Told>>| {
        for event in batch {
            if let Some(event) = chance(event, &mut random) {
                cx.out.emit(event.map(|Asked(n)| Told(n)));
            }
        }
    })
}

/// Sends what comes on by one of two ports, in one of many ways.
fn fork_in_the_road(
    seeds: &Seeds,
    cost: ServiceTime,
    time: VirtualTime,
) -> impl Stage<In = u64, Out = Two> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
        for event in batch {
            time.spend(cost.draw(&mut random));
            let Some(event) = chance(event, &mut random) else { continue };
            let home = event.tag().home();
            match random.below(6) {
                0 => {
                    if let Err(Full(event)) = cx.out.b.try_emit(event) {
                        cx.out.a.emit(event);
                    }
                }
                1 => match cx.out.a.reserve(1) {
                    Some(mut permit) => {
                        // In a pool it may be for another worker than the event's.
                        if let Err(Full(event)) = cx.out.a.emit_with(&mut permit, event) {
                            cx.out.a.emit(event);
                        }
                    }
                    None => cx.out.b.emit(event),
                },
                4 => {
                    let Two { a, b } = &mut *cx.out;
                    let permits = reserve_all(((&mut *a, 1), (&mut *b, 1)));
                    let Some((mut to_a, mut to_b)) = permits else {
                        a.emit(event);
                        continue;
                    };
                    let second = event.tag().fork().with(1);
                    if let Err(Full(second)) = b.emit_with(&mut to_b, second) {
                        second.split().0.finish();
                    }
                    if let Err(Full(event)) = a.emit_with(&mut to_a, event) {
                        a.emit(event);
                    }
                }
                2 => {
                    let second = event.tag().fork();
                    cx.out.b.emit(second.with(1));
                    cx.out.a.emit(event);
                }
                3 => {
                    cx.out.b.emit(Event::note(home, 2));
                    cx.out.a.emit(event);
                }
                _ => cx.out.a.emit(event),
            }
        }
    })
}

/// Sends what comes on, after a nap or two.
struct Nap(Cell<Random>);

impl AsyncStage for Nap {
    type In = u64;
    type Out = Out<u64>;
    type Done = Option<Event<u64>>;

    async fn handle(&self, event: Event<u64>, cx: &AsyncCx) -> Option<Event<u64>> {
        let mut random = self.0.replace(Random::new(0));
        let (naps, span) = (random.below(3), Duration::from_micros(random.below(2000) as u64));
        let mut own = Random::new(random.next_u64());
        self.0.set(random);
        for _ in 0..naps {
            cx.sleep(span).await;
        }
        chance(event, &mut own)
    }

    fn emit(&self, done: Option<Event<u64>>, out: &mut Out<u64>) {
        if let Some(event) = done {
            out.emit(event);
        }
    }
}

/// All letters of a net.
#[derive(From)]
enum AnyLetter {
    Work(Letter<u64>),
    Asker(Letter<AskerIn>),
    Question(Letter<Asked>),
}

/// Answers letters in place of who panicked, refuses them, or panics too.
fn undertaker(seeds: &Seeds) -> impl Stage<In = AnyLetter, Out = Out<u64>> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, AnyLetter>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            let Some(event) = chance(event, &mut random) else { continue };
            let body = match &*event {
                AnyLetter::Work(letter) => letter.body,
                AnyLetter::Asker(letter) => letter.body.as_ref().map(|_| 1),
                // Who asked waits for it, and nobody else can do anything with it.
                AnyLetter::Question(letter) => {
                    assert!(letter.body.is_some() == (letter.cause == Cause::Broken));
                    event.split().0.refuse(Why::Failed);
                    continue;
                }
            };
            match random.below(3) {
                0 => event.split().0.refuse(Why::Failed),
                _ => cx.out.emit(event.map(|_| body.unwrap_or(0))),
            }
        }
    })
}

/// Sends the letters of some stages there, over wires of both kinds.
fn any_letters<T>(net: &mut Net, luck: &mut Random, from: Outlet<Letter<T>>, to: Inlet<AnyLetter>)
where
    T: 'static,
    AnyLetter: From<Letter<T>>,
{
    let wire = net.wire(from, to);
    if luck.one_in(3) {
        wire.on_full(OnFull::ShedOldest);
    }
}

/// Whether a stage sends letters, and limits for it, mostly such as it comes to.
fn any_supervision(luck: &mut Random) -> (bool, Supervision) {
    let letters = luck.one_in(2);
    let limits = match luck.below(3) {
        0 => Supervision::default(),
        1 => Supervision::default().in_a_row(1 + luck.below(3) as u32).open_for(ms(1)),
        _ => Supervision::default().restarts(luck.below(2) as u32, ms(2)).open_for(ms(1)),
    };
    let diverts = letters && luck.one_in(2);
    (letters, if diverts { limits.divert() } else { limits })
}

/// What an event costs, mostly nothing.
fn any_cost(random: &mut Random) -> ServiceTime {
    const US: Duration = Duration::from_micros(1);
    match random.below(8) {
        0 => ServiceTime::Fixed(US * 100),
        1 => ServiceTime::Exponential(US * 200),
        2 => ServiceTime::Bimodal { cheap: US, dear: ms(2), one_in: 10 },
        3 => ServiceTime::Pareto { least: US * 10, most: ms(20), shape: 1.2 },
        _ => ServiceTime::Fixed(Duration::ZERO),
    }
}

/// Answers what comes home, by the wire that returns.
fn last(seeds: &Seeds) -> impl Stage<In = u64, Out = Out<u64>> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            if let Some(event) = chance(event, &mut random) {
                if *event > 0 && random.one_in(3) {
                    event.split().0.finish();
                } else {
                    cx.out.emit(event);
                }
            }
        }
    })
}

/// Any of the ready stages.
struct Any(Random);

impl Policy for Any {
    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        let ready: Vec<usize> = ready.iter().collect();
        match self.0.below(20) {
            0 => Next::Look,
            1 => Next::Wait(stages.now() + ms(1)),
            _ => Next::Run(ready[self.0.below(ready.len())]),
        }
    }
}

fn domain(net: &mut Net, name: &str, pool: bool, random: &mut Random) -> Domain {
    let threads = 1 + random.below(3);
    let seed = random.below(1000) as u64;
    let domain = net.domain(name);
    let domain = match random.below(7) {
        0 => domain,
        1 => domain.policy(Fifo::default),
        2 => domain.policy(|| Cohort::new(ms(1))),
        3 => domain.policy(Shares::default),
        4 => domain.policy(LongestQueue::default),
        5 => domain.policy(Priority::default),
        _ => domain.policy(move || Any(Random::new(seed))),
    };
    match pool {
        true if random.one_in(2) => domain.pool(1..=threads),
        true => domain.pool(threads),
        false => domain.pinned(threads),
    }
}

fn any_answer_to_full<T>(wire: Wire<'_, T>, random: &mut Random) {
    match random.below(4) {
        0 => wire.on_full(OnFull::ShedNewest),
        1 => wire.on_full(OnFull::ShedOldest),
        _ => wire,
    };
}

/// An inlet for numbers, and whether it is that of a pinned stage.
#[derive(Clone, Copy)]
struct Place {
    inlet: Inlet<u64>,
    pinned: bool,
}

/// Which replica gets what is sent over a wire to a place, and who gets copies.
fn any_way<'a>(
    mut wire: Wire<'a, u64>,
    to: Place,
    watcher: Inlet<u64>,
    tees: bool,
    random: &mut Random,
) -> Wire<'a, u64> {
    if to.pinned {
        wire = match random.below(4) {
            0 => wire.keyed(|n| n % 5),
            1 => wire.balanced(),
            _ => wire,
        };
    }
    match random.below(5) {
        0 => wire.tap(watcher),
        1 if tees => wire.tee(watcher),
        _ => wire,
    }
}

fn any_wire(wire: Wire<'_, u64>, to: Place, watcher: Inlet<u64>, gates: bool, random: &mut Random) {
    match random.below(4) {
        // A tee cannot be with that.
        0 => drop(any_way(wire.on_full(OnFull::ShedOldest), to, watcher, false, random)),
        1 => drop(any_way(wire, to, watcher, !gates, random).on_full(OnFull::ShedNewest)),
        _ => drop(any_way(wire, to, watcher, !gates, random)),
    }
}

/// Finishes what comes.
fn watcher(seeds: &Seeds) -> impl Stage<In = u64, Out = ()> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            if let Some(event) = chance(event, &mut random) {
                event.split().0.finish();
            }
        }
    })
}

/// A law that says something else at each tick.
#[derive(Clone)]
struct Moody(Random);

impl Controller for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }

    fn tick(&mut self, _: Time, _: &Sample) -> Adjust {
        Adjust {
            work: ms(self.0.below(3) as u64),
            events: self.0.below(6),
            rate: self.0.below(10_000) as f64,
            class_rates: std::array::from_fn(|_| self.0.below(10_000) as f64),
            burst: 1.0 + self.0.below(20) as f64,
            patience: ms(self.0.below(3) as u64),
            newest_first: self.0.one_in(2),
            pressure: 0.5,
            share: self.0.below(3) as f64 / 4.0,
            quality: 0.5,
            measured: None,
        }
    }
}

/// A queue for up to `most` events, which chooses among them where there are `gates`.
fn any_queue(most: usize, gates: bool, random: &mut Random) -> Capacity {
    let queue = bounded(1 + random.below(most));
    if !gates {
        return queue;
    }
    let queue = match random.below(6) {
        0 => return queue,
        1 => queue.order(Order::Lifo),
        3 => queue.order(Order::AdaptiveLifo(Duration::from_micros(200))),
        4 => queue.work(Duration::from_micros(300)),
        2 => queue.order(Order::ByDeadline),
        _ => queue.order(Order::Fifo),
    };
    match random.below(4) {
        0 => queue,
        1 => queue.admit(Limit::of(1 + random.below(4))),
        2 => queue.admit(Codel::target(Duration::from_micros(50))).admit(Limit::of(3)),
        _ => queue.admit(Moody(random.clone())),
    }
}

/// All of a seed, without troubles.
pub fn whole(seed: u64) -> Case {
    let (flows, stages, _) = MOST;
    Case { seed, flows, stages, troubles: 0, only: None }
}

/// A source, a row of stages each of which sends to later ones, and a last one that answers.
pub fn drawn(case: &Case, time: &VirtualTime, log: &Log, gates: bool) -> Net {
    let &Case { seed, flows, stages, .. } = case;
    let mut random = Random::new(seed);
    let seeds = Seeds(Arc::new(AtomicU64::new(seed.wrapping_mul(1000))));
    let mut net = Net::new("drawn");
    let cpu = domain(&mut net, "cpu", false, &mut random);
    let other = domain(&mut net, "other", false, &mut random);
    let pool = domain(&mut net, "pool", true, &mut random);
    let source = log.clone();
    let front = net.add(
        stage("front", move || Front::new(flows, &source).leaves())
            .on(cpu)
            .queue(any_queue(8, gates, &mut random))
            .flows(1 + random.below(20)),
    );
    let answers = seeds.clone();
    let home = [cpu, other, pool][random.below(3)];
    let end = net.add(stage("last", move || last(&answers)).on(home).queue(any_queue(
        8,
        gates,
        &mut random,
    )));
    let end_place = Place { inlet: end.inlet, pinned: home != pool };
    net.wire(end.out, front.inlet).returns(front.out);
    let (watches, home) = (seeds.clone(), [cpu, other, pool][random.below(3)]);
    let watcher = stage("watcher", move || watcher(&watches)).on(home);
    let watcher = net.add(watcher.queue(any_queue(8, gates, &mut random))).inlet;
    // Of its own, so that the nets are those that the seed gives without letters.
    let mut luck = Random::new(!seed);
    let answers = seeds.clone();
    let letters = stage("letters", move || undertaker(&answers));
    let place = [cpu, other, pool][luck.below(3)];
    let letters = net.add(letters.on(place).queue(bounded(1 + luck.below(6))));
    net.wire(letters.out, front.inlet).returns(front.out);
    let letters = letters.inlet;
    any_letters(&mut net, &mut luck, end.letters, letters);
    // From the last one back, so that all wires lead on.
    let mut later = vec![end_place];
    let mut askers = Vec::new();
    for n in 0..(1 + random.below(MOST.1)).min(stages) {
        let seeds = seeds.clone();
        let (queue, batch) = (any_queue(8, gates, &mut random), 1 + random.below(8));
        if random.one_in(3) {
            let (asks, tells) = (seeds.clone(), seeds);
            let home = [cpu, other][random.below(2)];
            let asker = stage(&format!("asker {n}"), move || Asker(asks.next()));
            let (sends, limits) = any_supervision(&mut luck);
            let asker = asker.on(home).queue(queue).batch(batch).supervise(limits);
            let asker = net.add(asker);
            if sends {
                any_letters(&mut net, &mut luck, asker.letters, letters);
            }
            let oracle = stage(&format!("oracle {n}"), move || oracle(&tells));
            let place = [cpu, other, pool][random.below(3)];
            let (sends, limits) = any_supervision(&mut luck);
            let oracle = oracle.on(place).queue(any_queue(4, gates, &mut random));
            let oracle = net.add(oracle.supervise(limits));
            if sends {
                any_letters(&mut net, &mut luck, oracle.letters, letters);
            }
            let to = later[random.below(later.len())];
            any_wire(net.wire(asker.out.go, to.inlet), to, watcher, gates, &mut random);
            let wire = net.wire(asker.out.ask, oracle.inlet).window(1 + random.below(6));
            any_answer_to_full(wire, &mut random);
            net.wire(oracle.out, asker.inlet).returns(asker.out.ask);
            askers.push(asker.inlet);
            continue;
        }
        if random.one_in(4) {
            let (home, places) = ([cpu, other][random.below(2)], 1 + random.below(6));
            let nap = move || async_stage(Nap(Cell::new(seeds.next())), places);
            let (sends, limits) = any_supervision(&mut luck);
            let nap = stage(&format!("nap {n}"), nap).on(home).queue(queue);
            let nap = net.add(nap.supervise(limits));
            if sends {
                any_letters(&mut net, &mut luck, nap.letters, letters);
            }
            let to = later[random.below(later.len())];
            any_wire(net.wire(nap.out, to.inlet), to, watcher, gates, &mut random);
            later.push(Place { inlet: nap.inlet, pinned: true });
            continue;
        }
        let home = [cpu, other, pool][random.below(3)];
        let (cost, clock) = (any_cost(&mut random), time.clone());
        let road = move || fork_in_the_road(&seeds, cost, clock.clone());
        let road = stage(&format!("road {n}"), road);
        let (sends, limits) = any_supervision(&mut luck);
        let road = road.on(home).queue(queue).batch(batch).emits(2).supervise(limits);
        let road = net.add(if luck.one_in(2) { road.keep_copies() } else { road });
        if sends {
            any_letters(&mut net, &mut luck, road.letters, letters);
        }
        for (n, port) in [road.out.a, road.out.b].into_iter().enumerate() {
            let diverts = n == 0 && random.one_in(4);
            if let Some(&asker) = askers.get(random.below(4)) {
                let wire = net.wire(port, asker);
                match diverts {
                    true => drop(wire.divert(road.out.b)),
                    false => any_answer_to_full(wire, &mut random),
                }
                continue;
            }
            let to = later[random.below(later.len())];
            let wire = net.wire(port, to.inlet);
            match diverts {
                true => drop(any_way(wire.divert(road.out.b), to, watcher, !gates, &mut random)),
                false => any_wire(wire, to, watcher, gates, &mut random),
            }
        }
        later.push(Place { inlet: road.inlet, pinned: home != pool });
    }
    match askers.last() {
        Some(&asker) if random.one_in(2) => net.wire(front.out, asker),
        _ => net.wire(front.out, later[later.len() - 1].inlet),
    };
    if random.one_in(2) {
        net.fuse();
    }
    net
}

/// What happened in all nets together.
#[derive(Default)]
struct Sums {
    entered: u64,
    ended: u64,
    panics: u64,
    parked: u64,
    /// What gates refused, by reason.
    shed: u64,
    refused: u64,
    expired: u64,
    greedy: u64,
    /// Flows that were gone.
    gone: u64,
    /// Letters that were sent, and flows that came to a breaker that was open.
    letters: u64,
    broken: u64,
}

/// Runs a net until all has ended: it is even after every batch, comes to rest, and all are told.
pub fn check(case: &Case, setup: Setup, gates: bool) -> (Sim, Log) {
    let (log, time) = (Log::default(), VirtualTime::default());
    let net = drawn(case, &time, &log, gates);
    let troubles = Troubles::drawn(&net, case.seed, case.troubles, &["front"]);
    let setup = setup.time(&time).troubles(case.left(troubles));
    let mut sim = Sim::with(net, setup).unwrap();
    come_to_rest(&mut sim);
    let ledger = sim.ledger();
    let mut told: Vec<u64> = log.get().ended.iter().map(|end| end.0).collect();
    assert_eq!(told.len() as u64, ledger.ended.total(), "each end is told");
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len() as u64, ledger.ended.total(), "and told once");
    let workers = stage_of(&mut sim, "front").replicas as u64;
    assert_eq!(ledger.entered, case.flows * workers, "all that the sources had came in");
    (sim, log)
}

fn run_all(seeds: Range<u64>, gates: bool) -> Sums {
    let mut sums = Sums::default();
    for seed in seeds {
        let (mut sim, _) = check(&whole(seed), Setup::seed(seed), gates);
        let (ledger, snapshot) = (sim.ledger(), sim.snapshot());
        sums.entered += ledger.entered;
        sums.ended += ledger.ended.total();
        sums.gone += ledger.ended[Why::Gone];
        sums.broken += ledger.ended[Why::Broken];
        let wires = snapshot.wires.iter().filter(|wire| wire.port == "letters");
        sums.letters += wires.map(|wire| wire.sent).sum::<u64>();
        for stage in &snapshot.stages {
            sums.panics += stage.panics;
            sums.parked += stage.parked;
            for view in &stage.admission {
                sums.shed += view.refused[Why::Shed];
                sums.refused += view.refused[Why::Refused];
                sums.expired += view.refused[Why::Expired];
                sums.greedy += view.refused[Why::Greedy];
            }
        }
    }
    sums
}

#[test]
fn every_net_is_even_after_every_batch_and_comes_to_rest() {
    let sums = run_all(0..300, false);
    assert!(sums.entered > 12_000 && sums.ended > 1000 && sums.panics > 300);
    assert!(sums.parked > 1000 && sums.gone > 500, "{} {}", sums.parked, sums.gone);
    assert!(sums.letters > 300 && sums.broken > 50, "{} {}", sums.letters, sums.broken);
}

#[test]
fn every_net_whose_queues_choose_is_even_too() {
    let sums = run_all(0..300, true);
    assert!(sums.entered > 12_000 && sums.ended > 1000 && sums.panics > 300);
    let gates = [sums.shed, sums.refused, sums.expired, sums.greedy];
    let least = [1000, 1000, 20, 0];
    assert!(gates.iter().zip(least).all(|(&n, least)| n > least), "{gates:?}");
}

#[test]
fn a_seed_says_all() {
    let run = |seed, order| {
        let log = Log::default();
        let time = VirtualTime::default();
        let net = drawn(&whole(seed), &time, &log, true);
        let mut sim = Sim::with_time(net, order, time).unwrap();
        assert!(sim.run_for(std::time::Duration::from_secs(1), 1_000_000));
        let seen = log.get();
        (seen.answered.clone(), seen.ended.clone(), sim.ledger())
    };
    let mut other_orders = 0;
    for seed in 0..40 {
        assert_eq!(run(seed, 5), run(seed, 5), "the same seed, the same run");
        other_orders += usize::from(run(seed, 5) != run(seed, 6));
    }
    assert!(other_orders > 20, "another seed, another order");
}
