//! What may be seen of a running service, from any thread: JSON of the net and its ledgers.
mod metrics;

use crate::app::OnChange;
use crate::cache::{self, Counts, Loader};
use crate::config::Config;
use crate::stages::Seats;
use serde_json::{Map, Value, json};
use sluicegate::{Changed, FlowTrace, Observer, Setting, Snapshot};
use sluicegate_admin::metrics::{Page, put_net};
use sluicegate_admin::model::{Flow, Flows};
use sluicegate_admin::{Guard, Health, Look, NotChanged, Seen, Steer, Watcher, net, no_such_law};
use sluicegate_http::log::Lost;
use sluicegate_http::{Refusals, TraceParents};
use sluicegate_io::resources::{Budget, Parts, Resource, Usage};
use sluicegate_io::{ConnCounts, ConnLedger, How, Refusal};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The domain of the admin listener.
pub(crate) const ADMIN: &str = "admin";

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
    watcher: Mutex<Watcher>,
    seats: Seats,
    guard: Guard,
    on_change: Option<OnChange>,
}

impl Watch {
    /// With a ledger of connections for each worker, and one for the admin listener; and with a
    /// gauge for each resource that gates heed.
    pub fn new(config: &Config, loader: &Loader) -> Watch {
        let resources = config.resources.iter().copied().map(Resource::new).collect();
        let connections = (0..=config.workers).map(|_| ConnLedger::new()).collect();
        let (cache, variants) = (Arc::clone(loader.budget()), Arc::clone(loader.counts()));
        let (observer, refusals, lost, deadlines, watcher, seats) = Default::default();
        let traces = TraceParents::default();
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
            watcher,
            seats,
            guard: Guard::OPEN,
            on_change: None,
        }
    }

    /// Shown to those alone whom `guard` admits; and `on_change` is told of what they change.
    pub fn guarded(self, guard: Guard, on_change: Option<OnChange>) -> Watch {
        Watch { guard, on_change, ..self }
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

    /// The net that is to be changed.
    fn running(&self) -> Result<&Observer, NotChanged> {
        let none = || NotChanged::Conflict("no net runs yet; ask again when one does".to_owned());
        self.observer.get().ok_or_else(none)
    }
}

impl Seen for Watch {
    /// The net at this moment; an empty object before it runs. May wait for busy workers.
    fn json(&self) -> String {
        let Some(observer) = self.observer.get() else { return json!({}).to_string() };
        self.shown(&observer.snapshot())
    }

    /// Nothing before the net runs.
    fn put_metrics(&self, page: &mut Page) {
        let Some(observer) = self.observer.get() else { return };
        put_net(page, &observer.snapshot());
        metrics::put_server(page, self);
        metrics::put_machine(page, &Usage::read(Path::new("/")));
    }

    fn health(&self) -> Health {
        let observer = self.observer.get();
        observer.map_or_else(Health::starting, |observer| Health::of_net(&observer.snapshot()))
    }

    fn guard(&self) -> &Guard {
        &self.guard
    }

    fn changed(&self, what: &str) {
        self.on_change.iter().for_each(|tell| tell(what));
    }

    fn flows(&self) -> Option<Flows> {
        let observer = self.observer.get()?;
        // Who looks is not looked at.
        let own = |flow: &FlowTrace| flow.steps.iter().any(|step| step.domain == ADMIN);
        let flows = observer.flows();
        let flows = flows.iter().filter(|flow| !own(flow)).map(Flow::from).collect();
        Some(Flows { flows, missed: observer.flows_missed() })
    }

    fn freeze(&self, by: &str, stage: &str, law: &str, frozen: bool) -> Result<(), NotChanged> {
        let observer = self.running()?;
        if observer.freeze(by, stage, law, frozen) {
            return Ok(());
        }
        let net = observer.snapshot();
        let there = net.stages.iter().flat_map(|stage| {
            // All queues of an inlet have the same.
            let votes = stage.admission.first().map(|gate| &gate.votes[..]).unwrap_or_default();
            votes.iter().map(|vote| (stage.name.as_str(), vote.law))
        });
        Err(NotChanged::Unknown(no_such_law(stage, law, there)))
    }

    fn settings(&self) -> Vec<Setting> {
        self.observer.get().map(Observer::settings).unwrap_or_default()
    }

    fn changes(&self) -> Vec<Changed> {
        self.observer.get().map(Observer::changes).unwrap_or_default()
    }

    fn change(&self, by: &str, changes: &[(&str, sluicegate::Value)]) -> Result<(), NotChanged> {
        Ok(self.running()?.change(by, changes)?)
    }

    fn steer(&self, by: &str, stage: &str, how: Steer) -> Result<(), NotChanged> {
        let observer = self.running()?;
        let net = observer.snapshot();
        if net.stages.iter().any(|one| one.name == stage && one.domain == ADMIN) {
            let why = "the stages of the admin listener answer this: paused, they would not resume";
            return Err(NotChanged::Forbidden(why));
        }
        match how {
            Steer::Pause => observer.pause(by, stage)?,
            Steer::Step => observer.step(by, stage)?,
            Steer::Resume => observer.resume(by, stage)?,
        }
        Ok(())
    }

    fn watcher(&self) -> Option<&Mutex<Watcher>> {
        Some(&self.watcher)
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
