//! A resource: what counts as all of it, and the gauge that says how much of that is used.

use sluicegate::{Gauge, Headroom, Levels};
use std::sync::Arc;
use std::time::Duration;

/// For a mean over seconds: from this part of the budget on a share is refused, all at the whole.
/// With thresholds closer than that the share would swing, as the mean tells late what it did.
const MEAN_FROM: f64 = 0.5;
/// Memory of the system: of a machine that is full of other things nothing is taken away.
const SYSTEM_MEMORY: Levels = Levels { pressed: 0.92, short: 0.97 };
/// Disks are mostly rather full.
const SPACE: Levels = Levels { pressed: 0.9, short: 0.97 };
/// A cache that is new, or too small for its site, misses much: who minds sets other thresholds.
const MISSES: Levels = Levels { pressed: 2.0, short: 2.0 };

/// What counts as all of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Bytes of memory of the process, as far as they are resident. The kernel's own for it, such
    /// as buffers of sockets, are not among them.
    Memory(u64),
    /// Memory that the process shares with others: of the machine, or of the control group whose
    /// limit is nearest, with the kernel's own; without what the kernel can take back at once.
    SystemMemory,
    /// Files and sockets that the process has open.
    Descriptors(u64),
    /// Percent of time in which something waits for a CPU, the mean over ten seconds: of the
    /// control group where version 2 tells it, else of the machine. Kernels without pressure stall
    /// information tell nothing.
    CpuPressure(u8),
    /// The same for memory: that what was taken back comes from the disk again.
    MemoryPressure(u8),
    /// The same for disks.
    IoPressure(u8),
    /// Percent of the periods in which the control group was stopped because it had used up its
    /// processor time, the mean over five seconds. Groups without a quota tell nothing.
    CpuThrottling(u8),
    /// How long a thread waits for a CPU each time it wants one, the mean over about a second; of
    /// those among [`Threads`](super::Threads) that which waits longest. No budget is taken for
    /// one of 1 us.
    RunDelay(Duration),
    /// The file system of what is served, blocks or files; the fullest where there are several.
    SiteSpace,
    /// The file system of the log.
    LogSpace,
    /// How long a look at the disk takes, the mean over ten seconds, of at least twenty.
    DiskLatency(Duration),
    /// Percent of the pages that are asked for and have to be read from the disk, the mean over
    /// ten seconds, of at least twenty.
    CacheMisses(u8),
}

impl Budget {
    const fn name(self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::SystemMemory => "system-memory",
            Self::Descriptors(_) => "descriptors",
            Self::CpuPressure(_) => "cpu-pressure",
            Self::MemoryPressure(_) => "memory-pressure",
            Self::IoPressure(_) => "io-pressure",
            Self::CpuThrottling(_) => "cpu-throttling",
            Self::RunDelay(_) => "run-delay",
            Self::SiteSpace => "site-space",
            Self::LogSpace => "log-space",
            Self::DiskLatency(_) => "disk-latency",
            Self::CacheMisses(_) => "cache-misses",
        }
    }

    /// Whether what is read is a mean over time.
    const fn is_mean(self) -> bool {
        match self {
            Self::Memory(_)
            | Self::SystemMemory
            | Self::Descriptors(_)
            | Self::SiteSpace
            | Self::LogSpace => false,
            Self::CpuPressure(_)
            | Self::MemoryPressure(_)
            | Self::IoPressure(_)
            | Self::CpuThrottling(_)
            | Self::RunDelay(_)
            | Self::DiskLatency(_)
            | Self::CacheMisses(_) => true,
        }
    }

    fn levels(self) -> Levels {
        match self {
            Self::SystemMemory => SYSTEM_MEMORY,
            Self::SiteSpace | Self::LogSpace => SPACE,
            Self::CacheMisses(_) => MISSES,
            _ if self.is_mean() => Levels { pressed: MEAN_FROM, short: 1.0 },
            _ => Levels::default(),
        }
    }
}

/// A resource with its gauge, which says how much of the budget is used, and at which level that
/// is.
#[derive(Clone, Debug)]
pub struct Resource {
    budget: Budget,
    gauge: Arc<Gauge>,
}

impl Resource {
    /// A resource of which nothing is known yet.
    pub fn new(budget: Budget) -> Self {
        let gauge = Gauge::new(budget.name());
        gauge.set_levels(budget.levels());
        Self { budget, gauge }
    }

    /// What counts as all of it.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Says how much is used.
    pub fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }

    /// The law of a gate that heeds it: what is read at once refuses from 0.85 of the budget on
    /// and all at 0.95, what is a mean over time from 0.5 on and all at 1.
    pub fn law(&self) -> Headroom {
        let law = Headroom::of(&self.gauge);
        if self.budget.is_mean() { law.between(MEAN_FROM, 1.0) } else { law }
    }
}
