//! `sluicegate graph`: the net of a configuration, or of a service that runs, as Mermaid, Graphviz
//! or JSON.

use crate::args::{self, Format};
use crate::ask::{Admin, wait};
use crate::{config, say, settings};
use sluicegate::{Drawing, DrawnStage, DrawnWire};
use sluicegate_admin::model::{Net, Stage, Wire};
use sluicegate_admin::{StageRates, WireRates, rates};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long a net is watched before it is drawn.
const WATCHED: Duration = Duration::from_secs(1);

/// Draws the net that `serve` would run with this file, without running it.
///
/// # Errors
/// One sentence about why there is no such net.
pub fn draw(file: Option<&Path>, format: Format) -> Result<ExitCode, String> {
    let config = config(&settings(file)?)?;
    let net = sluicegate_web::plan(&config).map_err(|error| error.to_string())?;
    say(&match format {
        Format::Mermaid => net.mermaid(),
        Format::Dot => net.dot(),
        Format::Json => format!("{:#}", serde_json::json!(Net::from(&net))),
    });
    Ok(ExitCode::SUCCESS)
}

/// Draws the net that runs, with what its wires carried for a second.
///
/// # Errors
/// One sentence about why it cannot be seen.
pub fn live(admin: &args::Admin, format: Format) -> Result<ExitCode, String> {
    let admin = Admin::new(admin)?;
    let (_, before) = admin.net()?;
    wait(WATCHED);
    let (text, now) = admin.net()?;
    say(&match format {
        Format::Mermaid => drawing(&before, &now).mermaid(),
        Format::Dot => drawing(&before, &now).dot(),
        Format::Json => {
            let json: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| error.to_string())?;
            format!("{json:#}")
        }
    });
    Ok(ExitCode::SUCCESS)
}

fn drawing(before: &Net, now: &Net) -> Drawing {
    let rates = rates(before, now);
    let stages = now.stages.iter().zip(&rates.stages).map(|(stage, rates)| drawn(stage, rates));
    let wires = now.wires.iter().zip(&rates.wires).map(|(wire, rates)| carries(wire, rates));
    Drawing { name: now.name.clone(), stages: stages.collect(), wires: wires.collect() }
}

fn drawn(stage: &Stage, rates: &StageRates) -> DrawnStage {
    let refused = match rates.refused_s {
        0.0 => String::new(),
        refused => format!(", {refused:.0}/s refused"),
    };
    let (served, queued, capacity) = (rates.served_s, stage.queued, stage.capacity);
    let busy = rates.utilisation * 100.0;
    DrawnStage {
        name: stage.name.clone(),
        domain: stage.domain.clone(),
        kind: format!("{} {}", stage.kind, stage.replicas),
        note: format!("{busy:.0} % busy, {queued} of {capacity} wait, {served:.0}/s{refused}"),
    }
}

fn carries(wire: &Wire, rates: &WireRates) -> DrawnWire {
    let held = if wire.held > 0 { format!(", {} held", wire.held) } else { String::new() };
    let special = !wire.routing.is_empty() && wire.routing != "home";
    DrawnWire {
        from: wire.from.clone(),
        port: wire.port.clone(),
        to: wire.to.clone(),
        copies: wire.copies.clone(),
        routing: special.then(|| wire.routing.clone()),
        window: wire.window,
        answers: wire.answers.clone(),
        fused: wire.fused,
        note: format!("{:.0}/s{held}", rates.sent_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_net_that_runs_is_drawn_with_its_rates() {
        let net = |at: u64, served: u64, queued: u64| {
            let text = format!(
                r#"{{"name": "n", "time_ms": {at}, "stages": [
                {{"name": "a", "domain": "d", "kind": "pinned", "replicas": 2, "capacity": 8,
                    "served": {served}, "queued": {queued}}},
                {{"name": "b", "domain": "d", "kind": "pinned", "replicas": 2, "capacity": 8}}],
                "wires": [{{"from": "a", "port": "out", "to": "b", "routing": "keyed",
                    "sent": {served}, "held": {queued}}}]}}"#
            );
            Net::from_json(&text).expect("a net")
        };
        let drawing = drawing(&net(0, 0, 0), &net(2000, 100, 3));
        let expected = "flowchart LR\n  subgraph domain_d[\"d: pinned 2\"]\n    \
            stage_a[\"a<br>0 % busy, 3 of 8 wait, 50/s\"]\n    \
            stage_b[\"b<br>0 % busy, 0 of 8 wait, 0/s\"]\n  end\n  \
            stage_a -->|\"out, keyed, 50/s, 3 held\"| stage_b";
        assert_eq!(drawing.mermaid(), expected);
        assert!(drawing.dot().contains("\"a\" [label=\"a\\n0 % busy, 3 of 8 wait, 50/s\"]"));
    }
}
