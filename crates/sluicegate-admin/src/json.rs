//! What observers see, as JSON: nets, and the gates of services that are no stages.

use serde_json::{Map, Value, json};
use sluicegate::{
    Adjust, AdmissionQueueView, AdmissionView, ByWhy, ClassView, Histogram, Snapshot, StageView,
    Stall, Vote, Why, WireView, WorkerView,
};
use std::time::Duration;

/// A net as JSON. Times say their unit; counts are since the start.
pub fn net(net: &Snapshot) -> Value {
    json!({
        "name": net.name,
        "time_ms": net.at.0 / 1_000_000,
        "age_ms": millis(net.age.as_micros()),
        "epoch": net.epoch,
        "draining": net.draining,
        "stopped": net.stopped.as_ref().map(ToString::to_string),
        "stages": net.stages.iter().map(stage).collect::<Vec<_>>(),
        "wires": net.wires.iter().map(wire).collect::<Vec<_>>(),
        "ledger": ledger(net),
        "classes": net.classes.iter().map(class).collect::<Vec<_>>(),
        "workers": net.workers.iter().map(worker).collect::<Vec<_>>(),
        "stalls": net.stalls.iter().map(stall).collect::<Vec<_>>(),
    })
}

/// A handler that has not come back.
fn stall(stall: &Stall) -> Value {
    json!({
        "stage": stall.stage,
        "domain": stall.domain,
        "worker": stall.worker,
        "time_us": micros(stall.time.as_micros()),
    })
}

/// The flows of a class.
fn class(class: &ClassView) -> Value {
    json!({
        "class": class.class,
        "finished": class.finished,
        "late": class.late,
        "ended": by_why(|why| class.ended[why]),
        "response": times(&class.response),
    })
}

fn worker(worker: &WorkerView) -> Value {
    json!({
        "domain": worker.domain,
        "worker": worker.worker,
        "runs": worker.runs,
        "busy_us": micros(worker.busy.as_micros()),
        "cpu_us": worker.cpu.map(|cpu| micros(cpu.as_micros())),
        "asleep": worker.asleep,
    })
}

/// A distribution of nanoseconds.
fn times(times: &Histogram) -> Value {
    let micros = |nanos: f64| nanos / 1000.0;
    json!({
        "count": times.count(),
        "mean_us": micros(times.mean()),
        "p50_us": micros(times.quantile(0.5) as f64),
        "p90_us": micros(times.quantile(0.9) as f64),
        "p99_us": micros(times.quantile(0.99) as f64),
        "max_us": micros(times.max() as f64),
    })
}

fn sizes(sizes: &Histogram) -> Value {
    json!({
        "mean": sizes.mean(),
        "p50": sizes.quantile(0.5),
        "p99": sizes.quantile(0.99),
        "max": sizes.max(),
    })
}

/// The gate of a service that is no stage, in the shape of a stage with one queue. Its clock began
/// with it.
pub fn gate(name: &str, gate: &AdmissionQueueView) -> Value {
    let refused = &gate.admission.refused;
    let mut ended = Map::new();
    ended.insert("finished".to_owned(), gate.finished.into());
    ended.extend(by_why(|why| refused[why] + gate.ended[why]));
    let in_flight = (gate.waiting + gate.running) as u64;
    let went = gate.finished + refused.total() + gate.ended.total();
    json!({
        "name": name,
        "kind": "gate",
        "time_ms": gate.at.0 / 1_000_000,
        "draining": gate.draining,
        "queued": gate.waiting,
        "capacity": gate.capacity,
        "running": gate.running,
        "concurrency": gate.concurrency,
        "served": gate.finished + gate.ended.total(),
        "queue_age_us": micros(gate.oldest.as_micros()),
        "refused": by_why(|why| refused[why]),
        "admission": [admission(&gate.admission)],
        "ledger": {
            "entered": gate.admission.offered,
            "ended": ended,
            "in_flight": in_flight,
            "balanced": gate.admission.offered == went + in_flight,
        },
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
        "arrivals": stage.arrivals,
        "served": stage.served,
        "batches": stage.batches,
        "busy_us": micros(stage.busy.as_micros()),
        "overruns": stage.overruns,
        "wait": times(&stage.wait),
        "service": times(&stage.service),
        "batch_sizes": sizes(&stage.batch_sizes),
        "parked": stage.parked,
        "parked_now": stage.parked_now > 0,
        "parked_us": micros(stage.parked_time.as_micros()),
        "parked_on": stage.parked_on,
        "paused": stage.paused,
        "steps": stage.steps,
        "queue_age_us": micros(stage.queue_age.as_micros()),
        "refused": by_why(|why| stage.refused[why]),
        "refused_by_class": stage.refused_by_class.iter().map(refused).collect::<Vec<_>>(),
        "panics": stage.panics,
        "breaks": stage.breaks,
        "broken_now": stage.broken_now,
        "replaced": stage.replaced,
        "admission": stage.admission.iter().map(admission).collect::<Vec<_>>(),
    })
}

/// What was refused of one class.
fn refused((class, ended): &(u8, ByWhy)) -> Value {
    let mut refused = by_why(|why| ended[why]);
    refused.insert("class".to_owned(), (*class).into());
    refused.into()
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

fn wire(wire: &WireView) -> Value {
    json!({
        "from": wire.from,
        "port": wire.port,
        "to": wire.to,
        "on_full": wire.on_full.name(),
        "fused": wire.fused,
        "window": wire.window,
        "routing": wire.routing.name(),
        "copies": wire.copies.map(|copies| copies.name()),
        "returns": wire.returns.is_some(),
        "answers": wire.returns,
        "sent": wire.sent,
        "held": wire.held,
        "refused": wire.refused,
        "diverted": wire.diverted,
        "unanswered": wire.unanswered,
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

fn by_why(count: impl Fn(Why) -> u64) -> Map<String, Value> {
    Why::ALL.into_iter().map(|why| (why.name().to_owned(), count(why).into())).collect()
}

fn micros(micros: u128) -> u64 {
    u64::try_from(micros).unwrap_or(u64::MAX)
}

fn millis(micros: u128) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::{
        AdmissionQueue, Ask, Batch, Cx, Net, Overload, Sim, Time, VirtualTime, bounded, from_fn,
        ms, stage,
    };

    #[test]
    fn a_net_is_shown_with_its_times_classes_and_workers() {
        let (mut net, time) = (Net::new("shown"), VirtualTime::default());
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
        let shown = super::net(&sim.snapshot());
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
        let shown = gate("search", &queue.view(Time(0) + ms(5)));
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
