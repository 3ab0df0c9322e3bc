//! A cause in words, with the numbers from which it was told, and who suffers.

use super::advice;
use super::follow::{Cause, Why};
use super::look::{BUSY, Look};
use super::{Diagnosis, Kind};

/// Threads that are on a processor for less of the time for which they are busy wait in handlers.
const COMPUTES: f64 = 0.5;
/// A second, at least, for a rate to be told.
const LEAST: f64 = 0.05;
/// Names that are told; the others are counted.
const TOLD_MAX: usize = 5;

/// What is told of a cause.
pub fn of(look: &Look<'_>, cause: &Cause) -> Diagnosis {
    let kind = kind(look, cause);
    Diagnosis {
        kind,
        stage: Some(look.name(cause.stage).to_owned()),
        since_ms: since(look, cause),
        words: sentence(look, cause, kind),
        evidence: evidence(look, cause, kind),
        suffers: suffers(look, cause),
        advice: advice::on(look, cause, kind),
    }
}

fn kind(look: &Look<'_>, cause: &Cause) -> Kind {
    match cause.why {
        Why::Stalled => Kind::Stalled,
        Why::Paused => Kind::Paused,
        Why::Broken => Kind::Broken,
        Why::Threads => threads(look, cause.stage),
        Why::Uneven => Kind::Uneven,
        Why::Window(_) => Kind::Window,
        Why::Gate => Kind::Gate,
        Why::InHand => Kind::Outside,
        Why::Unclear => Kind::Unclear,
    }
}

/// Whether busy threads compute, or wait.
fn threads(look: &Look<'_>, n: usize) -> Kind {
    let stage = look.stage(n);
    let domain = look.domain(n);
    match domain.and_then(|domain| Some((domain.cpu?, domain.utilisation))) {
        Some((cpu, busy)) if cpu < COMPUTES * busy || look.is_at_something(n) => Kind::Blocked,
        Some(_) => Kind::Cpu,
        None if stage.kind == "pinned" => Kind::Cpu,
        None => Kind::Busy,
    }
}

/// By the clock of the net, in milliseconds.
fn since(look: &Look<'_>, cause: &Cause) -> Option<u64> {
    let now = look.now.time_ms?;
    let name = look.name(cause.stage);
    let stall = look.now.stalls.iter().filter(|stall| stall.stage == name);
    let longest = stall.map(|stall| stall.time_us).max()?;
    Some(now.saturating_sub(longest / 1000))
}

fn sentence(look: &Look<'_>, cause: &Cause, kind: Kind) -> String {
    let stage = look.stage(cause.stage);
    let (name, threads) = (&stage.name, threads_of(look, cause.stage));
    let use_of = use_of(look, cause.stage);
    match kind {
        Kind::Paused => format!("Stage `{name}` is paused."),
        Kind::Stalled => format!("A handler of stage `{name}` does not come back."),
        Kind::Broken => {
            format!("Stage `{name}` panicked too often: its breaker is open and refuses.")
        }
        Kind::Cpu => format!("Stage `{name}` is the bottleneck: it computes on {threads}{use_of}."),
        Kind::Blocked => format!(
            "Stage `{name}` is the bottleneck: {threads} wait in its handler{use_of}, with little \
             use of a processor."
        ),
        Kind::Busy => {
            format!("Stage `{name}` is the bottleneck: {threads} are in its handler{use_of}.")
        }
        Kind::Uneven => format!(
            "One worker of domain `{}` has more to do than it can while others have little; most \
             of it is stage `{name}`.",
            stage.domain
        ),
        Kind::Window => {
            let Why::Window(wire) = cause.why else { return String::new() };
            let wire = &look.now.wires[wire];
            format!(
                "Stage `{name}` may ask no more: all questions of its window on `{}` are out, \
                 while stage `{}` has time.",
                wire.port, wire.to
            )
        }
        Kind::Gate => gate(look, cause.stage),
        Kind::Outside => format!(
            "Stage `{name}` takes no more: what it has in hand waits for something outside the net."
        ),
        _ => format!("Work waits for stage `{name}`, and what is told does not say why."),
    }
}

/// The law that refuses: the one that sets the bounds which hold, as far as that can be seen.
fn gate(look: &Look<'_>, n: usize) -> String {
    let stage = look.stage(n);
    let votes = stage.admission.first().map(|gate| &gate.votes[..]).unwrap_or_default();
    if votes.iter().any(|vote| vote.bounds.events == Some(0)) {
        return format!("Stage `{}` is out of service: a limit of 0 refuses all.", stage.name);
    }
    let law = advice::strictest(votes).map_or("its capacity", |vote| &vote.law);
    format!("The gate of stage `{}` refuses by `{law}`, though the stage has time.", stage.name)
}

/// How much of the time, where that is the stage's own; else who shares its threads.
fn use_of(look: &Look<'_>, n: usize) -> String {
    let own = look.rates(n).utilisation;
    let all = look.domain(n).map_or(own, |domain| domain.utilisation);
    match () {
        () if look.is_at_something(n) => ", and none comes back".to_owned(),
        () if own >= BUSY => format!(" {} of the time", percent(own)),
        () => format!(", which are busy {}, most of it with this stage", percent(all)),
    }
}

fn threads_of(look: &Look<'_>, n: usize) -> String {
    let stage = look.stage(n);
    match (stage.threads(), &*stage.kind) {
        (n, "gate") => format!("all {n} places"),
        (1, _) => format!("the only thread of `{}`", stage.domain),
        (n, _) => format!("all {n} threads of `{}`", stage.domain),
    }
}

fn evidence(look: &Look<'_>, cause: &Cause, kind: Kind) -> Vec<String> {
    let (stage, rates) = (look.stage(cause.stage), look.rates(cause.stage));
    let mut told = Vec::new();
    if matches!(kind, Kind::Stalled) {
        let all = look.now.stalls.iter().filter(|stall| stall.stage == stage.name);
        told.extend(all.map(|stall| {
            let (domain, worker, time) = (&stall.domain, stall.worker, span(stall.time_us as f64));
            format!("{domain}/{worker} has been in it for {time}")
        }));
    }
    told.push(busy(look, cause.stage));
    if stage.capacity > 0 {
        let age = span(stage.queue_age_us as f64);
        let (queued, capacity) = (stage.queued, stage.capacity);
        told.push(format!("`{}`: {queued} of {capacity} wait, the oldest for {age}", stage.name));
    }
    told.push(match rates.arrivals_s {
        Some(came) => format!("{}/s come, {}/s are served", count(came), count(rates.served_s)),
        None => format!("{}/s are served", count(rates.served_s)),
    });
    if let Why::Window(wire) = cause.why {
        let wire = &look.now.wires[wire];
        let window = wire.window.unwrap_or_default();
        let out = wire.unanswered.map_or("all".to_owned(), |out| out.to_string());
        told.push(format!(
            "{out} questions of `{}.{}` are out; each of {} may have {window}",
            wire.from, wire.port, stage.replicas
        ));
        if let Some(to) = look.target(wire) {
            told.push(busy(look, to));
        }
    }
    if kind == Kind::Outside {
        told.push(format!("{} flows are in hand, neither queued nor asked about", look.in_hand()));
    }
    if kind == Kind::Broken {
        told.push(format!("{} panics, {} breakers open", stage.panics, stage.broken_now));
    }
    told.extend(advice::laws(stage));
    told.extend(way(look, cause));
    told
}

/// How busy a stage and its threads are.
fn busy(look: &Look<'_>, n: usize) -> String {
    let (stage, rates) = (look.stage(n), look.rates(n));
    let own = format!("`{}` is in use {}", stage.name, percent(rates.utilisation));
    match look.domain(n).filter(|_| stage.kind != "gate") {
        Some(domain) => {
            let all = percent(domain.utilisation);
            let cpu = domain.cpu.map(|cpu| format!(", on a processor {}", percent(cpu)));
            format!("{own}; the threads of `{}` {all}{}", domain.name, cpu.unwrap_or_default())
        }
        None => own,
    }
}

/// Along which wires the cause was found.
fn way(look: &Look<'_>, cause: &Cause) -> Option<String> {
    let wires = cause.way.iter().map(|wire| &look.now.wires[*wire]);
    let mut told = format!("`{}`", wires.clone().next()?.from);
    for (n, wire) in wires.enumerate() {
        let and = if n == 0 { "" } else { ", which" };
        told.push_str(&format!("{and} waits at `{}` for `{}`", wire.port, wire.to));
    }
    Some(told)
}

fn suffers(look: &Look<'_>, cause: &Cause) -> Vec<String> {
    let mut told = Vec::new();
    let others = cause.suffers.iter().filter(|stage| **stage != cause.stage);
    let mut names: Vec<String> = others.map(|stage| held_up(look, *stage)).collect();
    let more = names.len().saturating_sub(TOLD_MAX);
    names.truncate(TOLD_MAX);
    told.append(&mut names);
    if more > 0 {
        told.push(format!("{more} more stages are held up"));
    }
    told.extend(classes(look));
    let ended = look.rates.ended_s.iter().filter(|(_, rate)| **rate >= LEAST);
    told.extend(ended.map(|(why, rate)| format!("{}/s flows end as {why}", count(*rate))));
    told
}

fn held_up(look: &Look<'_>, n: usize) -> String {
    let (stage, rates) = (look.stage(n), look.rates(n));
    let name = &stage.name;
    match () {
        () if look.is_parked(n) => format!("stage `{name}` is parked {}", percent(rates.parked)),
        () if rates.gate_refused_s > 0.0 => {
            format!("stage `{name}` refuses {}/s", count(rates.gate_refused_s))
        }
        () => format!("stage `{name}` has {} of {} waiting", stage.queued, stage.capacity),
    }
}

/// The classes of which flows are refused now, the worst first.
fn classes(look: &Look<'_>) -> Vec<String> {
    let classes = look.rates.classes.iter();
    let mut refused: Vec<_> = classes
        .map(|class| (class, class.ended_s.values().sum::<f64>()))
        .filter(|(_, ended)| *ended >= LEAST)
        .collect();
    refused.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let told = refused.iter().take(TOLD_MAX).map(|(class, ended)| {
        let all = ended + class.finished_s;
        format!("class {}: {}/s of {}/s end unanswered", class.class, count(*ended), count(all))
    });
    told.collect()
}

pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A rate or a number, with as many digits as tell something.
pub fn count(n: f64) -> String {
    if n >= 10.0 || n == n.trunc() { format!("{n:.0}") } else { format!("{n:.1}") }
}

/// A time, in the unit in which it is between 1 and 1000.
pub fn span(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us:.0} us"),
        us if us < 1e6 => format!("{} ms", count(us / 1e3)),
        us => format!("{} s", count(us / 1e6)),
    }
}
