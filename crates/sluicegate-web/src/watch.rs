//! What may be seen of a running service, from any thread: JSON of the net and its ledgers.
use crate::cache::{self, Counts, Loader};
use crate::config::Config;
use serde_json::{Map, Value, json};
use sluicegate::{Adjust, AdmissionView, Observer, Snapshot, StageView, Vote, Why, WireView};
use sluicegate_http::Refusals;
use sluicegate_http::log::Lost;
use sluicegate_io::resources::{Budget, Resource};
use sluicegate_io::{ConnCounts, ConnLedger, How, Refusal};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

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
}

impl Watch {
    /// With a ledger of connections for each worker, and one for the admin listener; and with a
    /// gauge for each resource that gates heed.
    pub fn new(config: &Config, loader: &Loader) -> Watch {
        let resources = config.resources.iter().copied().map(Resource::new).collect();
        let connections = (0..=config.workers).map(|_| ConnLedger::new()).collect();
        let (cache, variants) = (Arc::clone(loader.budget()), Arc::clone(loader.counts()));
        let (observer, refusals, lost, deadlines) = Default::default();
        Watch { observer, connections, cache, variants, refusals, lost, deadlines, resources }
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

    /// Freezes a law at the inlet of a stage, or lets it go on.
    ///
    /// # Errors
    /// What is not there, and what is.
    pub fn freeze(&self, stage: &str, law: &str, frozen: bool) -> Result<(), String> {
        let Some(observer) = self.observer.get() else { return Err("no net runs yet".to_owned()) };
        if observer.freeze(stage, law, frozen) {
            return Ok(());
        }
        let net = observer.snapshot();
        let laws = net.stages.iter().flat_map(|stage| {
            // All queues of an inlet have the same.
            let votes = stage.admission.first().map(|gate| &gate.votes[..]).unwrap_or_default();
            votes.iter().map(|vote| format!("stage={}&law={}", stage.name, vote.law))
        });
        let laws: Vec<_> = laws.collect();
        let there = if laws.is_empty() { "none at all".to_owned() } else { laws.join(", ") };
        Err(format!("no stage {stage:?} has a law {law:?}; accepted: {there}"))
    }

    /// Where deadlines of clients are counted that could not be read.
    pub fn deadlines(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.deadlines)
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

    /// The net at this moment; an empty object before it runs. May wait for busy workers.
    pub fn json(&self) -> String {
        let Some(observer) = self.observer.get() else { return json!({}).to_string() };
        let mut shown = net(&observer.snapshot());
        shown["ledger"]["connections"] = connections(&self.connections());
        shown["cache"] = json!({
            "bytes": self.cache.used(),
            "budget": self.cache.limit(),
            "variants": variants(&self.variants),
        });
        shown["http"] = json!({
            "refused": refused(&self.refusals),
            "deadlines_ignored": self.deadlines.load(Relaxed),
        });
        shown["resources"] = self.resources.iter().map(resource).collect();
        shown["log"] = json!({ "lost": self.lost.total() });
        shown.to_string()
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

/// A net as JSON. Times say their unit; counts are since the start.
pub fn net(net: &Snapshot) -> Value {
    json!({
        "name": net.name,
        "time_ms": net.at.0 / 1_000_000,
        "age_ms": millis(net.age.as_micros()),
        "draining": net.draining,
        "stages": net.stages.iter().map(stage).collect::<Vec<_>>(),
        "wires": net.wires.iter().map(wire).collect::<Vec<_>>(),
        "ledger": ledger(net),
    })
}

fn stage(stage: &StageView) -> Value {
    json!({
        "name": stage.name,
        "domain": stage.domain,
        "kind": stage.kind,
        "replicas": stage.replicas,
        "on_duty": stage.on_duty,
        "queued": stage.queued,
        "capacity": stage.capacity,
        "served": stage.served,
        "batches": stage.batches,
        "busy_us": micros(stage.busy.as_micros()),
        "wait_us": micros(stage.mean_wait.as_micros()),
        "parked": stage.parked,
        "parked_now": stage.parked_now > 0,
        "queue_age_us": micros(stage.queue_age.as_micros()),
        "refused": by_why(|why| stage.refused[why]),
        "panics": stage.panics,
        "breaks": stage.breaks,
        "admission": stage.admission.iter().map(admission).collect::<Vec<_>>(),
    })
}

/// The gate of one queue.
fn admission(gate: &AdmissionView) -> Value {
    json!({
        "votes": gate.votes.iter().map(vote).collect::<Vec<_>>(),
        "work_us": span(gate.work),
        "cost_us": gate.cost.as_nanos() as f64 / 1000.0,
        "bounds": bounds(&gate.adjust),
        "offered": gate.offered,
        "refused": by_why(|why| gate.refused[why]),
        "pressure": gate.adjust.pressure,
        "quality": gate.adjust.quality,
        "changed_ms": gate.changed.0 / 1_000_000,
    })
}

/// What one law says.
fn vote(vote: &Vote) -> Value {
    json!({
        "law": vote.law,
        "target_us": vote.target.and_then(span),
        "measured_us": vote.adjust.measured.and_then(span),
        "bounds": bounds(&vote.adjust),
        "pressure": vote.adjust.pressure,
        "quality": vote.adjust.quality,
        "frozen": vote.frozen,
    })
}

/// A bound that does not hold is null.
fn bounds(adjust: &Adjust) -> Value {
    json!({
        "work_us": span(adjust.work),
        "events": (adjust.events < usize::MAX).then_some(adjust.events),
        "rate": adjust.rate.is_finite().then_some(adjust.rate),
        "class_rates": class_rates(adjust),
        "patience_us": span(adjust.patience),
        "newest_first": adjust.newest_first,
        "share": (adjust.share > 0.0).then_some(adjust.share),
    })
}

/// By class; null where none has a rate.
fn class_rates(adjust: &Adjust) -> Option<Vec<Option<f64>>> {
    let rates = adjust.class_rates.map(|rate| rate.is_finite().then_some(rate));
    rates.iter().any(Option::is_some).then(|| rates.to_vec())
}

fn span(span: Duration) -> Option<u64> {
    (span < Duration::MAX).then(|| micros(span.as_micros()))
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

fn wire(wire: &WireView) -> Value {
    json!({
        "from": wire.from,
        "port": wire.port,
        "to": wire.to,
        "on_full": wire.on_full.name(),
        "window": wire.window,
        "returns": wire.returns.is_some(),
        "answers": wire.returns,
        "sent": wire.sent,
        "held": wire.held,
        "refused": wire.refused,
        "diverted": wire.diverted,
    })
}

fn ledger(net: &Snapshot) -> Value {
    let ledger = &net.ledger;
    let mut ended = Map::new();
    ended.insert("finished".to_owned(), ledger.finished.into());
    ended.extend(by_why(|why| ledger.ended[why]));
    json!({
        "entered": ledger.entered,
        "forked": ledger.forked,
        "joined": ledger.joined,
        "ended": ended,
        "in_flight": ledger.in_flight,
        "balanced": ledger.balanced(),
        "age_ms": millis(net.age.as_micros()),
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

fn by_why(count: impl Fn(Why) -> u64) -> Map<String, Value> {
    Why::ALL.into_iter().map(|why| (why.name().to_owned(), count(why).into())).collect()
}

fn micros(micros: u128) -> u64 {
    u64::try_from(micros).unwrap_or(u64::MAX)
}

fn millis(micros: u128) -> f64 {
    micros as f64 / 1000.0
}
