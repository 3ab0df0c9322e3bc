//! What observers see, as the model has it: nets, and the gates of services that are no stages.

use super::{
    Admission, BatchSizes, Bounds, ClassEnds, ClassRefused, Counts, Ledger, Net, Stage, Stall,
    Times, Vote, Wire, Worker,
};
use sluicegate::{
    Adjust, AdmissionQueueView, AdmissionView, ByWhy, ClassView, Histogram, Snapshot, StageView,
    Why, WireView, WorkerView,
};
use std::time::Duration;

/// A net, without what a server tells beside it.
impl From<&Snapshot> for Net {
    fn from(net: &Snapshot) -> Self {
        Self {
            name: net.name.clone(),
            time_ms: Some(net.at.0 / 1_000_000),
            age_ms: Some(millis(net.age)),
            epoch: Some(net.epoch),
            draining: net.draining,
            stopped: net.stopped.as_ref().map(ToString::to_string),
            stages: all(&net.stages),
            wires: all(&net.wires),
            ledger: Some(ledger(net)),
            stalls: all(&net.stalls),
            classes: all(&net.classes),
            workers: all(&net.workers),
            ..Self::default()
        }
    }
}

impl Stage {
    /// The gate of a service that is no stage, in the shape of one with one queue. Its clock began
    /// with it.
    pub fn of_gate(name: &str, gate: &AdmissionQueueView) -> Self {
        let refused = &gate.admission.refused;
        let in_flight = gate.waiting + gate.running;
        let went = gate.finished + refused.total() + gate.ended.total();
        let ledger = Ledger {
            entered: gate.admission.offered,
            ended: ended(gate.finished, |why| refused[why] + gate.ended[why]),
            in_flight: in_flight as i64,
            balanced: gate.admission.offered == went + in_flight as u64,
            ..Ledger::default()
        };
        Self {
            name: name.to_owned(),
            kind: "gate".to_owned(),
            time_ms: Some(gate.at.0 / 1_000_000),
            draining: Some(gate.draining),
            queued: gate.waiting as u64,
            capacity: gate.capacity as u64,
            running: Some(gate.running as u64),
            concurrency: Some(gate.concurrency as u64),
            served: gate.finished + gate.ended.total(),
            queue_age_us: micros(gate.oldest),
            refused: counts(refused),
            admission: vec![(&gate.admission).into()],
            ledger: Some(ledger),
            ..Self::default()
        }
    }
}

impl From<&StageView> for Stage {
    fn from(stage: &StageView) -> Self {
        Self {
            name: stage.name.clone(),
            domain: stage.domain.clone(),
            kind: stage.kind.to_owned(),
            replicas: stage.replicas as u64,
            on_duty: Some(stage.on_duty as u64),
            queued: stage.queued as u64,
            capacity: stage.capacity as u64,
            arrivals: Some(stage.arrivals),
            served: stage.served,
            batches: stage.batches,
            busy_us: Some(micros(stage.busy)),
            overruns: stage.overruns,
            wait: Some((&stage.wait).into()),
            service: Some((&stage.service).into()),
            batch_sizes: Some((&stage.batch_sizes).into()),
            parked: stage.parked,
            parked_now: stage.parked_now > 0,
            parked_us: Some(micros(stage.parked_time)),
            parked_on: stage.parked_on.iter().map(|port| (*port).to_owned()).collect(),
            paused: stage.paused,
            steps: stage.steps.into(),
            queue_age_us: micros(stage.queue_age),
            refused: counts(&stage.refused),
            refused_by_class: all(&stage.refused_by_class),
            panics: stage.panics,
            breaks: stage.breaks,
            broken_now: stage.broken_now as u64,
            replaced: stage.replaced,
            admission: all(&stage.admission),
            ..Self::default()
        }
    }
}

impl From<&(u8, ByWhy)> for ClassRefused {
    fn from((class, refused): &(u8, ByWhy)) -> Self {
        Self { class: (*class).into(), refused: counts(refused) }
    }
}

/// Of nanoseconds.
impl From<&Histogram> for Times {
    fn from(times: &Histogram) -> Self {
        let quantile = |q| times.quantile(q) as f64 / 1000.0;
        Self {
            count: times.count(),
            mean_us: times.mean() / 1000.0,
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            max_us: times.max() as f64 / 1000.0,
        }
    }
}

impl From<&Histogram> for BatchSizes {
    fn from(sizes: &Histogram) -> Self {
        let [p50, p99] = [0.5, 0.99].map(|q| sizes.quantile(q));
        Self { mean: sizes.mean(), p50, p99, max: sizes.max() }
    }
}

impl From<&AdmissionView> for Admission {
    fn from(gate: &AdmissionView) -> Self {
        Self {
            votes: all(&gate.votes),
            work_us: span(gate.work),
            cost_us: gate.cost.as_nanos() as f64 / 1000.0,
            bounds: (&gate.adjust).into(),
            offered: gate.offered,
            refused: counts(&gate.refused),
            pressure: gate.adjust.pressure,
            quality: gate.adjust.quality,
            changed_ms: gate.changed.0 / 1_000_000,
        }
    }
}

impl From<&sluicegate::Vote> for Vote {
    fn from(vote: &sluicegate::Vote) -> Self {
        Self {
            law: vote.law.to_owned(),
            target_us: vote.target.and_then(span),
            measured_us: vote.adjust.measured.and_then(span),
            bounds: (&vote.adjust).into(),
            pressure: vote.adjust.pressure,
            quality: vote.adjust.quality,
            frozen: vote.frozen,
        }
    }
}

impl From<&Adjust> for Bounds {
    fn from(adjust: &Adjust) -> Self {
        let finite = |rate: f64| rate.is_finite().then_some(rate);
        let class_rates = adjust.class_rates.map(finite);
        Self {
            work_us: span(adjust.work),
            events: (adjust.events < usize::MAX).then_some(adjust.events as u64),
            rate: finite(adjust.rate),
            class_rates: class_rates.iter().any(Option::is_some).then(|| class_rates.to_vec()),
            patience_us: span(adjust.patience),
            newest_first: adjust.newest_first,
            share: (adjust.share > 0.0).then_some(adjust.share),
        }
    }
}

impl From<&WireView> for Wire {
    fn from(wire: &WireView) -> Self {
        Self {
            from: wire.from.clone(),
            port: wire.port.to_owned(),
            to: wire.to.clone(),
            on_full: wire.on_full.name().to_owned(),
            fused: wire.fused,
            window: wire.window.map(|window| window as u64),
            unanswered: Some(wire.unanswered),
            routing: wire.routing.name().to_owned(),
            copies: wire.copies.map(|copies| copies.name().to_owned()),
            returns: wire.returns.is_some(),
            answers: wire.returns.clone(),
            sent: wire.sent,
            held: wire.held,
            refused: wire.refused,
            diverted: wire.diverted,
        }
    }
}

impl From<&sluicegate::Stall> for Stall {
    fn from(stall: &sluicegate::Stall) -> Self {
        Self {
            stage: stall.stage.clone(),
            domain: stall.domain.clone(),
            worker: stall.worker as u64,
            time_us: micros(stall.time),
        }
    }
}

impl From<&ClassView> for ClassEnds {
    fn from(class: &ClassView) -> Self {
        Self {
            class: class.class.into(),
            finished: class.finished,
            late: class.late,
            ended: counts(&class.ended),
            response: Some((&class.response).into()),
        }
    }
}

impl From<&WorkerView> for Worker {
    fn from(worker: &WorkerView) -> Self {
        Self {
            domain: worker.domain.clone(),
            worker: worker.worker as u64,
            busy_us: micros(worker.busy),
            cpu_us: worker.cpu.map(micros),
            runs: worker.runs,
            asleep: worker.asleep,
        }
    }
}

fn ledger(net: &Snapshot) -> Ledger {
    let ledger = &net.ledger;
    Ledger {
        entered: ledger.entered,
        forked: ledger.forked,
        joined: ledger.joined,
        ended: ended(ledger.finished, |why| ledger.ended[why]),
        in_flight: ledger.in_flight,
        balanced: ledger.balanced(),
        age_ms: Some(millis(net.age)),
        connections: None,
    }
}

/// Flows by their end, those that were answered with them.
fn ended(finished: u64, unanswered: impl Fn(Why) -> u64) -> Counts {
    let unanswered = Why::ALL.into_iter().map(|why| (why.name(), unanswered(why)));
    let ended = [("finished", finished)].into_iter().chain(unanswered);
    ended.map(|(how, n)| (how.into(), n)).collect()
}

fn counts(by_why: &ByWhy) -> Counts {
    Why::ALL.into_iter().map(|why| (why.name().into(), by_why[why])).collect()
}

fn all<'a, T, U: From<&'a T>>(seen: &'a [T]) -> Vec<U> {
    seen.iter().map(U::from).collect()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// A bound or a target; `None` where it does not hold.
fn span(time: Duration) -> Option<u64> {
    (time < Duration::MAX).then(|| micros(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use sluicegate::{
        AdmissionQueue, Ask, Batch, Cx, Overload, Sim, Time, VirtualTime, bounded, from_fn, ms,
        stage,
    };

    #[test]
    fn a_net_is_shown_with_its_times_classes_and_workers() {
        let (mut net, time) = (sluicegate::Net::new("shown"), VirtualTime::default());
        let pool = net.domain("pool").pool(1);
        let clock = time.clone();
        let work = move || {
            let clock = clock.clone();
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    let (mut tag, n) = event.split();
                    clock.spend(ms(2));
                    tag.set_class(3);
                    if n == 0 { tag.finish() } else { tag.refuse(Why::Refused) }
                }
            })
        };
        let work = net.add(stage("work", work).on(pool));
        let entry = net.entry(work.inlet);
        let mut sim = Sim::with_time(net, 1, time).unwrap();
        for n in 0..2 {
            entry.send(n).unwrap();
        }
        assert!(sim.run_for(ms(10), 100));
        let shown = json!(Net::from(&sim.snapshot()));
        let stage = &shown["stages"][0];
        assert_eq!((&stage["arrivals"], &stage["served"]), (&json!(2), &json!(2)));
        let times = json!({
            "count": 2, "mean_us": 2000.0, "p50_us": 2000.0, "p90_us": 2000.0, "p99_us": 2000.0,
            "max_us": 2000.0,
        });
        assert_eq!(stage["service"], times, "no quantile is above the largest");
        assert_eq!(
            (&stage["wait"]["count"], &stage["wait"]["max_us"]),
            (&json!(2), &json!(2000.0))
        );
        assert_eq!(stage["batch_sizes"], json!({"mean": 1.0, "p50": 1, "p99": 1, "max": 1}));
        let refused = &stage["refused_by_class"][0];
        assert_eq!((&refused["class"], &refused["refused"]), (&json!(3), &json!(1)));
        assert_eq!((&stage["parked_us"], &stage["parked_on"]), (&json!(0), &json!([])));
        let class = &shown["classes"][0];
        assert_eq!((&class["class"], &class["finished"]), (&json!(3), &json!(1)));
        assert_eq!((&class["ended"]["refused"], &class["late"]), (&json!(1), &json!(0)));
        assert_eq!(class["response"]["max_us"], 2000.0);
        let worker = &shown["workers"][0];
        assert_eq!((&worker["domain"], &worker["worker"]), (&json!("pool"), &json!(0)));
        assert_eq!((&worker["busy_us"], &worker["cpu_us"]), (&json!(4000), &Value::Null));
        assert_eq!((&worker["asleep"], &shown["epoch"]), (&json!(true), &json!(0)));
    }

    #[test]
    fn a_gate_is_shown_with_its_laws_and_even_books() {
        let law = bounded(2).admit(Overload::p99(ms(50)));
        let mut queue = AdmissionQueue::new(law, 1);
        for n in 0..4 {
            let _ = queue.offer(Time(0), Ask::default(), n);
        }
        let (_, place) = queue.take(Time(0)).expect("a place");
        queue.done(Time(0) + ms(3), place, ms(0), None);
        let _place = queue.take(Time(0) + ms(3)).expect("a place");
        let shown = json!(Stage::of_gate("search", &queue.view(Time(0) + ms(5))));
        let admission = &shown["admission"][0];
        assert_eq!((&shown["name"], &shown["time_ms"]), (&json!("search"), &json!(5)));
        assert_eq!((&shown["capacity"], &shown["running"]), (&json!(2), &json!(1)));
        assert_eq!((&shown["served"], &shown["refused"]["shed"]), (&json!(1), &json!(2)));
        assert_eq!((&admission["offered"], &admission["refused"]["shed"]), (&json!(4), &json!(2)));
        assert_eq!(admission["votes"][0]["law"], "overload");
        assert_eq!(admission["votes"][0]["target_us"], 50_000);
        let ledger = &shown["ledger"];
        assert_eq!((&ledger["entered"], &ledger["in_flight"]), (&json!(4), &json!(1)));
        assert_eq!(ledger["balanced"], true);
    }
}
