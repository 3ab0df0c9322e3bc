//! Parts that give way to others, are taken away or stop: what was in them is answered or told.

use super::{Bare, adds, attach, host, keeps, part};
use crate::common::{Log, assert_empty, come_to_rest, settle, settle_empty};
use sluicegate::{Batch, Cx, Net, Out, Sim, Supervision, Why, from_fn, ms, stage};

#[test]
fn a_newer_part_takes_what_comes_and_the_older_answers_what_it_has() {
    for seed in 0..20 {
        let log = Log::default();
        let (net, numbers) = host(40, Bare::Keeps, &log);
        let mut sim = Sim::new(net, seed).unwrap();
        sim.observer().change("anna", &[("stages.numbers.own.places", 2.into())]).unwrap();
        let old = attach(&mut sim, part("old", &numbers, || adds(1000)));
        for _ in 0..60 + seed {
            assert!(sim.step());
        }
        let new = attach(&mut sim, part("new", &numbers, || adds(2000)));
        old.shut();
        for _ in 0..40 {
            assert!(sim.step());
            sim.assert_even();
        }
        // Taken away before all is over, the newer leaves the rest to the older: there is none.
        new.shut();
        settle(&mut sim);
        assert_eq!((old.inside(), new.inside()), (0, 0));
        let (of_old, of_new) = (sim.remove(old), sim.remove(new));
        assert_eq!(of_old.in_flight + of_new.in_flight, 0);
        let last = attach(&mut sim, part("old", &numbers, || adds(3000)));
        settle_empty(&mut sim);
        let of_last = sim.remove(last);
        let all = [of_old, of_new, of_last].map(|ledger| ledger.finished);
        assert_eq!(all.iter().sum::<u64>(), 80);
        assert!(all[0] > 0 && all[1] > 0, "{all:?}");
        let worked = |least| log.get().answered.iter().filter(|one| one.1 / 1000 == least).count();
        assert_eq!([1, 2, 3].map(|least| worked(least) as u64), all, "each by one of them");
    }
}

#[test]
fn an_older_part_takes_what_comes_again_when_the_newer_goes() {
    let log = Log::default();
    let (net, numbers) = host(40, Bare::Answers, &log);
    let mut sim = Sim::new(net, 3).unwrap();
    let old = attach(&mut sim, part("old", &numbers, || adds(1000)));
    let new = attach(&mut sim, part("new", &numbers, keeps));
    settle(&mut sim);
    assert_eq!((new.inside(), old.inside()), (80, 0));
    sim.remove(new);
    settle_empty(&mut sim);
    assert_eq!(log.get().ended.len(), 80);
    assert!(log.get().ended.iter().all(|end| end.1 == Why::Draining));
    assert!(sim.remove(old).balanced());
}

#[test]
fn what_is_in_a_part_that_is_taken_away_by_force_ends_and_is_told() {
    for seed in 0..20 {
        let log = Log::default();
        let (net, numbers) = host(40, Bare::Keeps, &log);
        let mut sim = Sim::new(net, seed).unwrap();
        let part = attach(&mut sim, part("part", &numbers, keeps));
        for _ in 0..30 + 5 * seed {
            sim.step();
        }
        let inside = part.inside() as u64;
        let ledger = sim.remove(part);
        sim.assert_even();
        settle(&mut sim);
        assert_eq!(log.get().ended.len() as u64, inside);
        assert!(log.get().ended.iter().all(|end| end.1 == Why::Draining));
        assert_eq!((ledger.in_flight, ledger.places), (0, 0));
        assert_eq!(ledger.ended[Why::Draining], ledger.entered);
        come_to_rest(&mut sim);
    }
}

#[test]
fn what_is_in_a_part_that_stops_by_itself_ends_and_is_told() {
    for seed in 0..20 {
        let log = Log::default();
        let (net, numbers) = host(40, Bare::Answers, &log);
        let mut sim = Sim::new(net, seed).unwrap();
        let mut part = Net::new("part");
        let cpu = part.domain("cpu").pinned(2);
        let (spec, door) = numbers.door("door");
        let node = part.add(spec.on(cpu));
        let vital = || {
            from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                for event in batch {
                    assert!(*event < 20, "as it should");
                    cx.out.emit(event);
                }
            })
        };
        let stops = Supervision::default().restarts(0, ms(1)).stop_net();
        let vital = part.add(stage("vital", vital).on(cpu).supervise(stops).batch(1));
        part.wire(node.out, vital.inlet);
        part.wire(vital.out, node.inlet).returns(node.out);
        let part = sim.attach(door, part).unwrap();
        settle_empty(&mut sim);
        assert!(part.observer().snapshot().stopped.is_some());
        let seen = log.get();
        let all = seen.answered.len() + seen.ended.len();
        assert_eq!((all, part.inside()), (80, 0), "what came later was sent on");
        assert!(!seen.ended.is_empty());
        drop(seen);
        assert!(sim.remove(part).balanced());
    }
}

#[test]
fn a_drain_waits_for_parts_and_ends_what_waits_for_one() {
    for attached in [false, true] {
        let log = Log::default();
        let (net, numbers) = host(40, Bare::Keeps, &log);
        let mut sim = Sim::new(net, 1).unwrap();
        settle(&mut sim);
        let part = attached.then(|| attach(&mut sim, part("part", &numbers, || adds(0))));
        sim.drain();
        settle(&mut sim);
        assert_empty(&mut sim);
        let seen = log.get();
        assert_eq!((seen.answered.is_empty(), seen.ended.is_empty()), (!attached, attached));
        drop(seen);
        part.map(|part| sim.remove(part));
    }
}
