//! What may be seen of a running service, from any thread: JSON of the net and its ledgers.
mod metrics;
mod sight;

pub use sight::Sight;

use crate::cache::{self, Counts, Loader};
use crate::config::Config;
use crate::stages::Seats;
use serde_json::{Map, Value, json};
use sluicegate::{FlowTrace, Observer, Snapshot};
use sluicegate_admin::{Guard, Look, Watcher, net, otlp};
use sluicegate_http::log::Lost;
use sluicegate_http::{Refusals, TraceParents};
use sluicegate_io::resources::{Budget, Parts, Resource, Usage};
use sluicegate_io::{ConnCounts, ConnLedger, How, Refusal};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The domain of the admin listener.
pub(crate) const ADMIN: &str = "admin";

/// Whether a flow is told: who looks is not looked at.
pub(crate) fn is_shown(flow: &FlowTrace) -> bool {
    flow.steps.iter().all(|step| step.domain != ADMIN)
}

/// The eyes of a service. They open when it runs.
pub struct Watch {
    observer: OnceLock<Observer>,
    connections: Vec<Arc<ConnLedger>>,
    cache: Arc<cache::Budget>,
    variants: Arc<Counts>,
    refusals: Arc<Refusals>,
    lost: Arc<Lost>,
    resources: Vec<Resource>,
    deadlines: Arc<AtomicU64>,
    traces: TraceParents,
    /// Of what is sent to a collector, if anything is.
    exported: OnceLock<Arc<otlp::Counts>>,
    watcher: Mutex<Watcher>,
    seats: Seats,
    guard: Guard,
}

impl Watch {
    /// With a ledger of connections for each worker, and one for the admin listener; and with a
    /// gauge for each resource that gates heed.
    pub fn new(config: &Config, loader: &Loader) -> Watch {
        let resources = config.resources.iter().copied().map(Resource::new).collect();
        let connections = (0..=config.workers).map(|_| ConnLedger::new()).collect();
        let (cache, variants) = (Arc::clone(loader.budget()), Arc::clone(loader.counts()));
        let (observer, refusals, lost, deadlines, watcher, seats) = Default::default();
        let (traces, exported) = (TraceParents::default(), OnceLock::new());
        Watch {
            observer,
            connections,
            cache,
            variants,
            refusals,
            lost,
            resources,
            deadlines,
            traces,
            exported,
            watcher,
            seats,
            guard: Guard::OPEN,
        }
    }

    /// Shown to those alone whom `guard` admits.
    pub fn guarded(self, guard: Guard) -> Watch {
        Watch { guard, ..self }
    }

    /// The ledger of the worker with this number.
    pub fn ledger(&self, worker: usize) -> Arc<ConnLedger> {
        Arc::clone(&self.connections[worker])
    }

    /// Where the site counts what HTTP refuses.
    pub fn refusals(&self) -> Arc<Refusals> {
        Arc::clone(&self.refusals)
    }

    /// Where lines of the access log are counted that were not written.
    pub fn lost(&self) -> Arc<Lost> {
        Arc::clone(&self.lost)
    }

    /// What gates heed beside the work that waits.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Where deadlines of clients are counted that could not be read.
    pub fn deadlines(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.deadlines)
    }

    /// How requests say of which trace they are part; counts what could not be read.
    pub fn traces(&self) -> TraceParents {
        self.traces.clone()
    }

    /// Opens the eyes; only the first observer counts.
    pub fn open(&self, observer: Observer) {
        let _ = self.observer.set(observer);
    }

    /// Shows what is sent to a collector.
    pub fn exports(&self, counts: &Arc<otlp::Counts>) {
        let _ = self.exported.set(Arc::clone(counts));
    }

    /// The connections of all workers, added up.
    pub fn connections(&self) -> ConnCounts {
        let mut sum = ConnCounts::default();
        self.connections.iter().for_each(|ledger| sum += ledger.count());
        sum
    }

    /// Looks at the net, once a tick: for its history, and for those who watch, if any do. What
    /// these are to be sent.
    pub fn look(&self) -> Option<String> {
        let observer = self.observer.get()?;
        let (net, changes) = (observer.snapshot(), observer.changes());
        let waits = net.stages.iter().map(|stage| (&*stage.name, &stage.wait));
        let waits: Vec<_> = waits.collect();
        let (shown, watched) = (self.shown(&net), self.seats.taken() > 0);
        let look = Look { net: &shown, waits: &waits, changes: &changes, watched };
        self.lately().look(look)
    }

    /// The seats of those who watch.
    pub fn seats(&self) -> &Seats {
        &self.seats
    }

    /// A net, with what the server tells beside it.
    fn shown(&self, seen: &Snapshot) -> String {
        let mut shown = net(seen);
        shown["ledger"]["connections"] = connections(&self.connections());
        shown["cache"] = json!({
            "bytes": self.cache.used(),
            "budget": self.cache.limit(),
            "variants": variants(&self.variants),
        });
        shown["http"] = json!({
            "refused": refused(&self.refusals),
            "deadlines_ignored": self.deadlines.load(Relaxed),
            "traceparents_ignored": self.traces.ignored.load(Relaxed),
        });
        shown["resources"] = self.resources.iter().map(resource).collect();
        shown["machine"] = machine(&Usage::read(Path::new("/")));
        shown["log"] = json!({ "lost": self.lost.total() });
        shown["viewers"] = self.seats.taken().into();
        shown.to_string()
    }

    /// Goes on with the history of a net from which this one takes over.
    pub fn inherit(&self, former: &Watch) {
        let mut lately = std::mem::take(&mut *former.lately());
        lately.succeed();
        *self.lately() = lately;
    }

    /// What was seen lately, which is whole between two looks.
    fn lately(&self) -> MutexGuard<'_, Watcher> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

/// What gates heed; what could not be read is null.
fn resource(resource: &Resource) -> Value {
    let (budget, unit) = match resource.budget() {
        Budget::Memory(bytes) => (bytes, "bytes"),
        Budget::Descriptors(open) => (open, "open"),
        Budget::CpuPressure(percent) => (percent.into(), "percent"),
        Budget::RunDelay(span) => (micros(span.as_micros()), "us"),
    };
    let gauge = resource.gauge();
    json!({ "name": gauge.name(), "used": gauge.used(), "budget": budget, "unit": unit })
}

/// What the process uses of its machine, and percent of time in which something waits there; what
/// is not told is null.
fn machine(usage: &Usage) -> Value {
    let memory = |part: fn(Parts) -> Option<u64>| usage.memory.and_then(part);
    json!({
        "rss_bytes": memory(|memory| memory.resident),
        "anonymous_bytes": memory(|memory| memory.anonymous),
        "file_bytes": memory(|memory| memory.files),
        "shared_bytes": memory(|memory| memory.shared),
        "swapped_bytes": memory(|memory| memory.swapped),
        "descriptors": usage.descriptors,
        "descriptors_max": usage.descriptors_max,
        "cpu_us": micros(usage.cpu.as_micros()),
        "disk_read_bytes": usage.disk.map(|disk| disk.0),
        "disk_written_bytes": usage.disk.map(|disk| disk.1),
        "cpu_pressure": usage.cpu_pressure,
        "memory_pressure": usage.memory_pressure,
        "io_pressure": usage.io_pressure,
        "cpus": usage.cpus,
    })
}

fn connections(counts: &ConnCounts) -> Value {
    let closed = How::ALL.map(|how| (how.name().to_owned(), counts.closed(how).into()));
    let refused = Refusal::ALL.map(|why| (why.name().to_owned(), counts.refused(why).into()));
    json!({
        "opened": counts.opened,
        "closed": closed.into_iter().collect::<Map<_, _>>(),
        "open": counts.open,
        "shed": counts.shed,
        "refused": refused.into_iter().collect::<Map<_, _>>(),
        "balanced": counts.balanced(),
    })
}

/// Those that were shed before they were begun are counted by their wire.
fn variants(counts: &Counts) -> Value {
    json!({
        "made": counts.made.load(Relaxed),
        "ahead": counts.ahead.load(Relaxed),
        "too_large": counts.too_large.load(Relaxed),
        "dropped": counts.dropped.load(Relaxed),
        "bytes_saved": counts.saved.load(Relaxed),
    })
}

fn refused(refusals: &Refusals) -> Map<String, Value> {
    refusals.each().map(|(status, n)| (status.to_string(), n.into())).collect()
}

fn micros(micros: u128) -> u64 {
    u64::try_from(micros).unwrap_or(u64::MAX)
}
