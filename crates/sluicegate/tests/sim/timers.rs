//! Timers against a sorted list: relative, absolute and taken back, in virtual time.

use crate::common::{Log, Random, STEPS};
use sluicegate::{
    AsyncCx, Batch, Cx, Event, Net, Sim, Stage, Time, TimerKey, from_async_fn, ms, stage,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MILLI: u64 = 1_000_000;

/// What is set, by the tick in which it runs out; and what was heard, when.
#[derive(Default)]
struct Model {
    set: BTreeMap<u64, u64>,
    keys: Vec<(u64, TimerKey)>,
    heard: u64,
}

/// Does anything with timers at each event, and holds what it hears against the model.
struct Fickle {
    random: Random,
    tokens: u64,
    model: Arc<Mutex<Model>>,
}

impl Fickle {
    fn act(&mut self, cx: &mut Cx<'_, ()>) {
        let mut model = self.model.lock().unwrap();
        let (token, now) = (self.tokens, cx.now());
        self.tokens += 1;
        let bits = 5 * self.random.below(5);
        let span = self.random.below(50 << bits) as u64 * 100_000;
        let at = match self.random.below(5) {
            0 if !model.keys.is_empty() => {
                let n = self.random.below(model.keys.len());
                let (token, key) = model.keys.swap_remove(n);
                match (cx.cancel(key), model.set.get(&token)) {
                    (true, Some(_)) => _ = model.set.remove(&token),
                    (false, Some(at)) => assert!(*at <= now.0, "it has run out, and is heard next"),
                    (taken, None) => assert!(!taken, "it was heard or taken back"),
                }
                assert!(!cx.cancel(key), "once");
                return;
            }
            1 => Time(now.0.saturating_sub(span)),
            2 | 3 => Time(now.0 + span),
            _ => {
                let key = cx.after(Duration::from_nanos(span), token);
                model.keys.push((token, key));
                model.set.insert(token, now.0 + span);
                return;
            }
        };
        model.keys.push((token, cx.at(at, token)));
        model.set.insert(token, at.0.max(now.0));
    }
}

impl Stage for Fickle {
    type In = u64;
    type Out = ();

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>) {
        for event in batch {
            event.split().0.finish();
            self.act(cx);
        }
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, ()>) {
        let mut model = self.model.lock().unwrap();
        let at = model.set.remove(&token).expect("set, heard once, and not taken back");
        let (now, tick) = (cx.now().0, at.div_ceil(MILLI) * MILLI);
        assert!(now >= at && now <= tick.max(at), "{token} for {at} was heard at {now}");
        model.heard += 1;
        drop(model);
        if self.random.one_in(3) {
            self.act(cx);
        }
    }
}

#[test]
fn whatever_is_set_is_heard_once_in_its_millisecond_and_what_is_taken_back_is_not() {
    let mut heard = 0;
    for seed in 0..100 {
        let model = Arc::<Mutex<Model>>::default();
        let own = Arc::clone(&model);
        let mut net = Net::new("fickle");
        let cpu = net.domain("cpu").pinned(1);
        let fickle = stage("fickle", move || Fickle {
            random: Random::new(seed),
            tokens: 0,
            model: Arc::clone(&own),
        });
        let fickle = net.add(fickle.on(cpu));
        let entry = net.entry(fickle.inlet);
        let (mut sim, mut random) = (Sim::new(net, seed).unwrap(), Random::new(seed));
        for _ in 0..60 {
            (0..random.below(4)).for_each(|n| entry.send(n as u64).unwrap());
            let span = Duration::from_micros(random.below(20_000) as u64);
            assert!(sim.run_for(span, STEPS));
            let model = model.lock().unwrap();
            let overdue = model.set.values().filter(|&&at| at + MILLI <= sim.now().0).count();
            assert_eq!(overdue, 0, "at {:?}", sim.now());
        }
        assert!(sim.run_for(ms(1 << 40), STEPS));
        let model = model.lock().unwrap();
        assert!(model.set.is_empty(), "all run out in the end");
        heard += model.heard;
    }
    assert!(heard > 2000, "{heard}");
}

#[test]
fn a_stage_that_sets_more_timers_than_it_may_panics_and_the_others_go_on() {
    struct Leak;
    impl Stage for Leak {
        type In = u64;
        type Out = ();
        fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>) {
            for event in batch {
                cx.after(ms(1000), *event);
                event.split().0.finish();
            }
        }
    }
    let mut net = Net::new("leak");
    let cpu = net.domain("cpu").pinned(1);
    let leak = net.add(stage("leak", || Leak).on(cpu).timers(3));
    let other = net.add(stage("other", || Leak).on(cpu));
    let entries = [leak.inlet, other.inlet].map(|inlet| net.entry(inlet));
    let mut sim = Sim::new(net, 1).unwrap();
    for n in 0..5 {
        entries.iter().for_each(|entry| entry.send(n).unwrap());
    }
    assert!(sim.settle(STEPS));
    assert_eq!(sim.ledger().finished, 8, "two of the first found no timer");
    assert!(sim.run_for(ms(1001), STEPS));
    entries[0].send(0).unwrap();
    assert!(sim.settle(STEPS));
    assert_eq!(sim.ledger().finished, 9, "those that ran out count no more");
}

#[test]
fn a_future_sleeps_until_a_time_and_not_at_all_when_that_has_been() {
    let log = Log::default();
    let out = log.clone();
    let mut net = Net::new("naps");
    let cpu = net.domain("cpu").pinned(1);
    let nap = stage("nap", move || {
        let out = out.clone();
        from_async_fn(4, async move |event: Event<u64>, cx: AsyncCx| {
            cx.sleep_until(Time(*event * MILLI)).await;
            out.note("woke", cx.now().0 / MILLI);
            event
        })
    });
    let nap = net.add(nap.on(cpu));
    net.seal(nap.out);
    let entry = net.entry(nap.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(sim.run_for(ms(5), STEPS));
    [20, 3, 7].iter().for_each(|&at| entry.send(at).unwrap());
    assert!(sim.run_for(ms(50), STEPS));
    assert_eq!(log.noted("woke"), [5, 7, 20]);
}
