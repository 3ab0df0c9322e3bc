//! That the slowest flows of each class of a window are kept, against all flows sorted by time.

use crate::common::busy_end;
use proptest::prelude::*;
use sluicegate::sim::Setup;
use sluicegate::{Kept, Net, Sim, Tag, VirtualTime, Why, ms, stage};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A flow: its class, how long it takes in milliseconds, and how many pass before it comes. Each
/// takes so long that no bound of flows in a second is met.
type Flow = (u64, u64, u64);

/// What is to be kept of each flow: why, if anything, as `slow` and `slowest` say.
fn model(flows: &[Flow], slow: u64, slowest: usize, window: u64) -> Vec<(u64, Kept)> {
    let (mut kept, mut windows, mut now) = (Vec::new(), BTreeMap::new(), 0);
    for (flow, &(class, took, rest)) in (0..).zip(flows) {
        now += rest + took;
        match slow > 0 && took >= slow {
            true => kept.push((flow, Kept::Slow)),
            // These are refused.
            false if took % 7 == 0 => {}
            false => windows
                .entry((now / window, class))
                .or_insert_with(Vec::new)
                .push((Reverse(took), flow)),
        }
    }
    for mut flows in windows.into_values() {
        flows.sort_unstable();
        kept.extend(flows.iter().take(slowest).map(|&(_, flow)| (flow, Kept::Slowest)));
    }
    kept.sort_unstable_by_key(|one| one.0);
    kept
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn they_are_the_first_of_all_sorted_by_time(
        flows in prop::collection::vec((0..3_u64, 20..60_u64, 0..40_u64), 1..60),
        slow in prop_oneof![Just(0), Just(50_u64)],
        slowest in 0..4_usize,
        window in 100..1000_u64,
    ) {
        let time = VirtualTime::default();
        let mut net = Net::new("slowest");
        let cpu = net.domain("cpu").pinned(1);
        let clock = time.clone();
        let class_end = |mut tag: Tag, n| {
            tag.set_class((n / 1000) as u8);
            match n % 1000 % 7 {
                0 => tag.refuse(Why::Refused),
                _ => tag.finish(),
            }
        };
        let busy = move || busy_end(&clock, |n| ms(n % 1000), class_end);
        let end = net.add(stage("end", busy).on(cpu).slice(ms(100)));
        let entry = net.entry(end.inlet);
        let settings = [
            ("traces.slow", ms(slow).into()),
            ("traces.slowest", slowest.into()),
            ("traces.window", ms(window).into()),
        ];
        net.change(&settings).unwrap();
        let mut sim = Sim::with(net, Setup::seed(1).time(&time)).unwrap();
        let observer = sim.observer();
        for (class, took, rest) in &flows {
            time.advance(ms(*rest));
            prop_assert!(entry.send(class * 1000 + took).is_ok());
            prop_assert!(sim.settle(100));
            // Until then its worker is busy.
            time.advance(ms(*took));
        }
        time.advance(ms(window));
        let kept = observer.flows();
        for flow in &kept {
            prop_assert_eq!(flow.total, ms(flows[flow.flow as usize].1));
            prop_assert_eq!(flow.steps.len(), 1);
            prop_assert!(flow.kept == Kept::Slow || flow.why.is_none());
        }
        let mut found: Vec<_> = kept.iter().map(|flow| (flow.flow, flow.kept)).collect();
        found.sort_unstable_by_key(|one| one.0);
        prop_assert_eq!(found, model(&flows, slow, slowest, window));
        prop_assert_eq!(observer.flows_missed(), 0);
    }
}

#[test]
fn a_shorter_window_ends_the_one_before() {
    let time = VirtualTime::default();
    let mut net = Net::new("shorter");
    let cpu = net.domain("cpu").pinned(1);
    let clock = time.clone();
    let end = move || busy_end(&clock, |_| ms(0), |tag, _| tag.finish());
    let end = net.add(stage("end", end).on(cpu));
    let entry = net.entry(end.inlet);
    let set = |window| [("traces.slowest", 1.into()), ("traces.window", ms(window).into())];
    net.change(&set(3_600_000)).unwrap();
    let mut sim = Sim::with(net, Setup::seed(1).time(&time)).unwrap();
    let observer = sim.observer();
    let kept = || observer.flows().iter().map(|flow| flow.flow).collect::<Vec<_>>();
    let send = |sim: &mut Sim| {
        assert!(entry.send(0).is_ok());
        assert!(sim.settle(100));
        time.advance(ms(100));
    };
    send(&mut sim);
    assert!(kept().is_empty());
    observer.change("", &set(100)).unwrap();
    send(&mut sim);
    send(&mut sim);
    assert_eq!(kept(), [0, 1, 2]);
}
