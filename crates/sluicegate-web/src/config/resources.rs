//! What may run short beside time, and how much of it counts as all.
use super::routes::Route;
use super::settings::Settings;
use super::{Log, Machine, SiteConfig};
use crate::log::Target;
use sluicegate_io::resources::Budget;
use std::time::Duration;

/// Budgets of what is watched though nobody asked for it: percent of time in which something
/// waits, and how long a look at the disk takes.
const CPU_PRESSURE: u8 = 100;
const MEMORY_PRESSURE: u8 = 40;
const IO_PRESSURE: u8 = 80;
const CPU_THROTTLING: u8 = 100;
const DISK_LATENCY: Duration = Duration::from_millis(100);
/// Of all that is asked for.
const CACHE_MISSES: u8 = 100;

/// What is watched.
pub(super) struct Watched {
    /// What gates heed; nothing where there are none.
    pub heeded: Vec<Budget>,
    /// What else is watched, for whoever hears of it.
    pub signals: Vec<Budget>,
}

pub(super) fn read(
    settings: &Settings,
    machine: Machine,
    routes: &[Route],
    (sites, log): (&[&SiteConfig], Option<&Log>),
) -> Watched {
    let s = &settings.top;
    // The keys accept no more.
    let percent = |name| s.number(name).map(|percent| percent as u8);
    // Those that were typed are heeded, and memory unasked.
    let typed = [
        Some(Budget::Memory(s.number("resources.memory").unwrap_or(machine.memory))),
        s.number("resources.descriptors").map(Budget::Descriptors),
        percent("resources.cpu_pressure").map(Budget::CpuPressure),
        percent("resources.memory_pressure").map(Budget::MemoryPressure),
        percent("resources.io_pressure").map(Budget::IoPressure),
        percent("resources.cpu_throttling").map(Budget::CpuThrottling),
        s.span("resources.run_delay").map(Budget::RunDelay),
    ];
    let mut heeded: Vec<_> = typed.into_iter().flatten().collect();
    let unasked = [
        ("resources.cpu_pressure", Budget::CpuPressure(CPU_PRESSURE)),
        ("resources.memory_pressure", Budget::MemoryPressure(MEMORY_PRESSURE)),
        ("resources.io_pressure", Budget::IoPressure(IO_PRESSURE)),
        ("resources.cpu_throttling", Budget::CpuThrottling(CPU_THROTTLING)),
    ];
    let unasked = unasked.into_iter().filter(|(name, _)| settings.place(name).is_none());
    let mut signals = Vec::new();
    if routes.iter().all(|route| route.target.is_none()) {
        signals.append(&mut heeded);
    }
    signals.push(Budget::SystemMemory);
    signals.extend(unasked.map(|(_, budget)| budget));
    if sites.iter().any(|site| site.root.is_some()) {
        let (latency, misses) =
            (Budget::DiskLatency(DISK_LATENCY), Budget::CacheMisses(CACHE_MISSES));
        signals.extend([Budget::SiteSpace, latency, misses]);
    }
    if log.is_some_and(|log| matches!(log.target, Target::File(_))) {
        signals.push(Budget::LogSpace);
    }
    Watched { heeded, signals }
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
