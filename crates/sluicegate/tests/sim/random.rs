//! Nets drawn from seeds: whatever the wires, queues, policies and panics, the ledger is even after
//! every batch, all comes to rest, and nothing is left anywhere.

use crate::common::{AskerIn, Front, Log, Random, come_to_rest, stage_of};
use parts::{
    Place, any_answer_to_full, any_cost, any_domain, any_letters, any_queue, any_supervision,
    any_way, any_wire,
};
use sluicegate::sim::{Case, Setup, Troubles};
use sluicegate::{
    Capacity, Domain, Inlet, Letter, Net, Outlet, Sim, VirtualTime, Why, async_stage, bounded, ms,
    stage,
};
use stages::{AnyLetter, Asker, Nap, Seeds, fork_in_the_road, last, oracle, undertaker, watcher};
use std::cell::Cell;
use std::ops::Range;

pub mod parts;
pub mod stages;

/// The most flows of a worker, stages in a row, and troubles of a net.
pub const MOST: (u64, usize, usize) = (40, 5, 4);

/// All of a seed, without troubles.
pub fn whole(seed: u64) -> Case {
    let (flows, stages, _) = MOST;
    Case { seed, flows, stages, troubles: 0, only: None }
}

/// A source, a row of stages each of which sends to later ones, and a last one that answers.
pub fn drawn(case: &Case, time: &VirtualTime, log: &Log, gates: bool) -> Net {
    let mut drawing = Drawing::new(case, log, gates);
    for n in 0..(1 + drawing.random.below(MOST.1)).min(case.stages) {
        let queue = any_queue(8, gates, &mut drawing.random);
        let batch = 1 + drawing.random.below(8);
        if drawing.random.one_in(3) {
            drawing.asker(n, queue, batch);
        } else if drawing.random.one_in(4) {
            drawing.nap(n, queue);
        } else {
            drawing.road(n, queue, batch, time);
        }
    }
    drawing.done()
}

/// A net that is being drawn.
struct Drawing {
    net: Net,
    random: Random,
    /// Of its own, so that the nets are those that the seed gives without letters.
    luck: Random,
    seeds: Seeds,
    /// Whether queues choose.
    gates: bool,
    /// Two pinned ones and a pool.
    domains: [Domain; 3],
    front: Outlet<u64>,
    watcher: Inlet<u64>,
    letters: Inlet<AnyLetter>,
    /// Where the next stage may send to: drawn from the last one back, so that all wires lead on.
    later: Vec<Place>,
    askers: Vec<Inlet<AskerIn>>,
}

impl Drawing {
    /// The stages that each net has.
    fn new(case: &Case, log: &Log, gates: bool) -> Self {
        let &Case { seed, flows, .. } = case;
        let (mut random, mut luck) = (Random::new(seed), Random::new(!seed));
        let (mut net, seeds) = (Net::new("drawn"), Seeds::of(seed));
        let domains = [("cpu", false), ("other", false), ("pool", true)]
            .map(|(name, pool)| any_domain(&mut net, name, pool, &mut random));
        let source = log.clone();
        let front = stage("front", move || Front::new(flows, &source).leaves()).on(domains[0]);
        let front = front.queue(any_queue(8, gates, &mut random)).flows(1 + random.below(20));
        let front = net.add(front);
        let (answers, home) = (seeds.clone(), domains[random.below(3)]);
        let end = stage("last", move || last(&answers)).on(home);
        let end = net.add(end.queue(any_queue(8, gates, &mut random)));
        net.wire(end.out, front.inlet).returns(front.out);
        let (watches, place) = (seeds.clone(), domains[random.below(3)]);
        let watcher = stage("watcher", move || watcher(&watches)).on(place);
        let watcher = net.add(watcher.queue(any_queue(8, gates, &mut random))).inlet;
        let answers = seeds.clone();
        let letters = stage("letters", move || undertaker(&answers)).on(domains[luck.below(3)]);
        let letters = net.add(letters.queue(bounded(1 + luck.below(6))));
        net.wire(letters.out, front.inlet).returns(front.out);
        let letters = letters.inlet;
        any_letters(&mut net, &mut luck, end.letters, letters);
        let later = vec![Place { inlet: end.inlet, pinned: home != domains[2] }];
        let (front, askers) = (front.out, Vec::new());
        Self { net, random, luck, seeds, gates, domains, front, watcher, letters, later, askers }
    }

    /// A stage that asks, and an oracle that tells it.
    fn asker(&mut self, n: usize, queue: Capacity, batch: usize) {
        let (asks, tells) = (self.seeds.clone(), self.seeds.clone());
        let home = self.domains[self.random.below(2)];
        let (sends, limits) = any_supervision(&mut self.luck);
        let asker = stage(&format!("asker {n}"), move || Asker(asks.next())).on(home);
        let asker = self.net.add(asker.queue(queue).batch(batch).supervise(limits));
        self.lead_letters(sends, asker.letters);
        let place = self.domains[self.random.below(3)];
        let (sends, limits) = any_supervision(&mut self.luck);
        let oracle = stage(&format!("oracle {n}"), move || oracle(&tells)).on(place);
        let oracle = oracle.queue(any_queue(4, self.gates, &mut self.random));
        let oracle = self.net.add(oracle.supervise(limits));
        self.lead_letters(sends, oracle.letters);
        self.lead_on(asker.out.go);
        let wire = self.net.wire(asker.out.ask, oracle.inlet).window(1 + self.random.below(6));
        any_answer_to_full(wire, &mut self.random);
        self.net.wire(oracle.out, asker.inlet).returns(asker.out.ask);
        self.askers.push(asker.inlet);
    }

    /// A stage of futures.
    fn nap(&mut self, n: usize, queue: Capacity) {
        let (home, places) = (self.domains[self.random.below(2)], 1 + self.random.below(6));
        let seeds = self.seeds.clone();
        let nap = move || async_stage(Nap(Cell::new(seeds.next())), places);
        let (sends, limits) = any_supervision(&mut self.luck);
        let nap = stage(&format!("nap {n}"), nap).on(home).queue(queue);
        let nap = self.net.add(nap.supervise(limits));
        self.lead_letters(sends, nap.letters);
        self.lead_on(nap.out);
        self.later.push(Place { inlet: nap.inlet, pinned: true });
    }

    /// A stage of two ports.
    fn road(&mut self, n: usize, queue: Capacity, batch: usize, time: &VirtualTime) {
        let home = self.domains[self.random.below(3)];
        let (cost, clock, seeds) = (any_cost(&mut self.random), time.clone(), self.seeds.clone());
        let road = move || fork_in_the_road(&seeds, cost, clock.clone());
        let (sends, limits) = any_supervision(&mut self.luck);
        let road = stage(&format!("road {n}"), road).on(home).queue(queue).batch(batch);
        let road = road.emits(2).supervise(limits);
        let road = self.net.add(if self.luck.one_in(2) { road.keep_copies() } else { road });
        self.lead_letters(sends, road.letters);
        for (n, port) in [road.out.a, road.out.b].into_iter().enumerate() {
            let diverts = n == 0 && self.random.one_in(4);
            let asker = self.askers.get(self.random.below(4)).copied();
            match (asker, diverts) {
                (Some(asker), true) => drop(self.net.wire(port, asker).divert(road.out.b)),
                (Some(asker), false) => {
                    any_answer_to_full(self.net.wire(port, asker), &mut self.random);
                }
                (None, true) => {
                    let to = self.any_later();
                    let wire = self.net.wire(port, to.inlet).divert(road.out.b);
                    any_way(wire, to, self.watcher, !self.gates, &mut self.random);
                }
                (None, false) => self.lead_on(port),
            }
        }
        self.later.push(Place { inlet: road.inlet, pinned: home != self.domains[2] });
    }

    fn any_later(&mut self) -> Place {
        self.later[self.random.below(self.later.len())]
    }

    /// Sends what leaves by this port on to any later stage.
    fn lead_on(&mut self, from: Outlet<u64>) {
        let to = self.any_later();
        let wire = self.net.wire(from, to.inlet);
        any_wire(wire, to, self.watcher, self.gates, &mut self.random);
    }

    /// Sends the letters of a stage, if it is one that sends any.
    fn lead_letters<T>(&mut self, sends: bool, from: Outlet<Letter<T>>)
    where
        T: 'static,
        AnyLetter: From<Letter<T>>,
    {
        if sends {
            any_letters(&mut self.net, &mut self.luck, from, self.letters);
        }
    }

    /// The net, with flows that go to the stage that was drawn last, or ask at once.
    fn done(mut self) -> Net {
        match self.askers.last() {
            Some(&asker) if self.random.one_in(2) => self.net.wire(self.front, asker),
            _ => self.net.wire(self.front, self.later[self.later.len() - 1].inlet),
        };
        if self.random.one_in(2) {
            self.net.fuse();
        }
        self.net
    }
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
        assert!(sim.run_for(ms(1000), 1_000_000));
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
