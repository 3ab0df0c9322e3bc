//! Troubles that a simulation plans: each befalls its net, and the net gets over it.

use crate::common::{Front, Log, STEPS, busy_pass, pass, settle, settle_empty, stage_of};
use sluicegate::sim::{Arrivals, Crowd, Gaps, Outside, ServiceTime, Setup, Sim, Trouble, Troubles};
use sluicegate::{
    Batch, Cx, Net, OnFull, Out, Time, VirtualTime, WorkerId, bounded, from_fn, ms, stage,
};

const FLOWS: u64 = 20;

/// A source on one worker, whose flows come back from a pool of so many threads, a stage each.
fn round(log: &Log, threads: usize, troubles: Troubles) -> Sim {
    let mut net = Net::new("round");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(threads);
    let (source, note) = (log.clone(), log.clone());
    let front = stage("front", move || Front::new(FLOWS, &source).patient());
    let front = net.add(front.on(cpu).flows(4));
    let work = stage("work", move || {
        let note = note.clone();
        from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            note.note("worker", cx.worker().index() as u64);
            batch.for_each(|event| cx.out.emit(event));
        })
    });
    let work = net.add(work.on(pool).queue(bounded(2)));
    net.wire(front.out, work.inlet);
    net.wire(work.out, front.inlet).returns(front.out);
    Sim::with(net, Setup::seed(3).troubles(troubles)).unwrap()
}

/// Runs to the end, in which all flows have ended. Returns when that was.
fn rest(sim: &mut Sim, log: &Log) -> Time {
    settle(sim);
    while let Some(next) = sim.next() {
        assert!(sim.run_for(next - sim.now(), STEPS));
        sim.assert_even();
    }
    let end = sim.now();
    settle_empty(sim);
    log.assert_each_once(0..FLOWS);
    end
}

#[test]
fn a_handler_panics_with_an_event_in_hand() {
    for after in 0..2 {
        let log = Log::default();
        let panic = Trouble::Panic { stage: "work".to_owned(), after };
        let mut sim = round(&log, 1, Troubles::none().before(5, panic));
        rest(&mut sim, &log);
        assert_eq!(stage_of(&mut sim, "work").panics, 1);
        assert_eq!(log.get().ended.len(), 1, "it costs the event in hand");
        assert_eq!(log.get().answered.len() as u64, FLOWS - 1);
    }
}

#[test]
fn a_worker_that_stalls_goes_on_later() {
    let log = Log::default();
    let stall = Trouble::Stall { domain: "pool".to_owned(), worker: 0, lasts: ms(30) };
    let mut sim = round(&log, 1, Troubles::none().before(3, stall));
    assert!(sim.run_for(ms(29), STEPS));
    let before = log.get().answered.len() as u64;
    assert!(before < FLOWS, "{before}");
    rest(&mut sim, &log);
    assert_eq!(log.get().answered.len() as u64, FLOWS);
}

#[test]
fn events_of_a_slow_stage_cost_more_for_a_while() {
    let log = Log::default();
    let slow = Trouble::Slow { stage: "work".to_owned(), by: ms(2), lasts: ms(13) };
    let mut sim = round(&log, 1, Troubles::none().at(Time(0), slow));
    let end = rest(&mut sim, &log);
    let busy = stage_of(&mut sim, "work").busy;
    assert!(busy >= ms(12) && busy < ms(20), "{busy:?}");
    assert!(end >= Time(0) + ms(13), "{end:?}");
}

#[test]
fn a_queue_that_is_full_holds_its_senders_up() {
    let log = Log::default();
    let full = Trouble::Full { stage: "work".to_owned(), lasts: ms(7) };
    let mut sim = round(&log, 1, Troubles::none().before(0, full));
    settle(&mut sim);
    assert_eq!(stage_of(&mut sim, "front").parked_now, 1);
    assert!(log.get().answered.is_empty());
    assert_eq!(sim.next(), Some(Time(0) + ms(7)));
    rest(&mut sim, &log);
    assert_eq!(log.get().answered.len() as u64, FLOWS);
}

#[test]
fn the_other_threads_of_a_pool_do_the_work_of_a_dead_one() {
    let log = Log::default();
    let dead = |worker| Trouble::Dead { domain: "pool".to_owned(), worker };
    let all = Troubles::none().before(0, dead(0)).before(0, dead(1)).before(0, dead(2));
    let mut sim = round(&log, 3, all);
    rest(&mut sim, &log);
    let last = WorkerId::default().index() as u64 + 3;
    let workers = log.noted("worker");
    assert!(workers.iter().filter(|&&worker| worker == last).count() > 10, "{workers:?}");
    assert_eq!(log.get().answered.len() as u64, FLOWS, "the last one that lives is spared");
}

#[test]
fn a_pool_whose_only_thread_on_duty_never_comes_back_grows() {
    let log = Log::default();
    let mut net = Net::new("crew");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(1..=3);
    let source = log.clone();
    let front = stage("front", move || Front::new(FLOWS, &source).patient());
    let front = net.add(front.on(cpu).flows(4));
    let work = net.add(stage("work", pass).on(pool));
    net.wire(front.out, work.inlet);
    net.wire(work.out, front.inlet).returns(front.out);
    let dead = Trouble::Dead { domain: "pool".to_owned(), worker: 0 };
    let setup = Setup::seed(1).troubles(Troubles::none().before(0, dead));
    let mut sim = Sim::with(net, setup).unwrap();
    assert!(sim.run_for(ms(5000), STEPS));
    assert!(stage_of(&mut sim, "work").on_duty > 1);
    log.assert_each_once(0..FLOWS);
}

#[test]
fn a_plan_that_does_not_fit_its_net_is_refused_with_what_there_is() {
    let said = |trouble| {
        let mut net = Net::new("small");
        let cpu = net.domain("cpu").pinned(2);
        let pass = net.add(stage("pass", pass).on(cpu));
        net.seal(pass.out);
        let setup = Setup::seed(1).troubles(Troubles::none().before(0, trouble));
        Sim::with(net, setup).err().expect("it does not fit").to_string()
    };
    let full = said(Trouble::Full { stage: "past".to_owned(), lasts: ms(1) });
    assert!(full.contains("no stage is named `past`; there are `pass`"), "{full}");
    let stall = said(Trouble::Stall { domain: "cpu".to_owned(), worker: 2, lasts: ms(1) });
    assert!(stall.contains("no worker cpu/2") && stall.contains("2 workers in `cpu`"), "{stall}");
    let dead = said(Trouble::Dead { domain: "cpu".to_owned(), worker: 0 });
    assert!(dead.contains("no worker cpu/0"), "{dead}");
}

#[test]
fn a_crowd_in_a_closed_loop_asks_again_when_it_was_answered() {
    let (time, mut net) = (VirtualTime::default(), Net::new("closed"));
    let outside = |_| Ok(Outside::new(Arrivals::closed(3, ServiceTime::Fixed(ms(10)), 1)));
    let door = net.domain("door").machine(outside).pinned(1);
    let pool = net.domain("pool").pool(1);
    let crowd = net.add(stage("crowd", || Crowd::<u64, _, _>::new(|flow| flow)).on(door).flows(8));
    let clock = time.clone();
    let work = net.add(stage("work", move || busy_pass(&clock, ms(5))).on(pool));
    net.wire(crowd.out, work.inlet);
    net.wire(work.out, crowd.inlet).returns(crowd.out);
    let mut sim = Sim::with(net, Setup::seed(1).time(&time)).unwrap();
    assert!(sim.run_for(ms(1000), STEPS));
    sim.assert_even();
    // Three that think for 10 ms share one thread that takes 5: all of it, a fifteenth second each.
    let ledger = sim.ledger();
    assert!((190..=200).contains(&ledger.finished), "{ledger:?}");
    assert!(ledger.in_flight <= 3, "{ledger:?}");
}

#[test]
fn a_crowd_that_finds_no_place_is_refused_and_comes_again() {
    let mut net = Net::new("small");
    let arrivals = Arrivals::open(Gaps::Bursts(5), 1000.0, ms(1000), 2);
    let outside = move |_| Ok(Outside::new(arrivals.clone()));
    let door = net.domain("door").machine(outside).pinned(1);
    let crowd = net.add(stage("crowd", || Crowd::<u64, _, _>::new(|flow| flow)).on(door).flows(3));
    let work = net.add(stage("work", pass).on(door).queue(bounded(1)));
    net.wire(crowd.out, work.inlet).on_full(OnFull::ShedNewest);
    net.wire(work.out, crowd.inlet).returns(crowd.out);
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(sim.run_for(ms(2000), STEPS));
    let ledger = sim.ledger();
    assert!(ledger.finished > 100 && ledger.ended.total() > 100, "{ledger:?}");
    assert_eq!((ledger.in_flight, ledger.places), (0, 0), "{ledger:?}");
}
