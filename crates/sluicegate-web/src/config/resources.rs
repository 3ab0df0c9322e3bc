//! What may run short beside time, and how much of it counts as all.
use super::Machine;
use super::complaint::{Complaint, Complaints};
use super::keys::KEYS;
use super::routes::Route;
use super::settings::Settings;
use sluicegate_io::resources::Budget;

/// What gates heed; nothing where there are none.
pub(super) fn read(
    settings: &Settings,
    machine: Machine,
    routes: &[Route],
    faults: &mut Complaints,
) -> Vec<Budget> {
    if routes.iter().all(|route| route.target.is_none()) {
        faults.0.extend(unheeded(settings));
        return Vec::new();
    }
    let s = &settings.top;
    // The keys accept no more.
    let percent = s.number("resources.cpu_pressure").map(|percent| percent as u8);
    let budgets = [
        Some(Budget::Memory(s.number("resources.memory").unwrap_or(machine.memory))),
        s.number("resources.descriptors").map(Budget::Descriptors),
        percent.map(Budget::CpuPressure),
        s.span("resources.run_delay").map(Budget::RunDelay),
    ];
    budgets.into_iter().flatten().collect()
}

/// Those that were typed, where no gate heeds them.
fn unheeded(settings: &Settings) -> impl Iterator<Item = Complaint> {
    let names = KEYS.iter().map(|key| key.name).filter(|name| name.starts_with("resources."));
    names.filter_map(|name| {
        let what = format!(
            "`{name}` is heeded where a route has a `target`, and none has; accepted: a route with \
             one, or leave it out"
        );
        settings.place(name).map(|place| Complaint::new(place.clone(), what))
    })
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
