//! Drawn nets with one slow stage: it is named.

use crate::nets::{Made, Part, looks, us};
use sluicegate::sim::{Gaps, Random, ServiceTime};
use sluicegate::{Domain, Overload, bounded, ms};
use sluicegate_admin::diagnose;

/// Flows a second.
const RATE: f64 = 1000.0;
const NETS: usize = 40;
/// The least share of the nets in which it has to be named.
const SHARE: f64 = 0.95;

/// A net in which `slow` cannot do what is asked; others use less than 0.6 of their threads.
fn drawn(seed: u64) -> (Made, String) {
    let mut random = Random::new(seed);
    let gaps = if random.one_in(4) { Gaps::Bursts(1 + random.below(8)) } else { Gaps::Poisson };
    let flows = 20 + random.below(2000);
    let mut made = Made::new(gaps, RATE, flows, seed);
    let stages = 2 + random.below(6);
    let slow = random.below(stages);
    let mut shared: Option<Domain> = None;
    let mut row: Vec<Part> = Vec::new();
    for n in 0..stages {
        let name = format!("s{n}");
        let threads = 1 + random.below(3);
        let pool = random.one_in(3);
        // Three at most share a domain, so that those that are not slow leave it time.
        let (domain, threads) = match shared {
            Some(domain) if !pool && random.one_in(2) => (domain, 1),
            _ => {
                let domain = made.net.domain(&format!("d{n}"));
                match pool {
                    true => (domain.pool(threads), threads),
                    false => {
                        let domain = domain.pinned(1);
                        shared = Some(domain);
                        (domain, 1)
                    }
                }
            }
        };
        let share = match n == slow {
            true => 1.2 + 3.0 * random.unit(),
            false => 0.02 + 0.13 * random.unit(),
        };
        let cost = us((share * threads as f64 * 1e6 / RATE) as u64);
        let cost = match random.one_in(3) {
            true => ServiceTime::Exponential(cost),
            false => ServiceTime::Fixed(cost),
        };
        let queue = bounded(2 + random.below(200));
        let queue = if random.one_in(4) { queue.admit(Overload::p99(ms(50))) } else { queue };
        row.push(made.add(&name, domain, queue, cost));
    }
    made.row(&row);
    (made, format!("s{slow}"))
}

#[test]
fn the_slow_stage_is_named() {
    let mut wrong = Vec::new();
    for seed in 0..NETS as u64 {
        let (made, slow) = drawn(seed);
        let [before, now] = looks(&mut made.sim(seed));
        let told = diagnose(&before, &now);
        if told.stage.as_deref() != Some(&slow) {
            wrong.push(format!("{seed}: {slow}, not {:?}: {}", told.stage, told.words));
        }
    }
    let named = NETS - wrong.len();
    println!("named rightly: {named} of {NETS}");
    let share = named as f64 / NETS as f64;
    assert!(share >= SHARE, "named rightly: {named} of {NETS}\n{}", wrong.join("\n"));
}
