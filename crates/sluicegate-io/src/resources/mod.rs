//! Resources that run short: how much of its budget each uses, by what the kernel tells.
//!
//! Each resource is one file beside this: what its text means, apart from where it is read. The
//! kernel's files are read off the workers, by whoever owns the [`Reader`], and the gauges say what
//! came out; laws at gates go by them (see [`Headroom`]).

mod descriptors;
mod memory;
mod pressure;
mod run_delay;
mod usage;

pub use memory::Parts;
use run_delay::RunDelay;
pub use run_delay::Threads;
pub(crate) use run_delay::schedstat;
use sluicegate::{Gauge, Headroom, Time};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
pub use usage::Usage;

/// For a mean over seconds: from this part of the budget on a share is refused, all at the whole.
/// With thresholds closer than that the share would swing, as the mean tells late what it did.
const MEAN_FROM: f64 = 0.5;

/// What counts as all of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Bytes of memory of the process, as far as they are resident. The kernel's own for it, such
    /// as buffers of sockets, are not among them.
    Memory(u64),
    /// Files and sockets that the process has open.
    Descriptors(u64),
    /// Percent of time in which something on the machine waits for a CPU, the mean over ten
    /// seconds. Kernels without pressure stall information tell nothing.
    CpuPressure(u8),
    /// How long a thread waits for a CPU each time it wants one, the mean over about a second; of
    /// those among [`Threads`] that which waits longest. No budget is taken for one of 1 us.
    RunDelay(Duration),
}

/// A resource with its gauge, which says how much of the budget is used.
#[derive(Clone, Debug)]
pub struct Resource {
    budget: Budget,
    gauge: Arc<Gauge>,
}

impl Resource {
    /// A resource of which nothing is known yet.
    pub fn new(budget: Budget) -> Self {
        let name = match budget {
            Budget::Memory(_) => "memory",
            Budget::Descriptors(_) => "descriptors",
            Budget::CpuPressure(_) => "cpu-pressure",
            Budget::RunDelay(_) => "run-delay",
        };
        Self { budget, gauge: Gauge::new(name) }
    }

    /// What counts as all of it.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Says how much is used.
    pub fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }

    /// The law of a gate that heeds it: memory and descriptors refuse from 0.85 of the budget on
    /// and all at 0.95, what is a mean over time from 0.5 on and all at 1.
    pub fn law(&self) -> Headroom {
        let law = Headroom::of(&self.gauge);
        match self.budget {
            Budget::Memory(_) | Budget::Descriptors(_) => law,
            Budget::CpuPressure(_) | Budget::RunDelay(_) => law.between(MEAN_FROM, 1.0),
        }
    }
}

/// Reads resources and sets their gauges. Each read costs some system calls a resource, and with
/// [`Budget::RunDelay`] some a thread: several times a second, and not on a worker that serves.
#[derive(Debug)]
pub struct Reader {
    root: PathBuf,
    resources: Vec<Resource>,
    delay: RunDelay,
    threads: Arc<Threads>,
}

impl Reader {
    /// Reads from the file system that begins at `root`: `/`, or that of a test.
    pub fn new(root: &Path, resources: &[Resource], threads: Arc<Threads>) -> Self {
        let (root, resources) = (root.to_owned(), resources.to_vec());
        Self { root, resources, delay: RunDelay::default(), threads }
    }

    /// Looks at all of them; one that cannot be read says nothing, and nothing is refused for it.
    pub fn read(&mut self, now: Time) {
        let root = &self.root;
        for resource in &self.resources {
            let used = match resource.budget {
                Budget::Memory(budget) => share(memory::read(root), budget),
                Budget::Descriptors(budget) => share(descriptors::read(root), budget),
                Budget::CpuPressure(percent) => {
                    pressure::read(root, "cpu").map(|found| found / f64::from(percent.max(1)))
                }
                Budget::RunDelay(budget) => {
                    let mean = self.delay.look(now, &self.threads.read(root));
                    let budget = budget.max(Duration::from_micros(1));
                    mean.map(|mean| mean.as_secs_f64() / budget.as_secs_f64())
                }
            };
            resource.gauge.set(used);
        }
    }
}

fn share(used: Option<u64>, budget: u64) -> Option<f64> {
    used.map(|used| used as f64 / budget.max(1) as f64)
}

#[cfg(test)]
mod tests;
