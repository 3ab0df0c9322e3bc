//! The net: stages, domains and wires as declared, checked as a whole before anything runs.

mod check;
mod domain;
mod entry;
mod fault;
mod graph;
mod spec;
mod wire;
mod wiring;

pub use domain::{BoxError, Domain, DomainSpec, Threads};
pub(crate) use domain::{Kind, MachineFactory, PolicyFactory};
pub(crate) use entry::EntryCounts;
pub use entry::{Entry, Refused};
pub use fault::{Fault, Faults};
pub(crate) use graph::exit_order;
pub(crate) use spec::{BuildReplica, Declared, StageSpec};
pub use spec::{Capacity, Spec, bounded, stage};
pub(crate) use wire::WireSpec;
pub use wire::{OnFull, Wire};
pub(crate) use wiring::Wiring;

use crate::event::StageId;
use crate::run::{Plan, Running, StartError};
use crate::stage::{Inlet, Outlet, Ports, Stage};
use std::sync::Arc;

/// A service: stages joined by wires, spread over domains.
pub struct Net {
    pub(crate) name: String,
    pub(crate) domains: Vec<DomainSpec>,
    pub(crate) stages: Vec<StageSpec>,
    pub(crate) wires: Vec<WireSpec>,
    pub(crate) entries: Vec<Arc<dyn entry::AnyEntry>>,
    /// Ports on which nothing is sent.
    pub(crate) sealed: Vec<(StageId, usize)>,
}

/// A stage in its net: what wires attach to.
pub struct Node<S: Stage> {
    /// Where the stage listens.
    pub inlet: Inlet<S::In>,
    /// Where it sends.
    pub out: <S::Out as Ports>::Outlets,
}

impl<S: Stage> Clone for Node<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Stage> Copy for Node<S> {}

impl Net {
    /// An empty net.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            domains: Vec::new(),
            stages: Vec::new(),
            wires: Vec::new(),
            entries: Vec::new(),
            sealed: Vec::new(),
        }
    }

    /// Starts the declaration of a domain: what owns threads.
    pub fn domain(&mut self, name: &str) -> domain::DomainBuilder<'_> {
        domain::DomainBuilder::new(&mut self.domains, name)
    }

    /// Adds a stage.
    pub fn add<S: Stage>(&mut self, spec: Spec<S>) -> Node<S> {
        let id = StageId(u16::try_from(self.stages.len()).unwrap_or(u16::MAX));
        self.stages.push(spec.declare());
        Node { inlet: Inlet::new(id), out: S::Out::outlets(id) }
    }

    /// Joins a port to an inlet. An outlet has one wire, an inlet any number. What the port sends
    /// must be what the inlet takes, or convert into it:
    ///
    /// ```compile_fail
    /// use sluicegate::{Inlet, Net, Outlet};
    ///
    /// fn join(net: &mut Net, from: Outlet<String>, to: Inlet<u64>) {
    ///     net.wire(from, to);
    /// }
    /// ```
    pub fn wire<T, U>(&mut self, from: Outlet<T>, to: Inlet<U>) -> Wire<'_, T>
    where
        T: 'static,
        U: From<T> + Send + 'static,
    {
        self.wires.push(WireSpec::new::<T, U>(from, to));
        Wire::new(self.wires.last_mut().expect("pushed just now"))
    }

    /// Says that nothing is sent on a port in this net, so that it needs no wire. What is sent all
    /// the same counts as dropped by its stage.
    pub fn seal<T>(&mut self, port: Outlet<T>) {
        self.sealed.push((port.stage, port.port));
    }

    /// A way into the net for threads outside it; see [`Entry`].
    pub fn entry<U: Send + 'static>(&mut self, to: Inlet<U>) -> Entry<U> {
        let entry = Entry::new(to);
        self.entries.push(entry.shared());
        entry
    }

    /// The names of the stages, in order of declaration.
    pub fn stage_names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|stage| stage.name.as_str())
    }

    /// Looks for faults: all of them at once, each with what to do about it.
    pub fn check(&self) -> Result<(), Faults> {
        check::check(self)
    }

    /// Checks the net and starts its threads.
    pub fn run(self) -> Result<Running, StartError> {
        self.check().map_err(StartError::Faults)?;
        Running::start(Plan::new(self, crate::time::Clock::real(), false))
    }
}
