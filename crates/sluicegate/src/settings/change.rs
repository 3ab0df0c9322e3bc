//! Changes of settings: all that were asked for together, or none.

use super::list::{Bound, Entry, Target};
use super::stage::Which;
use super::{Changed, Setting, SettingFault, SettingFaults, Value, of_net, of_plan};
use crate::net::Net;
use crate::observe::Observer;
use crate::run::Plan;
use std::sync::atomic::Ordering::Relaxed;

impl Observer {
    /// The settings of the net and their values now.
    pub fn settings(&self) -> Vec<Setting> {
        of_plan(&self.plan).into_iter().map(|entry| entry.setting).collect()
    }

    /// The setting with this path, if there is one.
    pub fn setting(&self, path: &str) -> Option<Setting> {
        self.settings().into_iter().find(|setting| setting.path == path)
    }

    /// Changes all of these settings, or none when one of them cannot be. `by` is who asks for it,
    /// for the [log](Self::changes).
    ///
    /// A replica goes by its new numbers from its next batch on, all of them together, a queue at
    /// once, and a law from when it looks next, within 10 ms. Nothing is lost by it: what waits
    /// beyond a smaller bound stays.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Net, Overload, Sim, bounded, from_fn, ms, stage};
    ///
    /// let mut net = Net::new("service");
    /// let cpu = net.domain("cpu").pinned(1);
    /// let end = || {
    ///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
    ///         batch.for_each(|event| event.split().0.finish());
    ///     })
    /// };
    /// let queue = bounded(1024).admit(Overload::p99(ms(50)));
    /// net.add(stage("handler", end).on(cpu).queue(queue));
    /// let sim = Sim::new(net, 1)?;
    /// let net = sim.observer();
    ///
    /// let target = "stages.handler.gate.overload.target";
    /// net.change("anna", &[(target, ms(20).into()), ("stages.handler.batch", 8.into())])?;
    /// assert_eq!(net.setting(target).map(|target| target.value), Some(ms(20).into()));
    ///
    /// let both = [(target, ms(30).into()), ("stages.handler.batch", 0.into())];
    /// let faults = net.change("anna", &both).unwrap_err();
    /// assert!(faults.to_string().contains("accepted: 1 to 4096 events"));
    /// assert_eq!(net.setting(target).map(|target| target.value), Some(ms(20).into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with each of those that cannot be changed so; then none was.
    pub fn change(&self, by: &str, changes: &[(&str, Value)]) -> Result<(), SettingFaults> {
        let plan = &*self.plan;
        let mut log = plan.changes.begin();
        let entries = of_plan(plan);
        let found = check_net(&entries, changes, true)?;
        apply(plan, &found);
        let told = found.iter().map(|(entry, value)| {
            let Setting { path, value: from, .. } = &entry.setting;
            (path.clone(), from.to_string(), value.to_string())
        });
        log.note(plan.clock.now(), by, told);
        Ok(())
    }

    /// What was changed while the net ran, the last 256 things, oldest first: settings, stages
    /// that were paused or replaced, laws that were frozen.
    pub fn changes(&self) -> Vec<Changed> {
        self.plan.changes.list()
    }
}

/// Changes settings of a net that does not run.
pub(crate) fn change_net(net: &mut Net, changes: &[(&str, Value)]) -> Result<(), SettingFaults> {
    let entries = of_net(net);
    for (entry, value) in check_net(&entries, changes, false)? {
        match &entry.target {
            Target::Stage(stage, which) => {
                which.declare(&mut net.stages[stage.index()].declared, value);
            }
            Target::Law(stage, law, name) => {
                let gating = &mut net.stages[stage.index()].declared.gating;
                gating.iter_mut().for_each(|gating| gating.declare(law, name, value));
            }
            Target::Window(wire) => net.wires[*wire].window = Some(value.count()),
            Target::Threads(domain, bound) => {
                let domain = &mut net.domains[*domain];
                match bound {
                    Bound::All => (domain.least, domain.threads) = (value.count(), value.count()),
                    Bound::Least => domain.least = value.count(),
                    Bound::Most => domain.threads = value.count(),
                }
            }
            Target::Traces(part) => net.tracing.set(*part, value),
            Target::Distributions => net.measures = value.count() > 0,
            // They are made with the threads.
            Target::Own(..) | Target::Policy(..) => {}
        }
    }
    Ok(())
}

/// What is meant by the changes of a net, or all that is wrong with them.
fn check_net<'a>(
    entries: &'a [Entry],
    changes: &[(&str, Value)],
    runs: bool,
) -> Result<Vec<(&'a Entry, Value)>, SettingFaults> {
    let (found, mut faults) = find(entries, |entry| &entry.setting, changes, runs);
    faults.extend(crossed(entries, &found));
    if faults.is_empty() { Ok(found) } else { Err(SettingFaults(faults)) }
}

/// What is meant by changes of settings that are all live and nothing to each other, or all that is
/// wrong with them.
pub(crate) fn check<'a>(
    settings: &'a [Setting],
    changes: &[(&str, Value)],
) -> Result<Vec<(&'a Setting, Value)>, SettingFaults> {
    let (found, faults) = find(settings, |setting| setting, changes, true);
    if faults.is_empty() { Ok(found) } else { Err(SettingFaults(faults)) }
}

/// Each change that can be made by itself, and what is wrong with the others.
fn find<'a, T>(
    all: &'a [T],
    setting: impl Fn(&'a T) -> &'a Setting + Copy,
    changes: &[(&str, Value)],
    runs: bool,
) -> (Vec<(&'a T, Value)>, Vec<SettingFault>) {
    let (mut found, mut faults) = (Vec::<(&T, Value)>::new(), Vec::new());
    for &(path, value) in changes {
        let Some(meant) = all.iter().find(|one| setting(one).path == path) else {
            let there = all.iter().map(|one| &*setting(one).path);
            faults.push(SettingFault::unknown(path, value, there));
            continue;
        };
        let Setting { least, most, live, .. } = setting(meant);
        let fits = value.like(*least).filter(|value| (*least..=*most).contains(value));
        if runs && !live {
            let restart = "it can be changed before the net runs only: by `Net::change`, or where \
                           it is declared";
            faults.push(SettingFault::new(path, value, restart));
        } else if found.iter().any(|(other, _)| setting(other).path == path) {
            faults.push(SettingFault::new(path, value, "it is given twice; give it one value"));
        } else if let Some(value) = fits {
            found.push((meant, value));
        } else {
            faults.push(SettingFault::out_of_range(setting(meant), value));
        }
    }
    (found, faults)
}

/// A pool whose fewest threads would be more than its most.
fn crossed(entries: &[Entry], found: &[(&Entry, Value)]) -> Vec<SettingFault> {
    let bound = |domain, bound| {
        let target = Target::Threads(domain, bound);
        let changed = found.iter().find(|(entry, _)| entry.target == target);
        let now = || entries.iter().find(|entry| entry.target == target);
        changed.map(|(_, value)| *value).or_else(|| now().map(|entry| entry.setting.value))
    };
    let crosses = |(entry, value): &(&Entry, Value)| {
        let Target::Threads(domain, Bound::Least | Bound::Most) = entry.target else { return None };
        let (least, most) = (bound(domain, Bound::Least)?, bound(domain, Bound::Most)?);
        let accepted = format!("the least ({least}) may not be above the most ({most})");
        (least > most).then(|| SettingFault::new(&entry.setting.path, *value, accepted))
    };
    found.iter().filter_map(crosses).collect()
}

/// Carries values to where they are used.
fn apply(plan: &Plan, found: &[(&Entry, Value)]) {
    let mut told = Vec::new();
    for (entry, value) in found {
        match &entry.target {
            Target::Stage(stage, Which::Capacity) => {
                let probes = &plan.stages[stage.index()].probes;
                probes.iter().for_each(|probe| probe.set_capacity(value.count()));
            }
            Target::Law(stage, law, name) => {
                let probes = &plan.stages[stage.index()].probes;
                let set = [(name.clone(), *value)];
                probes.iter().for_each(|probe| probe.set_law(law, &set));
            }
            Target::Stage(stage, _) | Target::Own(stage, _) => told.push(*stage),
            Target::Window(wire) => told.push(plan.wires[*wire].from.0),
            Target::Traces(part) => plan.traces.set(|tracing| tracing.set(*part, *value)),
            Target::Distributions => plan.measures.store(value.count() > 0, Relaxed),
            Target::Policy(domain, name) => {
                plan.domains[*domain].policy_settings.set(name, *value);
                plan.tell_all();
            }
            Target::Threads(domain, bound) => {
                let planned = &plan.domains[*domain];
                let set = |bound, now| {
                    let target = Target::Threads(*domain, bound);
                    let set = found.iter().find(|(entry, _)| entry.target == target);
                    set.map_or(now, |(_, value)| value.count())
                };
                let (least, most) = planned.range();
                planned.set_range(match bound {
                    Bound::All => (value.count(), value.count()),
                    Bound::Least | Bound::Most => {
                        (set(Bound::Least, least), set(Bound::Most, most))
                    }
                });
            }
        }
    }
    told.sort_unstable_by_key(|stage| stage.index());
    told.dedup();
    for stage in told {
        // Under one lock, so that a replica hears of all of them together.
        plan.direct(stage, |directives| {
            directives.numbers += 1;
            for (entry, value) in found {
                match &entry.target {
                    Target::Stage(id, which) if *id == stage => directives.set(*which, *value),
                    Target::Own(id, name) if *id == stage => directives.own.set(name, *value),
                    Target::Window(wire) if plan.wires[*wire].from.0 == stage => {
                        directives.set_window(plan.wires[*wire].from.1, value.count());
                    }
                    _ => {}
                }
            }
        });
    }
}
