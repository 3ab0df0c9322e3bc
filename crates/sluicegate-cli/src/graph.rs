//! `sluicegate graph`: the net of a configuration as Mermaid, Graphviz or JSON.
use crate::args::Format;
use crate::{config, say, settings};
use sluicegate::{Snapshot, WireView};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Draws the net that `serve` would run with this file, without running it.
///
/// # Errors
/// One sentence about why there is no such net.
pub fn draw(file: Option<&Path>, format: Format) -> Result<ExitCode, String> {
    let config = config(&settings(file)?)?;
    let net = sluicegate_web::plan(&config).map_err(|error| error.to_string())?;
    say(&match format {
        Format::Mermaid => mermaid(&net),
        Format::Dot => dot(&net),
        Format::Json => format!("{:#}", sluicegate_web::net_json(&net)),
    });
    Ok(ExitCode::SUCCESS)
}

fn mermaid(net: &Snapshot) -> String {
    let mut text = String::from("flowchart LR\n");
    for (domain, (kind, stages)) in domains(net) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "  subgraph {domain}[\"{domain}: {kind}\"]");
        for stage in stages {
            let _ = writeln!(text, "    {}[{stage}]", id(stage));
        }
        text.push_str("  end\n");
    }
    for wire in &net.wires {
        let arrow = match (&wire.returns, wire.fused) {
            (Some(_), _) => "-.->",
            (None, true) => "==>",
            (None, false) => "-->",
        };
        let (from, label, to) = (id(&wire.from), label(wire), id(&wire.to));
        let _ = writeln!(text, "  {from} {arrow}|\"{label}\"| {to}");
    }
    text.trim_end().to_owned()
}

fn dot(net: &Snapshot) -> String {
    let mut text = format!("digraph \"{}\" {{\n  rankdir=LR\n  node [shape=box]\n", net.name);
    for (domain, (kind, stages)) in domains(net) {
        let _ =
            writeln!(text, "  subgraph \"cluster_{domain}\" {{\n    label=\"{domain}: {kind}\"");
        for stage in stages {
            let _ = writeln!(text, "    \"{stage}\"");
        }
        text.push_str("  }\n");
    }
    for wire in &net.wires {
        let style = match (&wire.returns, wire.fused) {
            (Some(_), _) => ", style=dashed",
            (None, true) => ", style=bold",
            (None, false) => "",
        };
        let (from, to, label) = (&wire.from, &wire.to, label(wire));
        let _ = writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{label}\"{style}]");
    }
    text + "}"
}

/// Domains in the order of their names: what they are, and their stages.
fn domains(net: &Snapshot) -> BTreeMap<&str, (String, Vec<&str>)> {
    let mut domains = BTreeMap::new();
    for stage in &net.stages {
        let kind = || (format!("{} {}", stage.kind, stage.replicas), Vec::new());
        let (_, stages) = domains.entry(stage.domain.as_str()).or_insert_with(kind);
        stages.push(stage.name.as_str());
    }
    domains
}

/// The port, and what the wire does when it cannot deliver.
fn label(wire: &WireView) -> String {
    let fused = if wire.fused { ", fused" } else { "" };
    match (wire.window, &wire.returns) {
        (Some(window), _) => format!("{}, window {window}", wire.port),
        (None, Some(asked)) => format!("{}, answers {asked}{fused}", wire.port),
        (None, None) => format!("{}{fused}", wire.port),
    }
}

/// Mermaid's names have no dashes.
fn id(stage: &str) -> String {
    stage.replace('-', "_")
}
