//! What an event costs is charged to its client, whatever else lies in the batch.

use crate::common::{Random, STEPS};
use sluicegate::{
    Batch, Cx, Entering, Net, Order, Out, Overload, Sim, Stage, VirtualTime, bounded, from_fn, ms,
    stage,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A client whose events are dear, and one whose events are cheap.
const DEAR: u16 = 1;
const CHEAP: u16 = 2;
const EACH: u64 = 1000;
/// How often somebody more important comes, who has no name.
const BETWEEN: Duration = ms(5);

/// Lets `EACH` flows of both clients in at once, and one of nobody now and then.
#[derive(Default)]
struct Source(u64);

impl Source {
    fn send(&mut self, class: u8, client: u16, cx: &mut Cx<'_, Out<u16>>) {
        let entering = Entering { class, client, ..Entering::default() };
        let tag = cx.enter(self.0, entering).expect("places for all");
        self.0 += 1;
        cx.out.emit(tag.with(client));
    }
}

impl Stage for Source {
    type In = u16;
    type Out = Out<u16>;

    fn handle(&mut self, _: Batch<'_, u16>, _: &mut Cx<'_, Out<u16>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<u16>>) {
        for _ in 0..EACH {
            self.send(0, DEAR, cx);
            self.send(0, CHEAP, cx);
        }
        cx.after(BETWEEN, 0);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<u16>>) {
        self.send(1, 0, cx);
        cx.after(BETWEEN, 0);
    }
}

#[test]
fn clients_get_equal_time_also_where_a_batch_begins_with_nobodys_event() {
    let (time, spent) = (VirtualTime::default(), Arc::new(Mutex::new([Duration::ZERO; 3])));
    let mut net = Net::new("charges");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(1);
    let source = stage("source", Source::default).on(cpu).flows(1 << 20).emits(1 << 20);
    let source = net.add(source);
    let (clock, sums) = (time.clone(), Arc::clone(&spent));
    let work = stage("work", move || {
        let (clock, sums) = (clock.clone(), Arc::clone(&sums));
        from_fn(move |batch: Batch<'_, u16>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, client) = event.split();
                let cost = [Duration::ZERO, ms(10), ms(1)][usize::from(client)];
                clock.spend(cost);
                sums.lock().expect("no panic")[usize::from(client)] += cost;
                tag.finish();
            }
        })
    });
    let queue = bounded(4096).order(Order::Fifo);
    let work = net.add(work.on(pool).queue(queue).batch(16).slice(ms(10_000)));
    net.wire(source.out, work.inlet);
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    assert!(sim.run_for(ms(1000), STEPS));
    let [_, dear, cheap] = *spent.lock().expect("no panic");
    let ratio = dear.as_secs_f64() / cheap.as_secs_f64();
    assert!((0.9..1.1).contains(&ratio), "{dear:?} of the dear ones, {cheap:?} of the cheap ones");
}

/// Lets two dear flows in, and long after they were handled several of both clients.
#[derive(Default)]
struct Later(Source);

impl Stage for Later {
    type In = u16;
    type Out = Out<u16>;

    fn handle(&mut self, _: Batch<'_, u16>, _: &mut Cx<'_, Out<u16>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<u16>>) {
        (0..2).for_each(|_| self.0.send(0, DEAR, cx));
        cx.after(ms(100), 0);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<u16>>) {
        let both = [[DEAR; 4], [CHEAP; 4]];
        both.as_flattened().iter().for_each(|&client| self.0.send(0, client, cx));
    }
}

#[test]
fn a_client_is_charged_at_once_where_another_thread_may_come_next() {
    for seed in 0..20 {
        let (time, order) = (VirtualTime::default(), Arc::new(Mutex::new(Vec::new())));
        let mut net = Net::new("charges");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(2);
        let source = stage("source", Later::default).on(cpu).flows(16).emits(16);
        let source = net.add(source);
        let (clock, seen) = (time.clone(), Arc::clone(&order));
        let work = stage("work", move || {
            let (clock, seen) = (clock.clone(), Arc::clone(&seen));
            from_fn(move |batch: Batch<'_, u16>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    let (tag, client) = event.split();
                    seen.lock().expect("no panic").push(client);
                    clock.spend(if client == DEAR { ms(10) } else { ms(1) });
                    tag.finish();
                }
            })
        });
        let work = net.add(work.on(pool).queue(bounded(64).order(Order::Fifo)));
        net.wire(source.out, work.inlet);
        let mut sim = Sim::with_time(net, seed, time).unwrap();
        assert!(sim.run_for(ms(1000), STEPS));
        let order = order.lock().expect("no panic").clone();
        let cheap = order.iter().position(|client| *client == CHEAP);
        assert_eq!((order.len(), cheap), (10, Some(2)), "seed {seed}: {order:?}");
    }
}

/// Lets events of clients in that have weights, of each twice what the service can do.
struct Weighted {
    next: u64,
    each: Vec<Ask>,
}

/// What a client asks for: events of this weight that cost so much.
#[derive(Clone, Copy, Debug)]
struct Ask {
    weight: u8,
    cost: Duration,
    /// When the next one comes.
    due: Duration,
}

impl Stage for Weighted {
    type In = usize;
    type Out = Out<usize>;

    fn handle(&mut self, _: Batch<'_, usize>, _: &mut Cx<'_, Out<usize>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<usize>>) {
        cx.after(ms(1), 0);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<usize>>) {
        for (n, ask) in self.each.iter_mut().enumerate() {
            while ask.due <= Duration::from_nanos(cx.now().0) {
                ask.due += ask.cost / 2;
                let entering = Entering { client: n as u16 + 1, ..Entering::default() };
                let mut tag = cx.enter(self.next, entering).expect("places for all");
                tag.set_weight(ask.weight);
                self.next += 1;
                cx.out.emit(tag.with(n));
            }
        }
        cx.after(ms(1), 0);
    }
}

/// The time that a worker spends for each of these clients in so long.
fn spent(each: &[Ask], seed: u64, span: Duration) -> Vec<f64> {
    let (time, spent) = (VirtualTime::default(), Arc::new(Mutex::new(vec![0.0; each.len()])));
    let mut net = Net::new("weights");
    let (cpu, pool) = (net.domain("cpu").pinned(1), net.domain("pool").pool(1));
    let all = each.to_vec();
    let source = stage("source", move || Weighted { next: 0, each: all.clone() });
    let source = net.add(source.on(cpu).flows(1 << 20).emits(1 << 12));
    let (clock, sums, all) = (time.clone(), Arc::clone(&spent), each.to_vec());
    let work = stage("work", move || {
        let (clock, sums, all) = (clock.clone(), Arc::clone(&sums), all.clone());
        from_fn(move |batch: Batch<'_, usize>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, n) = event.split();
                clock.spend(all[n].cost);
                sums.lock().expect("no panic")[n] += all[n].cost.as_secs_f64();
                tag.finish();
            }
        })
    });
    let work = net.add(work.on(pool).queue(bounded(4096).admit(Overload::p99(ms(100)))));
    net.wire(source.out, work.inlet);
    let mut sim = Sim::with_time(net, seed, time).unwrap();
    assert!(sim.run_for(span, 10 * STEPS));
    spent.lock().expect("no panic").clone()
}

#[test]
fn clients_that_want_too_much_get_time_by_their_weights() {
    let mut random = Random::new(8);
    for seed in 0..10 {
        let ask = |random: &mut Random| Ask {
            weight: 1 << random.below(4),
            cost: Duration::from_micros(100 + random.below(900) as u64),
            due: Duration::ZERO,
        };
        let each: Vec<Ask> = (0..2 + random.below(4)).map(|_| ask(&mut random)).collect();
        let spent = spent(&each, seed, Duration::from_secs(4));
        let (all, weights) = (spent.iter().sum::<f64>(), each.iter().map(|ask| ask.weight));
        let weights = weights.map(f64::from).sum::<f64>();
        for (ask, time) in each.iter().zip(&spent) {
            let share = time / all / (f64::from(ask.weight) / weights);
            assert!((0.95..1.05).contains(&share), "{share:.3} of its share: {spent:?} {each:?}");
        }
        assert!(all > 3.8, "{all}");
    }
}
