//! Flows of nets that run, sent to a collector that takes them, refuses them, or is no good one.
#![cfg(feature = "otlp")]

mod collector;

use collector::{Answer, Collector, Request};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use sluicegate::{Batch, Cx, Entry, Net, Observer, Out, Running, Why, from_fn, stage};
use sluicegate_admin::metrics::{Form, Page};
use sluicegate_admin::otlp::{Counts, Dropped, Export, Exporter};
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A net of two stages that answers even numbers and refuses odd ones, and keeps all flows.
fn net() -> (Running, Entry<u64>) {
    let mut net = Net::new("service");
    let cpu = net.domain("cpu").pinned(1);
    let pass = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            batch.for_each(|event| cx.out.emit(event));
        })
    };
    let end = || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, number) = event.split();
                match number.is_multiple_of(2) {
                    true => tag.finish(),
                    false => tag.refuse(Why::Refused),
                }
            }
        })
    };
    let pass = net.add(stage("pass", pass).on(cpu));
    let end = net.add(stage("end", end).on(cpu));
    net.wire(pass.out, end.inlet);
    let entry = net.entry(pass.inlet);
    let all = [("traces.one_in", 1.into()), ("traces.failed", 1.into())];
    net.change(&all).expect("they are settings");
    (net.run().expect("no faults"), entry)
}

/// Sends these through the net, and waits until their flows are kept.
fn pass(entry: &Entry<u64>, observer: &Observer, numbers: std::ops::Range<u64>) {
    let newest = || observer.flows().iter().map(|flow| flow.number).max().unwrap_or(0);
    let before = newest();
    let n = numbers.end - numbers.start;
    numbers.for_each(|number| entry.send(number).expect("there is room"));
    until("flows are kept", || (newest() == before + n).then_some(()));
}

fn until<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
        std::thread::yield_now();
    }
}

fn start(collector: &Collector, observer: Observer) -> Exporter {
    let export = Export::to(&collector.endpoint()).expect("an address").service("test");
    Exporter::start(&export, observer).expect("a thread")
}

/// The spans of a request, read by the types that OpenTelemetry generates from its own definition.
fn spans(request: &Request) -> Vec<Span> {
    let request: ExportTraceServiceRequest =
        serde_json::from_str(&request.body).unwrap_or_else(|error| panic!("{error}: {request:?}"));
    let resources = request.resource_spans.into_iter();
    resources.flat_map(|one| one.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn dropped(counts: &Counts) -> Vec<(&'static str, u64)> {
    let each = Dropped::ALL.iter().map(|why| (why.name(), counts.dropped(*why)));
    each.filter(|(_, n)| *n > 0).collect()
}

#[test]
fn a_collector_gets_each_flow_once_with_its_ids_and_times() {
    let (running, entry) = net();
    let collector = Collector::new(|_| Answer::Take);
    let nanos = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after").as_nanos() as u64;
    let begin = nanos();
    let exporter = start(&collector, running.observer());
    pass(&entry, &running.observer(), 0..10);
    until("all are taken", || (exporter.counts().flows() == 10).then_some(()));
    pass(&entry, &running.observer(), 10..13);
    let counts = std::sync::Arc::clone(exporter.counts());
    exporter.stop();
    let end = nanos();
    assert_eq!((counts.flows(), counts.spans(), counts.waiting()), (13, 39, 0));
    assert_eq!(dropped(&counts), []);

    let requests = collector.requests();
    let heads: Vec<_> = requests.iter().map(|one| &one.head).collect();
    for head in heads {
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        let head = head.to_ascii_lowercase();
        assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
        assert!(head.contains("\r\nuser-agent: sluicegate/"), "{head}");
    }
    let all: Vec<_> = requests.iter().flat_map(spans).collect();
    let by_id: HashMap<_, _> = all.iter().map(|span| (&span.span_id, span)).collect();
    assert_eq!((all.len(), by_id.len()), (39, 39), "each span once");
    let (roots, steps): (Vec<_>, Vec<_>) =
        all.iter().partition(|span| span.parent_span_id.is_empty());
    assert_eq!((roots.len(), steps.len()), (13, 26));
    let failed = roots.iter().filter(|root| root.status.as_ref().is_some_and(|s| s.code == 2));
    assert_eq!(failed.count(), 6, "the odd ones");
    for root in roots {
        // The clocks are read one after the other.
        let slack = 1_000_000_000;
        assert!(root.start_time_unix_nano + slack >= begin, "{root:?}");
        assert!(root.end_time_unix_nano <= end + slack, "{root:?}");
    }
    for step in steps {
        let root = by_id[&step.parent_span_id];
        assert_eq!(step.trace_id, root.trace_id);
        assert!(root.start_time_unix_nano <= step.start_time_unix_nano);
        assert!(step.end_time_unix_nano <= root.end_time_unix_nano);
    }
    drop(running);
}

#[test]
fn what_may_be_sent_again_is_and_what_may_not_is_not() {
    let (running, entry) = net();
    // Away in each way that there is, and then well.
    let collector = Collector::new(|n| match n {
        0 => Answer::Status(503, "Retry-After: 1\r\n", "too much"),
        1 => Answer::Close,
        2 => Answer::Garbage,
        _ => Answer::Take,
    });
    let exporter = start(&collector, running.observer());
    pass(&entry, &running.observer(), 0..3);
    until("all are taken", || (exporter.counts().flows() == 3).then_some(()));
    let requests = collector.requests();
    assert_eq!(requests.len(), 4);
    let first = spans(&requests[0]);
    assert!(!first.is_empty());
    for again in &requests[1..] {
        let again = spans(again);
        assert_eq!(again[..first.len()], first, "the same spans under the same ids");
    }
    assert_eq!(dropped(exporter.counts()), []);

    for (n, status) in [400, 401, 404, 500, 301].into_iter().enumerate() {
        collector.answer(move |_| Answer::Status(status, "Location: /x\r\n", "no\nway"));
        pass(&entry, &running.observer(), 0..1);
        let refused = n as u64 + 1;
        let counts = exporter.counts();
        until("it is refused", || (counts.dropped(Dropped::Refused) == refused).then_some(()));
    }
    assert_eq!(collector.requests().len(), 4 + 5, "none is sent again");
    exporter.stop();
    drop(running);
}

#[test]
fn spans_that_are_rejected_are_counted() {
    let (running, entry) = net();
    let told = r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"odd"}}"#;
    let collector = Collector::new(move |_| Answer::Status(200, "", told));
    pass(&entry, &running.observer(), 0..2);
    let exporter = start(&collector, running.observer());
    pass(&entry, &running.observer(), 2..4);
    until("all are taken", || (exporter.counts().waiting() == 0).then_some(()));
    let counts = std::sync::Arc::clone(exporter.counts());
    exporter.stop();
    let requests = collector.requests().len() as u64;
    assert_eq!(counts.spans_rejected(), 2 * requests);
    assert_eq!(counts.spans() + counts.spans_rejected(), 3 * counts.flows());
    assert_eq!(counts.flows(), 4, "what was kept before the start is sent too");
    let mut page = Page::default();
    counts.put(&mut page);
    let text = page.text(Form::Prometheus);
    assert!(text.contains("\nsluicegate_otlp_flows_sent_total 4\n"), "{text}");
    drop(running);
}

#[test]
fn a_collector_that_does_not_answer_holds_up_no_end() {
    let (running, entry) = net();
    let collector = Collector::new(|_| Answer::Hang);
    let exporter = start(&collector, running.observer());
    pass(&entry, &running.observer(), 0..3);
    until("it is asked", || (!collector.requests().is_empty()).then_some(()));
    let counts = std::sync::Arc::clone(exporter.counts());
    // This comes back though nothing is ever answered.
    exporter.stop();
    assert_eq!((counts.flows(), counts.waiting()), (0, 3));
    drop(running);
}

#[test]
fn nobody_there_costs_what_was_kept_and_nothing_else() {
    let (running, entry) = net();
    let gone = Collector::new(|_| Answer::Take).endpoint();
    let export = Export::to(&gone).expect("an address");
    let exporter = Exporter::start(&export, running.observer()).expect("a thread");
    pass(&entry, &running.observer(), 0..10);
    until("all wait", || (exporter.counts().waiting() == 10).then_some(()));
    let counts = std::sync::Arc::clone(exporter.counts());
    exporter.stop();
    assert_eq!((counts.flows(), counts.waiting()), (0, 10));
    assert_eq!(dropped(&counts), []);
    drop(running);
}
