//! The net: stages, domains and wires as declared, checked as a whole before anything runs.

mod check;
mod domain;
mod entry;
mod fault;
mod graph;
mod links;
mod spec;
mod supervision;
mod wire;
mod wiring;

pub use domain::{BoxError, Domain, DomainBuilder, DomainSpec, Threads};
pub(crate) use domain::{Kind, MachineFactory, PolicyFactory, ThreadStart};
pub(crate) use entry::EntryCounts;
pub use entry::{Entry, Refused};
pub use fault::{Fault, Faults};
pub(crate) use graph::exit_order;
pub(crate) use spec::{BuildReplica, Declared, LETTERS, StageKind, StageSpec, is_made_by};
pub use spec::{Capacity, Spec, bounded, stage};
pub use supervision::Supervision;
pub(crate) use wire::WireSpec;
pub use wire::{Copies, OnFull, Routing, Wire};
pub(crate) use wiring::Wiring;

use crate::event::StageId;
use crate::run::{OnStall, Plan, Running, Stall, StartError};
use crate::settings::{self, Setting, SettingFaults, Tracing, Value};
use crate::stage::{Inlet, Letter, Outlet, Ports, Stage};
use std::sync::Arc;

/// A service: stages joined by wires, spread over domains.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, Sim, from_fn, stage};
///
/// let mut net = Net::new("one");
/// let cpu = net.domain("cpu").pinned(1);
/// let end = || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// };
/// let end = net.add(stage("end", end).on(cpu));
/// let entry = net.entry(end.inlet);
/// assert!(net.check().is_ok());
/// let mut sim = Sim::new(net, 1)?; // or `net.run()`, for threads
/// entry.send(1).expect("there is room");
/// assert!(sim.settle(100));
/// assert_eq!(sim.ledger().finished, 1);
/// # Ok::<(), sluicegate::StartError>(())
/// ```
pub struct Net {
    pub(crate) name: String,
    pub(crate) domains: Vec<DomainSpec>,
    pub(crate) stages: Vec<StageSpec>,
    pub(crate) wires: Vec<WireSpec>,
    pub(crate) entries: Vec<Arc<dyn entry::AnyEntry>>,
    /// Ports on which nothing is sent.
    pub(crate) sealed: Vec<(StageId, usize)>,
    pub(crate) on_stall: Option<OnStall>,
    /// Which single flows are kept.
    pub(crate) tracing: Tracing,
    /// Whether distributions are measured.
    pub(crate) measures: bool,
}

/// A stage in its net: what wires attach to.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, Out, from_fn, stage};
///
/// let mut net = Net::new("two");
/// let cpu = net.domain("cpu").pinned(1);
/// let double = || {
///     from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
///         batch.for_each(|event| cx.out.emit(event.map(|n| 2 * n)));
///     })
/// };
/// let end = || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// };
/// let double = net.add(stage("double", double).on(cpu));
/// let end = net.add(stage("end", end).on(cpu));
/// net.wire(double.out, end.inlet);
/// net.entry(double.inlet);
/// assert!(net.check().is_ok());
/// ```
pub struct Node<S: Stage> {
    /// Where the stage listens.
    pub inlet: Inlet<S::In>,
    /// Where it sends.
    pub out: <S::Out as Ports>::Outlets,
    /// Where it sends what its panics leave; see [`Letter`]. It needs no wire.
    pub letters: Outlet<Letter<S::In>>,
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
            on_stall: None,
            tracing: Tracing::default(),
            measures: true,
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
        let letters = Outlet::new(id, S::Out::NAMES.len());
        Node { inlet: Inlet::new(id), out: S::Out::outlets(id), letters }
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
        let mut spec = WireSpec::new::<T, U>(from, to);
        if self.are_letters((from.stage, from.port)) {
            spec.on_full = OnFull::ShedNewest;
        }
        self.wires.push(spec);
        Wire::last(&mut self.wires)
    }

    /// Fuses every wire that [can be](Wire::fused), in order of declaration, but those that would
    /// close a circle of fused wires. Returns how many are fused then.
    pub fn fuse(&mut self) -> usize {
        let mut fused = graph::Fused::of(self);
        for n in 0..self.wires.len() {
            let wire = &self.wires[n];
            if !wire.fused && check::unfusable(self, wire).is_none() {
                self.wires[n].fused = fused.join(wire.from.0, wire.to);
            }
        }
        self.wires.iter().filter(|wire| wire.fused).count()
    }

    /// Whether a port is that for letters.
    pub(crate) fn are_letters(&self, (stage, port): (StageId, usize)) -> bool {
        self.stages.get(stage.index()).is_some_and(|stage| stage.ports.len() == port)
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

    /// Has `tell` be called when a handler keeps its thread for too long: one call a stall, while
    /// it lasts. How long each may take is up to its [`stall`](Spec::stall). A thread of its own
    /// looks four times in the shortest of these times, from 10 ms to 1 s apart, and calls: the
    /// workers neither wait nor do more for it. [`Snapshot::stalls`](crate::Snapshot::stalls) shows
    /// the same without.
    ///
    /// In debug builds also when a handler slept in a pinned domain: once a stage, from its own
    /// thread. Where nobody is to be told, that is said on stderr.
    ///
    /// ```
    /// let mut net = sluicegate::Net::new("files");
    /// net.on_stall(|stall| eprintln!("{stall}"));
    /// ```
    pub fn on_stall(&mut self, tell: impl Fn(&Stall) + Send + Sync + 'static) {
        self.on_stall = Some(Box::new(tell));
    }

    /// The names of the stages, in order of declaration.
    pub fn stage_names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|stage| stage.name.as_str())
    }

    /// The settings of the net as declared; what its stages and policies declare themselves is
    /// known only when it runs: see [`Observer::settings`](crate::Observer::settings).
    pub fn settings(&self) -> Vec<Setting> {
        settings::of_net(self).into_iter().map(|entry| entry.setting).collect()
    }

    /// Declares other values for all of these settings, or for none when one of them cannot be: as
    /// a service does with what it reads at its start. So every setting can be changed; those that
    /// are live, while the net runs too, by
    /// [`Observer::change`](crate::Observer::change).
    ///
    /// ```
    /// # use sluicegate::{Batch, Cx, Net, from_fn, stage};
    /// # let end = || {
    /// #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
    /// #         batch.for_each(|event| event.split().0.finish());
    /// #     })
    /// # };
    /// let mut net = Net::new("service");
    /// let pool = net.domain("pool").pool(4);
    /// net.add(stage("load", end).on(pool));
    /// let capacity = "stages.load.queue.capacity";
    /// net.change(&[("domains.pool.threads", 8.into()), (capacity, 64.into())])?;
    /// # Ok::<(), sluicegate::SettingFaults>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with each of those that cannot be changed so; then none was.
    pub fn change(&mut self, changes: &[(&str, Value)]) -> Result<(), SettingFaults> {
        settings::change_net(self, changes)
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
