//! Stages in whose place another value comes while the net runs: what waits stays, state is handed
//! over, and what is not ends and is told.

use crate::common::{
    Asked, Front, Lines, Log, PER_WORKER, Random, STEPS, Told, asker, pass, settle, settle_empty,
    sink, stage_of,
};
use sluicegate::sim::Setup;
use sluicegate::{
    AsyncCx, Batch, Cx, Event, Letter, Limit, Net, Out, OwnSettings, Sim, Stage, StageError, Why,
    bounded, from_async_fn, from_fn, ms, stage,
};
use std::any::Any;

/// Counts what it gets, each times a factor, and answers with the count so far.
struct Sum<const FACTOR: u64> {
    sum: u64,
    more: usize,
}

impl<const FACTOR: u64> Sum<FACTOR> {
    fn new() -> Self {
        Self { sum: 0, more: 0 }
    }
}

impl<const FACTOR: u64> Stage for Sum<FACTOR> {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            self.sum += FACTOR;
            let sum = self.sum + self.more as u64;
            cx.out.emit(event.map(|_| sum));
        }
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        own.count("more", "", "What is added.", 0..=FACTOR as usize, &mut self.more);
    }

    fn take_state(&mut self) -> Option<Box<dyn Any>> {
        Some(Box::new(self.sum))
    }

    fn give_state(&mut self, state: Box<dyn Any>, _: &mut Cx<'_, Out<u64>>) {
        self.sum = *state.downcast().expect("a sum");
    }
}

/// A source of 40 flows a worker and a stage that may be replaced.
fn net(log: &Log, pool: bool, seed: u64, flows: u64) -> Sim {
    traced(log, pool, Setup::seed(seed), flows)
}

/// The same, in this manner.
fn traced(log: &Log, pool: bool, setup: Setup, flows: u64) -> Sim {
    let mut net = Net::new("sums");
    let cpu = net.domain("cpu").pinned(2);
    let home = if pool { net.domain("pool").pool(2) } else { cpu };
    let source = log.clone();
    let front = stage("front", move || Front::new(flows, &source).patient());
    let front = net.add(front.on(cpu).flows(8));
    let sum = stage("sum", Sum::<1>::new).on(home).queue(bounded(4)).batch(2);
    let sum = net.add(sum.replaceable());
    let after = net.add(stage("after", pass).on(cpu).queue(bounded(1)));
    net.wire(front.out, sum.inlet);
    net.wire(sum.out, after.inlet);
    net.wire(after.out, front.inlet).returns(front.out);
    Sim::with(net, setup).unwrap()
}

#[test]
fn state_is_handed_over_at_a_batchs_edge_and_what_waits_stays() {
    for seed in 0..40 {
        let (log, lines) = (Log::default(), Lines::default());
        let mut sim = traced(&log, seed % 2 == 0, lines.of(Setup::seed(seed)), 40);
        (0..seed * 2).for_each(|_| {
            sim.step();
        });
        let before = sim.snapshot();
        sim.observer().replace("anna", "sum", Sum::<1000>::new).unwrap();
        settle_empty(&mut sim);
        let sum = stage_of(&mut sim, "sum");
        assert_eq!((sum.replaced, sum.panics, sum.served), (2, 0, 80), "seed {seed}");
        assert_eq!(lines.count("replaced"), 2);
        log.assert_each_once((0..40).chain(PER_WORKER..PER_WORKER + 40));
        // The answers say how many events each kind of value had handled by then.
        let seen = log.get();
        let ones = seen.answered.iter().filter(|answer| answer.1 < 1000).count() as u64;
        let served = before.stages.iter().find(|stage| stage.name == "sum").expect("it").served;
        assert!(ones >= served && ones <= served + 4, "{ones} of {served}, seed {seed}");
        let each = seen.answered.iter().map(|answer| answer.1 % 1000);
        assert!(each.max().expect("answers") >= served / 2, "the count goes on");
    }
}

#[test]
fn own_settings_begin_anew_and_a_later_panic_makes_the_new_value() {
    let log = Log::default();
    let mut net = Net::new("anew");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let sum = net.add(stage("sum", Sum::<1>::new).on(cpu).replaceable());
    let last = net.add(stage("last", move || sink("sum", &out)).on(cpu));
    net.wire(sum.out, last.inlet);
    let entry = net.entry(sum.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    let net = sim.observer();
    let send = |sim: &mut Sim| {
        entry.send(0).unwrap();
        settle(sim);
    };
    send(&mut sim);
    net.change("", &[("stages.sum.own.more", 1.into())]).unwrap();
    send(&mut sim);
    net.replace("", "sum", Sum::<7>::new).unwrap();
    send(&mut sim);
    assert_eq!(log.noted("sum"), [1, 3, 9], "nothing more is added");
    let more = net.setting("stages.sum.own.more").expect("it declares it too");
    assert_eq!((more.value, more.most), (0.into(), 7.into()));
    net.replace("", "sum", || {
        from_fn(|_: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>| panic!("whatever comes"))
    })
    .unwrap();
    send(&mut sim);
    send(&mut sim);
    assert_eq!(net.setting("stages.sum.own.more"), None);
    let sum = stage_of(&mut sim, "sum");
    assert!(sum.panics >= 2 && sum.replaced == 2, "it is made anew: {sum:?}");
    let log: Vec<_> = net.changes().into_iter().filter(|one| one.path.ends_with("stage")).collect();
    assert!(log[0].from.contains("Box<dyn") && log[0].to.ends_with("Sum<7>"), "{log:?}");
    assert!(log[1].from.ends_with("Sum<7>"), "{log:?}");
}

#[test]
fn a_value_that_cannot_be_made_leaves_the_old_one_in_place() {
    let log = Log::default();
    let mut sim = net(&log, true, 3, 40);
    (0..30).for_each(|_| {
        sim.step();
    });
    let cannot = || -> Sum<5> { panic!("it cannot be made") };
    sim.observer().replace("", "sum", cannot).unwrap();
    settle_empty(&mut sim);
    let sum = stage_of(&mut sim, "sum");
    assert_eq!((sum.replaced, sum.panics, sum.served), (0, 2, 80));
    assert!(log.get().ended.is_empty());
}

#[test]
fn who_does_not_fit_is_told_why() {
    let log = Log::default();
    let mut plain = Net::new("plain");
    let cpu = plain.domain("cpu").pinned(1);
    plain.add(stage("end", move || sink("", &log)).on(cpu));
    let sim = Sim::new(plain, 1).unwrap();
    let other = || from_fn(|_: Batch<'_, u64>, _: &mut Cx<'_, ()>| {});
    let fault = sim.observer().replace("", "end", other).unwrap_err();
    assert!(matches!(fault, StageError::OtherType { .. }), "{fault}");
    assert!(fault.to_string().contains(".replaceable()"), "{fault}");
    let log = Log::default();
    let sums = net(&log, false, 1, 1);
    let ports = || from_fn(|_: Batch<'_, u64>, _: &mut Cx<'_, ()>| {});
    assert!(sums.observer().replace("", "sum", ports).is_err(), "it has other ports");
    assert!(sums.observer().replace("", "sums", Sum::<1>::new).is_err());
    assert!(sums.observer().changes().is_empty());
}

/// Keeps all that it gets.
#[derive(Default)]
struct Keeps {
    kept: Vec<Event<u64>>,
    gives: bool,
}

impl Stage for Keeps {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        self.kept.extend(batch);
        cx.after(ms(5), 0);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<u64>>) {
        if let Some(event) = self.kept.pop() {
            cx.out.emit(event);
            cx.after(ms(5), 0);
        }
    }

    fn take_state(&mut self) -> Option<Box<dyn Any>> {
        self.gives.then(|| Box::new(std::mem::take(&mut self.kept)) as Box<dyn Any>)
    }

    fn give_state(&mut self, state: Box<dyn Any>, _: &mut Cx<'_, Out<u64>>) {
        self.kept = *state.downcast().expect("events");
    }
}

#[test]
fn flows_in_its_hands_are_handed_over_or_end_and_are_told() {
    for (gives, lettered, failed) in [(true, false, 0), (false, false, 20), (false, true, 20)] {
        let log = Log::default();
        let mut net = Net::new("keeps");
        let cpu = net.domain("cpu").pinned(1);
        let source = log.clone();
        let front = stage("front", move || Front::new(20, &source).patient());
        let front = net.add(front.on(cpu).flows(20));
        let keeps = net.add(stage("keeps", move || Keeps { gives, ..Keeps::default() }).on(cpu));
        net.wire(front.out, keeps.inlet);
        net.wire(keeps.out, front.inlet).returns(front.out);
        if lettered {
            // Letters tell of panics, and nothing panics here.
            let none = |_: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| panic!("a letter");
            let none = net.add(stage("none", move || from_fn(none)).on(cpu));
            net.wire(keeps.letters, none.inlet);
        }
        let mut sim = Sim::new(net, 1).unwrap();
        settle(&mut sim);
        assert_eq!(sim.ledger().in_flight, 20);
        sim.observer().replace("", "keeps", Keeps::default).unwrap();
        settle(&mut sim);
        assert_eq!(log.get().ended.len(), failed);
        assert!(log.get().ended.iter().all(|end| end.1 == Why::Failed));
        assert!(sim.run_for(ms(1000), STEPS));
        settle_empty(&mut sim);
        log.assert_each_once(0..20);
    }
}

#[test]
fn futures_end_with_their_stage_and_another_kind_of_stage_goes_on() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("futures");
        let cpu = net.domain("cpu").pinned(1);
        let source = log.clone();
        let front = stage("front", move || Front::new(20, &source).patient());
        let front = net.add(front.on(cpu).flows(20));
        let never = || {
            from_async_fn(8, async |event: Event<u64>, cx: AsyncCx| {
                cx.sleep(ms(1_000_000)).await;
                event
            })
        };
        let queue = bounded(20).admit(Limit::of(100));
        let never = net.add(stage("never", never).on(cpu).queue(queue).replaceable());
        net.wire(front.out, never.inlet);
        net.wire(never.out, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, seed).unwrap();
        settle(&mut sim);
        sim.observer().replace("", "never", pass).unwrap();
        settle(&mut sim);
        let count = |log: &Log| {
            let seen = log.get();
            (seen.ended.len(), seen.answered.len())
        };
        assert_eq!(count(&log), (8, 12), "seed {seed}");
        log.assert_each_once(0..20);
        assert_eq!(sim.ledger().in_flight, 0);
    }
}

#[test]
fn answers_to_questions_of_the_one_before_come_to_the_next() {
    for seed in 0..40 {
        let log = Log::default();
        let mut net = Net::new("asks");
        let cpu = net.domain("cpu").pinned(2);
        let pool = net.domain("pool").pool(2);
        let source = log.clone();
        let front = stage("front", move || Front::new(40, &source).patient());
        let front = net.add(front.on(cpu).flows(10));
        let asks = net.add(stage("asks", asker).on(cpu).queue(bounded(4)).batch(2));
        let tells = || {
            from_fn(|batch: Batch<'_, Asked>, cx: &mut Cx<'_, Out<Told>>| {
                batch.for_each(|event| cx.out.emit(event.map(|Asked(n)| Told(n))));
            })
        };
        let tells = net.add(stage("tells", tells).on(pool).queue(bounded(2)).replaceable());
        net.wire(front.out, asks.inlet);
        net.wire(asks.out.ask, tells.inlet).window(3);
        net.wire(tells.out, asks.inlet).returns(asks.out.ask);
        net.wire(asks.out.go, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, seed).unwrap();
        let net = sim.observer();
        let mut random = Random::new(seed);
        for _ in 0..30 {
            match random.below(4) {
                0 => net.pause("", "asks").unwrap(),
                1 => net.resume("", "asks").unwrap(),
                _ => net.replace("", "asks", asker).unwrap(),
            }
            for _ in 0..random.below(12) {
                sim.step();
                sim.assert_even();
            }
        }
        net.resume("", "asks").unwrap();
        settle_empty(&mut sim);
        log.assert_each_once((0..40).chain(PER_WORKER..PER_WORKER + 40));
        assert_eq!(log.get().answered.len(), 80, "none of them failed");
        assert!(stage_of(&mut sim, "asks").replaced > 2);
    }
}
