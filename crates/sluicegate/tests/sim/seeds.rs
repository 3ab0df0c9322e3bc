//! Many seeds over the nets here, with troubles: `cargo xtask sim` runs this with more of them.

use crate::common::{Random, come_to_rest, settle};
use crate::{laws_own, random};
use sluicegate::sim::{
    Arrivals, Case, Crowd, Failure, Gaps, Outside, Search, ServiceTime, Setup, Sim, Troubles,
};
use sluicegate::{
    AsyncCx, Batch, Codel, Cx, Event, Gradient2, Limit, Net, Order, Out, Overload, Seda,
    TRACE_COLUMNS, VirtualTime, Why, bounded, from_async_fn, from_fn, ms, stage,
};
use std::time::Duration;

/// Seeds of each net unless the arguments say otherwise.
const SEEDS: u64 = 40;

type Run = fn(&Case, Setup);

/// The nets by name, with the most that a case of each has.
const NETS: [(&str, (u64, usize, usize), Run); 4] = [
    ("random", random::MOST, |case, setup| drop(random::check(case, setup, false))),
    ("gated", random::MOST, |case, setup| drop(random::check(case, setup, true))),
    ("crowd", (200, 1, 4), crowd),
    ("own-law", (200, 0, 4), own_law),
];

#[test]
fn every_net_is_even_and_comes_to_rest_whatever_befalls_it() {
    let arguments = std::env::var("SLUICEGATE_SIM").unwrap_or_default();
    let search = Search::parse(&arguments, SEEDS).unwrap();
    // Handlers panic as they should.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let wanted = NETS.into_iter().filter(|net| search.wants(net.0));
    let failed = wanted.filter_map(|(name, most, run)| Some((name, search.run(most, run).err()?)));
    let failed: Vec<_> = failed.collect();
    std::panic::set_hook(hook);
    for (name, Failure { case, why, trace }) in
        failed.iter().map(|(name, failure)| (name, &**failure))
    {
        println!("{TRACE_COLUMNS}\n{}", trace.join("\n"));
        println!("FAILED: {why}\nreplay: cargo xtask sim --net {name} {case}");
    }
    assert!(failed.is_empty(), "{} nets failed", failed.len());
}

/// Runs for so long; the ledger must be even after every batch.
fn run_for(sim: &mut Sim, span: Duration) {
    let end = sim.now() + span;
    settle(sim);
    while sim.skip(end) {
        settle(sim);
    }
}

/// Clients of many manners, and one stage of many kinds that serves them behind a law.
fn crowd(case: &Case, setup: Setup) {
    const US: Duration = Duration::from_micros(1);
    let mut random = Random::new(case.seed);
    let (time, mut net) = (VirtualTime::default(), Net::new("crowd"));
    let cost = match random.below(4) {
        0 => ServiceTime::Fixed(ms(1)),
        1 => ServiceTime::Exponential(ms(1)),
        2 => ServiceTime::Bimodal { cheap: US * 100, dear: ms(10), one_in: 10 },
        _ => ServiceTime::Pareto { least: US * 200, most: ms(50), shape: 1.3 },
    };
    // Up to four times what one thread can do.
    let rate = (1 + random.below(8)) as f64 / 2.0 / cost.mean().as_secs_f64();
    let span = Duration::from_secs_f64(case.flows as f64 / rate);
    let seed = random.next_u64();
    let arrivals = match random.below(4) {
        0 => Arrivals::open(Gaps::Even, rate, span, seed),
        1 => Arrivals::open(Gaps::Poisson, rate, span, seed),
        2 => Arrivals::open(Gaps::Bursts(1 + random.below(30)), rate, span, seed),
        _ => Arrivals::closed(1 + random.below(30), ServiceTime::Exponential(ms(2)), seed),
    };
    let door = net.domain("door").machine(move |_| Ok(Outside::new(arrivals.clone()))).pinned(1);
    let pool = net.domain("pool").pool(1..=1 + random.below(4));
    let queue = bounded(1 + random.below(64));
    let queue = match random.below(7) {
        0 => queue.admit(Overload::p99(ms(20))),
        1 => queue.admit(Codel::default()),
        2 => queue.admit(Seda::p90(ms(20))),
        3 => queue.admit(Limit::of(1 + random.below(20))),
        4 => queue.admit(Gradient2::default()).order(Order::ByDeadline),
        5 => queue.order(Order::Lifo),
        _ => queue,
    };
    let places = 1 + random.below(50);
    let crowd = net.add(stage("crowd", || Crowd::<u64, _, _>::new(|n| n)).on(door).flows(places));
    let (clock, seed) = (time.clone(), random.next_u64());
    let work = move || {
        let (clock, mut random) = (clock.clone(), Random::new(seed));
        from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                clock.spend(cost.draw(&mut random));
                cx.out.emit(event);
            }
        })
    };
    let naps = move || {
        from_async_fn(8, move |event: Event<u64>, cx: AsyncCx| async move {
            cx.sleep(cost.draw(&mut Random::new(*event))).await;
            event
        })
    };
    let (inlet, out) = match random.below(3) {
        0 => {
            let work = net.add(stage("work", work).on(pool).queue(queue));
            (work.inlet, work.out)
        }
        1 => {
            let work = net.add(stage("work", work).on(door).queue(queue));
            (work.inlet, work.out)
        }
        _ => {
            let work = net.add(stage("work", naps).on(door).queue(queue));
            (work.inlet, work.out)
        }
    };
    net.wire(crowd.out, inlet);
    net.wire(out, crowd.inlet).returns(crowd.out);
    let troubles = case.left(Troubles::drawn(&net, case.seed, case.troubles, &["crowd"]));
    let mut sim = Sim::with(net, setup.time(&time).troubles(troubles)).unwrap();
    run_for(&mut sim, span + ms(100));
    sim.drain();
    come_to_rest(&mut sim);
}

/// The example of a law of one's own, with flows sent from outside.
fn own_law(case: &Case, setup: Setup) {
    let (mut random, time) = (Random::new(case.seed), VirtualTime::default());
    let (net, entry) = laws_own::net(&time);
    let troubles = case.left(Troubles::drawn(&net, case.seed, case.troubles, &[]));
    let mut sim = Sim::with(net, setup.time(&time).troubles(troubles)).unwrap();
    let mut sent = 0;
    for _ in 0..case.flows {
        sent += u64::from(entry.send(()).is_ok());
        if random.one_in(3) {
            run_for(&mut sim, Duration::from_micros(random.below(3000) as u64));
        }
    }
    come_to_rest(&mut sim);
    let ledger = sim.ledger();
    assert_eq!((ledger.entered, ledger.finished + ledger.ended[Why::Failed]), (sent, sent));
}
