//! Domains: what owns threads. Pinned workers never block; the threads of a pool may.

use crate::run::{ExitFirst, Machine, Park, Policy};
use std::error::Error;

/// Any error that a factory of a machine may report.
pub type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) type MachineFactory =
    Box<dyn Fn(usize) -> Result<Box<dyn Machine>, BoxError> + Send + Sync>;
pub(crate) type PolicyFactory = Box<dyn Fn() -> Box<dyn Policy> + Send + Sync>;

/// A domain of a net, by which stages are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain(pub(crate) usize);

/// A domain as declared.
pub struct DomainSpec {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) threads: usize,
    pub(crate) machine: MachineFactory,
    pub(crate) policy: PolicyFactory,
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

/// A domain under declaration: say how it runs by [`pinned`](Self::pinned) or
/// [`pool`](Self::pool).
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
            machine: Box::new(|_| Ok(Box::new(Park::new()))),
            policy: Box::new(|| Box::new(ExitFirst)),
        };
        Self { domains, spec }
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

    /// Which stage runs next; [`ExitFirst`] unless said otherwise.
    pub fn policy<P: Policy>(mut self, make: impl Fn() -> P + Send + Sync + 'static) -> Self {
        self.spec.policy = Box::new(move || Box::new(make()));
        self
    }

    /// `workers` threads that never block: each runs a replica of every stage of the domain.
    pub fn pinned(self, workers: usize) -> Domain {
        self.add(Kind::Pinned, workers)
    }

    /// `threads` threads that may block and share one queue a stage.
    pub fn pool(self, threads: usize) -> Domain {
        self.add(Kind::Pool, threads)
    }

    fn add(mut self, kind: Kind, threads: usize) -> Domain {
        self.spec.kind = kind;
        self.spec.threads = threads;
        self.domains.push(self.spec);
        Domain(self.domains.len() - 1)
    }
}
