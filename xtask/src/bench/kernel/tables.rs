//! The tables of `bench kernel`: what was measured beside what is wanted.

use std::fmt::Write;

use super::{BATCHES, CHAINS, CHANNELS, LOOKED_AT, OURS, SIZES, STREAMS};
use crate::bench::figures::Figures;
use crate::bench::stats::Spread;

/// The most that a hop may cost in nanoseconds, by the batch from which on.
const HOP_BOUNDS: [(usize, f64); 2] = [(1, 60.0), (16, 20.0)];
/// How much more a hop of one chain may cost than one of another.
const FLAT: f64 = 1.25;
/// Seconds to declare and check the larger of them, bytes of a stage with one port.
const SIZE_BOUNDS: (f64, f64) = (1.0, 2048.0);
/// Seconds that a look at a net may take.
const LOOK_BOUND: f64 = 0.02;

/// All tables for which there are figures.
pub fn all(figures: &Figures) -> String {
    let parts = [hops(figures), streams(figures), wakes(figures), sizes(figures), looks(figures)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A figure that may be missing.
fn shown(spread: Option<Spread>, scale: f64, digits: usize) -> String {
    spread.map_or("-".into(), |Spread { median, min, max }| {
        let [median, min, max] = [median, min, max].map(|figure| figure * scale);
        format!("{median:.digits$} [{min:.digits$}..{max:.digits$}]")
    })
}

fn verdict(holds: Option<bool>) -> &'static str {
    match holds {
        None => "-",
        Some(true) => "yes",
        Some(false) => "**no**",
    }
}

fn hops(figures: &Figures) -> String {
    let mut table = String::from(
        "## A hop on one worker\n\n| stages | batch | ns an event and stage | instructions | bound \
         | holds |\n|---|---|---|---|---|---|\n",
    );
    let cell = |chain, batch| format!("hop {chain} {batch}");
    if figures.median(&cell(1, 1), "ns").or(figures.median(&cell(1, 1), "instructions")).is_none() {
        return String::new();
    }
    for chain in CHAINS {
        for batch in BATCHES {
            let ns = figures.spread(&cell(chain, batch), "ns");
            let counted = figures.median(&cell(chain, batch), "instructions");
            let counted = counted.map_or("-".into(), |counted| format!("{counted:.0}"));
            // At 4 it is a figure between two bounds.
            let bound = HOP_BOUNDS.iter().rev().find(|(from, _)| batch >= *from && batch != 4);
            let said = bound.map_or("-".into(), |(_, bound)| format!("{bound}"));
            let holds = bound.and_then(|(_, bound)| Some(ns?.median <= *bound));
            let (ns, holds) = (shown(ns, 1.0, 1), verdict(holds));
            let _ = writeln!(table, "| {chain} | {batch} | {ns} | {counted} | {said} | {holds} |");
        }
    }
    let _ = writeln!(table, "\nThe dearest chain over the cheapest, at most {FLAT}:\n");
    for batch in BATCHES {
        let all: Option<Vec<f64>> =
            CHAINS.iter().map(|chain| figures.median(&cell(*chain, batch), "ns")).collect();
        let spread = all.and_then(|all| Spread::of(&all));
        let ratio = spread.map(|spread| spread.max / spread.min);
        let holds = verdict(ratio.map(|ratio| ratio <= FLAT));
        let ratio = ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(table, "* batch {batch}: {ratio}, {holds}");
    }
    table
}

fn streams(figures: &Figures) -> String {
    let cell = |who: &str, batch| format!("stream {who} {batch}");
    if figures.median(&cell(OURS[0], 1), "per_second").is_none() {
        return String::new();
    }
    let mut table = String::from(
        "## Between two workers\n\nMillions of events a second, by the sender's batch. Ours twice: \
         each event a flow of its own, whose place comes back to its source, or a fork of one. \
         Wakes are those a batch.\n\n| who | 1 | 8 | 64 | wakes at 1, 8, 64 |\n|---|---|---|---|\
         ---|\n",
    );
    for who in OURS.iter().chain(&CHANNELS) {
        let rate = |(batch, _)| shown(figures.spread(&cell(who, batch), "per_second"), 1e-6, 2);
        let woken = |(batch, _)| {
            let wakes = figures.median(&cell(who, batch), "wakes");
            wakes.map_or("-".into(), |wakes| format!("{wakes:.3}"))
        };
        let (rates, wakes) = (STREAMS.map(rate).join(" | "), STREAMS.map(woken).join(", "));
        let _ = writeln!(table, "| {who} | {rates} | {wakes} |");
    }
    table.push_str("\nOver the best channel:\n\n");
    for (batch, bound) in STREAMS {
        let rate = |who: &&str| figures.median(&cell(who, batch), "per_second").unwrap_or(0.0);
        let best = CHANNELS.iter().max_by(|a, b| rate(a).total_cmp(&rate(b))).unwrap_or(&"-");
        for who in OURS {
            let ratio = rate(&who) / rate(best);
            let holds = verdict(bound.map(|bound| ratio >= bound));
            let bound = bound.map_or("-".into(), |bound| format!("at least {bound}"));
            let _ = writeln!(table, "* {who}, {batch}: {ratio:.2} of {best}; {bound}: {holds}");
        }
    }
    table
}

fn wakes(figures: &Figures) -> String {
    let mut lines = String::new();
    for (batch, _) in STREAMS {
        let wakes = figures.spread(&format!("wakes {batch}"), "wakes");
        if wakes.is_some() {
            let holds = verdict(wakes.map(|wakes| wakes.max <= 1.0));
            let _ =
                writeln!(lines, "* batch {batch}: {}; at most 1: {holds}", shown(wakes, 1.0, 3));
        }
    }
    match lines.is_empty() {
        true => lines,
        false => format!("## Wakes of a worker that sleeps, a batch\n\n{lines}"),
    }
}

fn sizes(figures: &Figures) -> String {
    let mut lines = String::new();
    for (stages, ports) in SIZES {
        let cell = format!("size {stages} {ports}");
        let of = |name| figures.spread(&cell, name);
        let (Some(declare), Some(check), Some(bytes)) =
            (of("declare_s"), of("check_s"), of("bytes"))
        else {
            continue;
        };
        let built = declare.median + check.median;
        let _ = writeln!(
            lines,
            "| {stages} | {} | {} | {} | {} | {} | {} |",
            stages * ports - ports,
            shown(Some(declare), 1e3, 1),
            shown(Some(check), 1e3, 1),
            verdict(Some(built < SIZE_BOUNDS.0)),
            shown(of("start_s"), 1e3, 0),
            shown(Some(bytes), 1.0, 0),
        );
    }
    match lines.is_empty() {
        true => lines,
        false => format!(
            "## Large nets\n\n| stages | wires | declare ms | check ms | both under a second | \
             start ms | bytes a stage that idles, with queue and wires |\n\
             |---|---|---|---|---|---|---|\n{lines}{}",
            idle(figures).unwrap_or_default()
        ),
    }
}

fn looks(figures: &Figures) -> String {
    let of = |name| figures.spread(&format!("look {LOOKED_AT}"), name);
    let (Some(look), longest) = (of("look_s"), of("longest_s")) else { return String::new() };
    format!(
        "## A look at a net of {LOOKED_AT} busy stages\n\nms: {}; at most {}: {}; the longest of \
         101: {}.\n",
        shown(Some(look), 1e3, 2),
        LOOK_BOUND * 1e3,
        verdict(Some(look.median <= LOOK_BOUND)),
        shown(longest, 1e3, 2),
    )
}

/// What the stages of both nets cost tells what a stage costs, and what a wire does.
fn idle(figures: &Figures) -> Option<String> {
    let [(few, with_few), (many, with_many)] = SIZES.map(|(stages, ports)| {
        (ports as f64, figures.median(&format!("size {stages} {ports}"), "bytes"))
    });
    let wire = (with_many? - with_few?) / (many - few);
    let stage = with_few? - few * wire;
    let bound = SIZE_BOUNDS.1;
    let holds = verdict(Some(stage < bound));
    Some(format!("\nA stage alone: {stage:.0} bytes, under {bound}: {holds}; a wire: {wire:.0}.\n"))
}
