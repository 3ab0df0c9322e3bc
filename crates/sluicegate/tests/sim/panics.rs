//! A panic costs the event in hand and the flows that the replica held, and nothing else.

use crate::common::{Front, Log, settle, settle_empty, sink, stage_of};
use sluicegate::{
    Batch, Cx, Ended, Entering, Event, Net, Out, Sim, Spec, Stage, Tag, Why, bounded, from_fn,
    stage,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Keeps even flows, sends odd ones on, and panics at 7.
#[derive(Default)]
struct Keeper {
    kept: Vec<Tag>,
}

impl Stage for Keeper {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            match *event {
                7 => panic!("seven"),
                n if n % 2 == 0 && n < 7 => self.kept.push(event.split().0),
                _ => cx.out.emit(event),
            }
        }
    }
}

#[test]
fn a_panic_costs_what_was_in_hand() {
    let log = Log::default();
    let mut net = Net::new("panic");
    let cpu = net.domain("cpu").pinned(1);
    let (source, out) = (log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(12, &source)).on(cpu).flows(12));
    let keeper = net.add(stage("keeper", Keeper::default).on(cpu));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu).queue(bounded(64)));
    net.wire(front.out, keeper.inlet);
    net.wire(keeper.out, last.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(log.noted("last"), [1, 3, 5, 8, 9, 10, 11], "before it, and by the new replica");
    let mut ended = log.get().ended.clone();
    ended.sort_unstable_by_key(|end| end.0);
    let failed: Vec<_> = [0, 2, 4, 6, 7].map(|flow| (flow, Why::Failed)).into();
    assert_eq!(ended, failed, "in hand, and held");
    let keeper = stage_of(&mut sim, "keeper");
    assert_eq!((keeper.panics, keeper.breaks, keeper.refused[Why::Failed]), (1, 0, 5));
}

/// A net of an entry and one stage.
fn one<S: Stage<In = u64, Out = ()>>(spec: Spec<S>) -> (sluicegate::Entry<u64>, Sim) {
    let mut net = Net::new("one");
    let cpu = net.domain("cpu").pinned(1);
    let only = net.add(spec.on(cpu));
    let entry = net.entry(only.inlet);
    (entry, Sim::new(net, 1).unwrap())
}

#[test]
fn a_stage_that_panics_again_and_again_is_left_alone_for_a_while() {
    let sick = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&sick);
    let (entry, mut sim) = one(stage("sick", move || {
        let now = Arc::clone(&now);
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                assert!(!now.load(Relaxed), "sick");
                event.split().0.finish();
            }
        })
    }));
    for n in 0..100 {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    let view = stage_of(&mut sim, "sick");
    assert_eq!((view.panics, view.breaks), (16, 1), "then it is not called any more");
    let ended = sim.ledger().ended;
    assert_eq!((ended[Why::Failed], ended[Why::Broken]), (16, 84));
    sick.store(false, Relaxed);
    entry.send(1).unwrap();
    settle_empty(&mut sim);
    assert_eq!(sim.ledger().finished, 0, "the breaker is still open");
    assert!(sim.run_for(Duration::from_secs(1), 1000));
    entry.send(2).unwrap();
    settle_empty(&mut sim);
    assert_eq!(sim.ledger().finished, 1);
}

#[test]
fn a_batch_that_gets_on_does_not_open_the_breaker() {
    let (entry, mut sim) = one(stage("slow", || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                assert!(*event % 3 != 2, "a third of all");
                event.split().0.finish();
            }
        })
    }));
    for n in 0..300 {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    let view = stage_of(&mut sim, "slow");
    assert_eq!((view.panics, view.breaks), (100, 0));
    assert_eq!(sim.ledger().finished, 200);
}

#[test]
fn a_factory_that_panics_neither_spins_nor_loses_flows() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let (entry, mut sim) = one(stage("unmade", move || {
        let nth = count.fetch_add(1, Relaxed);
        assert!(nth == 0 || nth == 6, "cannot be made now");
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                assert!(*event != 0, "zero");
                event.split().0.finish();
            }
        })
    })
    .batch(4));
    for n in [0, 1, 2] {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    assert_eq!(sim.ledger().ended[Why::Failed], 3);
    assert!(made.load(Relaxed) < 6, "once a run at most");
    while made.load(Relaxed) < 7 {
        entry.send(3).unwrap();
        settle_empty(&mut sim);
    }
    assert_eq!(sim.ledger().finished, 1, "as soon as it can be made it goes on");
}

const FLOWS: usize = 40;

/// Panics in one of its calls, as often as `left` says.
struct Fragile {
    at: &'static str,
    left: Arc<AtomicUsize>,
    /// Flows that entered, whichever replica let them in.
    entered: Arc<AtomicUsize>,
    log: Log,
}

impl Fragile {
    fn called(&self, name: &'static str) {
        if name == self.at && self.left.load(Relaxed) > 0 {
            self.left.fetch_sub(1, Relaxed);
            panic!("{name}");
        }
        self.log.note(name, 0);
    }
}

impl Stage for Fragile {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
        self.called("start");
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        self.called("signal");
        while self.entered.load(Relaxed) < FLOWS {
            let flow = self.entered.load(Relaxed) as u64;
            let Ok(tag) = cx.enter(flow, Entering::default()) else { return };
            self.entered.fetch_add(1, Relaxed);
            cx.out.emit(tag.with(flow));
        }
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            let (tag, n) = event.split();
            self.called("handle");
            self.log.note("answered", n);
            tag.finish();
        }
    }

    fn ended(&mut self, ended: Ended, _: &mut Cx<'_, Out<u64>>) {
        self.called("ended");
        self.log.note("told", ended.flow);
    }
}

fn fragile(at: &'static str, left: usize) -> (Log, Sim) {
    let log = Log::default();
    let (left, entered) = (Arc::new(AtomicUsize::new(left)), Arc::default());
    let mut net = Net::new("fragile");
    let cpu = net.domain("cpu").pinned(1);
    let seen = log.clone();
    let fragile = net.add(
        stage("fragile", move || {
            let (left, entered) = (Arc::clone(&left), Arc::clone(&entered));
            Fragile { at, left, entered, log: seen.clone() }
        })
        .on(cpu)
        .flows(8),
    );
    let judge = net.add(
        stage("judge", || {
            from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                for event in batch {
                    match *event % 2 {
                        0 => cx.out.emit(event),
                        _ => event.split().0.refuse(Why::Refused),
                    }
                }
            })
        })
        .on(cpu),
    );
    net.wire(fragile.out, judge.inlet);
    net.wire(judge.out, fragile.inlet).returns(fragile.out);
    let mut sim = Sim::new(net, 1).unwrap();
    settle_empty(&mut sim);
    (log, sim)
}

#[test]
fn whatever_panics_once_the_net_goes_on() {
    for at in ["none", "start", "signal", "handle", "ended"] {
        let (log, mut sim) = fragile(at, 1);
        let panics = stage_of(&mut sim, "fragile").panics;
        assert_eq!(panics, u64::from(at != "none"), "{at}");
        let ledger = sim.ledger();
        assert_eq!(ledger.entered as usize, FLOWS, "{at}: the flag is heard all the same");
        assert_eq!(log.noted("answered").len() as u64, ledger.finished, "{at}");
        let told = log.noted("told").len() as u64;
        assert_eq!(told, ledger.ended.total() - u64::from(at == "ended"), "one was in hand");
    }
}

#[test]
fn whatever_panics_for_ever_the_net_comes_to_rest() {
    for at in ["start", "signal", "handle", "ended"] {
        let (_, mut sim) = fragile(at, usize::MAX);
        assert!(stage_of(&mut sim, "fragile").panics < 100, "{at}");
        sim.drain();
        settle(&mut sim);
    }
}

#[test]
fn a_destructor_that_panics_ends_no_more_than_its_replica() {
    struct Brittle;
    impl Drop for Brittle {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let (entry, mut sim) = one(stage("brittle", || {
        let brittle = Brittle;
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            let _ = &brittle;
            for event in batch {
                assert!(*event != 1, "one");
                let event: Event<u64> = event;
                event.split().0.finish();
            }
        })
    }));
    for n in 0..4 {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    assert_eq!((sim.ledger().finished, sim.ledger().ended[Why::Failed]), (3, 1));
    // The last replica ends with the net, and nothing else is lost with it.
    let end = catch_unwind(AssertUnwindSafe(move || drop(sim)));
    assert!(end.is_err(), "it was as brittle");
}
