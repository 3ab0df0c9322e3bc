//! The other laws beside the default one, under the same load; and what an observer may do.

use crate::load::{Load, Outcome};
use sluicegate::sim::ServiceTime;
use sluicegate::{
    Adjust, Capacity, Codel, Controller, Gradient2, Limit, Off, Order, Overload, Sample, Seda,
    SedaMulticlass, Time, Vegas, Why, bounded, ms,
};
use std::time::Duration;

const TARGET: Duration = ms(50);

/// Handlers of 1 ms on eight threads at five times their capacity.
fn run(queue: Capacity) -> (Outcome, f64) {
    let mut load = Load::steady(ServiceTime::Fixed(ms(1)), 5.0);
    load.phases = vec![(ms(4000), 5.0)];
    let out = load.run(queue, 7);
    let good = out.goodput(TARGET, ms(1000), ms(4000));
    let law = out.admissions().next().map_or("none", |view| view.votes[0].law);
    println!("{law}: {good:.3}, p99 {:?}", out.response(0.99));
    (out, good)
}

#[test]
fn without_a_law_all_are_served_too_late() {
    let (out, good) = run(bounded(4096).admit(Off));
    assert!(good < 0.01, "{good}");
    assert!(out.response(0.5) > ms(400));
}

#[test]
fn the_default_law_is_ahead_of_the_original_and_no_worse_than_any() {
    let good = |queue| run(queue).1;
    let default = good(bounded(4096).admit(Overload::p99(TARGET)));
    let limit = good(bounded(4096).admit(Limit::of(64)));
    let codel = good(bounded(4096).admit(Codel::default()));
    let gradient2 = good(bounded(4096).admit(Gradient2::default()));
    let vegas = good(bounded(4096).admit(Vegas::default()));
    let seda = good(bounded(4096).admit(Seda::p90(TARGET)));
    assert!(default > 0.99, "{default}");
    let others = [("limit", limit), ("codel", codel), ("gradient2", gradient2), ("vegas", vegas)];
    for (law, good) in others {
        assert!((0.9..=default + 0.01).contains(&good), "{law}: {good}");
    }
    // It climbs by two requests a second, a run, from 100; eight threads serve 8000.
    assert!((0.01..0.5).contains(&seda), "seda: {seda}");
}

#[test]
fn a_limit_is_kept_event_by_event() {
    let (out, _) = run(bounded(4096).admit(Limit::of(10)));
    let queued = out.views.iter().map(|view| view.stages[1].queued);
    assert!(queued.max() <= Some(10));
    // Ten at once, 8000 a second.
    assert!(out.response(1.0) <= ms(3), "{:?}", out.response(1.0));
}

/// Lets so many of each class in.
#[derive(Clone)]
struct Rates([f64; Adjust::CLASSES]);

impl Controller for Rates {
    fn name(&self) -> &'static str {
        "rates"
    }

    fn tick(&mut self, _: Time, _: &Sample) -> Adjust {
        Adjust { class_rates: self.0, burst: 10.0, ..Adjust::default() }
    }
}

#[test]
fn the_rate_of_a_class_is_kept_and_is_no_other_ones() {
    let mut load = Load::steady(ServiceTime::Fixed(ms(1)), 0.5);
    load.classes = vec![(1, 40), (9, 10), (200, 10)];
    let mut rates = [f64::INFINITY; Adjust::CLASSES];
    (rates[0], rates[9]) = (100.0, 50.0);
    let out = load.run(bounded(4096).admit(Rates(rates)), 1);
    let served = |class| out.served().filter(|end| end.class == class).count();
    // For a second, and ten at once.
    assert!((108..=110).contains(&served(0)), "{}", served(0));
    assert_eq!(out.served_of(1), 1.0);
    let shared = served(9) + served(200);
    assert!((58..=60).contains(&shared), "all classes from 9 on have one rate: {shared}");
}

#[test]
fn sedas_law_for_classes_hears_each_and_cuts_the_lower_one() {
    let mut load = Load::steady(ServiceTime::Fixed(ms(40)), 3.0);
    // Each class alone, with the rate at the start, is more than 50/s.
    (load.threads, load.phases) = (2, vec![(ms(20_000), 6.0)]);
    load.classes = vec![(1, 50)];
    let out = load.run(bounded(4096).admit(SedaMulticlass::p90(ms(200))), 1);
    let rates: Vec<_> = out.admissions().map(|view| view.adjust.class_rates).collect();
    let least = |class: usize| rates.iter().map(|rates| rates[class]).reduce(f64::min);
    assert!(least(0) < Some(10.0), "{:?}", least(0));
    assert!(least(1) > Some(50.0) && least(2) == Some(100.0), "{:?}", least(1));
    let [low, high] = [0, 1].map(|class| out.served_of(class));
    println!("low {low:.3}, high {high:.3}");
    assert!(high > 2.0 * low, "{low} {high}");
}

#[test]
fn in_a_standing_queue_the_newest_goes_first() {
    let (out, _) = run(bounded(4096).admit(Codel::default()));
    let later: Vec<_> = out.served().filter(|end| end.born > Time(1_000_000_000)).collect();
    let slow = later.iter().filter(|end| end.at.since(end.born) > ms(6)).count();
    assert_eq!((slow, later.len() > 20_000), (0, true));
    let turned = out.admissions().filter(|view| view.adjust.newest_first).count();
    assert!(turned > 300, "{turned}");
}

#[test]
fn what_cannot_be_handled_before_its_deadline_costs_nothing() {
    for order in [Order::Fifo, Order::Lifo, Order::ByDeadline, Order::AdaptiveLifo(ms(50))] {
        let deadline = ms(20);
        let mut load = Load::steady(ServiceTime::Fixed(ms(1)), 5.0);
        load.deadline = Some(deadline);
        let out = load.run(bounded(4096).order(order), 3);
        let late = out.served().filter(|end| end.at.since(end.born) > deadline + ms(1));
        assert_eq!(late.count(), 0, "{order:?}");
        let good = out.goodput(deadline, ms(100), ms(1000));
        println!("{order:?}: {good:.3}");
        assert!(good > 0.95, "{order:?}: {good}");
        let expired = out.flows.iter().filter(|end| end.why == Some(Why::Expired)).count();
        assert!(expired > out.flows.len() / 2, "{order:?}: {expired}");
    }
}

#[test]
fn refusals_are_counted_by_inlet_and_reason() {
    let (out, _) = run(bounded(4096).admit(Overload::p99(TARGET)));
    let last = &out.views.last().expect("views").stages[1];
    let [view] = &last.admission[..] else { panic!("one queue: {last:?}") };
    let so_far = |end: &&crate::load::End| end.at.0 <= 4_000_000_000;
    let told = out.flows.iter().filter(so_far).filter(|end| end.why == Some(Why::Shed)).count();
    assert_eq!(view.refused[Why::Shed], told as u64);
    assert_eq!(view.refused.total(), told as u64);
    let served = out.served().filter(so_far).count();
    let running = out.flows.len() - served - told;
    assert!(view.offered >= (served + told) as u64);
    assert!(view.offered <= (served + told + running) as u64);
    let [vote] = &view.votes[..] else { panic!("one law: {view:?}") };
    assert_eq!((vote.law, vote.target, vote.frozen), ("overload", Some(TARGET), false));
    assert_eq!((view.cost, view.adjust.work), (ms(1), TARGET / 2));
    assert!(view.work > TARGET / 4 && view.work <= TARGET / 2 + ms(1), "{view:?}");
}

#[test]
fn a_frozen_controller_measures_but_changes_nothing_until_it_goes_on() {
    let mut load = Load::steady(ServiceTime::Fixed(ms(1)), 5.0);
    load.phases = vec![(ms(3000), 0.5)];
    let (mut sim, _) = load.sim(bounded(4096).admit(Seda::p90(TARGET)), 5);
    let mut rate_after = |frozen: Option<bool>| {
        if let Some(frozen) = frozen {
            assert!(sim.observer().freeze("", "work", "seda", frozen));
            assert!(!sim.observer().freeze("", "work", "overload", frozen), "it has no such law");
            assert!(!sim.observer().freeze("", "front", "seda", frozen), "it has no law");
            assert!(!sim.observer().freeze("", "nowhere", "seda", frozen));
        }
        assert!(sim.run_for(ms(1000), 1_000_000));
        let view = sim.snapshot().stages[1].admission[0].clone();
        assert_eq!(view.votes[0].frozen, frozen == Some(true));
        (view.adjust.rate, view.offered)
    };
    let first = rate_after(None);
    let frozen = rate_after(Some(true));
    let on = rate_after(Some(false));
    assert!(first.0 > 101.0, "{first:?}");
    assert_eq!(frozen.0, first.0);
    assert!(frozen.1 > first.1, "events come all the same");
    assert!(on.0 > frozen.0, "{on:?}");
}
