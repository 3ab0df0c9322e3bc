//! Settings are changed as a whole or not at all, and what changes is gone by from then on.

use crate::common::{Front, Log, Random, STEPS, Two, come_to_rest, pass, settle, settle_empty};
use crate::common::{sink, stage_of, wire_of};
use crate::random::{drawn, whole};
use sluicegate::sim::Setup;
use sluicegate::{
    Batch, Cohort, Cx, Headroom, Letter, Limit, Net, Observer, Out, Overload, OwnSettings, Shares,
    Sim, Stage, Value, VirtualTime, bounded, from_fn, ms, stage,
};
use std::collections::BTreeMap;

/// A net that has every kind of setting.
fn whole_net(log: &Log) -> Net {
    let mut net = Net::new("whole");
    let cpu = net.domain("cpu").policy(|| Shares::of([("front", 50)])).pinned(2);
    let fixed = net.domain("fixed").pool(3);
    let grows = net.domain("grows").policy(|| Cohort::new(ms(2))).pool(2..=8);
    let (source, asker) = (log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(0, &source)).on(cpu).flows(16));
    let asks = net.add(stage("asks", move || Scaled::new(&asker)).on(cpu).emits(2).batch(5000));
    let memory = sluicegate::Gauge::new("memory");
    let queue = bounded(64).admit(Overload::p99(ms(50))).admit(Limit::of(9));
    let queue = queue.admit(Headroom::of(&memory));
    let handler = net.add(stage("handler", pass).on(grows).queue(queue));
    let last = net.add(stage("last", pass).on(fixed));
    net.wire(front.out, asks.inlet);
    net.wire(asks.out, handler.inlet).window(8);
    net.wire(handler.out, last.inlet);
    net.wire(last.out, asks.inlet).returns(asks.out);
    net
}

/// Adds up what it gets, each times a factor that may be set.
struct Scaled {
    factor: usize,
    log: Log,
}

impl Scaled {
    fn new(log: &Log) -> Self {
        Self { factor: 1, log: log.clone() }
    }
}

impl Stage for Scaled {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, _: &mut Cx<'_, Out<u64>>) {
        self.log.note("started", self.factor as u64);
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            assert_ne!(*event, 13, "thirteen");
            let (tag, n) = event.split();
            self.log.note("scaled", n * self.factor as u64);
            tag.finish();
        }
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "By which all is multiplied.";
        own.count("factor", "", about, 1..=10, &mut self.factor);
    }
}

fn value(net: &Observer, path: &str) -> Value {
    net.setting(path).unwrap_or_else(|| panic!("no setting {path}")).value
}

#[test]
fn every_setting_has_a_path_a_sentence_a_range_and_its_value() {
    let log = Log::default();
    let sim = Sim::new(whole_net(&log), 1).unwrap();
    let settings = sim.observer().settings();
    let mut paths = BTreeMap::new();
    for setting in &settings {
        assert!(setting.doc.ends_with('.'), "{setting:?}");
        assert!((setting.least..=setting.most).contains(&setting.value), "{setting:?}");
        assert_eq!(setting.value, setting.default, "{setting:?}");
        assert!(paths.insert(&*setting.path, setting.value.to_string()).is_none(), "{setting:?}");
    }
    for (path, value) in [
        ("stages.handler.queue.capacity", "64"),
        ("stages.handler.batch", "1"),
        ("stages.asks.batch", "5000"),
        ("stages.asks.emits", "2"),
        ("stages.front.flows", "16"),
        ("stages.front.slice", "500µs"),
        ("stages.asks.own.factor", "1"),
        ("stages.handler.gate.overload.target", "50ms"),
        ("stages.handler.gate.limit.events", "9"),
        ("stages.handler.gate.memory.full", "0.95"),
        ("wires.asks.out.window", "8"),
        ("domains.cpu.workers", "2"),
        ("domains.cpu.policy.share.front", "50"),
        ("domains.cpu.policy.share.asks", "100"),
        ("domains.grows.policy.longest", "2ms"),
        ("domains.fixed.threads", "3"),
        ("domains.grows.least", "2"),
        ("domains.grows.most", "8"),
    ] {
        assert_eq!(paths.get(path).map(String::as_str), Some(value), "{path}");
    }
    assert!(!paths.contains_key("stages.handler.flows"), "it is no source");
    let restart: Vec<_> = settings.iter().filter(|s| !s.live).map(|s| &*s.path).collect();
    assert!(restart.contains(&"domains.cpu.workers") && restart.contains(&"stages.front.flows"));
    let of_net: Vec<_> = whole_net(&log).settings().into_iter().map(|s| s.path).collect();
    assert!(of_net.iter().all(|path| paths.contains_key(&**path)), "{of_net:?}");
}

#[test]
fn all_or_nothing_and_all_that_is_wrong_is_told() {
    let log = Log::default();
    let sim = Sim::new(whole_net(&log), 1).unwrap();
    let net = sim.observer();
    let before = net.settings();
    let faults = net.change(
        "anna",
        &[
            ("stages.handler.batch", 7.into()),
            ("stages.handler.queue.capacity", 0.into()),
            ("stages.handler.slice", 0.5.into()),
            ("stages.handler.gate.overload.target", f64::NAN.into()),
            ("stages.handler.gate.memory.from", 0.5.into()),
            ("stages.handler.gate.memory.from", 0.6.into()),
            ("stages.handler.size", 3.into()),
            ("stages.front.flows", 8.into()),
            ("stages.asks.batch", 2.5.into()),
            ("stages.last.slice", ms(1).into()),
            ("domains.grows.least", 5.into()),
            ("domains.grows.most", 4.into()),
        ],
    );
    let faults = faults.unwrap_err();
    let told: Vec<_> = faults.0.iter().map(ToString::to_string).collect();
    let wrong = |path: &str, says: &str| {
        let fitting = told.iter().find(|fault| fault.starts_with(&format!("`{path}`")));
        let fault = fitting.unwrap_or_else(|| panic!("{path}: {faults}"));
        assert!(fault.contains(says), "{fault}");
    };
    wrong("stages.handler.queue.capacity", "= 0: accepted: 1 to 1048576 events");
    wrong("stages.handler.slice", "= 0.5: accepted: 1µs to 10s");
    wrong("stages.handler.gate.overload.target", "= NaN: accepted: 1µs to 3600s");
    wrong("stages.handler.gate.memory.from", "twice");
    wrong("stages.handler.size", "there are: stages.handler.queue.capacity, stages.handler.batch");
    wrong("stages.front.flows", "before the net runs");
    wrong("stages.asks.batch", "= 2.5: accepted: 1 to 5000 events");
    wrong("domains.grows.least", "the least (5) may not be above the most (4)");
    assert_eq!(told.len(), 9, "{faults}");
    assert_eq!((net.settings(), net.changes().len()), (before, 0), "nothing was changed");
}

#[test]
fn what_is_changed_is_logged_with_who_and_what() {
    let log = Log::default();
    let sim = Sim::new(whole_net(&log), 1).unwrap();
    let net = sim.observer();
    net.change("anna", &[("stages.last.batch", 3.into()), ("stages.last.slice", 100.into())])
        .unwrap();
    net.change("ben", &[("stages.last.batch", 4.into())]).unwrap();
    let told: Vec<_> = net.changes().into_iter().collect();
    let line = |n: usize| {
        let one = &told[n];
        format!("{} {} {} {} {}", one.number, one.by, one.path, one.from, one.to)
    };
    assert_eq!(told.len(), 3);
    assert_eq!(line(0), "1 anna stages.last.batch 1 3");
    assert_eq!(line(1), "1 anna stages.last.slice 500µs 100µs");
    assert_eq!(line(2), "2 ben stages.last.batch 3 4");
}

#[test]
fn changes_agree_with_a_map_of_values() {
    let log = Log::default();
    for seed in 0..20 {
        let mut sim = Sim::new(whole_net(&log), seed).unwrap();
        let net = sim.observer();
        let mut model: BTreeMap<String, Value> =
            net.settings().into_iter().map(|s| (s.path, s.value)).collect();
        let (mut random, mut refused) = (Random::new(seed), 0);
        for _ in 0..100 {
            let settings = net.settings();
            let changes: Vec<(&str, Value)> = (0..1 + random.below(4))
                .map(|_| {
                    let setting = &settings[random.below(settings.len())];
                    let span = setting.most.number() - setting.least.number();
                    let part = random.below(1000) as f64 / 900.0;
                    let whole = (setting.least.number() + span * part).floor();
                    (&*setting.path, Value::Number(whole))
                })
                .collect();
            match net.change("model", &changes) {
                Ok(()) => {
                    for (path, to) in &changes {
                        let now = model.get_mut(*path).expect("a setting");
                        *now = match now {
                            Value::Count(_) => Value::Count(to.number() as u64),
                            Value::Time(_) => micros(to.number()).into(),
                            Value::Number(_) => *to,
                        };
                    }
                }
                Err(faults) => refused += faults.0.len().min(1),
            }
            sim.settle(STEPS);
            let now: BTreeMap<_, _> =
                net.settings().into_iter().map(|s| (s.path, s.value)).collect();
            assert_eq!(now, model, "seed {seed}, after {changes:?}");
        }
        assert!((10..90).contains(&refused), "{refused}");
    }
}

fn micros(n: f64) -> std::time::Duration {
    std::time::Duration::from_micros(n as u64)
}

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
fn overruns_are_those_of_the_slice_that_was_set() {
    let (time, mut net) = (VirtualTime::default(), Net::new("slices"));
    let cpu = net.domain("cpu").pinned(1);
    let clock = time.clone();
    let spends = move || {
        let clock = clock.clone();
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                clock.advance(ms(2));
                event.split().0.finish();
            }
        })
    };
    let spends = net.add(stage("spends", spends).on(cpu).slice(ms(2)));
    let entry = net.entry(spends.inlet);
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    let mut overruns = |slice: f64| {
        sim.observer().change("", &[("stages.spends.slice", micros(slice).into())]).unwrap();
        entry.send(0).unwrap();
        settle(&mut sim);
        stage_of(&mut sim, "spends").overruns
    };
    // Twice the slice is none yet.
    assert_eq!([1000.0, 999.0, 2000.0, 500.0].map(&mut overruns), [0, 1, 1, 2]);
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
    kept: Vec<sluicegate::Event<u64>>,
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
    assert_eq!(value(&sim.observer(), "stages.scaled.own.factor"), 10.into());
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
            let workers: std::collections::BTreeSet<_> = log.noted("worker").into_iter().collect();
            assert_eq!((workers.len(), log.noted("worker").len()), (expected, 100), "seed {seed}");
            log.get().notes.clear();
            assert_eq!(stage_of(&mut sim, "works").on_duty, expected);
        }
        settle_empty(&mut sim);
    }
}

#[test]
fn a_net_is_declared_anew_before_it_runs() {
    let log = Log::default();
    let mut net = whole_net(&log);
    let changes: [(&str, Value); 8] = [
        ("stages.front.flows", 5.into()),
        ("stages.asks.emits", 3.into()),
        ("stages.handler.queue.capacity", 7.into()),
        ("stages.handler.gate.overload.target", ms(5).into()),
        ("wires.asks.out.window", 2.into()),
        ("domains.cpu.workers", 3.into()),
        ("domains.fixed.threads", 6.into()),
        ("domains.grows.most", 20.into()),
    ];
    let wrong = net.change(&[changes[0], ("stages.handler.batch", 0.into())]);
    assert_eq!(wrong.unwrap_err().0.len(), 1);
    assert!(net.settings().iter().any(|s| s.path == changes[0].0 && s.value == 16.into()));
    net.change(&changes).unwrap();
    let sim = Sim::new(net, 1).unwrap();
    let net = sim.observer();
    for (path, changed) in changes {
        let setting = net.setting(path).expect("a setting");
        assert_eq!((setting.value, setting.default), (changed, changed), "{path}");
    }
    assert_eq!(net.setting("domains.fixed.threads").map(|s| s.most), Some(6.into()));
    assert_eq!(net.setting("domains.cpu.workers").map(|s| s.live), Some(false));
}

#[test]
fn a_net_whose_wires_do_not_fit_has_settings_too() {
    let mut net = Net::new("faulty");
    let cpu = net.domain("cpu").pinned(1);
    let sick = net.add(stage("sick", pass).on(cpu));
    let letters = || {
        from_fn(|batch: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    };
    let letters = net.add(stage("letters", letters).on(cpu));
    net.wire(sick.letters, letters.inlet).window(3);
    let window = "wires.sick.letters.window";
    assert!(net.settings().iter().any(|one| one.path == window && one.value == 3.into()));
    net.change(&[(window, 4.into())]).unwrap();
    let faults = net.check().unwrap_err();
    assert!(faults.0.iter().any(|fault| fault.code() == "N0021"), "{faults}");
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
            let settings: Vec<_> = net.settings().into_iter().filter(|s| s.live).collect();
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
