//! Settings are changed as a whole or not at all, and all that is changed is known.

use crate::common::{Front, Log, Random, STEPS, pass};
use sluicegate::{
    Batch, Cohort, Cx, Gauge, Headroom, Letter, Limit, Net, Out, Overload, OwnSettings, Shares,
    Sim, Stage, Value, bounded, from_fn, ms, stage,
};
use std::collections::BTreeMap;
use std::time::Duration;

mod live;

/// A net that has every kind of setting.
fn whole_net(log: &Log) -> Net {
    let mut net = Net::new("whole");
    let cpu = net.domain("cpu").policy(|| Shares::of([("front", 50)])).pinned(2);
    let fixed = net.domain("fixed").pool(3);
    let grows = net.domain("grows").policy(|| Cohort::new(ms(2))).pool(2..=8);
    let (source, asker) = (log.clone(), log.clone());
    let front = net.add(stage("front", move || Front::new(0, &source)).on(cpu).flows(16));
    let asks = net.add(stage("asks", move || Scaled::new(&asker)).on(cpu).emits(2).batch(5000));
    let memory = Gauge::new("memory");
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

fn micros(n: f64) -> Duration {
    Duration::from_micros(n as u64)
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
