//! One greedy client beside a hundred quiet ones, who must not notice it.

use crate::load::{Clients, ELEPHANT, End, Load, Outcome, bimodal};
use sluicegate::sim::ServiceTime;
use sluicegate::{Overload, Why, bounded, ms};
use std::time::Duration;

const US: Duration = Duration::from_micros(1);
const SPAN: Duration = Duration::from_secs(4);
/// What the quiet ones offer together, and what the greedy one does, in capacities.
const QUIET: f64 = 0.5;
const GREEDY: f64 = 5.0;

/// What becomes of the quiet ones.
struct Mice {
    served: f64,
    p99: Duration,
}

impl Mice {
    fn of(out: &Outcome) -> Self {
        let all: Vec<&End> = out.flows.iter().filter(|end| end.client != ELEPHANT).collect();
        let served = all.iter().filter(|end| end.why.is_none());
        let mut times: Vec<_> = served.map(|end| end.at.since(end.born)).collect();
        times.sort_unstable();
        let p99 = times[times.len() * 99 / 100];
        Self { served: times.len() as f64 / all.len() as f64, p99 }
    }
}

/// The quiet ones, alone or beside a greedy one whose flows cost so many times theirs.
fn load(cost: ServiceTime, inline: bool, elephant: Option<u32>) -> Load {
    let times = elephant.map_or(0.0, |dear| GREEDY / f64::from(dear));
    let share = (1000.0 * times / (QUIET + times)).round() as usize;
    let clients = Clients { share, dear: elephant.unwrap_or(1), mice: 100 };
    Load {
        phases: vec![(SPAN, QUIET + times)],
        threads: if inline { 1 } else { 8 },
        inline,
        clients: Some(clients),
        ..Load::steady(cost, 1.0)
    }
}

fn run(load: &Load, target: Duration) -> Outcome {
    load.run(bounded(4096).admit(Overload::p99(target)), 1)
}

#[test]
fn mice_do_not_notice_an_elephant() {
    let bimodal = bimodal(US * 500, ms(10));
    for (cost, target) in [(ServiceTime::Fixed(ms(2)), ms(50)), (bimodal, ms(50))] {
        for inline in [false, true] {
            let alone = Mice::of(&run(&load(cost, inline, None), target));
            assert!(alone.served > 0.99, "{cost:?}: {}", alone.served);
            // Four times 10 ms would be all of the target for one event of the elephant.
            let dear: &[u32] = if matches!(cost, ServiceTime::Fixed(_)) { &[1, 4] } else { &[1] };
            for &dear in dear {
                let out = run(&load(cost, inline, Some(dear)), target);
                let beside = Mice::of(&out);
                println!(
                    "{cost:?} inline {inline} x{dear}: {:.3} of {:.3}, p99 {:?} of {:?}",
                    beside.served, alone.served, beside.p99, alone.p99
                );
                assert!(beside.served > 0.95, "{cost:?} x{dear}: {}", beside.served);
                // Whoever comes waits for the events that are being handled.
                let handled = cost.mean() * dear;
                assert!(beside.p99 <= 2 * alone.p99.max(handled), "{:?}", beside.p99);
                let good = out.goodput(Duration::MAX, SPAN / 10, SPAN);
                assert!(good > 0.95, "the elephant has what they leave: {good}");
            }
        }
    }
}

#[test]
fn equals_are_refused_when_they_come_and_not_after_a_wait() {
    for inline in [false, true] {
        for (times, target) in [(0.8, ms(50)), (2.0, ms(50)), (10.0, ms(50))] {
            let clients = Clients { share: 0, dear: 1, mice: 100 };
            let load = Load {
                phases: vec![(SPAN, times)],
                clients: Some(clients),
                ..load(ServiceTime::Fixed(ms(2)), inline, None)
            };
            let out = run(&load, target);
            let refused = out.flows.iter().filter(|end| end.why.is_some());
            let mut waits: Vec<_> = refused.map(|end| end.at.since(end.born)).collect();
            waits.sort_unstable();
            let p99 = waits.get(waits.len() * 99 / 100).copied().unwrap_or_default();
            println!("inline {inline} {times}x: {} refused, p99 {p99:?}", waits.len());
            assert_eq!(waits.is_empty(), times < 1.0, "{}", waits.len());
            assert!(p99 < ms(5), "{p99:?}");
        }
    }
}

#[test]
fn hardly_any_of_many_equals_waits_in_vain() {
    for inline in [false, true] {
        // Below the capacity there are so few that one run tells nothing.
        for (times, seeds, most) in [(0.8, 6, 0.000_05), (2.0, 1, 0.001), (5.0, 1, 0.000_5)] {
            let load = Load {
                phases: vec![(ms(if times < 1.0 { 100_000 } else { 20_000 }), times)],
                threads: 1,
                clients: Some(Clients { share: 0, dear: 1, mice: 100 }),
                ..load(ServiceTime::Fixed(ms(2)), inline, None)
            };
            let late = |end: &&End| end.why.is_some() && end.at.since(end.born) > ms(5);
            let (mut all, mut in_vain) = (0, 0);
            for seed in 1..=seeds {
                let out = load.run(bounded(4096).admit(Overload::p99(ms(50))), seed);
                all += out.flows.len();
                in_vain += out.flows.iter().filter(late).count();
            }
            println!("inline {inline} {times}x: {in_vain} of {all}");
            let share = in_vain as f64 / all as f64;
            assert!(share <= most, "inline {inline} {times}x: {in_vain} of {all}");
        }
    }
}

#[test]
fn it_is_the_elephant_who_is_told_that_it_is_greedy() {
    for inline in [false, true] {
        let out = run(&load(ServiceTime::Fixed(ms(2)), inline, Some(1)), ms(50));
        let refused = |client: fn(u16) -> bool, why| {
            out.flows.iter().filter(|end| client(end.client) && end.why == Some(why)).count()
        };
        let of_elephant = [Why::Greedy, Why::Shed].map(|why| refused(|c| c == ELEPHANT, why));
        let of_mice = [Why::Greedy, Why::Shed].map(|why| refused(|c| c != ELEPHANT, why));
        println!("inline {inline}: {of_elephant:?}, {of_mice:?}");
        assert!(of_elephant[0] > 4 * of_elephant[1], "{of_elephant:?}");
        assert!(of_mice[0] == 0, "{of_mice:?}");
        let counted = out.views.last().expect("a view").stages[1].admission[0].refused;
        assert!(counted[Why::Greedy] > 0, "the gate counts it");
    }
}

#[test]
fn who_asks_for_dear_things_gets_no_more_time() {
    for inline in [false, true] {
        // Two clients that both ask for more than there is, one for flows ten times as dear.
        let clients = Clients { share: 200, dear: 10, mice: 1 };
        let load = Load {
            phases: vec![(SPAN, 2.0)],
            clients: Some(clients),
            ..load(ServiceTime::Fixed(US * 50), inline, None)
        };
        let out = run(&load, ms(50));
        let time = |elephant: bool| {
            let of = out.served().filter(|end| (end.client == ELEPHANT) == elephant);
            of.map(|end| end.cost).sum::<Duration>().as_secs_f64()
        };
        let (dear, cheap) = (time(true), time(false));
        println!("inline {inline}: {dear:.3} s of dear ones, {cheap:.3} s of cheap ones");
        assert!((0.85..1.15).contains(&(dear / cheap)), "{dear} {cheap}");
    }
}
