//! Drawn nets to which drawn parts are attached, and from which they are taken away at random while
//! flows run: no flow is lost, and both ledgers are even after every batch.

use crate::common::{AskerIn, Front, Log, Random, STEPS, come_to_rest, stage_of};
use crate::random::parts::{any_answer_to_full, any_cost, any_domain, any_queue};
use crate::random::stages::{Asker, Nap, Seeds, fork_in_the_road, last, oracle};
use sluicegate::sim::Part;
use sluicegate::{
    Domain, Door, Inlet, Net, Sim, Slot, VirtualTime, Why, async_stage, ms, slot, stage,
};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Flows of a worker's source.
const FLOWS: u64 = 60;
/// Seeds, each with and without queues that choose.
const SEEDS: u64 = 20;
/// Parts at once.
const PARTS: usize = 4;

/// What a seed draws.
struct Drawing {
    random: Random,
    seeds: Seeds,
    time: VirtualTime,
    log: Log,
    gates: bool,
}

impl Drawing {
    /// A source, a stage of two ports, a slot beyond each, and a last stage that answers.
    fn host(&mut self) -> (Net, [Slot<u64, u64>; 2]) {
        let (gates, random) = (self.gates, &mut self.random);
        let mut net = Net::new("host");
        let domains = [("cpu", false), ("other", false), ("pool", true)]
            .map(|(name, pool)| any_domain(&mut net, name, pool, random));
        let log = self.log.clone();
        let front = stage("front", move || Front::new(FLOWS, &log).leaves()).on(domains[0]);
        let front = front.queue(any_queue(8, gates, random)).flows(1 + random.below(20));
        let front = net.add(front);
        let (cost, time, seeds) = (any_cost(random), self.time.clone(), self.seeds.clone());
        let road = move || fork_in_the_road(&seeds, cost, time.clone());
        let road = stage("road", road).on(domains[random.below(3)]).emits(2);
        let road = net.add(road.queue(any_queue(8, gates, random)));
        net.wire(front.out, road.inlet);
        let answers = self.seeds.clone();
        let end = stage("last", move || last(&answers)).on(domains[random.below(3)]);
        let end = net.add(end.queue(any_queue(8, gates, random)));
        net.wire(end.out, front.inlet).returns(front.out);
        let ports = [road.out.a, road.out.b];
        let slots = [0, 1].map(|n| {
            let (spec, slot) = slot::<u64, u64>(&format!("slot {n}"));
            let spec = spec.on(domains[random.below(3)]).batch(1 + random.below(8));
            let node = net.add(spec.queue(any_queue(8, gates, random)));
            any_answer_to_full(net.wire(ports[n], node.inlet), random);
            any_answer_to_full(net.wire(node.out.answers, end.inlet), random);
            match random.one_in(2) {
                true => net.seal(node.out.bare),
                false => any_answer_to_full(net.wire(node.out.bare, end.inlet), random),
            }
            slot
        });
        (net, slots)
    }

    /// A part: its door, a few stages in a row of which each may send to the next or answer, and
    /// a last one.
    fn part(&mut self, name: &str, slot: &Slot<u64, u64>) -> (Door<u64, u64>, Net) {
        let (gates, random) = (self.gates, &mut self.random);
        let mut part = Net::new(name);
        let domains = [("cpu", false), ("pool", true)]
            .map(|(name, pool)| any_domain(&mut part, name, pool, random));
        let (spec, door) = slot.door("door");
        let node = part.add(spec.on(domains[0]).queue(any_queue(8, gates, random)));
        let answers = self.seeds.clone();
        let end = stage("last", move || last(&answers)).on(domains[random.below(2)]);
        let end = part.add(end.queue(any_queue(8, gates, random)));
        part.wire(end.out, node.inlet).returns(node.out);
        let mut next = end.inlet;
        for n in 0..random.below(4) {
            next = self.stage(&mut part, n, domains, [next, end.inlet]);
        }
        any_answer_to_full(part.wire(node.out, next), &mut self.random);
        (door, part)
    }

    fn stage(
        &mut self,
        part: &mut Net,
        n: usize,
        domains: [Domain; 2],
        later: [Inlet<u64>; 2],
    ) -> Inlet<u64> {
        let (gates, random, seeds) = (self.gates, &mut self.random, self.seeds.clone());
        let queue = any_queue(8, gates, random);
        match random.below(3) {
            0 => {
                let places = 1 + random.below(6);
                let nap = move || async_stage(Nap(Cell::new(seeds.next())), places);
                let nap = stage(&format!("nap {n}"), nap).on(domains[0]).queue(queue);
                let nap = part.add(nap);
                any_answer_to_full(part.wire(nap.out, later[0]), random);
                nap.inlet
            }
            1 => {
                let tells = seeds.clone();
                let asker = stage(&format!("asker {n}"), move || Asker(seeds.next()));
                let asker = part.add(asker.on(domains[0]).queue(queue));
                let oracle = stage(&format!("oracle {n}"), move || oracle(&tells));
                let oracle = part.add(oracle.on(domains[random.below(2)]));
                any_answer_to_full(part.wire(asker.out.go, later[0]), random);
                part.wire(asker.out.ask, oracle.inlet).window(1 + random.below(6));
                part.wire(oracle.out, asker.inlet).returns(asker.out.ask);
                self.entrance(part, n, domains, asker.inlet)
            }
            _ => {
                let (cost, time) = (any_cost(random), self.time.clone());
                let road = move || fork_in_the_road(&seeds, cost, time.clone());
                let road = stage(&format!("road {n}"), road).on(domains[random.below(2)]);
                let road = part.add(road.queue(queue).emits(2));
                for (port, to) in [road.out.a, road.out.b].into_iter().zip(later) {
                    any_answer_to_full(part.wire(port, to), random);
                }
                road.inlet
            }
        }
    }

    /// A stage that sends numbers to one that asks.
    fn entrance(
        &mut self,
        part: &mut Net,
        n: usize,
        domains: [Domain; 2],
        to: Inlet<AskerIn>,
    ) -> Inlet<u64> {
        let before = stage(&format!("before {n}"), crate::common::pass);
        let before = part.add(before.on(domains[self.random.below(2)]));
        part.wire(before.out, to);
        before.inlet
    }
}

/// What happened in all nets together.
#[derive(Default)]
struct Sums {
    attached: usize,
    forced: usize,
    /// Flows that were in parts which were taken away by force.
    cut: u64,
    answered: u64,
    through: u64,
}

/// Attaches parts to a net and takes them away, as long as it has flows.
fn run(seed: u64, gates: bool, sums: &mut Sums) {
    let (time, log) = (VirtualTime::default(), Log::default());
    let (random, seeds) = (Random::new(seed), Seeds::of(seed));
    let mut drawing = Drawing { random, seeds, time: time.clone(), log: log.clone(), gates };
    let (net, slots) = drawing.host();
    let mut sim = Sim::with_time(net, seed, time).unwrap();
    let mut parts: Vec<(Part, bool)> = Vec::new();
    for round in 0..60 {
        for _ in 0..drawing.random.below(40) {
            sim.step();
            sim.assert_even();
        }
        let next = sim.next();
        if let Some(next) = next.filter(|&next| next > sim.now()) {
            sim.skip(next);
        }
        let chosen = drawing.random.below(PARTS);
        match (drawing.random.below(6), chosen < parts.len()) {
            (0 | 1, _) if parts.len() < PARTS => {
                let slot = &slots[drawing.random.below(2)];
                let (door, part) = drawing.part(&format!("part {round}"), slot);
                parts.push((sim.attach(door, part).unwrap(), false));
                sums.attached += 1;
            }
            (2, true) => {
                parts[chosen].0.shut();
                parts[chosen].1 = true;
            }
            (3, true) => sums.take_away(&mut sim, parts.swap_remove(chosen).0),
            _ => {}
        }
        // What is shut and empty goes.
        let empty = parts.iter().position(|(part, shut)| *shut && part.inside() == 0);
        if let Some(empty) = empty {
            let forced = sums.forced;
            sums.take_away(&mut sim, parts.swap_remove(empty).0);
            assert_eq!(sums.forced, forced, "nothing was in it");
        }
        sim.assert_even();
    }
    // What waits at a bare slot of a pool would keep that from its rest.
    for (n, slot) in slots.iter().enumerate() {
        let (door, part) = drawing.part(&format!("last {n}"), slot);
        parts.push((sim.attach(door, part).unwrap(), false));
    }
    come_to_rest(&mut sim);
    assert!(sim.run_for(ms(10_000), STEPS));
    for (part, _) in parts {
        assert_eq!(part.inside(), 0);
        let ledger = sim.remove(part);
        assert_eq!((ledger.in_flight, ledger.places), (0, 0), "{ledger:?}");
        sums.through += ledger.finished;
    }
    let ledger = sim.ledger();
    let seen = log.get();
    let mut told: Vec<u64> = seen.ended.iter().map(|end| end.0).collect();
    assert_eq!(told.len() as u64, ledger.ended.total(), "each end is told");
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len() as u64, ledger.ended.total(), "and told once");
    sums.answered += seen.answered.len() as u64;
    drop(seen);
    let workers = stage_of(&mut sim, "front").replicas as u64;
    // A drain may come before the source has sent all.
    assert!(ledger.entered <= FLOWS * workers);
    assert_eq!(ledger.entered, ledger.finished + ledger.ended.total());
}

impl Sums {
    /// Takes a part away, whatever is in it.
    fn take_away(&mut self, sim: &mut Sim, part: Part) {
        let (inside, before) = (part.inside() as u64, sim.ledger());
        let ledger = sim.remove(part);
        assert_eq!((ledger.in_flight, ledger.places), (0, 0), "{ledger:?}");
        assert_eq!(sim.ledger(), before, "the net hears of it by its slot");
        self.forced += usize::from(inside > 0);
        self.cut += ledger.ended[Why::Draining].min(inside);
        self.through += ledger.finished;
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned())).unwrap_or_default()
}

#[test]
fn parts_come_and_go_while_flows_run_and_none_is_lost() {
    // Handlers panic as they should.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut sums = Sums::default();
    let cases = (0..SEEDS).flat_map(|seed| [(seed, false), (seed, true)]);
    let failed = cases.map(|(seed, gates)| {
        let run = AssertUnwindSafe(|| run(seed, gates, &mut sums));
        Some((seed, gates, said(&*catch_unwind(run).err()?)))
    });
    let failed = failed.flatten().next();
    std::panic::set_hook(hook);
    assert!(failed.is_none(), "seed, gates, and what was said: {failed:?}");
    let Sums { attached, forced, cut, answered, through } = sums;
    assert!(attached > 400 && forced > 60 && cut > 100, "{attached} {forced} {cut}");
    assert!(answered > 600 && through > 1000, "{answered} {through}");
}
