//! What happened in a net between two looks at it: rates a second, and how busy all is.

use crate::model::{ClassEnds, Counts, Ledger, Net, Stage, Times, Wire, Worker};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How old a ledger may be, in milliseconds, and still be of one epoch. In an older one a part
/// stays as it is, and those of the others go on.
const OF_ONE_EPOCH: f64 = 5000.0;
/// Of the time between two looks: a ledger that is younger by less than that is the one before,
/// but for the part of who looked.
const SAME: f64 = 0.5;

/// What happened between two looks at a net. Rates are a second; shares are 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    /// The time between the two.
    pub seconds: f64,
    /// The time between their ledgers, which are older where a handler is long; 0 where the later
    /// one told the same again, and what flows did is not known.
    pub ledger_seconds: f64,
    /// Flows that were let in.
    pub entered_s: f64,
    /// Flows that were answered.
    pub finished_s: f64,
    /// Flows that ended without an answer, by the reason; those alone that happened.
    pub ended_s: BTreeMap<String, f64>,
    /// The stages, in the order of the net.
    pub stages: Vec<StageRates>,
    /// The wires, in the order of the net.
    pub wires: Vec<WireRates>,
    /// The domains, by name.
    pub domains: Vec<DomainRates>,
    /// The workers, in the order of the net.
    pub workers: Vec<WorkerRates>,
    /// The classes, in the order of the net.
    pub classes: Vec<ClassRates>,
}

/// What a stage did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageRates {
    /// Its name.
    pub name: String,
    /// Events that came; `None` is not known.
    pub arrivals_s: Option<f64>,
    /// Events handled.
    pub served_s: f64,
    /// Flows that ended without an answer.
    pub refused_s: f64,
    /// The same by reason; those alone that happened.
    pub refused_by: BTreeMap<String, f64>,
    /// Events that the gates of its queues refused, pushed out or dropped.
    pub gate_refused_s: f64,
    /// Time in the handler, of all the time of its threads; of a gate, places that are taken now.
    pub utilisation: f64,
    /// Time on a processor while in the handler, of all the time of its threads: about, as that of
    /// the threads of its domain is told for all their stages together. `None` is not known.
    pub cpu: Option<f64>,
    /// Time parked, of all the time of its replicas.
    pub parked: f64,
    /// How much of its queues is taken now.
    pub filled: f64,
    /// The worst of utilisation, parked and filled.
    pub saturation: f64,
    /// The mean time in the handler for an event; `None` where none was handled.
    pub service_us: Option<f64>,
    /// The mean wait in the queue; `None` is not known.
    pub wait_us: Option<f64>,
}

/// What went over a wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WireRates {
    /// The stage that sends.
    pub from: String,
    /// Its port.
    pub port: String,
    /// The stage that listens.
    pub to: String,
    /// Events delivered.
    pub sent_s: f64,
    /// Events shed or diverted for want of room.
    pub lost_s: f64,
}

/// How busy the threads of a domain were.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainRates {
    /// Its name.
    pub name: String,
    /// `pinned` or `pool`.
    pub kind: String,
    /// Threads that take events.
    pub threads: u64,
    /// Time in handlers, of all the time of its threads.
    pub utilisation: f64,
    /// Time on a processor, of all the time of its threads; `None` is not known.
    pub cpu: Option<f64>,
    /// The busiest of its workers, where these are told.
    pub busiest: Option<f64>,
}

/// How busy a thread was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerRates {
    /// Its domain.
    pub domain: String,
    /// Its number there.
    pub worker: u64,
    /// Time in handlers.
    pub utilisation: f64,
    /// Time on a processor; `None` is not known.
    pub cpu: Option<f64>,
    /// Batches.
    pub runs_s: f64,
}

/// What became of the flows of a class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassRates {
    /// The class.
    pub class: u64,
    /// Flows that were answered.
    pub finished_s: f64,
    /// Flows that ended without an answer, by the reason; those alone that happened.
    pub ended_s: BTreeMap<String, f64>,
    /// The 99th percentile of how long the answers took; `None` where there were none, and from
    /// [`rates`]: a net tells that since the start alone, so only a
    /// [`Watcher`](crate::Watcher), which sees more, knows it.
    pub response_p99_us: Option<f64>,
}

/// What happened between `before` and `now`. What began anew in between counts from its start: so
/// does all with [`Net::default`] before it.
pub fn rates(before: &Net, now: &Net) -> Rates {
    let none = Net::default();
    let again = now.clock_ms() < before.clock_ms();
    let before = if again { &none } else { before };
    let span = Span((now.clock_ms() - before.clock_ms()) as f64 / 1000.0);
    let empty = Ledger::default();
    let [then, ledger] = [before, now].map(|net| net.ledger.as_ref().unwrap_or(&empty));
    let flows = between_ledgers(before, now);
    let mut ended_s = flows.each(&then.ended, &ledger.ended);
    let finished_s = ended_s.remove("finished").unwrap_or_default();
    let mut stages: Vec<_> =
        now.stages.iter().enumerate().map(|one| of_stage(before, one, span)).collect();
    let workers = workers(before, now, span);
    let domains = domains(now, &stages, &workers);
    for (stage, rates) in now.stages.iter().zip(&mut stages) {
        let domain = domains.iter().find(|domain| domain.name == stage.domain);
        rates.cpu = domain.and_then(|domain| of_cpu(domain, rates.utilisation));
    }
    Rates {
        seconds: span.0,
        ledger_seconds: flows.0,
        entered_s: flows.rate(then.entered, ledger.entered),
        finished_s,
        ended_s,
        wires: now.wires.iter().enumerate().map(|one| of_wire(before, one, span)).collect(),
        domains,
        classes: classes(before, now, span),
        workers,
        stages,
    }
}

impl Rates {
    /// Where it is not known what flows did, it is taken to be what they did before.
    pub fn or_of_flows(self, before: &Rates) -> Rates {
        if self.ledger_seconds > 0.0 {
            return self;
        }
        let ended_s = before.ended_s.clone();
        Rates { entered_s: before.entered_s, finished_s: before.finished_s, ended_s, ..self }
    }
}

/// The time between the ledgers of two looks.
fn between_ledgers(before: &Net, now: &Net) -> Span {
    let looks = now.clock_ms() as f64 - before.clock_ms() as f64;
    let [then, age] = [before, now].map(|net| net.age_ms.unwrap_or_default());
    let ledgers = looks + then - age;
    let ms = if age > OF_ONE_EPOCH { looks } else { ledgers };
    Span(if ms < looks * SAME { 0.0 } else { ms / 1000.0 })
}

/// The time between two looks, in seconds.
#[derive(Clone, Copy)]
struct Span(f64);

impl Span {
    /// A count a second; nothing where no time passed.
    fn rate(self, before: u64, now: u64) -> f64 {
        self.share(now.saturating_sub(before) as f64)
    }

    fn share(self, of: f64) -> f64 {
        if self.0 > 0.0 { of / self.0 } else { 0.0 }
    }

    /// Microseconds spent, of the time of so many threads.
    fn used(self, before: u64, now: u64, threads: u64) -> f64 {
        let spent = now.saturating_sub(before) as f64 / 1e6;
        (self.share(spent) / threads.max(1) as f64).min(1.0)
    }

    fn each(self, before: &Counts, now: &Counts) -> BTreeMap<String, f64> {
        let was = |name| before.get(name).copied().unwrap_or_default();
        let rates = now.iter().map(|(name, count)| (name, self.rate(was(name), *count)));
        let some = rates.filter(|(_, rate)| *rate > 0.0);
        some.map(|(name, rate)| (name.to_string(), rate)).collect()
    }
}

/// What this was before: mostly at the same place.
fn same<T>(before: &[T], n: usize, is: impl Fn(&T) -> bool) -> Option<&T> {
    before.get(n).filter(|was| is(was)).or_else(|| before.iter().find(|was| is(was)))
}

fn of_stage(before: &Net, (n, stage): (usize, &Stage), span: Span) -> StageRates {
    let none = Stage::default();
    let was = same(&before.stages, n, |was| was.name == stage.name).unwrap_or(&none);
    // A gate has a clock of its own.
    let span = match (stage.time_ms, was.time_ms) {
        (Some(now), then) => Span(now.saturating_sub(then.unwrap_or(0)) as f64 / 1000.0),
        _ => span,
    };
    let refused_by = span.each(&was.refused, &stage.refused);
    let utilisation = match (stage.busy_us, stage.running) {
        (Some(busy), _) => span.used(was.busy_us.unwrap_or_default(), busy, stage.threads()),
        (None, running) => running.unwrap_or_default() as f64 / stage.threads() as f64,
    };
    let parked = parked(was, stage, span);
    let filled = (stage.queued as f64 / stage.capacity.max(1) as f64).min(1.0);
    let served = stage.served.saturating_sub(was.served);
    let busy = stage.busy_us.map(|busy| busy.saturating_sub(was.busy_us.unwrap_or_default()));
    StageRates {
        name: stage.name.clone(),
        arrivals_s: stage
            .arrivals
            .map(|arrivals| span.rate(was.arrivals.unwrap_or_default(), arrivals)),
        served_s: span.rate(was.served, stage.served),
        refused_s: refused_by.values().sum(),
        refused_by,
        gate_refused_s: span.rate(at_gates(was), at_gates(stage)),
        utilisation: utilisation.min(1.0),
        cpu: None,
        parked,
        filled,
        saturation: utilisation.max(parked).max(filled).min(1.0),
        service_us: busy.filter(|_| served > 0).map(|busy| busy as f64 / served as f64),
        wait_us: stage.wait.as_ref().and_then(|wait| mean(was.wait.as_ref(), wait)),
    }
}

/// What a stage has of its domain's time on processors: as much as it has of the time in handlers.
/// A worker uses some beside handlers too, which is of no stage.
fn of_cpu(domain: &DomainRates, utilisation: f64) -> Option<f64> {
    let share = domain.cpu? / domain.utilisation.max(f64::MIN_POSITIVE);
    Some(utilisation * share.min(1.0))
}

/// What the gates of a stage refused.
fn at_gates(stage: &Stage) -> u64 {
    stage.admission.iter().flat_map(|gate| gate.refused.values()).sum()
}

/// The share of the time parked. Where that is not told, or a replica has been parked all the time,
/// so that it is not counted yet: whether it is parked now and did nothing.
fn parked(was: &Stage, stage: &Stage, span: Span) -> f64 {
    let told = stage
        .parked_us
        .map(|parked| span.used(was.parked_us.unwrap_or_default(), parked, stage.replicas.max(1)));
    let stands = stage.parked_now && stage.served == was.served;
    if stands { 1.0 } else { told.unwrap_or_default() }
}

/// The mean of what was measured since `was`.
fn mean(was: Option<&Times>, now: &Times) -> Option<f64> {
    let (count, mean) = was.map_or((0, 0.0), |was| (was.count, was.mean_us));
    let more = now.count.checked_sub(count).filter(|more| *more > 0)?;
    let sum = now.mean_us * now.count as f64 - mean * count as f64;
    Some((sum / more as f64).max(0.0))
}

fn of_wire(before: &Net, (n, wire): (usize, &Wire), span: Span) -> WireRates {
    let is = |was: &Wire| (&was.from, &was.port, &was.to) == (&wire.from, &wire.port, &wire.to);
    let none = Wire::default();
    let was = same(&before.wires, n, is).unwrap_or(&none);
    WireRates {
        from: wire.from.clone(),
        port: wire.port.clone(),
        to: wire.to.clone(),
        sent_s: span.rate(was.sent, wire.sent),
        lost_s: span.rate(was.refused + was.diverted, wire.refused + wire.diverted),
    }
}

fn workers(before: &Net, now: &Net, span: Span) -> Vec<WorkerRates> {
    let none = Worker::default();
    let all = now.workers.iter().enumerate().map(|(n, worker)| {
        let is = |was: &Worker| (&was.domain, was.worker) == (&worker.domain, worker.worker);
        let was = same(&before.workers, n, is).unwrap_or(&none);
        WorkerRates {
            domain: worker.domain.clone(),
            worker: worker.worker,
            utilisation: span.used(was.busy_us, worker.busy_us, 1),
            cpu: worker.cpu_us.map(|cpu| span.used(was.cpu_us.unwrap_or_default(), cpu, 1)),
            runs_s: span.rate(was.runs, worker.runs),
        }
    });
    all.collect()
}

fn classes(before: &Net, now: &Net, span: Span) -> Vec<ClassRates> {
    let none = ClassEnds::default();
    let all = now.classes.iter().enumerate().map(|(n, class)| {
        let was = same(&before.classes, n, |was| was.class == class.class).unwrap_or(&none);
        ClassRates {
            class: class.class,
            finished_s: span.rate(was.finished, class.finished),
            ended_s: span.each(&was.ended, &class.ended),
            response_p99_us: None,
        }
    });
    all.collect()
}

fn domains(now: &Net, stages: &[StageRates], workers: &[WorkerRates]) -> Vec<DomainRates> {
    let mut domains: BTreeMap<&str, DomainRates> = BTreeMap::new();
    for (stage, rates) in now.stages.iter().zip(stages) {
        let domain = domains.entry(&stage.domain).or_insert_with(|| DomainRates {
            name: stage.domain.clone(),
            kind: stage.kind.clone(),
            ..DomainRates::default()
        });
        domain.threads = domain.threads.max(stage.threads());
        domain.utilisation = (domain.utilisation + rates.utilisation).min(1.0);
    }
    for domain in domains.values_mut() {
        let of = || workers.iter().filter(|worker| worker.domain == domain.name);
        let cpus: Option<Vec<f64>> = of().map(|worker| worker.cpu).collect();
        let cpu = cpus.filter(|cpus| !cpus.is_empty()).map(|cpus| cpus.iter().sum::<f64>());
        domain.cpu = cpu.map(|cpu| (cpu / domain.threads.max(1) as f64).min(1.0));
        domain.busiest = of().map(|worker| worker.utilisation).reduce(f64::max);
    }
    domains.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(json: &str) -> Net {
        Net::from_json(json).expect("a net")
    }

    #[test]
    fn rates_are_of_the_time_between() {
        let before = net(
            r#"{"time_ms": 1000, "ledger": {"entered": 10, "ended": {"finished": 5, "shed": 5}},
            "stages": [{"name": "a", "domain": "d", "kind": "pool", "replicas": 2, "served": 100,
                "busy_us": 0, "wait": {"count": 10, "mean_us": 100}}],
            "classes": [{"class": 3, "finished": 5, "ended": {"shed": 5, "late": 1}}],
            "workers": [{"domain": "d", "worker": 0, "cpu_us": 0},
                {"domain": "d", "worker": 1, "cpu_us": 0}]}"#,
        );
        let now = net(
            r#"{"time_ms": 3000, "ledger": {"entered": 30, "ended": {"finished": 25, "shed": 5}},
            "stages": [{"name": "a", "domain": "d", "kind": "pool", "replicas": 2, "served": 300,
                "busy_us": 3000000, "queued": 4, "capacity": 8, "refused": {"shed": 6},
                "wait": {"count": 20, "mean_us": 200}}],
            "classes": [{"class": 1, "finished": 4},
                {"class": 3, "finished": 25, "ended": {"shed": 7, "late": 1}}],
            "workers": [{"domain": "d", "worker": 0, "busy_us": 2000000, "cpu_us": 100000},
                {"domain": "d", "worker": 1, "busy_us": 1000000, "cpu_us": 100000}]}"#,
        );
        let rates = rates(&before, &now);
        assert_eq!((rates.seconds, rates.entered_s, rates.finished_s), (2.0, 10.0, 10.0));
        assert!(rates.ended_s.is_empty(), "nothing was shed meanwhile");
        let stage = &rates.stages[0];
        assert_eq!((stage.served_s, stage.refused_s), (100.0, 3.0));
        assert_eq!((stage.utilisation, stage.filled, stage.saturation), (0.75, 0.5, 0.75));
        assert_eq!((stage.service_us, stage.wait_us), (Some(15_000.0), Some(300.0)));
        assert_eq!(stage.arrivals_s, None, "that is not told");
        assert!(stage.cpu.is_some_and(|cpu| (cpu - 0.05).abs() < 1e-9), "{stage:?}");
        let classes: Vec<_> = rates.classes.iter().map(|one| (one.class, one.finished_s)).collect();
        assert_eq!(classes, [(1, 2.0), (3, 10.0)]);
        assert_eq!(rates.classes[1].ended_s, BTreeMap::from([("shed".to_owned(), 1.0)]));
        let domain = &rates.domains[0];
        assert_eq!((domain.utilisation, domain.cpu, domain.busiest), (0.75, Some(0.05), Some(1.0)));
    }

    #[test]
    fn stages_share_the_processor_time_of_their_domain() {
        let domain = |cpu, utilisation| DomainRates { cpu, utilisation, ..DomainRates::default() };
        assert_eq!(of_cpu(&domain(Some(0.4), 0.8), 0.2), Some(0.1), "half of the time it computes");
        assert_eq!(of_cpu(&domain(Some(0.9), 0.3), 0.2), Some(0.2), "the rest is not of handlers");
        assert_eq!(of_cpu(&domain(Some(0.1), 0.0), 0.0), Some(0.0));
        assert_eq!(of_cpu(&domain(None, 0.5), 0.5), None);
    }

    #[test]
    fn flows_are_of_the_time_between_the_ledgers() {
        let look = |time_ms: u64, age_ms: u64, finished: u64| {
            net(&format!(
                r#"{{"time_ms": {time_ms}, "age_ms": {age_ms}, "stages": [],
                "ledger": {{"entered": {finished}, "ended": {{"finished": {finished}}}}}}}"#
            ))
        };
        let [first, same, late] = [look(1000, 0, 100), look(2000, 970, 100), look(3000, 500, 250)];
        let known = rates(&Net::default(), &first);
        assert_eq!(known.finished_s, 100.0);
        let unknown = rates(&first, &same);
        assert_eq!((unknown.seconds, unknown.ledger_seconds), (1.0, 0.0));
        let told = unknown.or_of_flows(&known);
        assert_eq!((told.entered_s, told.finished_s), (100.0, 100.0), "as before");
        let then = rates(&same, &late).or_of_flows(&told);
        assert_eq!(then.finished_s, 150.0 / then.ledger_seconds);
        assert_eq!(then.ledger_seconds, 1.47);
        let hung = rates(&look(9000, 6000, 300), &look(10_000, 7000, 350)).or_of_flows(&then);
        assert_eq!(hung.finished_s, 50.0, "a worker hangs, the others go on");
    }

    #[test]
    fn what_began_anew_counts_from_its_start() {
        let before = net(r#"{"time_ms": 9000, "stages": [{"name": "a", "served": 500}]}"#);
        let now = net(r#"{"time_ms": 2000, "stages": [{"name": "a", "served": 10}]}"#);
        assert_eq!(rates(&before, &now).stages[0].served_s, 5.0);
        assert_eq!(rates(&now, &now).stages[0].served_s, 0.0, "no time passed");
    }
}
