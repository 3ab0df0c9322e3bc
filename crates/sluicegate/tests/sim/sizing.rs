//! Pools whose size is not fixed: as many threads as help, and no event lost by those that leave.

use crate::common::{Lines, Log, STEPS, assert_empty, stage_of};
use sluicegate::sim::{Setup, Trouble, Troubles};
use sluicegate::{
    Batch, Cx, Entry, Net, Sim, Stage, Threads, Time, VirtualTime, bounded, from_fn, ms, stage,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What an event costs where so many are in handlers at once, itself among them.
type Cost = fn(usize) -> Duration;

/// Until when handlers are busy: shared by all replicas.
type Busy = Arc<Mutex<Vec<Time>>>;

/// Spends what each event costs, and notes it.
fn work(
    time: &VirtualTime,
    cost: Cost,
    busy: &Busy,
    log: &Log,
) -> impl Stage<In = u64, Out = ()> + use<> {
    let (time, busy, log) = (time.clone(), Arc::clone(busy), log.clone());
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>| {
        for event in batch {
            let (tag, n) = event.split();
            let (now, mut busy) = (cx.clock(), busy.lock().unwrap());
            busy.retain(|&until| until > now);
            let cost = cost(busy.len() + 1);
            busy.push(now + cost);
            time.spend(cost);
            log.note("done", n);
            tag.finish();
        }
    })
}

struct Pool {
    sim: Sim,
    entry: Entry<u64>,
    log: Log,
    sent: u64,
    /// The share of an event that is due.
    due: f64,
    lines: Lines,
}

impl Pool {
    fn new(threads: impl Into<Threads>, cost: Cost, seed: u64) -> Self {
        Self::with(threads, cost, seed, Troubles::none())
    }

    fn with(threads: impl Into<Threads>, cost: Cost, seed: u64, troubles: Troubles) -> Self {
        let (log, time, busy) = (Log::default(), VirtualTime::default(), Busy::default());
        let mut net = Net::new("sized");
        let pool = net.domain("pool").pool(threads);
        let (out, clock) = (log.clone(), time.clone());
        let work = stage("work", move || work(&clock, cost, &busy, &out)).on(pool);
        let work = net.add(work.queue(bounded(1000)));
        let entry = net.entry(work.inlet);
        let lines = Lines::default();
        let setup = lines.of(Setup::seed(seed)).time(&time).troubles(troubles);
        let sim = Sim::with(net, setup).unwrap();
        Self { sim, entry, log, sent: 0, due: 0.0, lines }
    }

    /// Sends `rate` a second, as far as there is room; returns the sizes, each 10 ms.
    fn offer(&mut self, rate: f64, span: Duration) -> Vec<usize> {
        let mut sizes = Vec::new();
        for _ in 0..span.as_millis() / 10 {
            self.due += rate / 100.0;
            while self.due >= 1.0 {
                self.due -= 1.0;
                self.sent += u64::from(self.entry.send(self.sent).is_ok());
            }
            assert!(self.sim.run_for(ms(10), STEPS));
            self.sim.assert_even();
            sizes.push(stage_of(&mut self.sim, "work").on_duty);
        }
        sizes
    }

    /// Lets it come to rest: nothing may be left, and each event was handled once.
    fn rest(mut self) {
        assert!(self.sim.run_for(ms(100_000), 10_000_000));
        assert_eq!(self.sim.next(), None, "nobody wakes for a pool that rests");
        assert_empty(&mut self.sim);
        let mut done = self.log.noted("done");
        done.sort_unstable();
        assert_eq!(done, (0..self.sent).collect::<Vec<_>>());
    }
}

/// What waits 20 ms for something else.
const WAITS: Cost = |_| ms(20);

#[test]
fn threads_that_wait_become_as_many_as_are_needed_and_go_again() {
    for seed in 0..2 {
        // The Gnutella router of the paper: 150 a second at 20 ms are three threads.
        let mut pool = Pool::new(1..=64, WAITS, seed);
        let sizes = pool.offer(150.0, ms(30_000));
        let last = sizes[sizes.len() - 1];
        assert!((3..=5).contains(&last), "seed {seed}: {last}");
        let sizes = pool.offer(1500.0, ms(30_000));
        let last = sizes[sizes.len() - 1];
        assert!((30..=40).contains(&last), "seed {seed}: {last}");
        let sizes = pool.offer(20.0, ms(15_000));
        assert!(sizes[sizes.len() - 1] <= 2, "seed {seed}");
        pool.rest();
    }
}

#[test]
fn all_threads_blocked_do_not_keep_the_pool_from_growing() {
    let mut pool = Pool::new(1..=8, |_| ms(3000), 1);
    let sizes = pool.offer(2.0, ms(40_000));
    assert!(sizes[sizes.len() - 1] >= 6, "{}", sizes[sizes.len() - 1]);
    pool.rest();
}

#[test]
fn a_pool_grows_although_the_first_in_reserve_never_comes_back() {
    for seed in 0..8 {
        let dead = |worker| Trouble::Dead { domain: "pool".to_owned(), worker };
        let third = Troubles::none().at(Time(0) + ms(10_000), dead(2));
        let play = |troubles| {
            let mut pool = Pool::with(1..=4, WAITS, seed, troubles);
            pool.offer(120.0, ms(15_000));
            assert!(pool.sim.dead() == 1, "seed {seed}: the third was on duty");
            // While it is in its handler the pool shrinks, and it is the first in reserve.
            (0..1000).find(|_| pool.offer(10.0, ms(10)) == [2]).expect("two are enough");
            pool
        };
        // The same again, until those two handle an event each and never come back either.
        let then = play(third.clone()).sim.now();
        let mut pool = play(third.at(then, dead(0)).at(then, dead(1)));
        pool.offer(10.0, ms(1000));
        assert_eq!(pool.sim.dead(), 3, "seed {seed}");
        assert!(pool.sim.run_for(ms(10_000), STEPS));
        let done = pool.log.noted("done").len() as u64;
        assert_eq!(done, pool.sent, "seed {seed}: the fourth is left to serve");
    }
}

#[test]
fn a_replica_is_made_when_its_thread_first_goes_on_duty() {
    let made = Arc::new(Mutex::new(0));
    let mut net = Net::new("lazy");
    let pool = net.domain("pool").pool(2..=6);
    let (count, time) = (Arc::clone(&made), VirtualTime::default());
    let (clock, busy, log) = (time.clone(), Busy::default(), Log::default());
    let make = move || {
        *count.lock().unwrap() += 1;
        work(&clock, WAITS, &busy, &log)
    };
    let inlet = net.add(stage("work", make).on(pool).queue(bounded(1000))).inlet;
    let entry = net.entry(inlet);
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    let mut run = |span: u64, events: u64| {
        (0..events).for_each(|n| entry.send(n).unwrap());
        assert!(sim.run_for(ms(span), STEPS));
        (*made.lock().unwrap(), stage_of(&mut sim, "work").on_duty)
    };
    assert_eq!(run(100, 10), (2, 2));
    let (made_by_then, on_duty) = run(1500, 200);
    assert!(on_duty > 2 && made_by_then == on_duty, "{made_by_then} made, {on_duty} on duty");
    sim.drain();
    assert!(sim.run_for(ms(1000), STEPS));
    assert_eq!(*made.lock().unwrap(), made_by_then, "a drain makes none");
}

#[test]
fn what_all_threads_are_told_makes_no_replica_in_reserve() {
    let log = Log::default();
    let mut net = Net::new("told");
    let pool = net.domain("pool").pool(1..=4);
    let (clock, out) = (VirtualTime::default(), log.clone());
    let time = clock.clone();
    let make = move || {
        let (clock, out) = (clock.clone(), out.clone());
        out.note("made", 0);
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            out.note("size", batch.len() as u64);
            for event in batch {
                clock.spend(ms(50));
                event.split().0.finish();
            }
        })
    };
    let work = stage("work", make).on(pool).queue(bounded(1000)).slice(ms(1000));
    let inlet = net.add(work.hear_pressure()).inlet;
    let entry = net.entry(inlet);
    let mut sim = Sim::with_time(net, 1, time).unwrap();
    let told = sim.observer();
    told.change("anna", &[("stages.work.batch", 3.into())]).unwrap();
    told.pause("anna", "work").unwrap();
    assert!(sim.run_for(ms(10), STEPS));
    told.resume("anna", "work").unwrap();
    assert!(sim.run_for(ms(10), STEPS));
    assert_eq!(log.noted("made").len(), 1);
    (0..200).for_each(|n| entry.send(n).unwrap());
    assert!(sim.run_for(ms(2000), STEPS));
    assert!(log.noted("made").len() > 1, "it grew");
    assert_eq!(log.noted("size").iter().max(), Some(&3), "and all go by the batch that was set");
}

#[test]
fn a_pool_that_would_thrash_serves_what_the_best_size_does() {
    // Beyond eight at once each is slower by more than there are more.
    let thrashes: Cost = |at_once| ms(10) * at_once.max(8).pow(2) as u32 / 64;
    let served = |threads: Threads, seed| {
        let mut pool = Pool::new(threads, thrashes, seed);
        let sizes = pool.offer(2000.0, ms(60_000));
        let served = pool.log.noted("done").len() as f64;
        pool.rest();
        (served, sizes)
    };
    for seed in 0..2 {
        let (best, _) = served(Threads::from(8), seed);
        let (all, _) = served(Threads::from(64), seed);
        let (sized, sizes) = served(Threads::from(1..=64), seed);
        println!("{sized} of {best}, {all} by all, in the end by {:?}", sizes.last());
        assert!(all < 0.4 * best, "seed {seed}: there is something to lose: {all} of {best}");
        assert!(sized > 0.93 * best, "seed {seed}: {sized} of {best}");
    }
}

#[test]
fn a_pool_with_a_number_has_all_threads_on_duty() {
    let mut pool = Pool::new(3, WAITS, 1);
    assert_eq!(pool.offer(500.0, ms(100)).iter().max(), Some(&3));
    assert_eq!(pool.offer(0.0, ms(10_000)).iter().min(), Some(&3));
    pool.rest();
}

#[test]
fn loads_that_come_and_go_lose_nothing() {
    for seed in 0..8 {
        let mut pool = Pool::new(1..=12, WAITS, seed);
        for n in 0..6_u64 {
            let rate = [700.0, 0.0, 90.0][(seed + n) as usize % 3];
            pool.offer(rate, ms(1000 + 700 * (n * seed % 5)));
        }
        assert!(pool.lines.count("sized") > 1, "it grew and shrank");
        pool.rest();
    }
}

#[test]
fn a_drained_pool_that_could_grow_rests() {
    let mut net = Net::new("drained");
    let pool = net.domain("pool").pool(1..=3);
    let pass = net.add(stage("pass", crate::common::pass).on(pool));
    net.seal(pass.out);
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(sim.run_for(ms(1000), 10_000));
    sim.drain();
    assert!(sim.run_for(ms(1000), 10_000));
    assert_eq!(sim.next(), None, "nobody looks after a pool in which nothing happens");
}
