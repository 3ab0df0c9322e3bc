//! The check of a net as a whole.

use super::graph::{circles_of_waits, fused_circles};
use crate::event::StageId;
use crate::net::{Domain, Fault, Faults, Kind, LETTERS, Net, OnFull, Routing, WireSpec, Wiring};
use crate::run::{GROUP, READY_BITS};
use std::collections::{HashMap, HashSet};

/// Stages of a domain where a worker needs a ready bit for each: in a pool, under a policy, and
/// where an inlet has an order or a law.
const CHOSEN_STAGES: usize = READY_BITS;
/// Else: as many as there are in as many groups.
const STAGES_PER_DOMAIN: usize = READY_BITS * GROUP;
/// Stages and workers are named by 16 bits, of which the highest values mean something else.
const NAMES: usize = u16::MAX as usize - 8;
/// The key of a question names its port by 8 bits.
const PORTS: usize = 256;

pub(crate) fn check(net: &Net) -> Result<(), Faults> {
    let mut faults = Vec::new();
    size(net, &mut faults);
    if faults.is_empty() {
        names(net, &mut faults);
        domains(net, &mut faults);
        stages(net, &mut faults);
        ports(net, &mut faults);
        let wiring = Wiring::new(net.stages.iter().map(|stage| stage.ports.len()), &net.wires);
        wires(net, &wiring, &mut faults);
        let name = |&stage: &usize| net.stages[stage].name.clone();
        let through = |circle: Vec<usize>| circle.iter().map(name).collect();
        let waits = circles_of_waits(net, &wiring).into_iter().map(through);
        faults.extend(waits.map(|through| Fault::CycleOfWaits { through }));
        let fused = fused_circles(net).into_iter().map(through);
        faults.extend(fused.map(|through| Fault::FusedCircle { through }));
    }
    if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
}

fn size(net: &Net, faults: &mut Vec<Fault>) {
    let workers = net.domains.iter().map(|domain| domain.threads).sum();
    let ports = net.stages.iter().map(|stage| stage.ports.len()).max().unwrap_or(0);
    for (what, found, limit) in [
        ("stages", net.stages.len(), NAMES),
        ("workers", workers, NAMES),
        ("ports at one stage", ports, PORTS),
    ] {
        if found > limit {
            faults.push(Fault::TooLarge { what, found, limit });
        }
    }
}

fn names(net: &Net, faults: &mut Vec<Fault>) {
    let mut known = HashSet::new();
    for stage in &net.stages {
        if !known.insert(&stage.name) {
            faults.push(Fault::SameStageName { name: stage.name.clone() });
        }
    }
    known.clear();
    for domain in &net.domains {
        if !known.insert(&domain.name) {
            faults.push(Fault::SameDomainName { name: domain.name.clone() });
        }
    }
}

fn domains(net: &Net, faults: &mut Vec<Fault>) {
    for (n, domain) in net.domains.iter().enumerate() {
        if domain.threads == 0 || domain.least == 0 {
            faults.push(Fault::NoThreads { domain: domain.name.clone() });
        }
        let stages = || net.stages.iter().filter(|s| s.domain.is_some_and(|d| d.0 == n));
        let found = stages().count();
        let plain = domain.kind == Kind::Pinned && domain.policy.is_none();
        let limit = match plain && stages().all(|stage| stage.gating.is_none()) {
            true => STAGES_PER_DOMAIN,
            false => CHOSEN_STAGES,
        };
        let stages: Vec<&str> = stages().map(|stage| stage.name.as_str()).collect();
        if found > limit {
            faults.push(Fault::TooManyStages { domain: domain.name.clone(), found, limit });
        } else if let Some(Err(why)) = domain.policy.as_ref().map(|make| make().start(&stages)) {
            faults.push(Fault::PolicyDoesNotFit { domain: domain.name.clone(), why });
        }
    }
}

fn stages(net: &Net, faults: &mut Vec<Fault>) {
    let asks = net.wires.iter().filter(|wire| wire.window.is_some());
    let askers: HashSet<usize> = asks.map(|wire| wire.from.0.index()).collect();
    let mut letters = HashMap::new();
    let own = |wire: &&WireSpec| wire.copy_of.is_none() && net.are_letters(wire.from);
    for wire in net.wires.iter().filter(own) {
        *letters.entry(wire.from.0.index()).or_insert(0) += 1;
    }
    for (n, stage) in net.stages.iter().enumerate() {
        let name = || stage.name.clone();
        for (bound, value) in [
            ("queue", stage.capacity),
            ("batch", stage.batch.unwrap_or(1)),
            ("emits", stage.emits),
            ("panics in a row", stage.supervision.in_a_row as usize),
        ] {
            if value == 0 {
                faults.push(Fault::ZeroBound { at: name(), bound });
            }
        }
        match letters.get(&n).copied().unwrap_or(0) {
            0 if stage.supervision.diverts => {
                faults.push(Fault::DivertsWithoutLetters { stage: name() });
            }
            0 | 1 => {}
            _ => faults.push(Fault::WiredTwice { stage: name(), port: LETTERS }),
        }
        let Some(domain) = stage.domain else {
            faults.push(Fault::Homeless { stage: name() });
            continue;
        };
        let asks = askers.contains(&n) || stage.flows > 0;
        if net.domains[domain.0].kind == Kind::Pool && asks {
            faults.push(Fault::AskerInPool { stage: name() });
        }
    }
}

fn ports(net: &Net, faults: &mut Vec<Fault>) {
    let sealed: HashSet<_> = net.sealed.iter().collect();
    let mut wires: Vec<_> = net.stages.iter().map(|stage| vec![0; stage.ports.len()]).collect();
    let own = |wire: &&WireSpec| wire.copy_of.is_none() && !net.are_letters(wire.from);
    for wire in net.wires.iter().filter(own) {
        wires[wire.from.0.index()][wire.from.1] += 1;
    }
    for (n, stage) in net.stages.iter().enumerate() {
        for (number, &port) in stage.ports.iter().enumerate() {
            let stage = || stage.name.clone();
            match wires[n][number] {
                0 if sealed.contains(&(StageId(n as u16), number)) => {}
                0 => faults.push(Fault::Unwired { stage: stage(), port }),
                1 => {}
                _ => faults.push(Fault::WiredTwice { stage: stage(), port }),
            }
        }
    }
}

fn wires(net: &Net, wiring: &Wiring, faults: &mut Vec<Fault>) {
    let windowed = net.wires.iter().filter(|wire| wire.window.is_some());
    let windowed: HashSet<_> = windowed.map(|wire| wire.from).collect();
    let returned: HashSet<_> = net.wires.iter().filter_map(|wire| wire.returns).collect();
    let port = |(stage, port): (StageId, usize)| {
        let stage = &net.stages[stage.index()];
        format!("{}.{}", stage.name, stage.port(port))
    };
    for wire in net.wires.iter().filter(|wire| wire.copy_of.is_none()) {
        let sheds = matches!(wire.on_full, OnFull::ShedNewest | OnFull::ShedOldest);
        let branches = wire.branches.iter().map(|&n| &net.wires[n]);
        let to_itself = std::iter::once(wire).chain(branches).any(|one| one.to == wire.from.0);
        let waits = !sheds || wire.window.is_some() || to_itself;
        if net.are_letters(wire.from) && waits {
            faults.push(Fault::LettersWait { wire: port(wire.from) });
            continue;
        }
        let does_not_fit = |why: Option<String>, fault: fn(String, String) -> Fault| {
            why.map(|why| fault(port(wire.from), why))
        };
        faults.extend(does_not_fit(route_does_not_fit(net, wire), |wire, why| {
            Fault::RouteDoesNotFit { wire, why }
        }));
        faults.extend(does_not_fit(tee_does_not_fit(net, wire), |wire, why| {
            Fault::TeeDoesNotFit { wire, why }
        }));
        if wire.window == Some(0) {
            faults.push(Fault::ZeroBound { at: port(wire.from), bound: "window" });
        }
        if wire.window.is_some() && !returned.contains(&wire.from) {
            faults.push(Fault::WindowWithoutReturn { wire: port(wire.from) });
        }
        if let Some(asked) = wire.returns {
            let asker = &net.stages[asked.0.index()];
            if asked.0 != wire.to {
                let to = net.stages[wire.to.index()].name.clone();
                let (wire, asked) = (port(wire.from), port(asked));
                faults.push(Fault::ReturnsElsewhere { wire, to, asked });
            } else if !windowed.contains(&asked) && asker.flows == 0 {
                let (wire, asked) = (port(wire.from), port(asked));
                faults.push(Fault::ReturnWithoutPlace { wire, asked });
            }
        }
        if let Some(why) = wire.fused.then(|| unfusable(net, wire)).flatten() {
            faults.push(Fault::CannotFuse { wire: port(wire.from), why });
        }
        match wire.divert {
            Some(other) if other.0 != wire.from.0 || other == wire.from => {
                faults.push(Fault::DivertsNowhere { wire: port(wire.from) });
            }
            None if wire.on_full == OnFull::Divert => {
                faults.push(Fault::DivertWithoutPort { wire: port(wire.from) });
            }
            Some(_) if diverts_to_itself(net, wiring, wire) => {
                faults.push(Fault::DivertsInCircle { wire: port(wire.from) });
            }
            _ => {}
        }
    }
}

/// What keeps a wire from being fused.
pub(super) fn unfusable(net: &Net, wire: &WireSpec) -> Option<&'static str> {
    let (from, to) = (&net.stages[wire.from.0.index()], &net.stages[wire.to.index()]);
    let pinned = |domain: Domain| net.domains[domain.0].kind == Kind::Pinned;
    if from.domain != to.domain || !to.domain.is_none_or(pinned) {
        Some("its stages are not in one pinned domain")
    } else if to.gating.is_some() {
        Some("its inlet has a gate or an order, which needs a queue")
    } else if wire.window.is_some() {
        Some("it has a window")
    } else if net.are_letters(wire.from) {
        Some("it carries letters")
    } else if wire.routing != Routing::Home {
        Some("it chooses the replica")
    } else if wire.copy_of.is_some() || !wire.branches.is_empty() {
        Some("it leads to several stages")
    } else {
        None
    }
}

/// Why a wire cannot choose the replica.
fn route_does_not_fit(net: &Net, wire: &WireSpec) -> Option<String> {
    let how = match wire.routing {
        Routing::Home => return None,
        routing => routing.name(),
    };
    let to = &net.stages[wire.to.index()];
    if wire.returns.is_some() {
        return Some(format!("is {how}, but brings answers, which go to the replica that asked"));
    }
    let pool = to.domain.is_some_and(|domain| net.domains[domain.0].kind == Kind::Pool);
    pool.then(|| format!("is {how}, but the threads of the pool of `{}` share one queue", to.name))
}

/// Why a wire cannot send its events to all of its stages or to none.
fn tee_does_not_fit(net: &Net, wire: &WireSpec) -> Option<String> {
    let tees = || wire.branches.iter().map(|&n| &net.wires[n]).filter(|branch| branch.is_tee());
    tees().next()?;
    for (n, branch) in std::iter::once(wire).chain(tees()).enumerate() {
        let to = &net.stages[branch.to.index()];
        if to.gating.is_some() {
            return Some(format!("has a tee, but `{}` chooses among its events", to.name));
        }
        if std::iter::once(wire).chain(tees()).take(n).any(|other| other.to == branch.to) {
            return Some(format!("leads to `{}` twice", to.name));
        }
    }
    if wire.returns.is_some() {
        return Some("has a tee, but brings answers, which never wait".to_owned());
    }
    if wire.window.is_some() {
        return Some("has a tee, but asks over a window".to_owned());
    }
    (wire.on_full == OnFull::ShedOldest).then(|| "has a tee, but sheds the oldest".to_owned())
}

/// Whether what a wire diverts comes back to it.
fn diverts_to_itself(net: &Net, wiring: &Wiring, wire: &WireSpec) -> bool {
    let next = |from: Option<_>| net.wires[wiring.wire(from?)?].divert;
    let mut at = wire.divert;
    // A wire diverts within its stage.
    for _ in 0..net.stages[wire.from.0.index()].ports.len() {
        if at == Some(wire.from) {
            return true;
        }
        at = next(at);
    }
    false
}
