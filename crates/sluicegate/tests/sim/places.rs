//! Places beyond wires that choose the replica or lead to several stages: who took them has them,
//! and those that are not used come back.

use crate::common::{Front, Log, Random, settle, settle_empty, sink, stage_of};
use crate::routing::{WORKER, sorted, witness};
use sluicegate::{Batch, Cx, Entry, Full, Net, Out, Permit, Sim, Stage, bounded, from_fn, stage};

/// A stage that takes places for what it gets, one way or the other, and finishes what finds none.
fn careful(log: &Log) -> impl Stage<In = u64, Out = Out<u64>> + use<> {
    let log = log.clone();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            let refused = match *event % 3 {
                0 => cx.out.try_emit(event),
                _ => match cx.out.reserve(2) {
                    // One of the two is given back.
                    Some(mut permit) => {
                        cx.out.emit_with(&mut permit, event).expect("a place was taken");
                        Ok(())
                    }
                    None => Err(Full(event)),
                },
            };
            if let Err(Full(event)) = refused {
                log.note("none", *event);
                event.split().0.finish();
            }
        }
    })
}

#[test]
fn places_beyond_any_wire_are_kept_and_come_back() {
    let (mut sent, mut refused) = (0, 0);
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let log = Log::default();
        let mut net = Net::new("places");
        let cpu = net.domain("cpu").pinned(2);
        let other = net.domain("other").pinned(2);
        let (source, out, copies, none) = (log.clone(), log.clone(), log.clone(), log.clone());
        let front = net.add(stage("front", move || Front::new(30, &source)).on(cpu).flows(30));
        let careful = stage("careful", move || careful(&none)).on(cpu).batch(1 + random.below(8));
        let careful = net.add(careful);
        let mut queue = || bounded(2 + random.below(6));
        let last = net.add(stage("last", move || sink("last", &out)).on(other).queue(queue()));
        let copy = net.add(stage("copy", move || sink("copy", &copies)).on(other).queue(queue()));
        net.wire(front.out, careful.inlet);
        let wire = net.wire(careful.out, last.inlet);
        let wire = match random.below(3) {
            0 => wire,
            1 => wire.keyed(|n| *n),
            _ => wire.balanced(),
        };
        let tee = random.one_in(2);
        if tee {
            wire.tee(copy.inlet);
        }
        let entry = net.entry(careful.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        assert_eq!(stage_of(&mut sim, "careful").parked, 0, "seed {seed}: it never waits");
        let (last, none) = (log.noted("last"), log.noted("none"));
        assert_eq!(last.len() + none.len(), 60, "seed {seed}");
        if tee {
            assert_eq!(sorted(log.noted("copy")), sorted(last.clone()), "seed {seed}");
        }
        sent += last.len();
        refused += none.len();
        // Places that did not come back would be missing now.
        for n in 0..20 {
            entry.send(n).unwrap();
            settle_empty(&mut sim);
        }
        assert_eq!(log.noted("none").len(), none.len(), "seed {seed}");
    }
    assert!(sent > 5000 && refused > 5000, "{sent} sent, {refused} found no place");
}

/// Places of each queue.
const CAPACITY: usize = 5;
const KEYS: u64 = 6;

/// Which replica of two gets an event; with `tee` another stage gets a copy.
#[derive(Clone, Copy, Debug)]
struct Way {
    replica: Replica,
    tee: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Replica {
    Only,
    OfKey,
    LeastBusy,
}

/// What the stage with the permits is told to do; permits are named by their place.
#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve(usize),
    EmitWith(usize, u64),
    TryEmit(u64),
    Abort(usize),
}

/// Does what it is told, and notes whether that could be done.
struct Agent {
    permits: Vec<Permit<u64>>,
    log: Log,
}

impl Stage for Agent {
    type In = Step;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, Step>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            let sent = match *event {
                Step::Reserve(n) => {
                    let permit = cx.out.reserve(n);
                    self.log.note("done", u64::from(permit.is_some()));
                    self.permits.extend(permit);
                    event.split().0.finish();
                    continue;
                }
                Step::Abort(at) => {
                    drop(self.permits.swap_remove(at));
                    self.log.note("done", 1);
                    event.split().0.finish();
                    continue;
                }
                Step::EmitWith(at, key) => {
                    cx.out.emit_with(&mut self.permits[at], event.map(|_| key))
                }
                Step::TryEmit(key) => cx.out.try_emit(event.map(|_| key)),
            };
            self.log.note("done", u64::from(sent.is_ok()));
            if let Err(Full(event)) = sent {
                event.split().0.finish();
            }
        }
    }
}

/// What waits in a queue, and how many of its places are kept.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    waits: usize,
    kept: usize,
}

impl Queue {
    fn room(self) -> usize {
        CAPACITY - self.waits - self.kept
    }
}

/// The queues as they have to be, and what is left of each permit.
struct Model {
    way: Way,
    replicas: [Queue; 2],
    copies: Queue,
    /// The replica of each key.
    of_key: Vec<usize>,
    /// The replica beyond which places are, where they are beyond one.
    lender: usize,
    permits: Vec<usize>,
}

impl Model {
    /// The queues in each of which a permit has its places.
    fn kept(&mut self) -> Vec<&mut Queue> {
        let lender = self.lender;
        let all = self.replicas.iter_mut().enumerate();
        let all = all.filter(|(n, _)| self.way.replica == Replica::OfKey || *n == lender);
        all.map(|(_, queue)| queue).chain(self.way.tee.then_some(&mut self.copies)).collect()
    }

    fn room(&mut self) -> usize {
        if self.way.replica == Replica::LeastBusy && self.permits.iter().all(|left| *left == 0) {
            // Where as many wait at both, it is all the same which is called the first.
            let [first, second] = self.replicas;
            self.lender = usize::from(second.waits < first.waits);
        }
        self.kept().iter().map(|queue| queue.room()).min().unwrap_or(0)
    }

    fn keep(&mut self, n: usize) {
        self.kept().into_iter().for_each(|queue| queue.kept += n);
    }

    fn give_back(&mut self, n: usize) {
        self.kept().into_iter().for_each(|queue| queue.kept -= n);
    }

    fn send(&mut self, key: u64) {
        let replica = match self.way.replica {
            Replica::OfKey => self.of_key[key as usize],
            _ => self.lender,
        };
        self.replicas[replica].waits += 1;
        self.copies.waits += usize::from(self.way.tee);
    }

    /// Whether the step can be done; then it is.
    fn does(&mut self, step: Step) -> bool {
        match step {
            Step::Reserve(n) => {
                let fits = self.room() >= n;
                if fits {
                    self.keep(n);
                    self.permits.push(n);
                }
                fits
            }
            Step::EmitWith(at, key) => {
                let has = self.permits[at] > 0;
                if has {
                    self.give_back(1);
                    self.permits[at] -= 1;
                    self.send(key);
                }
                has
            }
            Step::TryEmit(key) => {
                let fits = self.room() > 0;
                if fits {
                    self.send(key);
                }
                fits
            }
            Step::Abort(at) => {
                let left = self.permits.swap_remove(at);
                self.give_back(left);
                true
            }
        }
    }

    fn take_all(&mut self) {
        for queue in self.replicas.iter_mut().chain([&mut self.copies]) {
            queue.waits = 0;
        }
    }
}

/// A wire from the agent, beside its model.
struct Pair {
    log: Log,
    sim: Sim,
    entry: Entry<Step>,
    model: Model,
}

impl Pair {
    fn new(way: Way, seed: u64) -> Self {
        let log = Log::default();
        let mut net = Net::new("pair");
        let cpu = net.domain("cpu").pinned(1);
        let replicas = if way.replica == Replica::Only { 1 } else { 2 };
        let others = net.domain("others").pinned(replicas);
        let (done, last, copy) = (log.clone(), log.clone(), log.clone());
        let agent = move || Agent { permits: Vec::new(), log: done.clone() };
        let agent = net.add(stage("agent", agent).on(cpu).batch(1));
        let add = |net: &mut Net, name, log: Log, domain| {
            let witness = stage(name, move || witness(name, &log)).on(domain);
            net.add(witness.queue(bounded(CAPACITY))).inlet
        };
        let (last, copy) = (add(&mut net, "last", last, others), add(&mut net, "copy", copy, cpu));
        let wire = net.wire(agent.out, last);
        let wire = match way.replica {
            Replica::Only => wire,
            Replica::OfKey => wire.keyed(|key| *key),
            Replica::LeastBusy => wire.balanced(),
        };
        if way.tee {
            wire.tee(copy);
        }
        let entry = net.entry(agent.inlet);
        let sim = Sim::new(net, seed).unwrap();
        let (replicas, copies) = Default::default();
        let (of_key, permits) = (vec![0; KEYS as usize], Vec::new());
        let model = Model { way, replicas, copies, of_key, lender: 0, permits };
        let mut pair = Self { log, sim, entry, model };
        pair.learn_keys();
        pair
    }

    /// Has each key say which replica is its own, and nothing taken from then on.
    fn learn_keys(&mut self) {
        for key in 0..KEYS {
            self.entry.send(Step::TryEmit(key)).unwrap();
            settle_empty(&mut self.sim);
        }
        for seen in self.log.noted("last") {
            // The first worker is the agent's.
            self.model.of_key[(seen % WORKER) as usize] = (seen / WORKER) as usize - 1;
        }
        self.hold();
    }

    fn hold(&mut self) {
        ["last", "copy"].iter().for_each(|name| self.sim.observer().pause("", name).unwrap());
        settle(&mut self.sim);
    }

    fn take_all(&mut self) {
        ["last", "copy"].iter().for_each(|name| self.sim.observer().resume("", name).unwrap());
        settle(&mut self.sim);
        self.model.take_all();
        self.hold();
    }

    /// Does a step, and expects what the model says. Whether it could be done.
    fn does(&mut self, step: Step, at: &str) -> bool {
        self.log.get().notes.clear();
        self.entry.send(step).unwrap();
        settle(&mut self.sim);
        let done = self.model.does(step);
        assert_eq!(self.log.noted("done"), [u64::from(done)], "{at}: {step:?}");
        let waits: usize = self.model.replicas.iter().map(|queue| queue.waits).sum();
        let queued = ["last", "copy"].map(|name| stage_of(&mut self.sim, name).queued);
        assert_eq!(queued, [waits, self.model.copies.waits], "{at}: {step:?}");
        done
    }
}

#[test]
fn permits_of_every_kind_of_wire_are_counters() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..240 {
        let replica = [Replica::Only, Replica::OfKey, Replica::LeastBusy][seed as usize % 3];
        let way = Way { replica, tee: seed % 2 == 0 };
        let at = format!("{way:?}, seed {seed}");
        let (mut pair, mut random) = (Pair::new(way, seed), Random::new(seed));
        for _ in 0..60 {
            let (permits, key) = (pair.model.permits.len(), random.below(KEYS as usize) as u64);
            let step = match random.below(8) {
                0 => {
                    pair.take_all();
                    continue;
                }
                1 | 2 => Step::Reserve(random.below(4)),
                3 => Step::TryEmit(key),
                _ if permits == 0 => Step::Reserve(1),
                4 => Step::Abort(random.below(permits)),
                _ => Step::EmitWith(random.below(permits), key),
            };
            let done = pair.does(step, &at);
            if matches!(step, Step::Reserve(_)) {
                *(if done { &mut taken } else { &mut refused }) += 1;
            }
        }
        while !pair.model.permits.is_empty() {
            pair.does(Step::Abort(0), &at);
        }
        pair.take_all();
        // All places have come back: of one queue, and where they are beyond one, of the other.
        for _ in 0..2 {
            assert!(pair.does(Step::Reserve(CAPACITY), &at), "{at}");
            pair.does(Step::EmitWith(0, 0), &at);
            pair.does(Step::Abort(0), &at);
            if way.replica != Replica::LeastBusy || way.tee {
                pair.take_all();
            }
        }
    }
    assert!(taken > 1000 && refused > 500, "{taken} {refused}");
}
