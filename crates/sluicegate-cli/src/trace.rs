//! Single flows of a service that runs, as a table, and where the time of each went.

use crate::args;
use crate::ask::{Admin, wait};
use crate::figures::time;
use crate::say;
use sluicegate_admin::model::{Flow, FlowStep, Flows};
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Characters of a waterfall's bars.
const BARS: usize = 40;
/// How long to wait between two looks for new flows.
const LOOK: Duration = Duration::from_secs(1);

/// Shows the flows that are kept.
pub fn trace(args: &args::Trace) -> Result<ExitCode, String> {
    let admin = Admin::new(&args.admin)?;
    if args.follow {
        return follow(&admin, args);
    }
    let flows = admin.flows(&query(args, 0))?;
    if let Some(file) = &args.chrome {
        let trace = sluicegate_admin::chrome(&flows).to_string();
        std::fs::write(file, trace)
            .map_err(|error| format!("cannot write `{}`: {error}", file.display()))?;
        let n = flows.flows.len();
        say(&format!("{n} flows are in {}: open it in Perfetto", file.display()));
        return Ok(ExitCode::SUCCESS);
    }
    say(shown(flows, args)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Tells of each flow once it is kept, until it is interrupted.
fn follow(admin: &Admin, args: &args::Trace) -> Result<ExitCode, String> {
    let mut since = 0;
    loop {
        for flow in admin.flows(&query(args, since))?.flows {
            since = since.max(flow.number);
            if args.flows.is_empty() || args.flows.contains(&flow.flow) {
                say(&waterfall(&flow));
            }
        }
        wait(LOOK);
    }
}

fn query(args: &args::Trace, since: u64) -> String {
    let mut query = format!("since={since}");
    if let Some(why) = &args.why {
        let _ = write!(query, "&why={why}");
    }
    if let Some(class) = args.class {
        let _ = write!(query, "&class={class}");
    }
    query
}

/// The table and the waterfalls of those that were named, or of the slowest.
fn shown(Flows { mut flows, missed }: Flows, args: &args::Trace) -> Result<String, String> {
    if flows.is_empty() {
        return Ok("no flow has been kept; which are, the settings under `traces.` say".to_owned());
    }
    flows.sort_by(|one, other| other.total_us.total_cmp(&one.total_us));
    let named: Vec<&Flow> = match args.flows.is_empty() {
        true => flows.iter().take(1).collect(),
        false => flows.iter().filter(|flow| args.flows.contains(&flow.flow)).collect(),
    };
    if named.is_empty() {
        return Err(format!("no flow that is kept has the number {}", args.flows.join(" or ")));
    }
    let mut text = String::new();
    if args.flows.is_empty() {
        text += &table(&flows, args.limit);
        if missed > 0 {
            let _ = writeln!(text, "{missed} more were to be kept and were not: too many were");
        }
        text.push('\n');
    }
    text += &named.into_iter().map(waterfall).collect::<Vec<_>>().join("\n");
    Ok(text)
}

/// The slowest first.
fn table(flows: &[Flow], limit: usize) -> String {
    let mut text = format!(
        "{:>20} {:8} {:>5} {:9} {:>9} {:16} longest in\n",
        "FLOW", "KEPT FOR", "CLASS", "ENDED", "TOOK", "ENDED IN"
    );
    for flow in flows.iter().take(limit) {
        let (took, longest) = (time(flow.total_us), longest(flow));
        let Flow { flow, why, class, end, ended_in, .. } = flow;
        let _ = writeln!(
            text,
            "{flow:>20} {why:8} {class:>5} {end:9} {took:>9} {ended_in:16} {longest}"
        );
    }
    text
}

/// The stage that took most of the time, with its queue.
fn longest(flow: &Flow) -> &str {
    let took = |step: &&FlowStep| step.ended_us - step.queued_us;
    let own = flow.steps.iter().filter(|step| !step.forked);
    own.max_by(|one, other| took(one).total_cmp(&took(other))).map_or("-", |step| &step.stage)
}

/// Where the time of a flow went: a line a step, `.` while it waited and `#` while its batch was
/// handled.
fn waterfall(flow: &Flow) -> String {
    let Flow { flow: number, why, end, ended_in, .. } = flow;
    let took = time(flow.total_us);
    let mut text = format!("flow {number}: {why}, {end} in {ended_in}, {took}");
    if !flow.trace.is_empty() {
        let _ = write!(text, ", trace {}, span {}", flow.trace, flow.span);
    }
    text.push('\n');
    let total = flow.steps.iter().map(|step| step.ended_us).fold(flow.total_us, f64::max);
    let wide = flow.steps.iter().map(|step| step.stage.chars().count()).max().unwrap_or_default();
    for step in &flow.steps {
        let at = |us: f64| match total > 0.0 {
            true => ((us / total).clamp(0.0, 1.0) * BARS as f64).round() as usize,
            false => 0,
        };
        let (queued, started) = (at(step.queued_us), at(step.started_us));
        // Each step is seen, however short.
        let queued = queued.min(BARS - 1);
        let started = started.clamp(queued, BARS - 1);
        let ended = at(step.ended_us).clamp(started + 1, BARS);
        let bar: String = (0..BARS)
            .map(|n| match n {
                n if n < queued || n >= ended => ' ',
                n if n < started => '.',
                _ => '#',
            })
            .collect();
        let waited = time(step.started_us - step.queued_us);
        let handled = time(step.ended_us - step.started_us);
        let beside = if step.forked { ", beside it" } else { "" };
        let FlowStep { stage, domain, worker, batch, kind, .. } = step;
        let about = format!("{domain}/{worker} {kind} ×{batch}{beside}");
        let _ = writeln!(text, "  {stage:wide$} |{bar}| {waited:>7} + {handled:>7}  {about}");
    }
    if flow.lost > 0 {
        let _ = writeln!(text, "  and {} steps that are not known", flow.lost);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(stage: &str, [queued_us, started_us, ended_us]: [f64; 3]) -> FlowStep {
        let (stage, domain, kind) = (stage.to_owned(), "cpu".to_owned(), "handled".to_owned());
        FlowStep {
            stage,
            domain,
            kind,
            queued_us,
            started_us,
            ended_us,
            batch: 3,
            ..FlowStep::default()
        }
    }

    fn flow(number: u64, total_us: f64) -> Flow {
        let steps =
            vec![step("in", [0.0, 0.0, 10.0]), step("work", [10.0, total_us / 2.0, total_us])];
        let (flow, why, end) = (number.to_string(), "slow".to_owned(), "finished".to_owned());
        let ended_in = "work".to_owned();
        Flow { number, flow, why, end, ended_in, total_us, steps, ..Flow::default() }
    }

    #[test]
    fn a_waterfall_shows_where_a_flow_waited_and_was_handled() {
        let expected = "\
flow 7: slow, finished in work, 20ms
  in   |#                                       | 0 + 10us cpu/0 handled ×3
  work |....................####################| 10ms + 10ms cpu/0 handled ×3
";
        let shown = waterfall(&flow(7, 20_000.0));
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(plain(&shown), plain(expected));
        for line in shown.lines().skip(1) {
            assert_eq!(line.split('|').nth(1).map(|bar| bar.chars().count()), Some(BARS), "{line}");
        }
    }

    #[test]
    fn the_slowest_is_drawn_and_all_are_listed_unless_others_are_named() {
        let args = |flows: &[&str]| args::Trace {
            flows: flows.iter().map(|flow| (*flow).to_owned()).collect(),
            admin: args::Admin { address: "127.0.0.1:1".parse().unwrap(), token_file: None },
            why: None,
            class: None,
            limit: 2,
            chrome: None,
            follow: false,
        };
        let flows = || Flows { flows: vec![flow(1, 5.0), flow(2, 9.0), flow(3, 7.0)], missed: 4 };
        let all = shown(flows(), &args(&[])).unwrap();
        let numbers: Vec<_> = all.lines().map(|line| line.split_whitespace().next()).collect();
        assert_eq!(numbers[..4], [Some("FLOW"), Some("2"), Some("3"), Some("4")], "{all}");
        assert!(all.contains("flow 2: ") && !all.contains("flow 3: "), "{all}");
        let one = shown(flows(), &args(&["3"])).unwrap();
        assert!(one.starts_with("flow 3: "), "{one}");
        assert!(shown(flows(), &args(&["9"])).is_err());
        let none = shown(Flows::default(), &args(&[])).unwrap();
        assert!(none.starts_with("no flow has been kept"), "{none}");
    }
}
