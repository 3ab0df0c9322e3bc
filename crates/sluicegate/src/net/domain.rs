//! Domains: what owns threads. Pinned workers never block; the threads of a pool may.

use crate::run::{Machine, Park, Policy};
use std::error::Error;
use std::ops::RangeInclusive;

/// Any error that a factory of a machine may report.
pub type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) type MachineFactory =
    Box<dyn Fn(usize) -> Result<Box<dyn Machine>, BoxError> + Send + Sync>;
pub(crate) type ThreadStart = Box<dyn Fn(usize) -> Result<(), BoxError> + Send + Sync>;
pub(crate) type PolicyFactory = Box<dyn Fn() -> Box<dyn Policy> + Send + Sync>;

/// A domain of a net, by which stages are placed.
///
/// ```
/// let mut net = sluicegate::Net::new("web");
/// let cpu = net.domain("cpu").pinned(2);
/// let disk = net.domain("disk").pool(1..=16);
/// assert_ne!(cpu, disk);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain(pub(crate) usize);

/// A domain as declared.
pub struct DomainSpec {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) threads: usize,
    /// How many of them are on duty at least; fewer than all in a pool whose size is not fixed.
    pub(crate) least: usize,
    /// What each thread does first.
    pub(crate) starts: Vec<ThreadStart>,
    pub(crate) machine: MachineFactory,
    /// Whether its workers trace flows.
    pub(crate) traces: bool,
    /// `None`: the exit first.
    pub(crate) policy: Option<PolicyFactory>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A worker a core, each with a replica and a queue of each stage.
    Pinned,
    /// Threads that may block; one queue a stage, a replica a thread.
    Pool,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Pool => "pool",
        }
    }
}

/// How many threads a pool has: `4`, or from 4 to 64 as `4..=64`.
///
/// ```
/// let mut net = sluicegate::Net::new("pools");
/// let fixed = net.domain("fixed").pool(4);
/// let grows = net.domain("grows").pool(1..=16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    least: usize,
    most: usize,
}

impl From<usize> for Threads {
    fn from(threads: usize) -> Self {
        Self { least: threads, most: threads }
    }
}

impl From<RangeInclusive<usize>> for Threads {
    fn from(range: RangeInclusive<usize>) -> Self {
        // None is in an empty range, which `check` tells.
        let most = if range.is_empty() { 0 } else { *range.end() };
        Self { least: *range.start(), most }
    }
}

/// A domain under declaration: say how it runs by [`pinned`](Self::pinned) or
/// [`pool`](Self::pool).
///
/// ```
/// use sluicegate::{Fifo, Net};
///
/// let mut net = Net::new("web");
/// let cpu = net.domain("cpu").policy(Fifo::default).pinned(2);
/// ```
pub struct DomainBuilder<'a> {
    domains: &'a mut Vec<DomainSpec>,
    spec: DomainSpec,
}

impl<'a> DomainBuilder<'a> {
    pub(crate) fn new(domains: &'a mut Vec<DomainSpec>, name: &str) -> Self {
        let spec = DomainSpec {
            name: name.to_owned(),
            kind: Kind::Pinned,
            threads: 1,
            least: 1,
            starts: Vec::new(),
            machine: Box::new(|_| Ok(Box::new(Park::new()))),
            traces: true,
            policy: None,
        };
        Self { domains, spec }
    }

    /// What each thread of the domain does first, with its number within the domain: to choose its
    /// processors, say, which the kernel leaves to the machine (`Cpus` in `sluicegate-io`). Where
    /// it fails the net does not start. Several are done in order; a simulation, which has no
    /// threads, does none.
    ///
    /// ```
    /// let mut net = sluicegate::Net::new("web");
    /// let hello = |n| Ok(println!("thread {n} begins"));
    /// let web = net.domain("web").on_thread_start(hello).pinned(2);
    /// ```
    pub fn on_thread_start(
        mut self,
        start: impl Fn(usize) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.spec.starts.push(Box::new(start));
        self
    }

    /// What each worker owns and waits in, made on the worker's thread from the worker's number
    /// within the domain. Without one a worker can only be woken by other workers and timers.
    pub fn machine<M: Machine>(
        mut self,
        make: impl Fn(usize) -> Result<M, BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.spec.machine = Box::new(move |worker| Ok(Box::new(make(worker)?)));
        self
    }

    /// Has the workers of the domain trace no flows, whatever is [kept](crate::Observer::flows):
    /// for those who look at the net, who would else take the places of what they look for. What
    /// they do for a flow that comes by from another domain is not told, and one that ends with
    /// them is not kept.
    pub fn untraced(mut self) -> Self {
        self.spec.traces = false;
        self
    }

    /// Which stage runs next; [`ExitFirst`](crate::ExitFirst) unless said otherwise. Each worker
    /// makes one for itself, and [`Net::check`](crate::Net::check) one to see whether it fits.
    pub fn policy<P: Policy>(mut self, make: impl Fn() -> P + Send + Sync + 'static) -> Self {
        self.spec.policy = Some(Box::new(move || Box::new(make())));
        self
    }

    /// `workers` threads that never block: each runs a replica of every stage of the domain.
    pub fn pinned(self, workers: usize) -> Domain {
        self.add(Kind::Pinned, Threads::from(workers))
    }

    /// Threads that may block and share one queue a stage: so many, or as many of a range as help.
    ///
    /// Of a range the fewest are on duty first. While events wait there are more, as long as more
    /// are handled in a second by them; those that did not help, or that nothing needed for five
    /// seconds, are sent away again. All that there may be are started with the net, and sleep; a
    /// replica is made when its thread first goes on duty, and stays.
    ///
    /// ```
    /// let mut net = sluicegate::Net::new("files");
    /// let coder = net.domain("coder").pool(2);
    /// let disk = net.domain("disk").pool(1..=64);
    /// ```
    pub fn pool(self, threads: impl Into<Threads>) -> Domain {
        self.add(Kind::Pool, threads.into())
    }

    fn add(mut self, kind: Kind, threads: Threads) -> Domain {
        self.spec.kind = kind;
        (self.spec.least, self.spec.threads) = (threads.least, threads.most);
        self.domains.push(self.spec);
        Domain(self.domains.len() - 1)
    }
}
