//! What the orders and the capacity in work of a queue do to those who wait in it.

use crate::common::{Front, Log, busy_pass, settle_empty, stage_of};
use crate::load::Load;
use sluicegate::sim::{ServiceTime, Setup};
use sluicegate::{Batch, Cx, Net, Order, Out, Sim, VirtualTime, bounded, from_fn, ms, stage};
use std::time::Duration;

/// How long a client waits for its answer.
const PATIENCE: Duration = ms(100);

/// Eight threads, events of 1 ms: three seconds in calm, then four of twice what can be served.
fn rush() -> Load {
    let mut load = Load::steady(ServiceTime::Fixed(ms(1)), 0.8);
    load.phases = vec![(ms(3000), 0.8), (ms(4000), 2.0)];
    load
}

/// The goodput in calm and in the rush, and the longest response but one in a thousand in calm.
fn goods(order: Order) -> (f64, f64, Duration) {
    let out = rush().run(bounded(4096).order(order), 1);
    let calm = out.goodput(PATIENCE, ms(500), ms(3000));
    let good = out.goodput(PATIENCE, ms(4000), ms(7000));
    let calm_only = Load { phases: vec![(ms(3000), 0.8)], ..rush() };
    let slowest = calm_only.run(bounded(4096).order(order), 1).response(0.999);
    println!("{order:?}: calm {calm:.3}, rush {good:.3}, slowest {slowest:?}");
    (calm, good, slowest)
}

#[test]
fn adaptive_lifo_is_fair_in_calm_and_serves_those_who_still_wait_in_a_rush() {
    let fifo = goods(Order::Fifo);
    let lifo = goods(Order::Lifo);
    let adaptive = goods(Order::AdaptiveLifo(ms(100)));
    assert!(fifo.1 < 0.01, "all wait for as long as the queue is: {fifo:?}");
    assert!(adaptive.1 > 0.99 && lifo.1 > 0.99, "{adaptive:?}, {lifo:?}");
    assert_eq!(adaptive.2, fifo.2, "in calm nobody is overtaken");
    assert!(lifo.2 > fifo.2 * 2, "{lifo:?}");
}

#[test]
fn a_queue_that_is_bounded_in_work_keeps_waits_short_whatever_events_cost() {
    for (cost, most) in [(ms(1), ms(20)), (ms(4), ms(20)), (Duration::from_micros(50), ms(5))] {
        let mut load = Load::steady(ServiceTime::Fixed(cost), 3.0);
        load.phases = vec![(ms(2000), 3.0)];
        let out = load.run(bounded(4096).work(most), 1);
        let good = out.goodput(most + cost * 2, ms(200), ms(2000));
        println!("{cost:?}: {good:.3}, {:?}", out.response(0.99));
        assert!(good > 0.97, "{cost:?}: {good}");
        assert!(out.admissions().skip(20).all(|view| view.work <= most), "{cost:?}");
    }
}

#[test]
fn a_wire_that_waits_is_held_up_by_work_and_nothing_is_refused() {
    let (log, time) = (Log::default(), VirtualTime::default());
    let mut net = Net::new("held");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(1);
    let source = log.clone();
    let front = stage("front", move || Front::new(300, &source).patient());
    let front = net.add(front.on(cpu).flows(300));
    // Without classes and clients, none of whom makes room for another.
    let equals = stage("equals", || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                let (mut tag, n) = event.split();
                tag.set_class(0);
                tag.set_client(0);
                cx.out.emit(tag.with(n));
            }
        })
    });
    let equals = net.add(equals.on(cpu).queue(bounded(1)));
    let clock = time.clone();
    let work = stage("work", move || busy_pass(&clock, ms(2)));
    let work = net.add(work.on(pool).queue(bounded(1000).work(ms(20))));
    net.wire(front.out, equals.inlet);
    net.wire(equals.out, work.inlet);
    net.wire(work.out, front.inlet).returns(front.out);
    let mut sim = Sim::with(net, Setup::seed(1).time(&time)).unwrap();
    // What came before anything was known of the cost.
    while log.get().answered.len() < 200 {
        assert!(sim.run_for(ms(10), 100_000));
    }
    let mut parked = 0;
    while log.get().answered.len() < 280 {
        assert!(sim.run_for(ms(10), 100_000));
        sim.assert_even();
        let work = stage_of(&mut sim, "work");
        assert!((5..=10).contains(&work.queued), "{work:?}");
        parked += stage_of(&mut sim, "equals").parked_now;
    }
    assert!(parked > 10, "{parked}");
    assert!(sim.run_for(ms(1000), 100_000));
    settle_empty(&mut sim);
    assert_eq!(log.get().ended, [], "all are served");
    log.assert_each_once(0..300);
}
