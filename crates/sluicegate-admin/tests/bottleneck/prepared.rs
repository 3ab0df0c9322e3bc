//! Nets that are prepared, each with another trouble.

use crate::nets::{Made, Part, looks, shown};
use crate::troubles::{COSTS, FAST, all, gated, pool, short, slow_client, three, window};
use sluicegate::sim::Gaps;
use sluicegate::{Batch, Cx, Limit, Out, Overload, Sim, Supervision, bounded, from_fn, ms, stage};
use sluicegate_admin::model::Net;
use sluicegate_admin::{Diagnosis, Kind, diagnose};

/// What is told after two seconds.
fn told(sim: &mut Sim) -> Diagnosis {
    of(&looks(sim))
}

fn of([before, now]: &[Net; 2]) -> Diagnosis {
    diagnose(before, now)
}

#[track_caller]
fn assert_told(told: &Diagnosis, kind: Kind, stage: Option<&str>, advice: &str) {
    assert_eq!((told.kind, told.stage.as_deref()), (kind, stage), "{told:#?}");
    assert!(told.advice.contains(advice), "{told:#?}");
    let named = stage.is_none_or(|stage| told.words.contains(&format!("`{stage}`")));
    assert!(named && told.words.ends_with('.'), "{told:#?}");
}

#[test]
fn nothing_is_wrong() {
    let told = told(&mut three(500.0, COSTS, 64));
    assert_told(&told, Kind::Healthy, None, "");
    assert!(told.words.contains("`work`") && told.suffers.is_empty(), "{told:#?}");
}

#[test]
fn a_net_that_drains_is_no_fault() {
    let mut sim = three(500.0, COSTS, 64);
    let before = shown(&mut sim);
    sim.drain();
    assert!(sim.run_for(ms(1000), 100_000));
    assert_told(&diagnose(&before, &shown(&mut sim)), Kind::Draining, None, "");
}

#[test]
fn a_stage_that_computes_all_the_time() {
    let told = told(&mut three(1500.0, COSTS, 64));
    assert_told(&told, Kind::Cpu, Some("work"), "domains.works.workers");
    assert!(told.suffers.iter().any(|who| who.contains("`parse` is parked")), "{told:#?}");
}

#[test]
fn a_short_queue_is_not_the_cause_of_what_it_holds_up() {
    let told = told(&mut short());
    assert_told(&told, Kind::Busy, Some("disk"), "domains.disks.threads");
    let way = told.evidence.iter().find(|line| line.contains("which waits")).expect("the way");
    assert!(way.ends_with("for `disk`"), "{told:#?}");
}

#[test]
fn a_pool_whose_threads_wait_is_blocked_and_one_that_computes_is_not() {
    let told = of(&pool(100));
    assert_told(&told, Kind::Blocked, Some("call"), "domains.calls.threads");
    assert!(told.words.contains("all 8 threads of `calls` wait"), "{told:#?}");
    assert_told(&of(&pool(19_000)), Kind::Cpu, Some("call"), "cheaper");
}

#[test]
fn a_slow_client_is_no_fault_of_the_net() {
    let told = told(&mut slow_client());
    assert_told(&told, Kind::Outside, None, "");
    assert!(told.words.starts_with("Nothing is wrong in the net"), "{told:#?}");
}

#[test]
fn a_window_that_is_too_small() {
    let told = told(&mut window(4));
    assert_told(&told, Kind::Window, Some("ask"), "wires.ask.ask.window");
    assert!(told.words.contains("while stage `far` has time"), "{told:#?}");
    assert_told(&self::told(&mut window(80)), Kind::Healthy, None, "");
}

#[test]
fn a_gate_whose_target_is_too_short() {
    let law = bounded(512).admit(Overload::p99(ms(4)));
    let told = told(&mut gated(law, Gaps::Bursts(20)));
    assert_told(&told, Kind::Gate, Some("work"), "stages.work.gate.overload.target");
    let shed = told.suffers.iter().any(|who| who.ends_with("flows end as shed"));
    assert!(shed, "{told:#?}");
}

#[test]
fn a_stage_out_of_service() {
    let told = told(&mut gated(bounded(512).admit(Limit::of(0)), Gaps::Poisson));
    assert_told(&told, Kind::Gate, Some("work"), "stages.work.gate.limit.events");
    assert!(told.words.contains("out of service"), "{told:#?}");
}

#[test]
fn a_stage_that_is_paused() {
    let mut sim = three(500.0, COSTS, 64);
    assert!(sim.run_for(ms(100), 100_000));
    sim.observer().pause("test", "write").expect("there is one");
    let told = told(&mut sim);
    assert_told(&told, Kind::Paused, Some("write"), "POST /api/stages/write/resume");
}

#[test]
fn a_breaker_that_is_open() {
    let mut made = Made::new(Gaps::Poisson, 400.0, 2000, 1);
    let cpu = made.net.domain("cpu").pinned(1);
    let parse = made.add("parse", cpu, bounded(64), FAST);
    let bad = stage("bad", || {
        from_fn(|mut batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>| {
            let _in_hand = batch.next();
            panic!("always")
        })
    });
    let limits = Supervision::default().in_a_row(2).open_for(ms(60_000));
    let bad: Part = made.net.add(bad.on(cpu).supervise(limits)).into();
    made.row(&[parse, bad]);
    let told = told(&mut made.sim(1));
    assert_told(&told, Kind::Broken, Some("bad"), "log");
}

#[test]
fn one_look_tells_of_all_the_time_since_the_start() {
    let mut sim = three(1500.0, COSTS, 64);
    let [_, now] = looks(&mut sim);
    assert_told(&diagnose(&Net::default(), &now), Kind::Cpu, Some("work"), "");
}

#[test]
fn each_of_those_that_are_shown_elsewhere_is_named() {
    for trouble in all() {
        let told = of(&trouble.looks);
        let expected = (trouble.kind, trouble.stage);
        assert_eq!((told.kind, told.stage.as_deref()), expected, "{}: {told:#?}", trouble.name);
    }
}
