//! What is changed is gone by from then on, while the net runs.

use super::Scaled;
use crate::common::{
    Front, Log, Random, STEPS, Two, come_to_rest, settle, settle_empty, sink, stage_of, wire_of,
};
use crate::random::{drawn, whole};
use sluicegate::sim::Setup;
use sluicegate::{
    Batch, Cx, Event, Limit, Net, Out, Overload, Setting, Shares, Sim, Stage, VirtualTime, bounded,
    from_fn, ms, stage,
};
use std::collections::BTreeSet;

/// Notes how many events each of its batches has, then does with them what `then` does.
fn sized(log: &Log) -> impl Stage<In = u64, Out = Out<u64>> + use<> {
    let log = log.clone();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        log.note("batch", batch.len() as u64);
        batch.for_each(|event| cx.out.emit(event));
    })
}

#[test]
fn each_replica_goes_by_a_new_batch_from_its_next_one_on() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("batches");
        let cpu = net.domain("cpu").pinned(2);
        let (sizes, out) = (log.clone(), log.clone());
        let queue = bounded(1000);
        let middle = stage("middle", move || sized(&sizes)).on(cpu).queue(queue).batch(4);
        let middle = net.add(middle);
        let last = net.add(stage("last", move || sink("last", &out)).on(cpu));
        net.wire(middle.out, last.inlet);
        let entry = net.entry(middle.inlet);
        let mut sim = Sim::new(net, seed).unwrap();
        settle(&mut sim);
        for (batch, events) in [(4, 20), (16, 160), (100, 1000), (3, 30)] {
            if batch != 4 {
                sim.observer().change("", &[("stages.middle.batch", batch.into())]).unwrap();
            }
            (0..events).for_each(|n| entry.send(n).unwrap());
            settle(&mut sim);
            let mut sizes = log.noted("batch");
            log.get().notes.clear();
            sizes.sort_unstable();
            // Half of the events on each worker.
            let rest = events / 2 % batch as u64;
            assert_eq!(sizes.pop(), Some(batch as u64), "{sizes:?}");
            assert!(sizes.iter().all(|&n| n == batch as u64 || n == rest), "{batch}: {sizes:?}");
        }
        settle_empty(&mut sim);
    }
}

#[test]
fn a_larger_queue_lets_those_go_on_who_wait_for_it_and_a_smaller_one_loses_nothing() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("queue");
        let cpu = net.domain("cpu").pinned(1);
        let source = log.clone();
        let front =
            net.add(stage("front", move || Front::new(40, &source).patient()).on(cpu).flows(40));
        // Takes nothing as long as it is put back.
        let closed = stage("closed", || {
            from_fn(|mut batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>| {
                let event = batch.next().expect("an event");
                batch.put_back(event);
            })
        });
        let closed = net.add(closed.on(cpu).queue(bounded(4)));
        net.wire(front.out, closed.inlet);
        net.wire(closed.out, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, seed).unwrap();
        settle(&mut sim);
        let held =
            |sim: &mut Sim| (stage_of(sim, "closed").queued, wire_of(sim, "front", "out").held);
        assert_eq!(held(&mut sim), (4, 36));
        let capacity = "stages.closed.queue.capacity";
        sim.observer().change("", &[(capacity, 30.into())]).unwrap();
        settle(&mut sim);
        assert_eq!(held(&mut sim), (30, 10));
        assert_eq!(stage_of(&mut sim, "closed").capacity, 30);
        sim.observer().change("", &[(capacity, 8.into())]).unwrap();
        settle(&mut sim);
        assert_eq!(held(&mut sim), (30, 10), "nothing is lost, nothing more comes in");
    }
}

/// Keeps what it is asked until it is told how many to answer.
#[derive(Default)]
struct Slow {
    kept: Vec<Event<u64>>,
}

impl Stage for Slow {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        self.kept.extend(batch);
        cx.after(ms(1), 0);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<u64>>) {
        if let Some(event) = self.kept.pop() {
            cx.out.emit(event);
            cx.after(ms(1), 0);
        }
    }
}

#[test]
fn a_window_grows_and_shrinks_without_a_question_too_many() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("window");
        let cpu = net.domain("cpu").pinned(1);
        let source = log.clone();
        let front =
            net.add(stage("front", move || Front::new(60, &source).patient()).on(cpu).flows(60));
        // Asks about all that comes, and answers what it is told.
        let asks = net.add(
            stage("asks", || {
                from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
                    for event in batch {
                        let told = *event >= 1000;
                        if told {
                            cx.out.b.emit(event)
                        } else {
                            cx.out.a.emit(event.map(|n| n + 1000))
                        }
                    }
                })
            })
            .on(cpu),
        );
        let slow = net.add(stage("slow", Slow::default).on(cpu));
        net.wire(front.out, asks.inlet);
        net.wire(asks.out.a, slow.inlet).window(3);
        net.wire(slow.out, asks.inlet).returns(asks.out.a);
        net.wire(asks.out.b, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, seed).unwrap();
        settle(&mut sim);
        let asked = |sim: &mut Sim| {
            let sent = |from, port, sim: &mut Sim| wire_of(sim, from, port).sent;
            sent("asks", "a", sim) - sent("slow", "out", sim)
        };
        assert_eq!(asked(&mut sim), 3);
        let window = "wires.asks.a.window";
        sim.observer().change("", &[(window, 20.into())]).unwrap();
        settle(&mut sim);
        assert_eq!((asked(&mut sim), wire_of(&mut sim, "asks", "a").window), (20, Some(20)));
        sim.observer().change("", &[(window, 2.into())]).unwrap();
        let mut before = asked(&mut sim);
        for _ in 0..200 {
            assert!(sim.run_for(ms(1), STEPS));
            let now = asked(&mut sim);
            assert!(now <= before.max(2), "{now} after {before}");
            before = now;
        }
        sim.drain();
        settle_empty(&mut sim);
        log.assert_each_once(0..60);
    }
}

#[test]
fn a_gate_goes_by_a_new_target_from_its_next_tick_on_unless_its_law_is_frozen() {
    let mut net = Net::new("gate");
    let pool = net.domain("pool").pool(1);
    let queue = bounded(64).admit(Overload::p99(ms(50))).admit(Limit::of(9));
    net.add(stage("handler", || sink("", &Log::default())).on(pool).queue(queue));
    let mut sim = Sim::new(net, 1).unwrap();
    settle(&mut sim);
    let bounds = |sim: &mut Sim| {
        assert!(sim.run_for(ms(20), STEPS));
        let adjust = stage_of(sim, "handler").admission[0].adjust;
        (adjust.work, adjust.events)
    };
    let (burst, target) = (0.65, "stages.handler.gate.overload.target");
    let net = sim.observer();
    assert_eq!(bounds(&mut sim), (ms(50).mul_f64(burst), 9));
    net.change("", &[(target, ms(20).into()), ("stages.handler.gate.limit.events", 3.into())])
        .unwrap();
    // A law is asked when there is something to see.
    let wake = |sim: &mut Sim| sim.observer().change("", &[("stages.handler.batch", 1.into())]);
    wake(&mut sim).unwrap();
    assert_eq!(bounds(&mut sim), (ms(20).mul_f64(burst), 3));
    assert!(net.freeze("", "handler", "overload", true));
    net.change("", &[(target, ms(10).into())]).unwrap();
    wake(&mut sim).unwrap();
    assert_eq!(bounds(&mut sim).0, ms(20).mul_f64(burst), "frozen");
    assert!(net.freeze("", "handler", "overload", false));
    wake(&mut sim).unwrap();
    assert_eq!(bounds(&mut sim).0, ms(10).mul_f64(burst));
}

#[test]
fn what_a_stage_declares_itself_changes_between_batches_and_survives_a_panic() {
    let log = Log::default();
    let mut net = Net::new("own");
    let cpu = net.domain("cpu").pinned(1);
    let notes = log.clone();
    let scaled = net.add(stage("scaled", move || Scaled::new(&notes)).on(cpu));
    net.seal(scaled.out);
    let entry = net.entry(scaled.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    let send = |sim: &mut Sim, n| {
        entry.send(n).unwrap();
        settle(sim);
    };
    send(&mut sim, 2);
    sim.observer().change("", &[("stages.scaled.own.factor", 10.into())]).unwrap();
    send(&mut sim, 3);
    send(&mut sim, 13);
    send(&mut sim, 4);
    assert_eq!(log.noted("scaled"), [2, 30, 40]);
    assert_eq!(log.noted("started"), [1, 10], "a rebuilt one has it before it starts");
    let factor = sim.observer().setting("stages.scaled.own.factor").expect("it declares it");
    assert_eq!(factor.value, 10.into());
}

#[test]
fn shares_change_while_they_are_gone_by() {
    let time = VirtualTime::default();
    let log = Log::default();
    let mut net = Net::new("shares");
    let cpu = net.domain("cpu").policy(|| Shares::of([("a", 100), ("b", 100)])).pinned(1);
    let mut add = |name: &'static str| {
        let (time, log) = (time.clone(), log.clone());
        let busy = stage(name, move || {
            let (time, log) = (time.clone(), log.clone());
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    time.spend(ms(1));
                    log.note(name, 1);
                    event.split().0.finish();
                }
            })
        });
        let node = net.add(busy.on(cpu).queue(bounded(2000)).batch(1));
        net.entry(node.inlet)
    };
    let entries = [add("a"), add("b")];
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    settle(&mut sim);
    for n in 0..1000 {
        entries.iter().for_each(|entry| entry.send(n).unwrap());
    }
    let ran = |sim: &mut Sim| {
        assert!(sim.run_for(ms(400), STEPS));
        let count = ["a", "b"].map(|name| log.noted(name).len());
        log.get().notes.clear();
        count
    };
    let [a, b] = ran(&mut sim);
    assert!(a.abs_diff(b) <= 2, "{a} {b}");
    sim.observer().change("", &[("domains.cpu.policy.share.a", 300.into())]).unwrap();
    let [a, b] = ran(&mut sim);
    assert!(a.abs_diff(3 * b) <= 4, "{a} {b}");
}

#[test]
fn fewer_threads_of_a_pool_take_events_and_more_again() {
    for seed in 0..10 {
        let time = VirtualTime::default();
        let mut net = Net::new("threads");
        let pool = net.domain("pool").pool(4);
        let log = Log::default();
        let (clock, seen) = (time.clone(), log.clone());
        let works = stage("works", move || {
            let (clock, seen) = (clock.clone(), seen.clone());
            from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
                for event in batch {
                    clock.spend(ms(1));
                    seen.note("worker", cx.worker().index() as u64);
                    event.split().0.finish();
                }
            })
        });
        let works = net.add(works.on(pool));
        let entry = net.entry(works.inlet);
        let mut sim = Sim::with_time(net, seed, time).unwrap();
        settle(&mut sim);
        for (threads, expected) in [(4, 4), (1, 1), (3, 3), (4, 4)] {
            sim.observer().change("", &[("domains.pool.threads", threads.into())]).unwrap();
            settle(&mut sim);
            (0..100).for_each(|n| entry.send(n).unwrap());
            assert!(sim.run_for(ms(200), STEPS));
            let workers: BTreeSet<_> = log.noted("worker").into_iter().collect();
            assert_eq!((workers.len(), log.noted("worker").len()), (expected, 100), "seed {seed}");
            log.get().notes.clear();
            assert_eq!(stage_of(&mut sim, "works").on_duty, expected);
        }
        settle_empty(&mut sim);
    }
}

/// Nets drawn from seeds, whose settings change all the time.
#[test]
fn whatever_is_changed_no_flow_is_lost() {
    let mut changed = 0;
    for seed in 0..60 {
        let (log, time) = (Log::default(), VirtualTime::default());
        let net = drawn(&whole(seed), &time, &log, seed % 2 == 0);
        let mut sim = Sim::with(net, Setup::seed(seed).time(&time)).unwrap();
        let net = sim.observer();
        let mut random = Random::new(seed);
        for _ in 0..40 {
            // At the end the distributions are to have all that was counted.
            let may_change = |s: &Setting| s.live && s.path != "distributions.measured";
            let settings: Vec<_> = net.settings().into_iter().filter(may_change).collect();
            let setting = &settings[random.below(settings.len())];
            let (least, most) = (setting.least.number(), setting.most.number());
            let to = (least + random.below(8) as f64).min(most);
            changed += usize::from(net.change("", &[(&setting.path, to.into())]).is_ok());
            for _ in 0..random.below(40) {
                sim.step();
                sim.assert_even();
            }
        }
        come_to_rest(&mut sim);
    }
    assert!(changed > 1500, "{changed}");
}
