//! Nets that are prepared, each with another trouble.

use crate::nets::{Made, Part, look, looks, us};
use sluicegate::sim::{Gaps, ServiceTime};
use sluicegate::{
    AsyncCx, Batch, Cx, Event, Limit, Out, Overload, Sim, Stage, Supervision, Tags, bounded,
    from_async_fn, from_fn, ms, stage,
};
use sluicegate_admin::model::Net;
use sluicegate_admin::{Diagnosis, Kind, diagnose};
use sluicegate_macros::{From, Ports};
use std::time::Duration;

const FAST: ServiceTime = ServiceTime::Fixed(us(100));

fn fixed(cost: Duration) -> ServiceTime {
    ServiceTime::Fixed(cost)
}

/// What is told after two seconds.
fn told(sim: &mut Sim) -> Diagnosis {
    let [before, now] = looks(sim);
    diagnose(&before, &now)
}

#[track_caller]
fn assert_told(told: &Diagnosis, kind: Kind, stage: Option<&str>, advice: &str) {
    assert_eq!((told.kind, told.stage.as_deref()), (kind, stage), "{told:#?}");
    assert!(told.advice.contains(advice), "{told:#?}");
    let named = stage.is_none_or(|stage| told.words.contains(&format!("`{stage}`")));
    assert!(named && told.words.ends_with('.'), "{told:#?}");
}

/// `parse`, `work` and `write`, each in a domain of its own.
fn three(rate: f64, costs: [Duration; 3], queue: usize) -> Sim {
    let mut made = Made::new(Gaps::Poisson, rate, 2000, 1);
    let row = ["parse", "work", "write"].into_iter().zip(costs).map(|(name, cost)| {
        let domain = made.net.domain(&format!("{name}s")).pinned(1);
        made.add(name, domain, bounded(queue), fixed(cost))
    });
    let row: Vec<Part> = row.collect();
    made.row(&row);
    made.sim(1)
}

#[test]
fn nothing_is_wrong() {
    let told = told(&mut three(500.0, [us(100), us(1000), us(100)], 64));
    assert_told(&told, Kind::Healthy, None, "");
    assert!(told.words.contains("`work`") && told.suffers.is_empty(), "{told:#?}");
}

#[test]
fn a_net_that_drains_is_no_fault() {
    let mut sim = three(500.0, [us(100), us(1000), us(100)], 64);
    let before = look(&mut sim);
    sim.drain();
    assert!(sim.run_for(ms(1000), 100_000));
    assert_told(&diagnose(&before, &look(&mut sim)), Kind::Draining, None, "");
}

#[test]
fn a_stage_that_computes_all_the_time() {
    let told = told(&mut three(1500.0, [us(100), us(1000), us(100)], 64));
    assert_told(&told, Kind::Cpu, Some("work"), "domains.works.workers");
    assert!(told.suffers.iter().any(|who| who.contains("`parse` is parked")), "{told:#?}");
}

#[test]
fn a_short_queue_is_not_the_cause_of_what_it_holds_up() {
    let mut made = Made::new(Gaps::Poisson, 1500.0, 2000, 1);
    let [front, middle] = ["fronts", "middles"].map(|name| made.net.domain(name).pinned(1));
    let pool = made.net.domain("disks").pool(2);
    let row = [
        made.add("front", front, bounded(512), FAST),
        made.add("short", middle, bounded(4), FAST),
        made.add("sort", middle, bounded(4), FAST),
        made.add("disk", pool, bounded(8), fixed(ms(2))),
    ];
    made.row(&row);
    let told = told(&mut made.sim(1));
    assert_told(&told, Kind::Busy, Some("disk"), "domains.disks.threads");
    let way = told.evidence.iter().find(|line| line.contains("which waits")).expect("the way");
    assert!(way.ends_with("for `disk`"), "{told:#?}");
}

/// A pool of eight threads whose handler takes 20 ms, of which so many microseconds on a processor.
fn pool(cpu_us: u64) -> Diagnosis {
    let mut made = Made::new(Gaps::Poisson, 600.0, 2000, 1);
    let [cpu, pool] = [made.net.domain("cpu").pinned(1), made.net.domain("calls").pool(8)];
    let row = [
        made.add("parse", cpu, bounded(64), FAST),
        made.add("call", pool, bounded(64), fixed(ms(20))),
    ];
    made.row(&row);
    let mut sim = made.sim(1);
    let mut seen = looks(&mut sim);
    // A simulation has no processors.
    for (n, net) in seen.iter_mut().enumerate() {
        for worker in &mut net.workers {
            worker.cpu_us = Some(if worker.domain == "calls" { n as u64 * cpu_us * 50 } else { 0 });
        }
    }
    diagnose(&seen[0], &seen[1])
}

#[test]
fn a_pool_whose_threads_wait_is_blocked_and_one_that_computes_is_not() {
    let told = pool(100);
    assert_told(&told, Kind::Blocked, Some("call"), "domains.calls.threads");
    assert!(told.words.contains("all 8 threads of `calls` wait"), "{told:#?}");
    assert_told(&pool(19_000), Kind::Cpu, Some("call"), "cheaper");
}

/// Keeps each flow for five seconds, as a connection does whose client does not read.
#[derive(Default)]
struct Writes(Tags);

impl Stage for Writes {
    type In = u64;
    type Out = ();

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, ()>) {
        for event in batch {
            let kept = self.0.insert(event.split().0);
            cx.after(ms(5000), kept.into());
        }
    }

    fn timer(&mut self, kept: u64, _: &mut Cx<'_, ()>) {
        self.0.take(kept as u32).expect("it is kept").finish();
    }
}

#[test]
fn a_slow_client_is_no_fault_of_the_net() {
    let mut made = Made::new(Gaps::Even, 50.0, 2000, 1);
    let cpu = made.net.domain("cpu").pinned(1);
    let work = made.add("work", cpu, bounded(64), FAST);
    let write = made.net.add(stage("write", Writes::default).on(cpu));
    made.net.wire(made.asked, work.inlet);
    made.net.wire(work.out, write.inlet);
    let told = told(&mut made.sim(1));
    assert_told(&told, Kind::Outside, None, "");
    assert!(told.words.starts_with("Nothing is wrong in the net"), "{told:#?}");
}

struct Answer(u64);

#[derive(From)]
enum AskerIn {
    Asked(u64),
    Answered(Answer),
}

#[derive(Ports)]
struct AskerOut {
    done: Out<u64>,
    ask: Out<u64>,
}

struct Asker;

impl Stage for Asker {
    type In = AskerIn;
    type Out = AskerOut;

    fn handle(&mut self, batch: Batch<'_, AskerIn>, cx: &mut Cx<'_, AskerOut>) {
        for event in batch {
            let (tag, body) = event.split();
            match body {
                AskerIn::Asked(n) => cx.out.ask.emit(tag.with(n)),
                AskerIn::Answered(Answer(n)) => cx.out.done.emit(tag.with(n)),
            }
        }
    }
}

/// `ask` asks `far`, which takes 50 ms for each question and has room for a hundred.
fn window(questions: usize) -> Diagnosis {
    let mut made = Made::new(Gaps::Poisson, 400.0, 2000, 1);
    let cpu = made.net.domain("cpu").pinned(1);
    let ask = made.net.add(stage("ask", || Asker).on(cpu).queue(bounded(64)));
    let far = stage("far", || {
        from_async_fn(100, async |event: Event<u64>, cx: AsyncCx| {
            cx.sleep(ms(50)).await;
            event.map(Answer)
        })
    });
    let far = made.net.add(far.on(cpu));
    made.net.wire(made.asked, ask.inlet);
    made.net.wire(ask.out.ask, far.inlet).window(questions);
    made.net.wire(far.out, ask.inlet).returns(ask.out.ask);
    made.answer(ask.out.done);
    told(&mut made.sim(1))
}

#[test]
fn a_window_that_is_too_small() {
    let told = window(4);
    assert_told(&told, Kind::Window, Some("ask"), "wires.ask.ask.window");
    assert!(told.words.contains("while stage `far` has time"), "{told:#?}");
    assert_told(&window(80), Kind::Healthy, None, "");
}

/// One stage that takes 1 ms, behind a gate.
fn gated(queue: sluicegate::Capacity, gaps: Gaps) -> Sim {
    let mut made = Made::new(gaps, 400.0, 2000, 1);
    let cpu = made.net.domain("cpu").pinned(1);
    let work = made.add("work", cpu, queue, fixed(ms(1)));
    made.row(&[work]);
    made.sim(1)
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
    let mut sim = three(500.0, [us(100), us(1000), us(100)], 64);
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
    let mut sim = three(1500.0, [us(100), us(1000), us(100)], 64);
    let [_, now] = looks(&mut sim);
    assert_told(&diagnose(&Net::default(), &now), Kind::Cpu, Some("work"), "");
}
