//! Drawn nets: where one stage is slow it is named, and where none is nothing is.

use crate::nets::{Made, Part, looks, us};
use sluicegate::sim::{Gaps, Random, ServiceTime};
use sluicegate::{Domain, Overload, bounded, ms};
use sluicegate_admin::{Kind, diagnose};

/// Flows a second.
const RATE: f64 = 1000.0;
const NETS: usize = 40;
/// The least share of the nets in which that has to be right.
const SHARE: f64 = 0.95;

/// A net in which one stage cannot do what is asked, if one is to be slow: which that is. The
/// others use less than 0.15 of their threads each.
fn drawn(seed: u64, is_slow: bool) -> (Made, String) {
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
        let share = match is_slow && n == slow {
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
        let (made, slow) = drawn(seed, true);
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

#[test]
fn nothing_is_wrong_where_no_stage_is_slow() {
    let mut wrong = Vec::new();
    for seed in 0..NETS as u64 {
        let (made, _) = drawn(seed, false);
        let [before, now] = looks(&mut made.sim(seed));
        let told = diagnose(&before, &now);
        if told.kind != Kind::Healthy {
            wrong.push(format!("{seed}: {:?} {}", told.kind, told.words));
        }
    }
    let right = NETS - wrong.len();
    println!("found well: {right} of {NETS}");
    let share = right as f64 / NETS as f64;
    assert!(share >= SHARE, "found well: {right} of {NETS}\n{}", wrong.join("\n"));
}
