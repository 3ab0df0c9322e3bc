//! Handlers that do less when they are asked to: quality under overload, and after it.

use crate::load::{Load, Outcome};
use sluicegate::sim::ServiceTime;
use sluicegate::{Overload, bounded, ms};
use std::time::Duration;

const TARGET: Duration = Duration::from_millis(50);

/// A handler of 2 ms on eight threads, offered these multiples of its capacity for a while each.
fn run(phases: Vec<(Duration, f64)>, degrades: bool) -> Outcome {
    let load = Load { phases, degrades, ..Load::steady(ServiceTime::Fixed(ms(2)), 1.0) };
    load.run(bounded(4096).admit(Overload::p99(TARGET)), 1)
}

/// The qualities seen each 10 ms, from some time on.
fn seen(out: &Outcome, from: Duration, to: Duration) -> Vec<f64> {
    let ticks = |span: Duration| (span.as_millis() / 10) as usize;
    let all = out.admissions().map(|view| view.adjust.quality);
    all.skip(ticks(from)).take(ticks(to - from)).collect()
}

/// The share that was served of what was born in a part of the run.
fn served(out: &Outcome, from: Duration, to: Duration) -> f64 {
    let during = |ns: u64| (from.as_nanos()..to.as_nanos()).contains(&u128::from(ns));
    let born = out.flows.iter().filter(|end| during(end.born.0));
    let served = born.clone().filter(|end| end.why.is_none()).count();
    served as f64 / born.count() as f64
}

#[test]
fn below_capacity_quality_stays_whole() {
    for times in [0.3, 0.6, 0.8] {
        let out = run(vec![(ms(3000), times)], true);
        assert_eq!(out.served().count(), out.flows.len(), "x{times}");
        let seen = seen(&out, ms(0), out.span);
        assert!(seen.iter().all(|quality| *quality == 1.0), "x{times}: {seen:?}");
    }
}

#[test]
fn a_handler_that_does_less_serves_more_and_all_of_it_in_time() {
    for times in [2.0, 5.0, 10.0] {
        let [whole, less] = [false, true].map(|degrades| run(vec![(ms(3000), times)], degrades));
        let settled = |out: &Outcome| served(out, ms(1000), ms(3000));
        let qualities = seen(&less, ms(1000), ms(3000));
        let mean = qualities.iter().sum::<f64>() / qualities.len() as f64;
        let (before, after) = (settled(&whole), settled(&less));
        println!("x{times}: served {before:.3}, {after:.3} with a mean quality of {mean:.3}");
        assert!(before < 1.1 / times, "x{times}: {before}");
        assert!(after > 0.98, "x{times}: {after}");
        // Near what would do for all: the handlers must not idle, and nothing has to be refused.
        assert!((0.8 / times..=1.05 / times).contains(&mean), "x{times}: {mean}");
        assert!(less.response(0.99) <= TARGET, "x{times}: {:?}", less.response(0.99));
    }
}

#[test]
fn a_second_after_a_spike_quality_is_whole_again() {
    for after in [0.6, 0.0] {
        let spike = vec![(ms(500), 0.6), (ms(1000), 5.0), (ms(2000), after)];
        let out = run(spike, true);
        let least = seen(&out, ms(500), ms(1500)).into_iter().reduce(f64::min);
        assert!(least < Some(0.25), "{least:?}");
        let whole = seen(&out, ms(2500), out.span);
        assert!(whole.iter().all(|quality| *quality == 1.0), "{after}: {whole:?}");
    }
}
