//! Nets with another trouble each.

use crate::nets::{Made, Part, looks, us};
use sluicegate::sim::{Gaps, ServiceTime};
use sluicegate::{
    AsyncCx, Batch, Capacity, Cx, Event, Out, Overload, Sim, Stage, Tags, bounded, from_async_fn,
    ms, stage,
};
use sluicegate_admin::Kind;
use sluicegate_admin::model::Net;
use sluicegate_macros::{From, Ports};
use std::time::Duration;

pub const FAST: ServiceTime = ServiceTime::Fixed(us(100));
/// What `parse`, `work` and `write` mostly spend on an event.
pub const COSTS: [Duration; 3] = [us(100), us(1000), us(100)];

/// One of them, seen twice, with what is to be told of it.
pub struct Trouble {
    pub name: &'static str,
    pub kind: Kind,
    pub stage: Option<&'static str>,
    /// What is shown, a second apart.
    pub looks: [Net; 2],
}

/// One of each kind that is not a simple fact.
pub fn all() -> [Trouble; 6] {
    let trouble = |name, kind, stage, looks| Trouble { name, kind, stage, looks };
    let mut computes = three(1500.0, COSTS, 64);
    let mut gate = gated(bounded(512).admit(Overload::p99(ms(4))), Gaps::Bursts(20));
    [
        trouble("computes", Kind::Cpu, Some("work"), looks(&mut computes)),
        trouble("short-queue", Kind::Busy, Some("disk"), looks(&mut short())),
        trouble("blocked-pool", Kind::Blocked, Some("call"), pool(100)),
        trouble("slow-client", Kind::Outside, None, looks(&mut slow_client())),
        trouble("small-window", Kind::Window, Some("ask"), looks(&mut window(4))),
        trouble("strict-gate", Kind::Gate, Some("work"), looks(&mut gate)),
    ]
}

fn fixed(cost: Duration) -> ServiceTime {
    ServiceTime::Fixed(cost)
}

/// `parse`, `work` and `write`, each in a domain of its own.
pub fn three(rate: f64, costs: [Duration; 3], queue: usize) -> Sim {
    let mut made = Made::new(Gaps::Poisson, rate, 2000, 1);
    let row = ["parse", "work", "write"].into_iter().zip(costs).map(|(name, cost)| {
        let domain = made.net.domain(&format!("{name}s")).pinned(1);
        made.add(name, domain, bounded(queue), fixed(cost))
    });
    let row: Vec<Part> = row.collect();
    made.row(&row);
    made.sim(1)
}

/// Short queues in front of a pool of two threads, which is too slow.
pub fn short() -> Sim {
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
    made.sim(1)
}

/// A pool of eight threads whose handler takes 20 ms, of which so many microseconds on a processor.
pub fn pool(cpu_us: u64) -> [Net; 2] {
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
    for (n, net) in (0..).zip(&mut seen) {
        for worker in &mut net.workers {
            worker.cpu_us = Some(if worker.domain == "calls" { n * cpu_us * 50 } else { 0 });
        }
    }
    seen
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

/// `write` keeps what `work` did.
pub fn slow_client() -> Sim {
    let mut made = Made::new(Gaps::Even, 50.0, 2000, 1);
    let cpu = made.net.domain("cpu").pinned(1);
    let work = made.add("work", cpu, bounded(64), FAST);
    let write = made.net.add(stage("write", Writes::default).on(cpu));
    made.net.wire(made.asked, work.inlet);
    made.net.wire(work.out, write.inlet);
    made.sim(1)
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
pub fn window(questions: usize) -> Sim {
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
    made.sim(1)
}

/// One stage that takes 1 ms, behind a gate.
pub fn gated(queue: Capacity, gaps: Gaps) -> Sim {
    let mut made = Made::new(gaps, 400.0, 2000, 1);
    let cpu = made.net.domain("cpu").pinned(1);
    let work = made.add("work", cpu, queue, fixed(ms(1)));
    made.row(&[work]);
    made.sim(1)
}
