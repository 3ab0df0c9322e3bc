//! Workers that are busy with what a handler spends, while others go on.

use crate::common::{Log, STEPS, assert_empty};
use sluicegate::sim::{Arrivals, Crowd, Gaps, Outside};
use sluicegate::{Batch, Cx, Net, Out, Sim, Stage, VirtualTime, bounded, from_fn, ms, stage};
use std::time::Duration;

/// Spends `cost` on each event and notes when it was done, in milliseconds.
fn costly(
    time: &VirtualTime,
    cost: Duration,
    log: &Log,
) -> impl Stage<In = u64, Out = Out<u64>> + use<> {
    let (time, log) = (time.clone(), log.clone());
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            time.spend(cost);
            log.note("done", cx.clock().0 / 1_000_000);
            event.split().0.finish();
        }
    })
}

/// When each of `events` was done by this many threads at 10 ms each.
fn done(events: u64, threads: usize, seed: u64) -> Vec<u64> {
    let (log, time) = (Log::default(), VirtualTime::default());
    let mut net = Net::new("busy");
    let pool = net.domain("pool").pool(threads);
    let (out, clock) = (log.clone(), time.clone());
    let work = net.add(stage("work", move || costly(&clock, ms(10), &out)).on(pool));
    net.seal(work.out);
    let entry = net.entry(work.inlet);
    let mut sim = Sim::with_time(net, seed, time).unwrap();
    for n in 0..events {
        entry.send(n).unwrap();
    }
    assert!(sim.run_for(ms(100), STEPS));
    assert_eq!(sim.now().0, 100_000_000);
    assert_empty(&mut sim);
    log.noted("done")
}

#[test]
fn threads_are_busy_at_the_same_time() {
    for seed in 0..20 {
        assert_eq!(done(6, 1, seed), [10, 20, 30, 40, 50, 60], "seed {seed}");
        assert_eq!(done(6, 2, seed), [10, 10, 20, 20, 30, 30], "seed {seed}");
        assert_eq!(done(6, 3, seed), [10, 10, 10, 20, 20, 20], "seed {seed}");
    }
}

#[test]
fn a_busy_worker_is_not_idle() {
    let (log, time) = (Log::default(), VirtualTime::default());
    let mut net = Net::new("busy");
    let cpu = net.domain("cpu").pinned(1);
    let (out, clock) = (log.clone(), time.clone());
    let work = net.add(stage("work", move || costly(&clock, ms(10), &out)).on(cpu));
    net.seal(work.out);
    let entry = net.entry(work.inlet);
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    assert!(sim.settle(STEPS));
    entry.send(1).unwrap();
    assert!(sim.settle(STEPS));
    assert_eq!(sim.now().0, 0, "the worker is busy, nobody else is");
    entry.send(2).unwrap();
    assert!(!sim.step(), "still busy");
    assert_eq!(sim.next().map(|next| next.0), Some(10_000_000));
    assert!(sim.run_for(ms(30), STEPS));
    assert_eq!(log.noted("done"), [10, 20]);
}

#[test]
fn clients_who_come_to_a_source_that_holds_its_output_do_not_make_time_creep() {
    let (log, time, mut net) = (Log::default(), VirtualTime::default(), Net::new("held up"));
    let arrivals = Arrivals::open(Gaps::Even, 1000.0, ms(100), 1);
    let door = net.domain("door").machine(move |_| Ok(Outside::new(arrivals.clone()))).pinned(1);
    let pool = net.domain("pool").pool(1);
    let crowd = stage("crowd", || Crowd::<(), _, _>::new(|flow| flow)).on(door).flows(1000);
    let crowd = net.add(crowd);
    let (out, clock) = (log.clone(), time.clone());
    let work = stage("work", move || costly(&clock, ms(10), &out)).on(pool).queue(bounded(1));
    let work = net.add(work);
    net.wire(crowd.out, work.inlet);
    net.seal(work.out);
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    // A step or a few for each arrival and each event, not one for each nanosecond.
    assert!(sim.run_for(ms(2000), 3000));
    assert_eq!(log.noted("done").len(), 100);
    assert_empty(&mut sim);
}
