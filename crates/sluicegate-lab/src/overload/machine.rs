//! The machine of an experiment: who runs on which processor, its open files, what it is.

use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors of an experiment: one for the server and another one for the generator.
#[derive(Clone, Debug)]
pub struct Cores {
    apart: Option<(usize, usize)>,
}

/// A thread that is kept on one processor until this is dropped, with those it had before.
#[must_use = "the thread is let go of when this is dropped"]
pub(super) struct Pinned(CpuSet);

impl Cores {
    /// The first two that this process may use; none where it has only one.
    pub fn found() -> Self {
        let Ok(may) = sched_getaffinity(None) else { return Self { apart: None } };
        let mut may = (0..CpuSet::MAX_CPU).filter(|core| may.is_set(*core));
        Self { apart: may.next().zip(may.next()) }
    }

    /// Whether server and generator each have one.
    pub fn are_apart(&self) -> bool {
        self.apart.is_some()
    }

    /// Keeps this thread, and the processes that it starts meanwhile, on the server's.
    pub(super) fn server(&self) -> Option<Pinned> {
        pin(self.apart?.0)
    }

    /// Keeps this thread, and the threads that it starts meanwhile, on the generator's.
    pub(super) fn generator(&self) -> Option<Pinned> {
        pin(self.apart?.1)
    }

    /// How long the server's was busy since the machine began, with whomever; none where it is
    /// not the server's alone, or the kernel does not say.
    pub(super) fn server_busy(&self) -> Option<Duration> {
        let name = format!("cpu{} ", self.apart?.0);
        let text = fs::read_to_string("/proc/stat").ok()?;
        busy(text.lines().find_map(|line| line.strip_prefix(&name))?)
    }

    /// For the report.
    pub(super) fn describe(&self) -> String {
        match self.apart {
            Some((server, generator)) => {
                format!("the server on core {server}, the generator on core {generator}")
            }
            None => "**server and generator share one core**".to_owned(),
        }
    }
}

/// The figures of a processor in `/proc/stat`: user, nice, system, idle, iowait, irq, softirq,
/// steal; what follows is in them. Interrupts do not count: the server's own packets come by them.
fn busy(figures: &str) -> Option<Duration> {
    let ticks: Vec<u64> = figures.split_whitespace().map_while(|n| n.parse().ok()).collect();
    let [user, nice, system, _, _, _, _, steal, ..] = ticks[..] else { return None };
    let busy = user + nice + system + steal;
    Some(Duration::from_secs_f64(busy as f64 / clock_ticks_per_second() as f64))
}

fn pin(core: usize) -> Option<Pinned> {
    let before = sched_getaffinity(None).ok()?;
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).ok()?;
    Some(Pinned(before))
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Failing leaves the thread where it is.
        let _ = sched_setaffinity(None, &self.0);
    }
}

/// Takes as many open files as the process may have: each connection needs one here and one in
/// the server, which inherits the limit.
pub(super) fn take_descriptors() {
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    // Failing leaves what was there.
    let _ = setrlimit(Resource::Nofile, limits);
}

/// A bound on the open files of processes that are started meanwhile, until this is dropped.
#[must_use = "the bound is lifted when this is dropped"]
pub(super) struct FewDescriptors(Rlimit);

impl FewDescriptors {
    /// At most so many; none where the system does not allow it.
    pub fn bound(most: u64) -> Option<Self> {
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..before }).ok()?;
        Some(Self(before))
    }
}

impl Drop for FewDescriptors {
    fn drop(&mut self) {
        // Failing leaves the generator with few, which it tells.
        let _ = setrlimit(Resource::Nofile, self.0);
    }
}

/// What the machine is, as lines of a list.
pub(super) fn describe() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or(": unknown").trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let files = getrlimit(Resource::Nofile).current;
    vec![
        format!("processor: {model}, {cores} cores for us"),
        format!("kernel: Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        format!("open files: {}", files.map_or("unbounded".to_owned(), |n| n.to_string())),
        format!("load before: {}", read("/proc/loadavg").trim()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_busy() {
        let second = clock_ticks_per_second();
        let figures = [second, second, 0, 99, 77, 88, 66, second, 55, 55].map(|n| n.to_string());
        assert_eq!(busy(&figures.join(" ")), Some(Duration::from_secs(3)));
        assert_eq!(busy("1 2 3"), None);
    }

    #[test]
    fn few_descriptors_are_few_for_a_while() {
        let before = getrlimit(Resource::Nofile).current;
        let few = before.map_or(1 << 20, |most| most - 1);
        let bound = FewDescriptors::bound(few).unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, Some(few));
        drop(bound);
        assert_eq!(getrlimit(Resource::Nofile).current, before);
    }

    #[test]
    fn a_thread_is_pinned_and_let_go_of() {
        let count = || sched_getaffinity(None).unwrap().count();
        let before = count();
        let cores = Cores::found();
        if let Some(pinned) = cores.generator() {
            assert_eq!(count(), 1);
            drop(pinned);
        }
        assert_eq!(count(), before);
        assert_eq!(cores.are_apart(), before > 1);
    }
}
