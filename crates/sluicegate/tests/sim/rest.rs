//! A worker that brings events to a gate which refuses most of them: it looks at the outside less
//! often, and takes several at once.

use crate::load::Load;
use sluicegate::sim::ServiceTime;
use sluicegate::{Limit, Overload, bounded, ms};
use std::collections::BTreeSet;

/// How many of those refused were told at the same time, the mean, and who waited longest for it.
fn told(times: f64, target: u64) -> (f64, std::time::Duration) {
    let load = Load::steady(ServiceTime::Fixed(ms(1)), times);
    let out = load.run(bounded(4096).admit(Overload::p99(ms(target))), 1);
    // Those that entered and were late are told when it would have been their turn.
    let refused = out.flows.iter().filter(|end| end.why.is_some());
    let waits = refused.clone().map(|end| end.at.since(end.born));
    let looks: BTreeSet<u64> = refused.clone().map(|end| end.at.0).collect();
    let most = waits.filter(|wait| *wait <= ms(target) / 2).max();
    (refused.count() as f64 / looks.len() as f64, most.unwrap_or_default())
}

#[test]
fn at_many_times_the_capacity_many_are_refused_at_once_and_none_waits_longer_than_a_rest() {
    // 80,000 a second, 8,000 of which are served.
    for (target, rest) in [(50, ms(2)), (25, ms(1)), (5, ms(1) / 5)] {
        let (together, longest) = told(10.0, target);
        let come = 80_000.0 * rest.as_secs_f64();
        println!("{target} ms: {together:.1} together, the longest waited {longest:?}");
        assert!((come / 3.0..come * 1.2).contains(&together), "{target}: {together} of {come}");
        assert!(longest <= rest, "{target}: {longest:?}");
    }
}

#[test]
fn where_most_pass_each_is_looked_at_when_it_comes() {
    let (together, longest) = told(1.2, 50);
    assert!(together < 4.0, "{together}");
    assert!(longest <= ms(2), "{longest:?}");
    let load = Load::steady(ServiceTime::Fixed(ms(1)), 0.3);
    let out = load.run(bounded(4096).admit(Overload::p99(ms(50))), 1);
    assert_eq!(out.response(0.5), ms(1), "nobody waits where nothing is refused");
}

#[test]
fn where_nothing_says_how_long_what_is_admitted_may_take_nobody_rests() {
    let longest = |limit| {
        let load = Load::steady(ServiceTime::Fixed(ms(1)), 10.0);
        let out = load.run(bounded(4096).admit(Limit::of(limit)), 1);
        let refused = out.flows.iter().filter(|end| end.why.is_some());
        refused.map(|end| end.at.since(end.born)).max().expect("some are refused")
    };
    assert_eq!(longest(8), ms(0));
    assert!(longest(0) > ms(1), "nothing is admitted");
}
