//! What settings a net has: found when it is asked for, so that they cost nothing meanwhile.

use super::stage::{NUMBERS, Which};
use super::traces::Part;
use super::{Own, Setting, Value};
use crate::event::StageId;
use crate::net::{Kind, Net, WireSpec};
use crate::run::{Plan, PlannedDomain, PlannedStage};
use std::sync::atomic::Ordering::Relaxed;

/// The most questions that a window may be set to have unanswered, unless more were declared.
const WINDOW_MAX: u64 = 1 << 16;
/// The most threads that a domain may be set to have before the net runs.
const THREADS_MAX: u64 = 1 << 10;

/// A setting, and where its value is used.
pub(crate) struct Entry {
    pub setting: Setting,
    pub target: Target,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    Stage(StageId, Which),
    /// What the stage declares itself.
    Own(StageId, String),
    /// A setting of a law of the stage's gate.
    Law(StageId, &'static str, String),
    /// The window of a wire.
    Window(usize),
    Threads(usize, Bound),
    /// A setting of the policy of a domain.
    Policy(usize, String),
    /// Which single flows are kept.
    Traces(Part),
    /// Whether distributions are measured.
    Distributions,
}

/// Which number of a domain's threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// All of them: of pinned workers, and of a pool of a fixed size.
    All,
    /// The fewest and the most of a pool's that are on duty.
    Least,
    Most,
}

/// The settings of a net that does not run.
pub(crate) fn of_net(net: &Net) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (n, stage) in net.stages.iter().enumerate() {
        let id = StageId(n as u16);
        let kind = stage.domain.map_or(Kind::Pinned, |domain| net.domains[domain.0].kind);
        for number in &NUMBERS {
            let Some(value) = number.which.declared(stage, kind) else { continue };
            entries.push(of_stage(&stage.name, id, number, value, value));
        }
        for (law, own) in stage.gating.iter().flat_map(|gating| gating.settings()) {
            entries.push(of_law(&stage.name, id, law, &own, own.value));
        }
    }
    for (n, wire) in net.wires.iter().enumerate() {
        let from = &net.stages[wire.from.0.index()];
        entries.extend(of_wire((&from.name, from.port(wire.from.1)), n, wire, wire.window));
    }
    for (n, domain) in net.domains.iter().enumerate() {
        let numbers = (domain.least, domain.threads);
        entries.extend(of_domain(n, &domain.name, domain.kind, (numbers, numbers), false));
    }
    entries.extend(net.tracing.entries(&net.tracing));
    entries.push(of_distributions(net.measures));
    entries
}

/// The settings of a net that runs.
pub(crate) fn of_plan(plan: &Plan) -> Vec<Entry> {
    let mut entries = Vec::new();
    for stage in &plan.stages {
        of_planned(plan, stage, &mut entries);
    }
    for (n, wire) in plan.wires.iter().enumerate() {
        let from = &plan.stages[wire.from.0.index()];
        let now = from.directives.window(wire.from.1).or(wire.window);
        entries.extend(of_wire((&from.spec.name, from.port(wire.from.1)), n, wire, now));
    }
    for (n, domain) in plan.domains.iter().enumerate() {
        let numbers = ((domain.least, domain.threads), domain.range());
        entries.extend(of_domain(n, &domain.name, domain.kind, numbers, true));
        of_policy(n, domain, &mut entries);
    }
    entries.extend(plan.traces.declared.entries(&plan.traces.get()));
    entries.push(of_distributions(plan.measures.load(Relaxed)));
    entries
}

fn of_planned(plan: &Plan, stage: &PlannedStage, entries: &mut Vec<Entry>) {
    let (name, kind) = (&stage.spec.name, plan.domains[stage.domain].kind);
    for number in &NUMBERS {
        let Some(default) = number.which.declared(&stage.spec, kind) else { continue };
        let now = match number.which {
            Which::Capacity => stage.probes.first().map(|probe| probe.capacity().into()),
            which => stage.directives.number(which),
        };
        entries.push(of_stage(name, stage.id, number, default, now.unwrap_or(default)));
    }
    let declared = stage.spec.gating.iter().flat_map(|gating| gating.settings());
    let now = stage.probes.first().map(|probe| probe.settings()).unwrap_or_default();
    for ((law, own), (_, now)) in declared.zip(now) {
        entries.push(of_law(name, stage.id, law, &own, now.value));
    }
    stage.directives.each_own(|own, now| {
        let path = format!("stages.{name}.own.{}", own.name);
        let target = Target::Own(stage.id, own.name.clone());
        entries.push(Entry { setting: of_own(path, own, now), target });
    });
}

fn of_stage(
    name: &str,
    id: StageId,
    number: &super::stage::Number,
    default: Value,
    value: Value,
) -> Entry {
    let setting = Setting {
        path: format!("stages.{name}.{}", number.name),
        doc: number.doc,
        unit: number.unit,
        least: number.least,
        most: larger(number.most, default),
        default,
        value,
        live: number.live,
    };
    Entry { setting, target: Target::Stage(id, number.which) }
}

fn of_distributions(now: bool) -> Entry {
    let switch = |on: bool| Value::Count(on.into());
    let setting = Setting {
        path: "distributions.measured".to_owned(),
        doc: "Whether it is measured how long events wait and are handled, how large batches are, \
              and how long answers take: 1, or 0 for not.",
        unit: "",
        least: switch(false),
        most: switch(true),
        default: switch(true),
        value: switch(now),
        live: true,
    };
    Entry { setting, target: Target::Distributions }
}

fn of_law(name: &str, id: StageId, law: &'static str, own: &Own, now: Value) -> Entry {
    let path = format!("stages.{name}.gate.{law}.{}", own.name);
    let target = Target::Law(id, law, own.name.clone());
    Entry { setting: of_own(path, own, now), target }
}

fn of_own(path: String, own: &Own, value: Value) -> Setting {
    let Own { unit, doc, least, most, value: default, .. } = *own;
    Setting { path, doc, unit, least, most, default, value, live: true }
}

fn of_wire(
    (from, port): (&str, &str),
    n: usize,
    wire: &WireSpec,
    now: Option<usize>,
) -> Option<Entry> {
    let (default, value) = (Value::from(wire.window?), Value::from(now?));
    let setting = Setting {
        path: format!("wires.{from}.{port}.window"),
        doc: "The most questions of one replica that are unanswered. Those beyond a smaller number \
              are answered.",
        unit: "questions",
        least: Value::Count(1),
        most: larger(Value::Count(WINDOW_MAX), default),
        default,
        value,
        live: true,
    };
    Some(Entry { setting, target: Target::Window(n) })
}

/// The numbers are those that were declared, and those of now: the fewest threads, and the most.
fn of_domain(
    n: usize,
    name: &str,
    kind: Kind,
    ((least, most), now): ((usize, usize), (usize, usize)),
    runs: bool,
) -> Vec<Entry> {
    let entry = |bound, last, doc, default: usize, value: usize| {
        // A running pool has no more threads than it was started with.
        let highest = if runs { Value::from(most) } else { Value::Count(THREADS_MAX) };
        let setting = Setting {
            path: format!("domains.{name}.{last}"),
            doc,
            unit: "threads",
            least: Value::Count(1),
            most: larger(highest, default.into()),
            default: default.into(),
            value: value.into(),
            live: kind == Kind::Pool,
        };
        Entry { setting, target: Target::Threads(n, bound) }
    };
    match kind {
        Kind::Pinned => {
            vec![entry(Bound::All, "workers", "Workers, each with a thread.", most, now.1)]
        }
        Kind::Pool if least == most => {
            let doc = "Threads of the pool that take events; those there are beyond sleep.";
            vec![entry(Bound::All, "threads", doc, most, now.1)]
        }
        Kind::Pool => vec![
            entry(Bound::Least, "least", "The fewest threads on duty.", least, now.0),
            entry(Bound::Most, "most", "The most threads on duty.", most, now.1),
        ],
    }
}

fn of_policy(n: usize, domain: &PlannedDomain, entries: &mut Vec<Entry>) {
    domain.policy_settings.each(|own, now| {
        let path = format!("domains.{}.policy.{}", domain.name, own.name);
        let target = Target::Policy(n, own.name.clone());
        entries.push(Entry { setting: of_own(path, own, now), target });
    });
}

/// The settings of a queue that is no inlet, as those of a stage called `name`.
pub(crate) fn of_queue(
    name: &str,
    (declared, laws): &(usize, Vec<(&'static str, Own)>),
    (capacity, laws_now): (usize, Vec<(&'static str, Own)>),
) -> Vec<Setting> {
    let id = StageId(0);
    let queue = NUMBERS.iter().filter(|number| number.which == Which::Capacity);
    let queue = queue.map(|number| of_stage(name, id, number, (*declared).into(), capacity.into()));
    let laws = laws.iter().zip(laws_now);
    let laws = laws.map(|((law, own), (_, now))| of_law(name, id, law, own, now.value));
    queue.chain(laws).map(|entry| entry.setting).collect()
}

/// The law, and the setting of its own, that a path among those names.
pub(crate) fn part_of_queue<'a>(name: &str, path: &'a str) -> Option<(&'a str, &'a str)> {
    let gate = path.strip_prefix("stages.")?.strip_prefix(name)?.strip_prefix(".gate.")?;
    gate.split_once('.')
}

fn larger(one: Value, other: Value) -> Value {
    if other > one { other } else { one }
}
