//! Reads resources and sets their gauges, all in one place.

use super::groups::Groups;
use super::kernel_file::KernelFile;
use super::pressure::Pressure;
use super::run_delay::{RunDelay, Threads};
use super::samples::{Mean, Samples};
use super::space::Space;
use super::system_memory::SystemMemory;
use super::throttling::Throttling;
use super::{Budget, Resource, descriptors, memory};
use sluicegate::{Gauge, Levels, OwnSettings, Time};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What moves slowly, or costs more to be read, is read no more often than that.
const SLOWLY: Duration = Duration::from_secs(1);
/// What thresholds may be set to: a tenth of a percent, and ten times the budget.
const LEAST: f64 = 0.001;
const MOST: f64 = 10.0;

/// Where resources are found that are not told by files of the kernel.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The threads whose run-queue delay counts.
    pub threads: Arc<Threads>,
    /// The directories of what is served.
    pub site: Vec<PathBuf>,
    /// The directory of the log.
    pub log: Option<PathBuf>,
    /// Nanoseconds of looks at the disk.
    pub disk: Arc<Samples>,
    /// Looks into the page cache: 0 for a hit, 1 for a miss.
    pub lookups: Arc<Samples>,
}

/// Reads resources and sets their gauges. Files of the kernel are opened once and read from their
/// beginning, by two system calls each: one file a resource, up to three for each control group
/// beside it, some a thread with [`Budget::RunDelay`]. Directories take one call each. Memory,
/// descriptors and the run-queue delay are read each time, the rest once a second. None of the
/// kernel's files waits for anything; the directories of a network's file system may. Several
/// times a second, and not on a worker that serves.
#[derive(Debug)]
pub struct Reader {
    watched: Vec<Watched>,
    /// When the slow ones are read next.
    slow: Time,
}

#[derive(Debug)]
struct Watched {
    gauge: Arc<Gauge>,
    levels: Levels,
    /// The whole, in the unit of what is read.
    budget: f64,
    probe: Probe,
}

/// How one is read.
#[derive(Debug)]
enum Probe {
    Memory(KernelFile),
    Descriptors(PathBuf),
    RunDelay(RunDelay, Arc<Threads>, PathBuf),
    SystemMemory(SystemMemory),
    Pressure(Pressure),
    Throttling(Throttling),
    Space(Space),
    Mean(Mean, Arc<Samples>),
}

impl Reader {
    /// Reads from the file system that begins at `root`: `/`, or that of a test.
    pub fn new(root: &Path, resources: &[Resource], sources: &Sources) -> Self {
        let groups = Groups::read(root);
        let watched = resources.iter().map(|resource| {
            let (probe, budget) = probe(resource.budget(), root, &groups, sources);
            let gauge = Arc::clone(resource.gauge());
            Watched { levels: gauge.levels(), gauge, budget, probe }
        });
        Self { watched: watched.collect(), slow: Time(0) }
    }

    /// Looks at all of them; one that cannot be read says nothing, and nothing is done for it.
    pub fn read(&mut self, now: Time) {
        let slow = now >= self.slow;
        if slow {
            self.slow = now + SLOWLY;
        }
        for Watched { gauge, levels, budget, probe } in &mut self.watched {
            if slow || !probe.is_slow() {
                gauge.set_levels(*levels);
                gauge.set(probe.read(now).map(|used| used / *budget));
            }
        }
    }

    /// Declares the thresholds of the levels: `NAME.pressed` and `NAME.short`.
    pub fn settings(&mut self, own: &mut OwnSettings<'_>) {
        for Watched { gauge, levels, .. } in &mut self.watched {
            let name = |which| format!("{}.{which}", gauge.name());
            let about = "The use from which on the resource is pressed, until a tenth less.";
            own.number(&name("pressed"), "", about, LEAST..=MOST, &mut levels.pressed);
            let about = "The use from which on the resource is short, until a tenth less.";
            own.number(&name("short"), "", about, LEAST..=MOST, &mut levels.short);
        }
    }
}

/// How a resource is read, and what is all of it.
fn probe(budget: Budget, root: &Path, groups: &Groups, sources: &Sources) -> (Probe, f64) {
    let pressure = |of| Probe::Pressure(Pressure::new(root, groups, of));
    let percent = |percent: u8| f64::from(percent.max(1));
    match budget {
        Budget::Memory(bytes) => {
            (Probe::Memory(KernelFile::at(root.join("proc/self/status"))), bytes.max(1) as f64)
        }
        Budget::Descriptors(open) => (Probe::Descriptors(root.to_owned()), open.max(1) as f64),
        Budget::RunDelay(span) => {
            let (threads, root) = (Arc::clone(&sources.threads), root.to_owned());
            (Probe::RunDelay(RunDelay::default(), threads, root), seconds(span))
        }
        Budget::SystemMemory => (Probe::SystemMemory(SystemMemory::new(root, groups)), 1.0),
        Budget::CpuPressure(most) => (pressure("cpu"), percent(most)),
        Budget::MemoryPressure(most) => (pressure("memory"), percent(most)),
        Budget::IoPressure(most) => (pressure("io"), percent(most)),
        Budget::CpuThrottling(most) => {
            (Probe::Throttling(Throttling::new(groups)), percent(most) / 100.0)
        }
        Budget::SiteSpace => (Probe::Space(Space::of(sources.site.clone())), 1.0),
        Budget::LogSpace => (Probe::Space(Space::of(sources.log.clone())), 1.0),
        Budget::DiskLatency(span) => {
            (Probe::Mean(Mean::default(), Arc::clone(&sources.disk)), seconds(span) * 1e9)
        }
        Budget::CacheMisses(most) => {
            (Probe::Mean(Mean::default(), Arc::clone(&sources.lookups)), percent(most) / 100.0)
        }
    }
}

fn seconds(span: Duration) -> f64 {
    span.max(Duration::from_micros(1)).as_secs_f64()
}

impl Probe {
    fn is_slow(&self) -> bool {
        !matches!(self, Self::Memory(_) | Self::Descriptors(_) | Self::RunDelay(..))
    }

    /// What is used.
    fn read(&mut self, now: Time) -> Option<f64> {
        match self {
            Self::Memory(file) => memory::resident(file.read()?).map(|bytes| bytes as f64),
            Self::Descriptors(root) => descriptors::read(root).map(|open| open as f64),
            Self::RunDelay(delay, threads, root) => {
                delay.look(now, &threads.read(root)).map(|mean| mean.as_secs_f64())
            }
            Self::SystemMemory(memory) => memory.read(),
            Self::Pressure(pressure) => pressure.read(),
            Self::Throttling(throttling) => throttling.look(now),
            Self::Space(space) => space.read(),
            Self::Mean(mean, samples) => mean.look(now, samples),
        }
    }
}
