//! What random nets are drawn from beside stages: domains, queues, wires, and limits.

use super::stages::AnyLetter;
use crate::common::Random;
use sluicegate::sim::ServiceTime;
use sluicegate::{
    Adjust, Capacity, Codel, Cohort, Controller, Domain, Fifo, Inlet, Letter, Limit, LongestQueue,
    Net, Next, OnFull, Order, Outlet, Policy, Priority, Ready, Sample, Shares, Stages, Supervision,
    Time, Wire, bounded, ms,
};
use std::time::Duration;

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

pub fn any_domain(net: &mut Net, name: &str, pool: bool, random: &mut Random) -> Domain {
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

pub fn any_answer_to_full<T>(wire: Wire<'_, T>, random: &mut Random) {
    match random.below(4) {
        0 => wire.on_full(OnFull::ShedNewest),
        1 => wire.on_full(OnFull::ShedOldest),
        _ => wire,
    };
}

/// An inlet for numbers, and whether it is that of a pinned stage.
#[derive(Clone, Copy)]
pub struct Place {
    pub inlet: Inlet<u64>,
    pub pinned: bool,
}

/// Which replica gets what is sent over a wire to a place, and who gets copies.
pub fn any_way<'a>(
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

pub fn any_wire(
    wire: Wire<'_, u64>,
    to: Place,
    watcher: Inlet<u64>,
    gates: bool,
    random: &mut Random,
) {
    match random.below(4) {
        // A tee cannot be with that.
        0 => drop(any_way(wire.on_full(OnFull::ShedOldest), to, watcher, false, random)),
        1 => drop(any_way(wire, to, watcher, !gates, random).on_full(OnFull::ShedNewest)),
        _ => drop(any_way(wire, to, watcher, !gates, random)),
    }
}

/// Sends the letters of some stages there, over wires of both kinds.
pub fn any_letters<T>(
    net: &mut Net,
    luck: &mut Random,
    from: Outlet<Letter<T>>,
    to: Inlet<AnyLetter>,
) where
    T: 'static,
    AnyLetter: From<Letter<T>>,
{
    let wire = net.wire(from, to);
    if luck.one_in(3) {
        wire.on_full(OnFull::ShedOldest);
    }
}

/// Whether a stage sends letters, and limits for it, mostly such as it comes to.
pub fn any_supervision(luck: &mut Random) -> (bool, Supervision) {
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
pub fn any_cost(random: &mut Random) -> ServiceTime {
    const US: Duration = Duration::from_micros(1);
    match random.below(8) {
        0 => ServiceTime::Fixed(US * 100),
        1 => ServiceTime::Exponential(US * 200),
        2 => ServiceTime::Bimodal { cheap: US, dear: ms(2), one_in: 10 },
        3 => ServiceTime::Pareto { least: US * 10, most: ms(20), shape: 1.2 },
        _ => ServiceTime::Fixed(Duration::ZERO),
    }
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
pub fn any_queue(most: usize, gates: bool, random: &mut Random) -> Capacity {
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
