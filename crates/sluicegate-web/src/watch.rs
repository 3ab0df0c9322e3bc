//! What may be seen of a running service, from any thread.
mod metrics;
mod shown;
mod sight;

pub use sight::Sight;

use crate::cache::{self, Counts};
use crate::config::Config;
use crate::log;
use crate::service::Stores;
use crate::stages::Seats;
use crate::volume::Memory;
use sluicegate::{Gauge, Observer};
use sluicegate_admin::{Guard, Look, Watcher, otlp};
use sluicegate_http::log::Lost;
use sluicegate_http::{Refusals, TraceParents};
use sluicegate_io::resources::{Budget, Resource, Samples};
use sluicegate_io::{ConnCounts, ConnLedger, DiskLedger};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The domain of the admin listener.
pub(crate) const ADMIN: &str = "admin";

/// The eyes of a service. They open when it runs.
pub struct Watch {
    observer: OnceLock<Observer>,
    connections: Vec<Arc<ConnLedger>>,
    cache: Arc<cache::Budget>,
    variants: Arc<Counts>,
    volumes: Arc<Memory>,
    refusals: Arc<Refusals>,
    log: Arc<log::Counts>,
    /// Those that gates heed come first.
    resources: Vec<Resource>,
    heeded: usize,
    disk_times: Arc<Samples>,
    disk_ledger: Arc<DiskLedger>,
    lookups: Arc<Samples>,
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
    /// gauge for each resource that is watched.
    pub fn new(config: &Config, Stores { loader, memory }: &Stores) -> Watch {
        let resources = config.watched().copied().map(Resource::new).collect();
        let (disk_times, disk_ledger, lookups) = Default::default();
        let connections = (0..=config.workers).map(|_| ConnLedger::new()).collect();
        let (cache, variants) = (Arc::clone(loader.budget()), Arc::clone(loader.counts()));
        let (observer, refusals, log, deadlines, watcher, seats) = Default::default();
        let (traces, exported) = (TraceParents::default(), OnceLock::new());
        Watch {
            observer,
            connections,
            cache,
            variants,
            volumes: Arc::clone(memory),
            refusals,
            log,
            resources,
            heeded: config.resources.len(),
            disk_times,
            disk_ledger,
            lookups,
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

    /// Where records of the access log are counted that were dropped on their way.
    pub fn lost(&self) -> Arc<Lost> {
        Arc::clone(&self.log.lost)
    }

    /// What became of the records of the access log that are not in it.
    pub fn log(&self) -> Arc<log::Counts> {
        Arc::clone(&self.log)
    }

    /// What is watched because it may run short; what gates heed first.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// What gates heed beside the work that waits.
    pub fn heeded(&self) -> &[Resource] {
        &self.resources[..self.heeded]
    }

    /// The gauges of memory: of the process, and of what it shares with others.
    pub fn memory(&self) -> Vec<Arc<Gauge>> {
        let is_memory =
            |one: &&Resource| matches!(one.budget(), Budget::Memory(_) | Budget::SystemMemory);
        self.resources.iter().filter(is_memory).map(|one| Arc::clone(one.gauge())).collect()
    }

    /// Where it is counted how long looks at the disk take, in nanoseconds.
    pub fn disk_times(&self) -> Arc<Samples> {
        Arc::clone(&self.disk_times)
    }

    /// Where reads of volumes are counted.
    pub fn disk_ledger(&self) -> Arc<DiskLedger> {
        Arc::clone(&self.disk_ledger)
    }

    /// Where looks into the page cache are counted: 0 for a hit, 1 for a miss.
    pub fn lookups(&self) -> Arc<Samples> {
        Arc::clone(&self.lookups)
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
        let (seen, changes) = (observer.snapshot(), observer.changes());
        let waits = seen.stages.iter().map(|stage| (&*stage.name, &stage.wait));
        let waits: Vec<_> = waits.collect();
        let responses = seen.classes.iter().map(|class| (class.class, &class.response));
        let responses: Vec<_> = responses.collect();
        let (net, watched) = (self.shown(&seen), self.seats.taken() > 0);
        let look = Look { net, waits: &waits, responses: &responses, changes: &changes, watched };
        self.lately().look(look)
    }

    /// Writes down what is hot in volumes, where that is asked for. May block.
    pub fn save_hot(&self) {
        self.volumes.save();
    }

    /// The seats of those who watch.
    pub fn seats(&self) -> &Seats {
        &self.seats
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
