//! What a simulation is made with, beside its net.

use crate::sim::Troubles;
use crate::time::VirtualTime;

/// Takes each line of a trace.
pub(super) type Sink = Box<dyn FnMut(&str)>;

/// The seed of a simulation, and what else it is made with.
///
/// ```
/// use sluicegate::sim::{Setup, Sim};
/// use sluicegate::{Batch, Cx, Net, from_fn, stage};
/// use std::sync::{Arc, Mutex};
///
/// let mut net = Net::new("traced");
/// let cpu = net.domain("cpu").pinned(1);
/// let end = stage("end", || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// });
/// let end = net.add(end.on(cpu));
/// let entry = net.entry(end.inlet);
///
/// let lines = Arc::new(Mutex::new(Vec::new()));
/// let kept = Arc::clone(&lines);
/// let setup = Setup::seed(1).trace(move |line| kept.lock().unwrap().push(line.to_owned()));
/// let mut sim = Sim::with(net, setup)?;
/// entry.send(7).expect("there is room");
/// assert!(sim.settle(100));
/// assert!(lines.lock().unwrap().contains(&"0\tcpu/0\tend\tfinished\t1\t-".to_owned()));
/// # Ok::<(), sluicegate::StartError>(())
/// ```
#[must_use]
pub struct Setup {
    pub(super) seed: u64,
    pub(super) time: VirtualTime,
    pub(super) sink: Option<Sink>,
    pub(super) troubles: Troubles,
}

impl Setup {
    /// With a virtual time of its own that starts at 0, no trace and no troubles.
    pub fn seed(seed: u64) -> Self {
        Self { seed, time: VirtualTime::default(), sink: None, troubles: Troubles::none() }
    }

    /// In the time of others: of simulated machines, or of handlers that cost something.
    pub fn time(self, time: &VirtualTime) -> Self {
        Self { time: time.clone(), ..self }
    }

    /// Has these befall the net.
    pub fn troubles(self, troubles: Troubles) -> Self {
        Self { troubles, ..self }
    }

    /// Hands each line of the trace to `sink`, as it happens. The columns are
    /// [`TRACE_COLUMNS`](crate::TRACE_COLUMNS). The same net, seed and calls give the same lines.
    pub fn trace(self, sink: impl FnMut(&str) + 'static) -> Self {
        Self { sink: Some(Box::new(sink)), ..self }
    }
}
