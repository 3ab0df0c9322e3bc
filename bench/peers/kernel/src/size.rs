//! A large net: how long it takes to declare and to check, and what a stage costs that idles.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sluicegate::{Batch, Cx, Domain, Inlet, Net, Out, Outlet, Ports, Stage, bounded, stage};
use sluicegate_macros::Ports;

use crate::machine::wait;
use crate::{Body, CAPACITY, Figures};

/// Stages of a worker.
const PER_DOMAIN: usize = 4000;
/// Wires lead no further than so many stages.
const REACH: usize = 97;

/// Ten ports.
#[derive(Ports)]
struct Ten {
    a: Out<Body>,
    b: Out<Body>,
    c: Out<Body>,
    d: Out<Body>,
    e: Out<Body>,
    f: Out<Body>,
    g: Out<Body>,
    h: Out<Body>,
    i: Out<Body>,
    j: Out<Body>,
}

struct One;

impl Stage for One {
    type In = Body;
    type Out = Out<Body>;
    fn handle(&mut self, batch: Batch<'_, Body>, cx: &mut Cx<'_, Out<Body>>) {
        batch.for_each(|event| cx.out.emit(event));
    }
}

struct Many;

impl Stage for Many {
    type In = Body;
    type Out = Ten;
    fn handle(&mut self, batch: Batch<'_, Body>, cx: &mut Cx<'_, Ten>) {
        batch.for_each(|event| cx.out.a.emit(event));
    }
}

struct End;

impl Stage for End {
    type In = Body;
    type Out = ();
    fn handle(&mut self, batch: Batch<'_, Body>, _: &mut Cx<'_, ()>) {
        batch.for_each(|event| event.split().0.finish());
    }
}

/// Declares `stages` stages, each with wires to some of those after it.
fn declare<S: Stage<In = Body>>(
    stages: usize,
    make: fn() -> S,
    outlets: impl Fn(&<S::Out as Ports>::Outlets) -> Vec<Outlet<Body>>,
) -> Net {
    let mut net = Net::new("large");
    let domains: Vec<Domain> = (0..stages.div_ceil(PER_DOMAIN))
        .map(|n| net.domain(&format!("cpu {n}")).pinned(1))
        .collect();
    let on = |n: usize| domains[n * domains.len() / stages];
    let all: Vec<_> = (1..stages)
        .map(|n| {
            let spec = stage(&format!("stage {n}"), make).on(on(n - 1));
            net.add(spec.queue(bounded(CAPACITY)))
        })
        .collect();
    let end = net.add(stage("end", || End).on(on(stages - 1))).inlet;
    let inlets: Vec<Inlet<Body>> = all.iter().map(|node| node.inlet).chain([end]).collect();
    for (n, node) in all.iter().enumerate() {
        for (port, outlet) in outlets(&node.out).into_iter().enumerate() {
            let to = n + 1 + port * REACH % (1 + n % REACH);
            net.wire(outlet, inlets[to.min(stages - 1)]);
        }
    }
    net
}

/// Seconds to declare, to check and to start, and bytes a stage, declared and running.
pub fn run(stages: usize, ports: usize) -> Result<Figures> {
    let before = resident()?;
    let begun = Instant::now();
    let net = match ports {
        1 => declare(stages, || One, |out| vec![*out]),
        10 => declare(stages, || Many, |o| vec![o.a, o.b, o.c, o.d, o.e, o.f, o.g, o.h, o.i, o.j]),
        _ => bail!("a stage here has 1 port or 10"),
    };
    let declared = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    net.check().map_err(|faults| anyhow::anyhow!("{faults}"))?;
    let checked = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let running = net.run().map_err(|error| anyhow::anyhow!("{error}"))?;
    let started = begun.elapsed().as_secs_f64();
    // Each stage runs once before it idles.
    wait(1.0);
    let bytes = (resident()? - before) / stages as f64;
    running.stop();
    Ok(vec![("declare_s", declared), ("check_s", checked), ("start_s", started), ("bytes", bytes)])
}

/// Bytes of the process that are in memory.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(kib.parse::<f64>()? * 1024.0)
}
