//! A net drawn as text, for Mermaid and for Graphviz.

use crate::net::Routing;
use crate::observe::Snapshot;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What is drawn of a net: for who knows it from elsewhere, or has more to say of it than its
/// [`Snapshot`] draws.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// The net's name.
    pub name: String,
    /// Its stages.
    pub stages: Vec<DrawnStage>,
    /// Its wires.
    pub wires: Vec<DrawnWire>,
}

/// A stage that is drawn.
#[derive(Clone, Debug, Default)]
pub struct DrawnStage {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// What the domain is, such as `pinned 2`.
    pub kind: String,
    /// What stands below its name, if anything.
    pub note: String,
}

/// A wire that is drawn.
#[derive(Clone, Debug, Default)]
pub struct DrawnWire {
    /// The stage that sends.
    pub from: String,
    /// Its port.
    pub port: String,
    /// The stage that listens.
    pub to: String,
    /// How it gets copies of another wire's events, if it does.
    pub copies: Option<String>,
    /// How it chooses a replica, if that is special.
    pub routing: Option<String>,
    /// The most questions of a replica that may be unanswered.
    pub window: Option<u64>,
    /// The port whose answers it brings.
    pub answers: Option<String>,
    /// Whether it is a call.
    pub fused: bool,
    /// What stands behind the rest, if anything.
    pub note: String,
}

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
        self.drawing().mermaid()
    }

    /// The same as a digraph for Graphviz.
    pub fn dot(&self) -> String {
        self.drawing().dot()
    }

    fn drawing(&self) -> Drawing {
        let stages = self.stages.iter().map(|stage| DrawnStage {
            name: stage.name.clone(),
            domain: stage.domain.clone(),
            kind: format!("{} {}", stage.kind, stage.replicas),
            note: String::new(),
        });
        let wires = self.wires.iter().map(|wire| DrawnWire {
            from: wire.from.clone(),
            port: wire.port.to_owned(),
            to: wire.to.clone(),
            copies: wire.copies.map(|copies| copies.name().to_owned()),
            routing: (wire.routing != Routing::Home).then(|| wire.routing.name().to_owned()),
            window: wire.window.map(|window| window as u64),
            answers: wire.returns.clone(),
            fused: wire.fused,
            note: String::new(),
        });
        Drawing { name: self.name.clone(), stages: stages.collect(), wires: wires.collect() }
    }
}

impl Drawing {
    /// As a flowchart for Mermaid; see [`Snapshot::mermaid`].
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (domain, (kind, stages)) in self.domains() {
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(text, "  subgraph {}[\"{domain}: {kind}\"]", id("domain", domain));
            for stage in stages {
                let (id, label) = (id("stage", &stage.name), stage.label("<br>"));
                let _ = writeln!(text, "    {id}[\"{label}\"]");
            }
            text.push_str("  end\n");
        }
        for wire in &self.wires {
            let arrow = match (&wire.answers, wire.fused) {
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

    /// As a digraph for Graphviz; see [`Snapshot::dot`].
    pub fn dot(&self) -> String {
        let mut text = format!("digraph \"{}\" {{\n  rankdir=LR\n  node [shape=box]\n", self.name);
        for (domain, (kind, stages)) in self.domains() {
            let (cluster, label) = (format!("cluster_{domain}"), format!("{domain}: {kind}"));
            let _ = writeln!(text, "  subgraph \"{cluster}\" {{\n    label=\"{label}\"");
            for stage in stages {
                let label = if stage.note.is_empty() {
                    String::new()
                } else {
                    format!(" [label=\"{}\"]", stage.label("\\n"))
                };
                let _ = writeln!(text, "    \"{}\"{label}", stage.name);
            }
            text.push_str("  }\n");
        }
        for wire in &self.wires {
            let style = match (&wire.answers, wire.fused) {
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
    fn domains(&self) -> BTreeMap<&str, (&str, Vec<&DrawnStage>)> {
        let mut domains = BTreeMap::new();
        for stage in &self.stages {
            let kind = || (stage.kind.as_str(), Vec::new());
            let (_, stages) = domains.entry(stage.domain.as_str()).or_insert_with(kind);
            stages.push(stage);
        }
        domains
    }
}

impl DrawnStage {
    /// Its name, and below it what is to be said of it.
    fn label(&self, below: &str) -> String {
        match self.note.as_str() {
            "" => self.name.clone(),
            note => format!("{}{below}{note}", self.name),
        }
    }
}

impl DrawnWire {
    /// The port, and what is special about the wire.
    fn label(&self) -> String {
        let mut label = self.port.clone();
        let mut add = |words: &str| label.extend([", ", words]);
        self.copies.iter().for_each(|copies| add(copies));
        self.routing.iter().for_each(|routing| add(routing));
        match (self.window, &self.answers) {
            (Some(window), _) => add(&format!("window {window}")),
            (None, Some(asked)) => add(&format!("answers {asked}")),
            (None, None) => {}
        }
        if self.fused {
            add("fused");
        }
        if !self.note.is_empty() {
            add(&self.note);
        }
        label
    }
}

/// Mermaid's names are letters, digits and underscores. Domains and stages share them, and `end` is
/// one of several words of its own.
fn id(kind: &str, name: &str) -> String {
    format!("{kind}_{}", name.replace(|c: char| !c.is_alphanumeric(), "_"))
}
