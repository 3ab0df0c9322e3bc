//! Which stage runs next is the application's choice.

use crate::common::{Log, STEPS, settle_empty};
use sluicegate::{
    Batch, Cohort, Cx, ExitFirst, Fifo, LongestQueue, Net, Next, Out, Policy, Priority, Ready,
    Shares, Sim, Stage, Stages, VirtualTime, bounded, from_fn, ms, stage,
};
use std::time::Duration;

/// The order in which three events pass the stages 0 -> 1 -> 2, as stage * 10 + event.
fn order<P: Policy>(policy: impl Fn() -> P + Send + Sync + 'static) -> Vec<u64> {
    let log = Log::default();
    let mut net = Net::new("policy");
    let cpu = net.domain("cpu").policy(policy).pinned(1);
    let mut noting = |number: u64| {
        let log = log.clone();
        let name = format!("stage {number}");
        let handle = move || {
            let log = log.clone();
            from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                for event in batch {
                    log.note("run", number * 10 + *event);
                    cx.out.emit(event);
                }
            })
        };
        net.add(stage(&name, handle).on(cpu).batch(1))
    };
    let (first, second) = (noting(0), noting(1));
    let out = log.clone();
    let last = net.add(
        stage("last", move || {
            let out = out.clone();
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    out.note("run", 20 + *event);
                    event.split().0.finish();
                }
            })
        })
        .on(cpu)
        .batch(1),
    );
    net.wire(first.out, second.inlet);
    net.wire(second.out, last.inlet);
    let entry = net.entry(first.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    sim.settle(100);
    for n in 0..3 {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    log.noted("run")
}

#[test]
fn the_exit_goes_first() {
    assert_eq!(order(|| ExitFirst), [0, 10, 20, 1, 11, 21, 2, 12, 22]);
}

#[test]
fn first_come_first_served() {
    assert_eq!(order(Fifo::default), [0, 10, 1, 20, 11, 2, 21, 12, 22]);
}

/// The stage that is farthest from the exit, but not before it was asked twice.
#[derive(Default)]
struct Patient {
    asked: usize,
}

impl Policy for Patient {
    fn next(&mut self, ready: Ready, _: &Stages<'_>) -> Next {
        self.asked += 1;
        match self.asked % 3 {
            0 => ready.iter().last().into(),
            1 => Next::Look,
            _ => Next::Run(usize::MAX),
        }
    }
}

#[test]
fn an_application_has_its_own() {
    assert_eq!(order(Patient::default), [0, 1, 2, 10, 11, 12, 20, 21, 22]);
}

/// How many events three stages handle in a second of one worker, each of which is asked for more
/// than the worker can do; and how often a fourth, which only has a timer, hears it.
fn served<P: Policy>(policy: impl Fn() -> P + Send + Sync + 'static) -> [usize; 4] {
    let (log, time) = (Log::default(), VirtualTime::default());
    let mut net = Net::new("too much");
    let cpu = net.domain("cpu").policy(policy).pinned(1);
    let entries = ["a", "b", "c"].map(|name| {
        let (log, clock) = (log.clone(), time.clone());
        let work = net.add(
            stage(name, move || {
                let (log, clock) = (log.clone(), clock.clone());
                from_fn(move |batch: Batch<'_, ()>, _: &mut Cx<'_, ()>| {
                    for event in batch {
                        clock.spend(Duration::from_micros(100));
                        log.note(name, 1);
                        event.split().0.finish();
                    }
                })
            })
            .on(cpu)
            .batch(8)
            .queue(bounded(64)),
        );
        net.entry(work.inlet)
    });
    let heard = log.clone();
    net.add(stage("timer", move || Timer(heard.clone())).on(cpu));
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    for _ in 0..1000 {
        for entry in &entries {
            while entry.send(()).is_ok() {}
        }
        assert!(sim.run_for(ms(1), STEPS));
    }
    ["a", "b", "c", "timer"].map(|name| log.noted(name).len())
}

/// Hears a timer every 5 ms.
struct Timer(Log);

impl Stage for Timer {
    type In = ();
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        cx.after(ms(5), 0);
    }

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, ()>) {}

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, ()>) {
        self.0.note("timer", 1);
        cx.after(ms(5), 0);
    }
}

#[test]
fn no_stage_starves_but_where_it_is_said() {
    let even = |served: [usize; 4]| {
        assert!(served[..3].iter().all(|n| (3000..3700).contains(n)), "{served:?}");
        assert!(served[3] > 20, "{served:?}");
    };
    even(served(Fifo::default));
    even(served(Shares::default));
    even(served(LongestQueue::default));
    even(served(|| Cohort::new(ms(1))));
    for served in [served(|| ExitFirst), served(|| Priority::of(["timer", "b"]))] {
        assert_eq!(served.iter().filter(|n| **n == 0).count(), 2, "{served:?}");
    }
    let shared = served(|| Shares::of([("a", 600), ("b", 300), ("c", 100)]));
    let wanted = [6000, 3000, 1000];
    let off = wanted.iter().zip(shared).all(|(wanted, got)| got.abs_diff(*wanted) < 50);
    assert!(off && shared[3] > 100, "{shared:?}");
}

/// When events that come each so many microseconds are handled, under a cohort of 2 ms.
fn handled(every: u64, startup: Duration) -> (Vec<u64>, Vec<u64>) {
    let (log, time) = (Log::default(), VirtualTime::default());
    let mut net = Net::new("cohort");
    let cpu = net.domain("cpu").policy(|| Cohort::new(ms(2))).pinned(1);
    let (out, clock) = (log.clone(), time.clone());
    let work = net.add(
        stage("work", move || {
            let (log, clock) = (out.clone(), clock.clone());
            from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
                log.note("batch", batch.len() as u64);
                clock.spend(startup);
                for event in batch {
                    clock.spend(Duration::from_micros(10));
                    log.note("took", cx.clock().since(event.tag().born()).as_micros() as u64);
                    event.split().0.finish();
                }
            })
        })
        .on(cpu),
    );
    let entry = net.entry(work.inlet);
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    for n in 0..20_000 {
        entry.send(n).unwrap();
        assert!(sim.run_for(Duration::from_micros(every), STEPS));
    }
    assert!(sim.run_for(ms(10), STEPS));
    settle_empty(&mut sim);
    (log.noted("batch"), log.noted("took"))
}

#[test]
fn a_cohort_gathers_where_that_pays_and_never_for_too_long() {
    let (batches, took) = handled(100, Duration::from_micros(60));
    assert!(batches.len() < 5000, "of 20,000 events: {}", batches.len());
    // At most 2 ms, the batch in hand, and its own.
    assert!(took.iter().all(|took| *took <= 2000 + 2 * 260), "{:?}", took.iter().max());
    let (batches, took) = handled(100, Duration::ZERO);
    let alone = batches.iter().filter(|events| **events == 1).count();
    assert!(alone > 18_000, "nothing is gained: {alone}");
    assert!(took.iter().filter(|took| **took == 10).count() > 18_000);
}

#[test]
fn what_is_gathered_is_not_left_behind_by_a_drain() {
    for threads in [1, 3] {
        let log = Log::default();
        let mut net = Net::new("drain");
        let place = net.domain("pool").policy(|| Cohort::new(ms(2)));
        let place = if threads == 1 { place.pinned(1) } else { place.pool(threads) };
        let out = log.clone();
        let work = move || {
            let log = out.clone();
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    log.note("done", *event);
                    event.split().0.finish();
                }
            })
        };
        let work = net.add(stage("work", work).on(place).batch(64));
        let entry = net.entry(work.inlet);
        let mut sim = Sim::new(net, threads as u64).unwrap();
        for n in 0..1000 {
            entry.send(n).unwrap();
            assert!(sim.run_for(Duration::from_micros(100), STEPS));
        }
        sim.drain();
        assert!(sim.run_for(ms(3), STEPS));
        settle_empty(&mut sim);
        let mut done = log.noted("done");
        done.sort_unstable();
        assert_eq!(done, (0..1000).collect::<Vec<_>>());
    }
}
