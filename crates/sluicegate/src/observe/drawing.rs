//! A net drawn as text, for Mermaid and for Graphviz.

use crate::net::Routing;
use crate::observe::{Snapshot, WireView};
use std::collections::BTreeMap;
use std::fmt::Write;

impl Snapshot {
    /// The net as a flowchart for Mermaid: a box a domain, an arrow a wire, dashed where it brings
    /// answers, bold where it is fused. It is what `sluicegate graph` prints.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Net, Out, Sim, from_fn, stage};
    ///
    /// let mut net = Net::new("two");
    /// let cpu = net.domain("cpu").pinned(2);
    /// let relay = || {
    ///     from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
    ///         batch.for_each(|event| cx.out.emit(event));
    ///     })
    /// };
    /// let [one, two] = ["one", "two"].map(|name| net.add(stage(name, relay).on(cpu)));
    /// net.wire(one.out, two.inlet).keyed(|n| n % 10);
    /// net.seal(two.out);
    /// let drawn = Sim::new(net, 1)?.snapshot().mermaid();
    /// assert!(drawn.starts_with("flowchart LR\n  subgraph domain_cpu[\"cpu: pinned 2\"]"));
    /// assert!(drawn.ends_with("stage_one -->|\"out, keyed\"| stage_two"));
    /// # Ok::<(), sluicegate::StartError>(())
    /// ```
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (domain, (kind, stages)) in self.domains() {
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(text, "  subgraph {}[\"{domain}: {kind}\"]", id("domain", domain));
            for stage in stages {
                let _ = writeln!(text, "    {}[\"{stage}\"]", id("stage", stage));
            }
            text.push_str("  end\n");
        }
        for wire in &self.wires {
            let arrow = match (&wire.returns, wire.fused) {
                (Some(_), _) => "-.->",
                (None, true) => "==>",
                (None, false) => "-->",
            };
            let [from, to] = [&wire.from, &wire.to].map(|stage| id("stage", stage));
            let label = wire.label();
            let _ = writeln!(text, "  {from} {arrow}|\"{label}\"| {to}");
        }
        text.trim_end().to_owned()
    }

    /// The same as a digraph for Graphviz.
    pub fn dot(&self) -> String {
        let mut text = format!("digraph \"{}\" {{\n  rankdir=LR\n  node [shape=box]\n", self.name);
        for (domain, (kind, stages)) in self.domains() {
            let (cluster, label) = (format!("cluster_{domain}"), format!("{domain}: {kind}"));
            let _ = writeln!(text, "  subgraph \"{cluster}\" {{\n    label=\"{label}\"");
            for stage in stages {
                let _ = writeln!(text, "    \"{stage}\"");
            }
            text.push_str("  }\n");
        }
        for wire in &self.wires {
            let style = match (&wire.returns, wire.fused) {
                (Some(_), _) => ", style=dashed",
                (None, true) => ", style=bold",
                (None, false) => "",
            };
            let (from, to, label) = (&wire.from, &wire.to, wire.label());
            let _ = writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{label}\"{style}]");
        }
        text + "}"
    }

    /// Domains in the order of their names: what they are, and their stages.
    fn domains(&self) -> BTreeMap<&str, (String, Vec<&str>)> {
        let mut domains = BTreeMap::new();
        for stage in &self.stages {
            let kind = || (format!("{} {}", stage.kind, stage.replicas), Vec::new());
            let (_, stages) = domains.entry(stage.domain.as_str()).or_insert_with(kind);
            stages.push(stage.name.as_str());
        }
        domains
    }
}

impl WireView {
    /// The port, and what is special about the wire.
    fn label(&self) -> String {
        let mut label = self.port.to_owned();
        let mut add = |words: &str| label.extend([", ", words]);
        self.copies.iter().for_each(|copies| add(copies.name()));
        if self.routing != Routing::Home {
            add(self.routing.name());
        }
        match (self.window, &self.returns) {
            (Some(window), _) => add(&format!("window {window}")),
            (None, Some(asked)) => add(&format!("answers {asked}")),
            (None, None) => {}
        }
        if self.fused {
            add("fused");
        }
        label
    }
}

/// Mermaid's names are letters, digits and underscores. Domains and stages share them, and `end` is
/// one of several words of its own.
fn id(kind: &str, name: &str) -> String {
    format!("{kind}_{}", name.replace(|c: char| !c.is_alphanumeric(), "_"))
}
