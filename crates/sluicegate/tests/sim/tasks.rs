//! Async stages: so many events in flight at once, in virtual time, and each of them ends once.

use crate::common::{
    Front, Log, Random, STEPS, assert_empty, settle, settle_empty, sink, stage_of,
};
use crate::load::Load;
use sluicegate::sim::{ServiceTime, Setup, Trouble, Troubles};
use sluicegate::{
    AsyncCx, AsyncStage, Batch, Capacity, Cx, Ended, Entering, Event, Net, Out, Overload, Sim,
    Stage, Time, Why, async_stage, bounded, from_async_fn, ms, stage,
};
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// A source whose flows come back from an async stage.
fn round<S: Stage<In = u64, Out = Out<u64>>>(
    workers: usize,
    flows: u64,
    log: &Log,
    queue: Capacity,
    slow: impl Fn() -> S + Send + Sync + 'static,
) -> Sim {
    let mut net = Net::new("round");
    let cpu = net.domain("cpu").pinned(workers);
    let log = log.clone();
    let front = stage("front", move || Front::new(flows, &log).patient().leaves());
    let front = net.add(front.on(cpu).flows(50));
    let slow = net.add(stage("slow", slow).on(cpu).queue(queue).emits(1));
    net.wire(front.out, slow.inlet);
    net.wire(slow.out, front.inlet).returns(front.out);
    Sim::new(net, flows).unwrap()
}

#[test]
fn so_many_are_in_flight_at_once_and_the_others_wait() {
    let mut net = Net::new("places");
    let cpu = net.domain("cpu").pinned(1);
    let slow = stage("slow", || {
        from_async_fn(3, async |event: Event<u64>, cx: AsyncCx| {
            cx.sleep(ms(10)).await;
            event
        })
    });
    let slow = net.add(slow.on(cpu).queue(bounded(20)));
    net.seal(slow.out);
    let entry = net.entry(slow.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    (0..10).for_each(|n| entry.send(n).unwrap());
    for (at, queued, in_flight) in [(5, 7, 10), (15, 4, 7), (25, 1, 4), (35, 0, 1), (45, 0, 0)] {
        assert!(sim.run_for(Time(0) + ms(at) - sim.now(), STEPS));
        sim.assert_even();
        let stage = stage_of(&mut sim, "slow");
        assert_eq!((stage.queued, sim.ledger().in_flight), (queued, in_flight), "{at} ms");
    }
    assert_eq!(sim.next(), None, "no timer is left, and nothing spins");
}

#[test]
fn each_flow_of_a_random_net_ends_once() {
    let mut panics = 0;
    for seed in 0..40 {
        let log = Log::default();
        let workers = 1 + seed as usize % 3;
        let slow = move || {
            let random = Rc::new(Cell::new(Random::new(seed)));
            from_async_fn(1 + seed as usize % 7, move |event: Event<u64>, cx: AsyncCx| {
                let random = Rc::clone(&random);
                async move {
                    let mut drawn = random.replace(Random::new(0));
                    let steps = drawn.below(4);
                    let (fails, span) = (drawn.one_in(9), drawn.below(3000) as u32);
                    random.set(drawn);
                    for _ in 0..steps {
                        cx.sleep(span * Duration::from_micros(1)).await;
                    }
                    assert!(!fails, "as was drawn");
                    event
                }
            })
        };
        let gated = bounded(16).admit(Overload::p99(ms(20)));
        let queue = if seed % 2 == 0 { bounded(16) } else { gated };
        let mut sim = round(workers, 100, &log, queue, slow);
        for _ in 0..2000 {
            settle(&mut sim);
            assert!(sim.run_for(ms(1), STEPS));
        }
        assert_empty(&mut sim);
        let flows = (0..workers as u64).flat_map(|w| (0..100).map(move |n| w * 1_000_000 + n));
        log.assert_each_once(flows);
        panics += stage_of(&mut sim, "slow").panics;
    }
    assert!(panics > 100, "{panics}");
}

/// A future that is never ready, and notes that it was dropped.
struct Stuck(Log);

impl Drop for Stuck {
    fn drop(&mut self) {
        self.0.note("dropped", 1);
    }
}

/// Lets in two flows, one with a deadline after 7 ms; nobody waits for the other after 3 ms.
struct Leaver(Log);

impl Stage for Leaver {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        let late = Entering { deadline: Some(cx.now() + ms(7)), ..Entering::default() };
        for (flow, entering) in [(0, Entering::default()), (1, late), (2, Entering::default())] {
            let tag = cx.enter(flow, entering).expect("a place for each");
            cx.out.emit(tag.with(flow));
        }
        cx.after(ms(3), 0);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<u64>>) {
        cx.gone(0);
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, Out<u64>>) {
        self.0.get().ended.push((ended.flow, ended.why));
        self.0.note("at", cx.now().0 / 1_000_000);
    }
}

fn leaver(queue: Capacity, log: &Log) -> Sim {
    let mut net = Net::new("leaver");
    let cpu = net.domain("cpu").pinned(1);
    let (told, dropped) = (log.clone(), log.clone());
    let front = net.add(stage("front", move || Leaver(told.clone())).on(cpu).flows(3).emits(3));
    let stuck = move || {
        let dropped = dropped.clone();
        from_async_fn(8, move |event: Event<u64>, cx: AsyncCx| {
            let stuck = Stuck(dropped.clone());
            async move {
                cx.sleep(ms(20)).await;
                drop(stuck);
                event
            }
        })
    };
    let stuck = net.add(stage("stuck", stuck).on(cpu).queue(queue));
    net.wire(front.out, stuck.inlet);
    net.wire(stuck.out, front.inlet).returns(front.out);
    Sim::new(net, 1).unwrap()
}

#[test]
fn a_future_is_dropped_when_its_client_has_left_or_it_is_late() {
    let log = Log::default();
    let mut sim = leaver(bounded(8), &log);
    assert!(sim.run_for(ms(15), STEPS));
    sim.assert_even();
    assert_eq!(log.get().ended, [(0, Why::Gone), (1, Why::Expired)]);
    assert_eq!(log.noted("at"), [3, 7]);
    assert_eq!(log.noted("dropped").len(), 2);
    assert_eq!(sim.ledger().in_flight, 1, "the third goes on");
}

#[test]
fn what_is_late_goes_on_where_that_is_kept() {
    let log = Log::default();
    let mut sim = leaver(bounded(8).keep_late(), &log);
    assert!(sim.run_for(ms(15), STEPS));
    assert_eq!(log.get().ended, [(0, Why::Gone)], "its client can still be told");
    assert_eq!(sim.ledger().in_flight, 2);
}

/// Panics for odd numbers, at once or when it has slept.
struct Odd(Duration);

impl AsyncStage for Odd {
    type In = u64;
    type Out = Out<u64>;
    type Done = Event<u64>;

    async fn handle(&self, event: Event<u64>, cx: &AsyncCx) -> Event<u64> {
        if !self.0.is_zero() {
            cx.sleep(self.0).await;
        }
        assert!(event.is_multiple_of(2), "as the test wants it");
        event
    }

    fn emit(&self, done: Event<u64>, out: &mut Out<u64>) {
        out.emit(done);
    }
}

#[test]
fn a_panic_costs_the_flow_of_its_future_alone() {
    for sleeps in [ms(0), ms(2)] {
        let log = Log::default();
        let mut net = Net::new("odd");
        let cpu = net.domain("cpu").pinned(1);
        let told = log.clone();
        let front =
            net.add(stage("front", move || Front::new(9, &told).patient()).on(cpu).flows(9));
        let odd = net.add(stage("odd", move || async_stage(Odd(sleeps), 16)).on(cpu));
        net.wire(front.out, odd.inlet);
        net.wire(odd.out, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, 1).unwrap();
        assert!(sim.run_for(ms(10), STEPS));
        settle_empty(&mut sim);
        log.assert_each_once(0..9);
        let mut ended = log.get().ended.clone();
        ended.sort_unstable_by_key(|end| end.0);
        assert_eq!(ended, [1, 3, 5, 7].map(|flow| (flow, Why::Failed)));
        assert_eq!(stage_of(&mut sim, "odd").panics, 4);
    }
}

#[test]
fn a_sleep_that_nobody_needs_leaves_no_timer() {
    let mut net = Net::new("race");
    let cpu = net.domain("cpu").pinned(1);
    let race = || {
        from_async_fn(1, async |event: Event<u64>, cx: AsyncCx| {
            let (mut long, mut short) = (Box::pin(cx.sleep(ms(90_000))), Box::pin(cx.sleep(ms(1))));
            poll_fn(|task| {
                assert!(long.as_mut().poll(task).is_pending());
                short.as_mut().poll(task)
            })
            .await;
            event
        })
    };
    let race = net.add(stage("race", race).on(cpu));
    net.seal(race.out);
    let entry = net.entry(race.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    entry.send(1).unwrap();
    assert!(sim.run_for(ms(3), STEPS));
    assert_empty(&mut sim);
    assert_eq!(sim.next(), None);
}

#[test]
fn whoever_wakes_it_from_outside_is_heard() {
    let wakers = Arc::<Mutex<Vec<Waker>>>::default();
    let mut net = Net::new("outside");
    let cpu = net.domain("cpu").pinned(2);
    let known = Arc::clone(&wakers);
    let waits = move || {
        let known = Arc::clone(&known);
        from_async_fn(4, move |event: Event<u64>, _: AsyncCx| {
            let (known, mut polls) = (Arc::clone(&known), 0);
            async move {
                poll_fn(|task| {
                    polls += 1;
                    known.lock().unwrap().push(task.waker().clone());
                    if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                event
            }
        })
    };
    let waits = net.add(stage("waits", waits).on(cpu));
    net.seal(waits.out);
    let entry = net.entry(waits.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    entry.send(1).unwrap();
    for polls in 1..=3 {
        settle(&mut sim);
        assert_eq!(wakers.lock().unwrap().len(), polls);
        assert_eq!(sim.ledger().in_flight, i64::from(polls < 3));
        let last = wakers.lock().unwrap().last().cloned().unwrap();
        (0..5).for_each(|_| last.wake_by_ref());
    }
    settle(&mut sim);
    assert_eq!(wakers.lock().unwrap().len(), 3, "a late wake-up polls nothing");
}

#[test]
fn a_gate_before_tasks_keeps_the_capacity_and_the_target() {
    let waits = |places| Load {
        threads: places,
        tasks: true,
        ..Load::steady(ServiceTime::Fixed(ms(20)), 1.0)
    };
    let computes = Load {
        threads: 1,
        inline: true,
        tasks: true,
        ..Load::steady(ServiceTime::Fixed(ms(2)), 1.0)
    };
    for (what, load) in
        [("16 wait", waits(16)), ("200 wait", waits(200)), ("one computes", computes)]
    {
        for (times, seed) in [(2.0, 1), (5.0, 2), (10.0, 3)] {
            let load = Load { phases: vec![(ms(2000), times)], ..load.clone() };
            let out = load.run(bounded(4096).admit(Overload::p99(ms(100))), seed);
            let good = out.goodput(ms(100), ms(200), ms(2000));
            let (p50, p99) = (out.response(0.5), out.response(0.99));
            println!("{what} x{times}: {good:.3}, p50 {p50:?}, p99 {p99:?}");
            assert!(good >= 0.93, "{what} x{times}: {good}");
            assert!(p99 <= ms(100), "{what} x{times}: {p99:?}");
        }
        let load = Load { phases: vec![(ms(2000), 0.8)], ..load };
        let out = load.run(bounded(4096).admit(Overload::p99(ms(100))), 4);
        assert_eq!(out.served().count(), out.flows.len(), "{what} x0.8");
    }
}

/// A stage that is lost leaves timers behind, which run out all the same.
#[test]
fn what_sleeps_in_a_stage_built_anew_is_not_woken_by_timers_of_the_lost_one() {
    let mut net = Net::new("lost");
    let cpu = net.domain("cpu").pinned(1);
    let slow = stage("slow", || {
        from_async_fn(4, async |event: Event<u64>, cx: AsyncCx| {
            cx.sleep(ms(*event)).await;
            event
        })
    });
    let slow = net.add(slow.on(cpu));
    let last = net.add(stage("last", || sink("last", &Log::default())).on(cpu));
    net.wire(slow.out, last.inlet);
    let entry = net.entry(slow.inlet);
    let panic = Trouble::Panic { stage: "slow".to_owned(), after: 1 };
    let setup = Setup::seed(1).troubles(Troubles::none().before(0, panic));
    let mut sim = Sim::with(net, setup).unwrap();
    // The first is asleep when the second panics; the third sleeps for longer than the first.
    for body in [5, 1, 9] {
        entry.send(body).unwrap();
        settle(&mut sim);
    }
    assert!(sim.run_for(ms(20), STEPS));
    let ledger = sim.ledger();
    assert_eq!((ledger.finished, ledger.ended[Why::Failed]), (1, 2), "{ledger:?}");
    assert_empty(&mut sim);
}
