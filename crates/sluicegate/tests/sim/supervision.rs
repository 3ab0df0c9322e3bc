//! Supervision: restarts are limited, the breaker opens, tries and closes, or the net stops.

use crate::common::{Front, Lines, Log, STEPS, pass, settle, settle_empty, stage_of};
use sluicegate::sim::{Setup, Sim};
use sluicegate::{
    AsyncCx, Batch, Cx, Entry, Event, Net, Stage, StageView, StopError, Supervision, Why, bounded,
    from_async_fn, from_fn, ms, stage,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A stage that panics at what is odd while it is sick, in a pool of so many threads or pinned.
struct Patient {
    sick: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    entry: Entry<u64>,
    sim: Sim,
    lines: Lines,
}

impl Patient {
    fn new(limits: Supervision, threads: usize) -> Self {
        let (sick, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let mut net = Net::new("patient");
        let cpu = net.domain("cpu");
        let cpu = if threads > 1 { cpu.pool(threads) } else { cpu.pinned(1) };
        let (now, count) = (Arc::clone(&sick), Arc::clone(&calls));
        let only = stage("only", move || {
            let (now, count) = (Arc::clone(&now), Arc::clone(&count));
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    count.fetch_add(1, Relaxed);
                    assert!(*event % 2 == 0 || !now.load(Relaxed), "sick");
                    event.split().0.finish();
                }
            })
        });
        let only = net.add(only.on(cpu).supervise(limits));
        let entry = net.entry(only.inlet);
        let lines = Lines::default();
        let sim = Sim::with(net, lines.of(Setup::seed(7))).unwrap();
        Self { sick, calls, entry, sim, lines }
    }

    /// Sends so many odd numbers. How often the handler was called for them.
    fn send(&mut self, events: u64) -> u64 {
        let before = self.calls.load(Relaxed);
        (0..events).for_each(|n| self.entry.send(2 * n + 1).unwrap());
        settle(&mut self.sim);
        self.calls.load(Relaxed) - before
    }

    fn pass_time(&mut self, millis: u64) {
        assert!(self.sim.run_for(ms(millis), STEPS));
    }

    fn view(&mut self) -> StageView {
        stage_of(&mut self.sim, "only")
    }
}

#[test]
fn restarts_count_in_their_time_alone() {
    let mut patient = Patient::new(Supervision::default().restarts(2, ms(100)), 1);
    for _ in 0..10 {
        assert_eq!(patient.send(1), 1);
        patient.pass_time(50);
    }
    assert_eq!(patient.view().breaks, 0, "two in any 100 ms");
    assert_eq!(patient.send(3), 2, "the third since 50 ms opens the breaker");
    assert_eq!((patient.view().breaks, patient.view().broken_now), (1, 1));
}

#[test]
fn what_is_handled_between_panics_does_not_hide_restarts() {
    let mut patient = Patient::new(Supervision::default().restarts(3, ms(100)), 1);
    for n in 0..20 {
        patient.entry.send(n).unwrap();
    }
    settle_empty(&mut patient.sim);
    assert_eq!((patient.view().panics, patient.view().breaks), (4, 1));
    assert_eq!(patient.sim.ledger().ended[Why::Broken], 12);
}

#[test]
fn one_event_is_tried_and_closes_the_breaker_or_keeps_it_open() {
    let limits = Supervision::default().in_a_row(2).open_for(ms(20));
    for threads in [1, 3] {
        let mut patient = Patient::new(limits, threads);
        assert_eq!(patient.send(5), 2, "two in a row");
        patient.pass_time(19);
        assert_eq!(patient.send(5), 0, "still open");
        patient.pass_time(1);
        assert_eq!(patient.send(5), 1, "one is tried, and panics");
        patient.pass_time(19);
        assert_eq!((patient.send(5), patient.view().broken_now), (0, 1), "open as long again");
        patient.pass_time(1);
        patient.sick.store(false, Relaxed);
        patient.send(5);
        let finished = patient.sim.ledger().finished;
        // In a pool others refuse what they take while one tries.
        assert!(if threads == 1 { finished == 5 } else { (1..=5).contains(&finished) });
        assert_eq!((patient.send(5), patient.view().broken_now), (5, 0), "it is closed");
        let broken = patient.sim.ledger().ended[Why::Broken];
        assert_eq!(patient.view().breaks, 2);
        assert_eq!(broken + patient.sim.ledger().finished + 3, 30);
        let happened = ["broke", "tried", "mended"].map(|what| patient.lines.count(what));
        assert_eq!(happened, [2, 2, 1]);
        settle_empty(&mut patient.sim);
    }
}

#[test]
fn a_trial_that_takes_nothing_is_no_trial() {
    let takes = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&takes);
    let mut net = Net::new("picky");
    let cpu = net.domain("cpu").pinned(1);
    let picky = stage("picky", move || {
        let count = Arc::clone(&count);
        from_fn(move |mut batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            while let Some(event) = batch.next() {
                assert!(*event != 0, "zero");
                if count.fetch_add(1, Relaxed) == 0 {
                    return batch.put_back(event);
                }
                event.split().0.finish();
            }
        })
    });
    let limits = Supervision::default().restarts(0, ms(1)).open_for(ms(5));
    let picky = net.add(picky.on(cpu).supervise(limits));
    let entry = net.entry(picky.inlet);
    let mut sim = Sim::with(net, Setup::seed(1)).unwrap();
    entry.send(0).unwrap();
    settle(&mut sim);
    assert!(sim.run_for(ms(5), STEPS));
    entry.send(1).unwrap();
    settle(&mut sim);
    assert_eq!((takes.load(Relaxed), sim.ledger().in_flight), (1, 1), "it was put back");
    entry.send(2).unwrap();
    settle_empty(&mut sim);
    assert_eq!((sim.ledger().finished, stage_of(&mut sim, "picky").broken_now), (2, 0));
}

#[test]
fn futures_that_panic_later_open_the_breaker_and_one_that_is_done_closes_it() {
    let sick = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&sick);
    let mut net = Net::new("futures");
    let cpu = net.domain("cpu").pinned(1);
    let nap = stage("nap", move || {
        let now = Arc::clone(&now);
        from_async_fn(4, async move |event: Event<u64>, cx: AsyncCx| {
            cx.sleep(ms(2)).await;
            assert!(!now.load(Relaxed), "sick");
            event
        })
    });
    let limits = Supervision::default().in_a_row(8).open_for(ms(50));
    let nap = net.add(nap.on(cpu).supervise(limits));
    net.seal(nap.out);
    let entry = net.entry(nap.inlet);
    let mut sim = Sim::with(net, Setup::seed(1)).unwrap();
    (0..20).for_each(|n| entry.send(n).unwrap());
    assert!(sim.run_for(ms(20), STEPS));
    let ended = sim.ledger().ended;
    assert_eq!((ended[Why::Failed], ended[Why::Broken]), (8, 12), "two rounds of four");
    sick.store(false, Relaxed);
    assert!(sim.run_for(ms(50), STEPS));
    entry.send(1).unwrap();
    assert!(sim.run_for(ms(1), STEPS));
    assert_eq!(stage_of(&mut sim, "nap").broken_now, 1, "what is tried is not over");
    assert!(sim.run_for(ms(5), STEPS));
    assert_eq!(stage_of(&mut sim, "nap").broken_now, 0);
    sim.assert_even();
}

/// Sets a timer when it starts, and panics when that runs out.
struct Bomb;

impl Stage for Bomb {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        cx.after(ms(1), 0);
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
        batch.for_each(|event| event.split().0.finish());
    }

    fn timer(&mut self, _: u64, _: &mut Cx<'_, ()>) {
        panic!("time is up");
    }
}

#[test]
fn whatever_panics_counts_as_a_restart() {
    let mut net = Net::new("bomb");
    let cpu = net.domain("cpu").pinned(1);
    let bomb = stage("bomb", || Bomb).on(cpu);
    let bomb = net.add(bomb.supervise(Supervision::default().restarts(0, ms(5))));
    let entry = net.entry(bomb.inlet);
    let mut sim = Sim::with(net, Setup::seed(1)).unwrap();
    entry.send(1).unwrap();
    settle(&mut sim);
    assert!(sim.run_for(ms(2), STEPS));
    assert!(stage_of(&mut sim, "bomb").breaks >= 1);
    entry.send(1).unwrap();
    settle(&mut sim);
    assert_eq!((sim.ledger().finished, sim.ledger().ended[Why::Broken]), (1, 1));
}

#[test]
fn a_stage_without_which_the_net_is_worth_nothing_stops_it() {
    for seed in 0..20 {
        let log = Log::default();
        let (source, mut net) = (log.clone(), Net::new("vital"));
        let cpu = net.domain("cpu").pinned(2);
        let pool = net.domain("pool").pool(2);
        let front = stage("front", move || Front::new(40, &source).patient());
        let front = net.add(front.on(cpu).flows(20));
        let way = net.add(stage("way", pass).on(pool).queue(bounded(4)));
        let vital = stage("vital", || {
            from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, sluicegate::Out<u64>>| {
                for event in batch {
                    assert!(*event % 20 != 19, "no {}", *event % 20);
                    cx.out.emit(event);
                }
            })
        });
        let limits = Supervision::default().restarts(1, ms(1000)).stop_net();
        let vital = net.add(vital.on(cpu).supervise(limits));
        net.wire(front.out, way.inlet);
        net.wire(way.out, vital.inlet);
        net.wire(vital.out, front.inlet).returns(front.out);
        let lines = Lines::default();
        let mut sim = Sim::with(net, lines.of(Setup::seed(seed))).unwrap();
        settle(&mut sim);
        assert_eq!(lines.count("gave-up"), 1);
        let panic = "no 19".to_owned();
        assert_eq!(sim.stopped(), Some(StopError::Stage { stage: "vital".to_owned(), panic }));
        sim.assert_even();
        let ledger = sim.ledger();
        assert_eq!((ledger.in_flight, ledger.places), (0, 0), "{ledger:?}");
        assert!(ledger.ended[Why::Failed] >= 2 && ledger.ended[Why::Broken] == 0, "{ledger:?}");
        assert_eq!((sim.next(), sim.step()), (None, false), "nothing happens any more");
        assert_eq!(sim.snapshot().stopped, sim.stopped());
    }
}
