//! Work that nobody waits for any more, or that is late, ends in whatever queue it is, unhandled.

use crate::common::{Log, Random, STEPS, assert_empty, stage_of};
use sluicegate::{
    Batch, Capacity, Cx, Ended, Entering, Fifo, Limit, Net, Order, Out, Overload, Sim, Stage,
    VirtualTime, Why, bounded, from_fn, ms, stage,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a handler takes for each event.
const COST: Duration = ms(2);
const FLOWS: u64 = 40;

/// Lets `FLOWS` flows in at once, and loses interest in them as its timer tells it.
struct Clients {
    log: Log,
    plan: Plan,
    gone: Told,
}

/// By flow: after how much time it is gone or late, if it is.
type Plan = Vec<(Duration, Fate)>;

/// The flows of which the source said that they are gone.
type Told = Arc<Mutex<BTreeSet<u64>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    Leaves,
    Expires,
}

impl Stage for Clients {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            let (tag, answer) = event.split();
            self.log.get().answered.push((tag.flow(), answer, cx.worker().index()));
            tag.finish();
        }
    }

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        for (flow, (after, fate)) in (0..).zip(self.plan.clone()) {
            let deadline = (fate == Fate::Expires).then(|| cx.now() + after);
            let tag = cx.enter(flow, Entering { deadline, ..Entering::default() });
            cx.out.emit(tag.expect("a place for each").with(flow));
            if fate == Fate::Leaves {
                cx.after(after, flow);
            }
        }
    }

    fn timer(&mut self, flow: u64, cx: &mut Cx<'_, Out<u64>>) {
        let answered = self.log.get().answered.iter().any(|answer| answer.0 == flow);
        if !answered {
            self.gone.lock().expect("no panic").insert(flow);
            cx.gone(flow);
        }
    }

    fn ended(&mut self, ended: Ended, _: &mut Cx<'_, Out<u64>>) {
        self.log.get().ended.push((ended.flow, ended.why));
    }
}

/// A handler of `COST` an event behind a queue, in a pool of so many threads or on the source's
/// worker.
fn net(queue: Capacity, threads: Option<usize>, plan: Plan, seed: u64) -> (Sim, Log, Told) {
    let (log, time, gone) = (Log::default(), VirtualTime::default(), Told::default());
    let mut net = Net::new("late");
    // Else the handler, nearer to the exit, would go before the source as long as anything waits.
    let cpu = net.domain("cpu").policy(Fifo::default).pinned(1);
    let work = threads.map_or(cpu, |threads| net.domain("pool").pool(threads));
    let clients = {
        let (log, gone) = (log.clone(), Arc::clone(&gone));
        stage("clients", move || Clients {
            log: log.clone(),
            plan: plan.clone(),
            gone: Arc::clone(&gone),
        })
    };
    let places = FLOWS as usize;
    let clients = net.add(clients.on(cpu).flows(places).emits(places));
    let handler = {
        let (log, time, gone) = (log.clone(), time.clone(), Arc::clone(&gone));
        stage("handler", move || {
            let (log, time, gone) = (log.clone(), time.clone(), Arc::clone(&gone));
            from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                let left = gone.lock().expect("no panic").clone();
                for event in batch {
                    log.note("handled", *event);
                    if left.contains(&*event) {
                        log.note("in vain", *event);
                    }
                    if event.tag().deadline().is_some_and(|deadline| deadline < cx.now()) {
                        log.note("late", *event);
                    }
                    time.spend(COST);
                    cx.out.emit(event);
                }
            })
        })
    };
    let handler = net.add(handler.on(work).queue(queue));
    net.wire(clients.out, handler.inlet);
    net.wire(handler.out, clients.inlet).returns(clients.out);
    (Sim::with_time(net, seed, time).unwrap(), log, gone)
}

/// What became of each flow: handled, or why not.
fn outcomes(log: &Log) -> Vec<Option<Why>> {
    let seen = log.get();
    let ended = |flow| seen.ended.iter().find(|end| end.0 == flow).map(|end| end.1);
    (0..FLOWS).map(ended).collect()
}

fn run(queue: Capacity, threads: Option<usize>, plan: &Plan, seed: u64) -> (Log, Sim, Told) {
    let (mut sim, log, gone) = net(queue, threads, plan.clone(), seed);
    assert!(sim.run_for(Duration::from_secs(1), STEPS));
    sim.assert_even();
    assert_empty(&mut sim);
    log.assert_each_once(0..FLOWS);
    assert_eq!(log.noted("in vain"), []);
    assert_eq!(log.noted("late"), []);
    (log, sim, gone)
}

/// Flows that are gone or late at odd milliseconds, when the handler is busy in any case.
fn plan(random: &mut Random) -> Plan {
    let fates = [Fate::Stays, Fate::Leaves, Fate::Expires];
    let mut one = || (ms(2 * random.below(60) as u64 + 1), fates[random.below(3)]);
    (0..FLOWS).map(|_| one()).collect()
}

#[test]
fn a_plain_queue_drops_at_its_turn_what_is_late_or_gone_and_nothing_else() {
    let mut random = Random::new(1);
    let mut sums = [0; 3];
    for seed in 0..50 {
        let plan = plan(&mut random);
        let (log, mut sim, _) = run(bounded(64), Some(1), &plan, seed);
        let (mut now, mut expected) = (Duration::ZERO, Vec::new());
        for (after, fate) in plan {
            let why = match fate {
                Fate::Leaves if after < now => Some(Why::Gone),
                Fate::Expires if after < now => Some(Why::Expired),
                _ => None,
            };
            now += if why.is_none() { COST } else { Duration::ZERO };
            expected.push(why);
        }
        assert_eq!(outcomes(&log), expected, "seed {seed}");
        let handled = expected.iter().filter(|why| why.is_none()).count();
        assert_eq!(log.noted("handled").len(), handled);
        let view = stage_of(&mut sim, "handler");
        assert_eq!(view.served, handled as u64, "what is dropped is not served");
        let (gone, expired) = (view.refused[Why::Gone], view.refused[Why::Expired]);
        for (sum, n) in sums.iter_mut().zip([handled as u64, gone, expired]) {
            *sum += n;
        }
    }
    assert!(sums.iter().all(|&sum| sum > 100), "{sums:?}");
}

#[test]
fn every_queue_drops_what_is_late_or_gone() {
    let law = Overload::p99(ms(500));
    let queues: [fn(Overload) -> Capacity; 5] = [
        |_| bounded(64),
        |_| bounded(64).order(Order::Fifo),
        |_| bounded(64).order(Order::ByDeadline),
        |_| bounded(64).admit(Limit::of(64)),
        |law| bounded(64).admit(law),
    ];
    let mut random = Random::new(2);
    for threads in [None, Some(1), Some(3)] {
        for queue in queues {
            let (mut gone, mut expired) = (0, 0);
            for seed in 0..20 {
                let plan = plan(&mut random);
                let (log, mut sim, told) = run(queue(law.clone()), threads, &plan, seed);
                for (flow, why) in (0..).zip(outcomes(&log)) {
                    match why {
                        None => {}
                        Some(Why::Gone) => {
                            assert!(told.lock().expect("no panic").contains(&flow));
                            gone += 1;
                        }
                        Some(Why::Expired) => {
                            assert_eq!(plan[flow as usize].1, Fate::Expires);
                            expired += 1;
                        }
                        Some(other) => panic!("{other}: there is room for all"),
                    }
                }
                let handler = stage_of(&mut sim, "handler");
                let refused: u64 = handler.admission.iter().map(|v| v.refused[Why::Gone]).sum();
                assert!(handler.admission.is_empty() || refused == handler.refused[Why::Gone]);
            }
            assert!(gone > 10 && expired > 0, "{threads:?}: {gone} {expired}");
        }
    }
}

#[test]
fn a_stage_that_must_not_miss_any_gets_them_all() {
    let plan = [(ms(1), Fate::Leaves), (ms(1), Fate::Expires)].repeat(FLOWS as usize / 2);
    let queue = bounded(64).keep_late();
    let orders = [Order::Fifo, Order::Lifo, Order::ByDeadline];
    let gated = orders.map(|order| queue.clone().order(order).admit(Limit::of(64)));
    for queue in [queue].into_iter().chain(gated) {
        let (mut sim, log, _) = net(queue, Some(1), plan.clone(), 1);
        assert!(sim.run_for(Duration::from_secs(1), STEPS));
        assert_empty(&mut sim);
        assert_eq!(log.get().answered.len(), FLOWS as usize);
        assert_eq!(log.noted("late").len() + log.noted("in vain").len(), FLOWS as usize - 1);
    }
}

#[test]
fn what_a_law_gives_no_time_ends_though_the_queue_keeps_what_is_late() {
    let plan = vec![(ms(1), Fate::Expires); FLOWS as usize];
    let queue = bounded(64).keep_late().admit(Overload::p99(ms(20)));
    let (mut sim, log, _) = net(queue, Some(1), plan, 1);
    assert!(sim.run_for(Duration::from_secs(1), STEPS));
    assert_empty(&mut sim);
    assert!(log.noted("late").len() > 1, "{:?}", outcomes(&log));
    let refused: Vec<_> = outcomes(&log).into_iter().flatten().collect();
    assert!(refused.len() > 10 && refused.iter().all(|why| *why == Why::Shed), "{refused:?}");
}
