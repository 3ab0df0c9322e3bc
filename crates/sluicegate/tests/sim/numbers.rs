//! What snapshots say of a net, held against what the net did: in virtual time exactly.

use crate::common::{Front, Lines, Log, STEPS, busy_pass, settle, settle_empty, stage_of, wire_of};
use sluicegate::sim::{Random, Setup};
use sluicegate::{
    Batch, Cx, Entry, Histogram, Metric, MetricKind, Net, Order, Reading, Sim, Stage, Time,
    VirtualTime, Why, bounded, from_fn, ms, stage,
};
use std::collections::HashSet;
use std::time::Duration;

/// A request, and what becomes of it.
#[derive(Clone, Copy, Debug)]
struct Ask {
    class: u8,
    cost: Duration,
    end: Option<Why>,
    /// From when it comes until its answer is worth nothing.
    patience: Duration,
}

/// What one of them should have met, by hand.
struct Met {
    ask: Ask,
    wait: Duration,
    response: Duration,
}

/// Spends what each costs, and ends it as it says.
fn serve(time: &VirtualTime) -> impl Stage<In = Ask, Out = ()> + use<> {
    let time = time.clone();
    from_fn(move |batch: Batch<'_, Ask>, _: &mut Cx<'_, ()>| {
        for event in batch {
            let (mut tag, ask) = event.split();
            time.spend(ask.cost);
            tag.set_class(ask.class);
            tag.set_deadline(Some(tag.born() + ask.patience));
            match ask.end {
                None => tag.finish(),
                Some(why) => tag.refuse(why),
            }
        }
    })
}

/// Whether distributions are measured.
const MEASURED: &str = "distributions.measured";

/// One thread that serves one after the other.
fn counter(order: Option<Order>, measures: bool) -> (Sim, Entry<Ask>) {
    let time = VirtualTime::default();
    let mut net = Net::new("counter");
    net.change(&[(MEASURED, usize::from(measures).into())]).unwrap();
    let pool = net.domain("pool").pool(1);
    let clock = time.clone();
    let queue = order.map_or(bounded(1000), |order| bounded(1000).order(order));
    let serve = net.add(stage("serve", move || serve(&clock)).on(pool).queue(queue));
    let entry = net.entry(serve.inlet);
    (Sim::with_time(net, 7, time).unwrap(), entry)
}

/// Sends so many at random times, and reckons by hand what each should meet.
fn send(sim: &mut Sim, entry: &Entry<Ask>, n: usize, seed: u64) -> Vec<Met> {
    let (mut random, mut free, mut met) = (Random::new(seed), Time(0), Vec::new());
    let micros = |random: &mut Random, most| Duration::from_micros(random.below(most) as u64);
    for _ in 0..n {
        assert!(sim.run_for(micros(&mut random, 2500), STEPS));
        let whys = [None, None, Some(Why::Refused), Some(Why::Gone)];
        let ask = Ask {
            class: [0, 3, 200][random.below(3)],
            cost: micros(&mut random, 2000),
            end: whys[random.below(4)],
            patience: micros(&mut random, 8000),
        };
        entry.send(ask).unwrap();
        let now = sim.now();
        let begin = free.max(now);
        free = begin + ask.cost;
        met.push(Met { ask, wait: begin.since(now), response: free.since(now) });
    }
    assert!(sim.run_for(ms(10_000), STEPS));
    met
}

/// Whether a distribution is that of these times.
fn assert_is(told: &Histogram, times: impl Iterator<Item = Duration>) {
    let mut times: Vec<u64> = times.map(|time| time.as_nanos() as u64).collect();
    times.sort_unstable();
    assert_eq!((told.count(), told.sum()), (times.len() as u64, times.iter().sum()));
    assert_eq!(told.max(), times.last().copied().unwrap_or(0));
    for q in [0.1, 0.5, 0.9, 0.99] {
        let exact = times[((times.len() as f64 * q).ceil() as usize).max(1) - 1];
        let error = told.quantile(q).abs_diff(exact) as f64;
        assert!(error <= exact as f64 * Histogram::ERROR, "{q}: {} {exact}", told.quantile(q));
    }
}

#[test]
fn waits_services_and_answers_are_those_that_were() {
    for (order, seed) in [(None, 1), (Some(Order::Fifo), 2)] {
        let (mut sim, entry) = counter(order, true);
        let met = send(&mut sim, &entry, 500, seed);
        let net = sim.snapshot();
        let [stage] = &net.stages[..] else { panic!("one stage: {net:?}") };
        assert_eq!((stage.arrivals, stage.served), (500, 500));
        assert_is(&stage.wait, met.iter().map(|met| met.wait));
        assert_is(&stage.service, met.iter().map(|met| met.ask.cost));
        let sizes = &stage.batch_sizes;
        assert_eq!((sizes.count(), sizes.sum(), sizes.max()), (500, 500, 1));
        let classes: Vec<u8> = net.classes.iter().map(|class| class.class).collect();
        assert_eq!(classes, [0, 3, 200]);
        for class in &net.classes {
            let of = || met.iter().filter(|met| met.ask.class == class.class);
            let answered = || of().filter(|met| met.ask.end.is_none());
            assert_is(&class.response, answered().map(|met| met.response));
            assert_eq!(class.finished, answered().count() as u64);
            let late = answered().filter(|met| met.response > met.ask.patience).count();
            assert!(late > 0, "the case is one of the test");
            assert_eq!(class.late, late as u64);
            let refused = stage.refused_by_class.iter().find(|(of, _)| *of == class.class);
            for why in Why::ALL {
                let ended = of().filter(|met| met.ask.end == Some(why)).count() as u64;
                assert_eq!((class.ended[why], refused.unwrap().1[why]), (ended, ended));
            }
        }
        let [worker] = &net.workers[..] else { panic!("one worker: {net:?}") };
        assert_eq!(worker.busy, met.iter().map(|met| met.ask.cost).sum());
        assert!(worker.runs >= 500 && worker.asleep, "{worker:?}");
    }
}

#[test]
fn a_net_that_measures_nothing_counts_all_the_same() {
    let (mut sim, entry) = counter(None, false);
    send(&mut sim, &entry, 100, 3);
    let observer = sim.observer();
    let net = sim.snapshot();
    let finished: u64 = net.classes.iter().map(|class| class.finished).sum();
    assert_eq!((net.stages[0].served, finished), (100, net.ledger.finished));
    let counted = |net: &sluicegate::Snapshot| {
        let stage = &net.stages[0];
        let response: u64 = net.classes.iter().map(|class| class.response.count()).sum();
        [stage.wait.count(), stage.service.count(), stage.batch_sizes.count(), response]
    };
    assert_eq!(counted(&net), [0; 4]);
    observer.change("anna", &[(MEASURED, 1.into())]).unwrap();
    send(&mut sim, &entry, 100, 4);
    observer.change("anna", &[(MEASURED, 0.into())]).unwrap();
    send(&mut sim, &entry, 100, 5);
    let net = sim.snapshot();
    let since = net.ledger.finished - finished;
    let [wait, service, batches, response] = counted(&net);
    assert_eq!((net.stages[0].served, wait, service, batches), (300, 100, 100, 100));
    assert!(0 < response && response < since, "{response} of {since}");
}

#[test]
fn events_of_a_batch_wait_each_since_it_came() {
    let mut net = Net::new("batches");
    let cpu = net.domain("cpu").pinned(1);
    // Takes three of each batch and leaves the others.
    let three = || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            batch.take(3).for_each(|event| event.split().0.finish());
        })
    };
    let three = net.add(stage("three", three).on(cpu));
    let entry = net.entry(three.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle(&mut sim);
    sim.observer().pause("test", "three").unwrap();
    for n in 0..4 {
        entry.send(n).unwrap();
        assert!(sim.run_for(ms(10), STEPS));
    }
    sim.observer().resume("test", "three").unwrap();
    settle(&mut sim);
    let view = stage_of(&mut sim, "three");
    // The last was put back, which is all that it waits for.
    assert_is(&view.wait, [ms(40), ms(30), ms(20), ms(10)].into_iter());
    assert_eq!((view.batch_sizes.count(), view.batch_sizes.sum()), (2, 4));
}

#[test]
fn time_parked_is_that_between_parking_and_going_on() {
    let (log, time, lines) = (Log::default(), VirtualTime::default(), Lines::default());
    let mut net = Net::new("parked");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(1);
    let source = log.clone();
    let front = stage("front", move || Front::new(40, &source).patient());
    let front = net.add(front.on(cpu).flows(40));
    let clock = time.clone();
    let work = stage("work", move || busy_pass(&clock, ms(2)));
    let work = net.add(work.on(pool).queue(bounded(4)));
    net.wire(front.out, work.inlet);
    net.wire(work.out, front.inlet).returns(front.out);
    let setup = lines.of(Setup::seed(1).time(&time));
    let mut sim = Sim::with(net, setup).unwrap();
    let mut before = stage_of(&mut sim, "front");
    let (mut last, mut seen) = (sim.now(), 0);
    for _ in 0..60 {
        assert!(sim.run_for(Duration::from_micros(500), STEPS));
        let view = stage_of(&mut sim, "front");
        let on: &[&str] = if view.parked_now > 0 { &["out"] } else { &[] };
        assert_eq!(view.parked_on, on);
        if view.parked_now > 0 && before.parked_now > 0 && view.parked == before.parked {
            assert_eq!(view.parked_time - before.parked_time, sim.now().since(last));
            seen += 1;
        }
        (last, before) = (sim.now(), view);
    }
    assert!(seen > 20, "it was parked for most of the time");
    assert!(sim.run_for(ms(1000), STEPS));
    settle_empty(&mut sim);
    let (mut since, mut parked) = (0, 0);
    for line in lines.take() {
        let columns: Vec<&str> = line.split('\t').collect();
        let at: u64 = columns[0].parse().unwrap();
        match (columns[2], columns[3]) {
            ("front", "parked") => since = at,
            ("front", "unparked") => parked += at - since,
            _ => {}
        }
    }
    let view = stage_of(&mut sim, "front");
    assert_eq!(view.parked_time, Duration::from_nanos(parked));
    assert!(view.parked_time > ms(60), "{view:?}");
    assert_eq!(wire_of(&mut sim, "front", "out").sent, 40);
}

#[test]
fn each_metric_has_its_labels_and_says_what_the_snapshot_says() {
    let (mut sim, entry) = counter(Some(Order::Fifo), true);
    send(&mut sim, &entry, 50, 6);
    let net = sim.snapshot();
    let mut told = HashSet::new();
    for &metric in Metric::ALL {
        metric.each(&net, &mut |labels, value| {
            assert_eq!(labels.len(), metric.labels().len(), "{metric:?}");
            let is_histogram = matches!(value, Reading::Histogram(_));
            assert_eq!(is_histogram, metric.kind() == MetricKind::Histogram, "{metric:?}");
            let series = (metric, labels.join(" "));
            assert!(told.insert(series.clone()), "{series:?} is told twice");
            match (metric, value) {
                (Metric::StageServed, value) => assert_eq!(value, Reading::Count(50)),
                (Metric::StageBusy, value) => {
                    assert_eq!(value, Reading::Number(net.stages[0].busy.as_secs_f64()));
                }
                (Metric::ClassResponse, Reading::Histogram(times)) => assert!(times.count() > 0),
                _ => {}
            }
        });
    }
    for metric in [Metric::StageServed, Metric::Ended, Metric::GateOffered, Metric::WorkerRuns] {
        assert!(told.iter().any(|(of, _)| *of == metric), "{metric:?}");
    }
}
