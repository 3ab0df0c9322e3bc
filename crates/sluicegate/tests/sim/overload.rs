//! The default law at many times the capacity, with no number changed but the target.

use crate::load::{Load, bimodal};
use sluicegate::sim::ServiceTime;
use sluicegate::{Overload, Why, bounded, ms};
use std::time::Duration;

const US: Duration = Duration::from_micros(1);

/// Handlers from 100 us to 20 ms, the target that is right for each, and how long to look.
fn handlers() -> [(ServiceTime, Duration, Duration); 5] {
    [
        (ServiceTime::Fixed(US * 100), ms(5), ms(300)),
        (ServiceTime::Fixed(US * 100), ms(50), ms(300)),
        (ServiceTime::Fixed(ms(1)), ms(50), ms(1000)),
        (ServiceTime::Fixed(ms(20)), ms(200), ms(4000)),
        (bimodal(US * 500, ms(10)), ms(50), ms(1000)),
    ]
}

fn load(cost: ServiceTime, span: Duration, times: f64) -> Load {
    Load { phases: vec![(span, times)], ..Load::steady(cost, times) }
}

#[test]
fn goodput_stays_and_what_is_admitted_is_in_time_at_10_times_capacity() {
    for (cost, target, span) in handlers() {
        for (times, seed) in [(2.0, 1), (5.0, 2), (10.0, 3)] {
            let law = Overload::p99(target);
            let out = load(cost, span, times).run(bounded(4096).admit(law), seed);
            // From cold; the first events that are served tell what they cost.
            let good = out.goodput(target, span / 10, span);
            let (p50, p99) = (out.response(0.5), out.response(0.99));
            println!("{cost:?} {target:?} x{times}: {good:.3}, p50 {p50:?}, p99 {p99:?}");
            assert!(good >= 0.95, "{cost:?} x{times}: {good}");
            assert!(p99 <= target, "{cost:?} x{times}: {p99:?}");
        }
    }
}

#[test]
fn below_capacity_nothing_is_refused() {
    for (cost, target, span) in handlers() {
        for (times, seed) in [(0.3, 1), (0.5, 2), (0.7, 3), (0.8, 4)] {
            let law = Overload::p99(target);
            let out = load(cost, span, times).run(bounded(4096).admit(law), seed);
            assert_eq!(out.served().count(), out.flows.len(), "{cost:?} x{times}");
            let pressed = out.admissions().filter(|view| view.adjust.pressure > 0.0).count();
            assert_eq!(pressed, 0, "{cost:?} x{times}");
        }
    }
}

#[test]
fn important_classes_are_served_while_they_fit() {
    for (cost, target, span) in handlers() {
        for (times, seed) in [(3.0, 1), (10.0, 2)] {
            let mut load = load(cost, span, times);
            load.classes = vec![(5, 5), (4, 15), (3, 30), (2, 30), (1, 15)];
            let out = load.run(bounded(4096).admit(Overload::p99(target)), seed);
            let served: Vec<f64> = (0..6).map(|class| out.served_of(class)).collect();
            println!("{cost:?} x{times}: {served:.3?}");
            let good = out.goodput(target, span / 10, span);
            assert!(good >= 0.95, "{cost:?} x{times}: {good}");
            // Classes 5 and 4 are a fifth of what is offered, class 5 a twentieth.
            assert!(served[5] > 0.99, "{cost:?} x{times}: {served:?}");
            assert!(times > 5.0 || served[4] > 0.99, "{cost:?} x{times}: {served:?}");
            assert!(served[1] < 0.1 && served[0] < 0.1, "{cost:?} x{times}: {served:?}");
        }
    }
}

#[test]
fn after_a_spike_the_queue_drains_and_nothing_more_is_refused() {
    for (cost, target, span) in handlers() {
        let mut load = load(cost, span, 0.6);
        load.phases = vec![(span, 0.6), (span / 2, 5.0), (span, 0.6)];
        let out = load.run(bounded(4096).admit(Overload::p99(target)), 1);
        let over = span + span / 2 + target;
        let late = out.flows.iter().filter(|end| end.at.0 > over.as_nanos() as u64);
        assert_eq!(late.filter(|end| end.why.is_some()).count(), 0, "{cost:?}");
        let good = out.goodput(target, over, 2 * span + span / 2);
        assert!((0.5..0.7).contains(&good), "{cost:?}: {good}");
        let before = out.flows.iter().filter(|end| end.born.0 < span.as_nanos() as u64);
        assert_eq!(before.filter(|end| end.why.is_some()).count(), 0, "{cost:?}");
    }
}

#[test]
fn a_handler_that_becomes_ten_times_dearer_is_noticed() {
    let (cheap, dear, target) = (ServiceTime::Fixed(US * 500), ServiceTime::Fixed(ms(5)), ms(50));
    let mut load = load(cheap, ms(2000), 2.0);
    load.change = Some((ms(1000), dear));
    let out = load.run(bounded(4096).admit(Overload::p99(target)), 1);
    let before = out.goodput(target, ms(100), ms(1000));
    let after = out.goodput(target, ms(1200), ms(2000));
    println!("{before:.3} before, {after:.3} after");
    assert!(before >= 0.95 && after >= 0.95, "{before} {after}");
}

#[test]
fn a_handler_that_becomes_twenty_times_dearer_at_ten_times_capacity_is_noticed_at_once() {
    let (cheap, dear, target) = (ServiceTime::Fixed(US * 500), ServiceTime::Fixed(ms(10)), ms(50));
    for times in [2.0, 10.0] {
        // Each half by its own capacity.
        let mut load = inline(cheap, ms(1000), times);
        load.phases.push((ms(2000), times / 20.0));
        load.change = Some((ms(1000), dear));
        let out = load.run(bounded(4096).admit(Overload::p99(target)), 1);
        let good = out.goodput(target, ms(1200), ms(3000));
        println!("x{times}: {good:.3}, p99 {:?}", out.response(0.99));
        assert!(good >= 0.95, "x{times}: {good}");
        // What waited as cheap work is late as dear work, until that was seen for 100 ms.
        let late = out.served().filter(|end| end.at.since(end.born) > ms(45)).count();
        assert!(late <= 20, "x{times}: {late}");
    }
}

#[test]
fn a_source_that_heeds_the_pressure_leaves_little_to_refuse() {
    for (cost, target, span) in handlers() {
        let mut load = load(cost, span.max(ms(2000)), 3.0);
        (load.heeds, load.threads) = (true, 2);
        let out = load.run(bounded(4096).admit(Overload::p99(target)), 1);
        let half = out.span / 2;
        let good = out.goodput(target, half, out.span);
        let second = |end: &&crate::load::End| end.born.0 > half.as_nanos() as u64;
        let at_queue = out.flows.iter().filter(second).filter(|end| end.why == Some(Why::Shed));
        let all = out.flows.iter().filter(second).count();
        let share = at_queue.count() as f64 / all as f64;
        println!("{cost:?}: {good:.3}, {share:.3} of what was offered was refused by the queue");
        assert!(good >= 0.95, "{cost:?}: {good}");
        assert!(share < 0.1, "{cost:?}: {share}");
    }
}

/// A stage on the one worker of its source.
fn inline(cost: ServiceTime, span: Duration, times: f64) -> Load {
    Load { inline: true, threads: 1, ..load(cost, span, times) }
}

/// Handlers as above, with targets that one thread can keep.
fn inline_handlers() -> [(ServiceTime, Duration, Duration); 4] {
    [
        (ServiceTime::Fixed(US * 100), ms(50), ms(500)),
        (ServiceTime::Fixed(ms(1)), ms(50), ms(2000)),
        (ServiceTime::Fixed(ms(20)), ms(500), ms(8000)),
        (bimodal(US * 500, ms(10)), ms(100), ms(4000)),
    ]
}

#[test]
fn beside_its_source_on_one_worker_a_stage_keeps_its_goodput() {
    for (cost, target, span) in inline_handlers() {
        for (times, seed) in [(0.8, 2), (2.0, 3), (5.0, 4), (10.0, 5)] {
            let law = Overload::p99(target);
            let out = inline(cost, span, times).run(bounded(4096).admit(law), seed);
            let (good, p99) = (out.goodput(target, span / 10, span), out.response(0.99));
            println!("{cost:?} {target:?} x{times}: {good:.3}, p99 {p99:?}");
            assert!(p99 <= target, "{cost:?} x{times}: {p99:?}");
            if times > 1.0 {
                assert!(good >= 0.95, "{cost:?} x{times}: {good}");
            } else {
                assert_eq!(out.served().count(), out.flows.len(), "{cost:?} x{times}");
            }
        }
    }
}

#[test]
fn a_flood_at_the_gate_takes_half_of_the_worker_and_no_more() {
    for (cost, target, span) in inline_handlers() {
        // What is not let in by its end is let in and served later.
        let span = span / 4;
        let mut flood = inline(cost, span, 10.0);
        // To let all in would take twice the worker.
        flood.entering = cost.mean() / 5;
        let out = flood.run(bounded(4096).admit(Overload::p99(target)), 1);
        // What waits before its source is beyond any gate, so that much is served late.
        let good = out.goodput(Duration::MAX, span / 10, span);
        println!("{cost:?}: {good:.3}");
        assert!(good > 0.45, "{cost:?}: {good}");
    }
}

#[test]
fn where_letting_in_takes_a_third_of_the_worker_refusals_are_in_time_and_the_rest_is_served() {
    for cost in [ms(2), ms(10)] {
        let mut load = inline(ServiceTime::Fixed(cost), cost * 2000, 10.0);
        load.entering = cost / 30;
        let out = load.run(bounded(4096).admit(Overload::p99(cost * 25)), 1);
        let good = out.goodput(cost * 25, cost * 200, cost * 2000);
        let refused = out.flows.iter().filter(|end| end.why.is_some());
        let mut waits: Vec<_> = refused.map(|end| end.at.since(end.born)).collect();
        waits.sort_unstable();
        let p99 = waits[waits.len() * 99 / 100];
        println!("{cost:?}: {good:.3}, refused after {p99:?}");
        assert!(good > 0.6, "{cost:?}: {good}");
        assert!(p99 < cost * 3, "{cost:?}: {p99:?}");
    }
}

#[test]
fn where_bursts_alone_fill_the_queue_hardly_any_are_refused() {
    // One thread and a target of 25 times the cost: by chance alone one in 400 finds more than
    // half of it waiting at 0.8 of the capacity.
    for (times, most) in [(0.7, 0.0), (0.8, 0.0005)] {
        let load = inline(ServiceTime::Fixed(ms(2)), ms(40_000), times);
        let out = load.run(bounded(4096).admit(Overload::p99(ms(50))), 7);
        let refused = 1.0 - out.served().count() as f64 / out.flows.len() as f64;
        println!("x{times}: {refused}");
        assert!(refused <= most, "x{times}: {refused}");
        assert!(out.response(0.999) <= ms(50), "x{times}: {:?}", out.response(0.999));
    }
}
