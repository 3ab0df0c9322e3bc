//! What stages hear of resources: that one is at another level.

use crate::common::{Lines, Log, Random, STEPS, settle, stage_of};
use proptest::prelude::*;
use sluicegate::sim::Setup;
use sluicegate::{Batch, Cx, Domain, Gauge, Level, Levels, Net, Sim, Stage, Time, ms, stage};
use std::sync::Arc;

/// Notes the levels that it hears of, by resource, and panics at 13.
struct Ear(Log);

impl Stage for Ear {
    type In = u64;
    type Out = ();

    fn start(&mut self, _: &mut Cx<'_, ()>) {
        self.0.note("built", 0);
    }

    fn level(&mut self, gauge: &Gauge, level: Level, _: &mut Cx<'_, ()>) {
        self.0.note(gauge.name(), level as u64);
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
        for event in batch {
            assert!(*event != 13, "thirteen");
            event.split().0.finish();
        }
    }
}

fn memory_and_disk() -> [Arc<Gauge>; 2] {
    ["memory", "disk"].map(Gauge::new)
}

/// A net with an ear that hears of these.
fn ear(net: &mut Net, on: Domain, gauges: &[Arc<Gauge>]) -> (Log, sluicegate::Entry<u64>) {
    let log = Log::default();
    let own = log.clone();
    let ear = stage("ear", move || Ear(own.clone())).on(on);
    let ear = gauges.iter().fold(ear, |ear, gauge| ear.hear_level(gauge));
    let inlet = net.add(ear).inlet;
    (log, net.entry(inlet))
}

#[test]
fn each_replica_hears_once_of_each_level_of_what_it_asked_for() {
    for pool in [false, true] {
        let [memory, disk] = memory_and_disk();
        let mut net = Net::new("ears");
        let on = if pool { net.domain("d").pool(3) } else { net.domain("d").pinned(3) };
        let (log, _entry) = ear(&mut net, on, std::slice::from_ref(&memory));
        let lines = Lines::default();
        let mut sim = Sim::with(net, lines.of(Setup::seed(4))).unwrap();
        settle(&mut sim);
        for used in [0.1, 0.86, 0.84, 0.9, 0.97, 0.2, 0.84] {
            for gauge in [&memory, &disk] {
                gauge.set(Some(used));
            }
            settle(&mut sim);
        }
        memory.set(Some(0.9));
        settle(&mut sim);
        memory.set(None);
        settle(&mut sim);
        let each = [1, 2, 0, 1, 0].into_iter().flat_map(|level| [level; 3]);
        assert_eq!(log.noted("memory"), each.collect::<Vec<_>>(), "in a pool: {pool}");
        assert!(log.noted("disk").is_empty(), "nobody asked for it");
        assert_eq!(lines.count("levelled"), 15);
        assert_eq!(sim.ledger().entered, 0, "signals are no flows");
    }
}

#[test]
fn what_is_over_before_it_is_heard_is_not_heard() {
    let [memory, _] = memory_and_disk();
    let mut net = Net::new("ears");
    let on = net.domain("d").pinned(1);
    let (log, _entry) = ear(&mut net, on, std::slice::from_ref(&memory));
    let mut sim = Sim::new(net, 2).unwrap();
    settle(&mut sim);
    [0.9, 1.0, 0.3].into_iter().for_each(|used| memory.set(Some(used)));
    settle(&mut sim);
    [0.9, 1.0].into_iter().for_each(|used| memory.set(Some(used)));
    settle(&mut sim);
    assert_eq!(log.noted("memory"), [2], "the last of them");
}

#[test]
fn a_rebuilt_replica_and_one_of_a_later_net_hear_what_still_holds() {
    let gauges = memory_and_disk();
    gauges[1].set(Some(0.9));
    for _ in 0..2 {
        let mut net = Net::new("ears");
        let on = net.domain("d").pinned(1);
        let (log, entry) = ear(&mut net, on, &gauges);
        let mut sim = Sim::new(net, 2).unwrap();
        settle(&mut sim);
        entry.send(13).unwrap();
        settle(&mut sim);
        entry.send(1).unwrap();
        settle(&mut sim);
        assert_eq!(stage_of(&mut sim, "ear").panics, 1);
        assert_eq!(log.noted("built").len(), 2);
        assert_eq!((log.noted("disk"), log.noted("memory")), (vec![1, 1], vec![]));
    }
    gauges[1].set(Some(0.0));
    assert_eq!(gauges[1].level(), Level::Calm, "though who listened is gone");
}

/// Reads the resource each 10 ms, as a stage does that watches one.
struct Watch(Arc<Gauge>, Random);

impl Stage for Watch {
    type In = ();
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        cx.after(ms(10), 0);
    }

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, ()>) {}

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, ()>) {
        // A climb with a noise of a twentieth, for a second, and down again.
        let at = cx.now().since(Time(0)).as_secs_f64();
        let noise = (self.1.below(1000) as f64 / 1000.0 - 0.5) / 20.0;
        self.0.set(Some(1.0 - (at - 1.0).abs() + noise));
        cx.after(ms(10), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However a reading swings about a threshold on its way, each level is heard of once a way.
    #[test]
    fn a_swinging_reading_is_heard_of_once_a_threshold(seed in any::<u64>()) {
        let gauge = Gauge::new("memory");
        gauge.set_levels(Levels { pressed: 0.6, short: 0.8 });
        let mut net = Net::new("ears");
        let [watch, on] = ["watch", "ears"].map(|name| net.domain(name).pinned(1));
        let own = Arc::clone(&gauge);
        net.add(stage("watch", move || Watch(Arc::clone(&own), Random::new(seed))).on(watch));
        let (log, _entry) = ear(&mut net, on, std::slice::from_ref(&gauge));
        let mut sim = Sim::new(net, seed).unwrap();
        assert!(sim.run_for(ms(2000), STEPS));
        prop_assert_eq!(log.noted("memory"), [1, 2, 1, 0]);
    }
}
