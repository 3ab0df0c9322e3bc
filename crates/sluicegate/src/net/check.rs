//! The check of a net as a whole.

use super::graph::circles_of_waits;
use crate::event::StageId;
use crate::net::{Fault, Faults, Kind, Net, OnFull, WireSpec, Wiring};
use crate::run::{GROUP, READY_BITS};
use std::collections::HashSet;

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
        faults.extend(
            circles_of_waits(net, &wiring)
                .iter()
                .map(|circle| Fault::CycleOfWaits { through: circle.iter().map(name).collect() }),
        );
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
    for (n, stage) in net.stages.iter().enumerate() {
        let name = || stage.name.clone();
        for (bound, value) in
            [("queue", stage.capacity), ("batch", stage.batch.unwrap_or(1)), ("emits", stage.emits)]
        {
            if value == 0 {
                faults.push(Fault::ZeroBound { at: name(), bound });
            }
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
    for wire in &net.wires {
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
        format!("{}.{}", stage.name, stage.ports[port])
    };
    for wire in &net.wires {
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
