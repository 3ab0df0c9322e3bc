//! Several laws at one inlet: one for the work, others for what the work needs.

use crate::load::{End, Load};
use sluicegate::sim::ServiceTime;
use sluicegate::{Gauge, Headroom, Limit, Overload, Sim, Time, Why, bounded, ms};

const TARGET: std::time::Duration = ms(50);

/// The least important half asks with class 0, the rest with class 3; at half of what the stage
/// can do, so that queued work alone refuses nobody.
fn half_full(span_ms: u64) -> Load {
    let mut load = Load::steady(ServiceTime::Fixed(ms(1)), 0.5);
    load.phases = vec![(ms(span_ms), 0.5)];
    load.classes = vec![(3, 50)];
    load
}

fn run(sim: &mut Sim, span_ms: u64) {
    assert!(sim.run_for(ms(span_ms), 1_000_000));
    sim.assert_even();
}

/// The share that was refused of those born in a span of milliseconds, by class.
fn refused(ends: &[End], from_ms: u64, to_ms: u64) -> [f64; 2] {
    let span = Time(0) + ms(from_ms)..Time(0) + ms(to_ms);
    [0, 3].map(|class| {
        let here = ends.iter().filter(|end| end.class == class && span.contains(&end.born));
        let gone = here.clone().filter(|end| end.why == Some(Why::Refused)).count();
        gone as f64 / here.count() as f64
    })
}

#[test]
fn a_short_resource_refuses_where_the_work_alone_would_not_and_lets_in_again() {
    let memory = Gauge::new("memory");
    let queue = || bounded(4096).admit(Overload::p99(TARGET));
    let alone = half_full(1000).run(queue(), 3);
    assert_eq!(alone.served().count(), alone.flows.len(), "the work alone refuses nobody");

    let queue = queue().admit(Headroom::of(&memory)).admit(Limit::of(1000));
    let (mut sim, ends) = half_full(6000).sim(queue, 3);
    let at = |sim: &mut Sim, used: Option<f64>| {
        memory.set(used);
        run(sim, 1000);
        sim.snapshot().stages[1].admission[0].clone()
    };
    let _ = at(&mut sim, None);
    let quarter = at(&mut sim, Some(0.875));
    let more = at(&mut sim, Some(0.9255));
    let all = at(&mut sim, Some(2.0));
    let again = at(&mut sim, Some(0.5));
    run(&mut sim, 2000);

    let shares: Vec<f64> = [&quarter, &more, &all, &again].map(|view| view.adjust.share).to_vec();
    assert!((shares[0] - 0.25).abs() < 1e-9 && (shares[1] - 0.755).abs() < 1e-9, "{shares:?}");
    assert_eq!(shares[2..], [1.0, 0.0]);
    let votes: Vec<_> = all.votes.iter().map(|vote| (vote.law, vote.adjust.share)).collect();
    assert_eq!(votes, [("overload", 0.0), ("memory", 1.0), ("limit", 0.0)]);
    let work = all.votes[0].adjust.work;
    assert_eq!((all.adjust.work, all.adjust.events), (work, 1000), "each bound holds");
    assert!(work < TARGET, "{work:?}");

    let ends = ends.lock().unwrap();
    // At an edge of 20 ms the laws have not looked yet.
    let about = |from: u64, expected: [f64; 2]| {
        let found = refused(&ends, from + 20, from + 980);
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 0.06, "after {from} ms: {found}, not {expected}");
        }
    };
    about(0, [0.0, 0.0]);
    about(1000, [0.5, 0.0]);
    about(2000, [1.0, 0.51]);
    about(3000, [1.0, 1.0]);
    about(4000, [0.0, 0.0]);
    about(5000, [0.0, 0.0]);
}

#[test]
fn who_is_refused_altogether_is_let_in_when_the_resource_is_back_though_nobody_asked_between() {
    for inline in [false, true] {
        let memory = Gauge::new("memory");
        let mut load = Load::steady(ServiceTime::Fixed(ms(1)), 0.5);
        load.inline = inline;
        load.threads = if inline { 1 } else { 8 };
        load.phases = vec![(ms(100), 0.5), (ms(400), 0.0), (ms(100), 0.5)];
        let (mut sim, ends) = load.sim(bounded(4096).admit(Headroom::of(&memory)), 9);
        memory.set(Some(1.0));
        run(&mut sim, 300);
        memory.set(Some(0.0));
        run(&mut sim, 1000);
        let ends = ends.lock().unwrap();
        let second: Vec<_> = ends.iter().filter(|end| end.born > Time(0) + ms(500)).collect();
        assert!(!second.is_empty() && second.iter().all(|end| end.why.is_none()), "{second:?}");
        assert!(ends.len() - second.len() > 3, "some asked while nobody was let in");
        let gone = ends.iter().filter(|end| end.why.is_some()).count();
        assert!(gone + 15 * load.threads > ends.len() - second.len(), "all but those of 10 ms");
    }
}

#[test]
fn each_law_is_frozen_by_itself() {
    let memory = Gauge::new("memory");
    let queue = bounded(4096).admit(Overload::p99(TARGET)).admit(Headroom::of(&memory));
    let (mut sim, _) = half_full(2000).sim(queue, 5);
    let mut frozen_at = |law: &str, frozen: bool, used: f64| {
        assert!(sim.observer().freeze("", "work", law, frozen));
        memory.set(Some(used));
        run(&mut sim, 200);
        let view = sim.snapshot().stages[1].admission[0].clone();
        let frozen = view.votes.iter().map(|vote| vote.frozen).collect::<Vec<_>>();
        (frozen, view.adjust.share)
    };
    assert_eq!(frozen_at("overload", true, 1.0), (vec![true, false], 1.0));
    assert_eq!(frozen_at("memory", true, 0.0), (vec![true, true], 1.0), "its bound stays");
    assert_eq!(frozen_at("overload", false, 0.0), (vec![false, true], 1.0));
    assert_eq!(frozen_at("memory", false, 0.0), (vec![false, false], 0.0));
}
