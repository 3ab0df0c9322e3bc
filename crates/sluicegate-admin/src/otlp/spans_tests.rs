//! Spans read back by the types that OpenTelemetry generates from its own definition.

use super::*;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use sluicegate::{Batch, Cx, Kept, Net, Out, Sim, StepKind, Why, from_fn, ms, stage};
use std::collections::HashSet;
use std::sync::LazyLock;

/// A flow as a net keeps it, of two steps, to make others of.
pub(in crate::otlp) static KEPT: LazyLock<FlowTrace> = LazyLock::new(|| {
    let mut net = Net::new("service");
    let cpu = net.domain("cpu").pinned(1);
    let pass = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            batch.for_each(|event| cx.out.emit(event));
        })
    };
    let end = || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    };
    let pass = net.add(stage("pass", pass).on(cpu));
    let end = net.add(stage("end", end).on(cpu));
    net.wire(pass.out, end.inlet);
    let entry = net.entry(pass.inlet);
    net.change(&[("traces.one_in", 1.into())]).expect("it is a setting");
    let mut sim = Sim::new(net, 1).expect("no faults");
    entry.send(7).expect("there is room");
    assert!(sim.settle(100));
    let flow = sim.observer().flows().pop().expect("one is kept");
    assert_eq!(flow.steps.len(), 2);
    flow
});

/// All of it, as a collector understands it.
fn read(export: &Export, flows: &[Timed]) -> ExportTraceServiceRequest {
    let sent = request(export, flows.iter()).to_string();
    serde_json::from_str(&sent).unwrap_or_else(|error| panic!("{error}: {sent}"))
}

fn spans_of(flow: &Timed) -> Vec<Span> {
    let export = Export::to("http://127.0.0.1:4318").expect("an address");
    let request = read(&export, std::slice::from_ref(flow));
    let resource = request.resource_spans.into_iter();
    resource.flat_map(|one| one.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Any> {
    attributes.iter().find(|one| one.key == name)?.value.as_ref()?.value.as_ref()
}

fn string(text: &str) -> Any {
    Any::StringValue(text.to_owned())
}

#[test]
fn a_flow_is_a_span_with_its_steps_within() {
    let mut flow = KEPT.clone();
    flow.born = Time(5_000_000);
    flow.total = ms(9);
    flow.source = Some("http".to_owned());
    let at = |ms: u64| Time(5_000_000 + ms * 1_000_000);
    for (step, times) in flow.steps.iter_mut().zip([[0, 1, 2], [2, 4, 9]]) {
        (step.queued, step.started) = (at(times[0]), at(times[1]));
        step.ended = Some(at(times[2]));
    }
    flow.steps[1].kind = StepKind::Question;
    flow.steps[1].mates = vec![u64::MAX, 3];
    flow.steps[1].forked = true;
    (flow.trace, flow.parent) = (0xabc << 64 | 7, Some(9));
    let timed = Timed { flow, born: 1_700_000_000_000_000_000, tries: 0 };
    let spans = spans_of(&timed);
    let [root, pass, end] = &spans[..] else { panic!("{spans:#?}") };

    assert_eq!((root.name.as_str(), root.kind, root.status.as_ref()), ("http", 2, None));
    assert_eq!(root.trace_id, (0xabc_u128 << 64 | 7).to_be_bytes());
    assert_eq!(root.parent_span_id, 9_u64.to_be_bytes());
    assert_eq!((root.flags, pass.flags), (0x301, 0x101));
    let span = |span: &Span| (span.start_time_unix_nano, span.end_time_unix_nano);
    let wall = |ms: u64| 1_700_000_000_000_000_000 + ms * 1_000_000;
    assert_eq!(span(root), (wall(0), wall(9)));
    assert_eq!([span(pass), span(end)], [(wall(0), wall(2)), (wall(2), wall(9))]);
    for step in [pass, end] {
        assert_eq!((step.kind, &step.parent_span_id), (1, &root.span_id));
        assert_eq!(step.trace_id, root.trace_id);
    }
    assert_eq!((pass.name.as_str(), end.name.as_str()), ("pass", "end"));
    let [started] = &end.events[..] else { panic!("{end:#?}") };
    assert_eq!((started.name.as_str(), started.time_unix_nano), ("started", wall(4)));
    let of = |name| attribute(&end.attributes, name);
    assert_eq!(of("sluicegate.step"), Some(&string("question")));
    assert_eq!(of("sluicegate.stage"), Some(&string("end")));
    assert_eq!(of("sluicegate.domain"), Some(&string("cpu")));
    assert_eq!(of("sluicegate.worker"), Some(&Any::IntValue(0)));
    assert_eq!(of("sluicegate.queue_wait"), Some(&Any::DoubleValue(0.002)));
    assert_eq!(of("sluicegate.batch"), Some(&Any::IntValue(1)));
    assert_eq!(of("sluicegate.forked"), Some(&Any::BoolValue(true)));
    let Some(Any::ArrayValue(mates)) = of("sluicegate.mates") else { panic!("{end:#?}") };
    let mate = |text| AnyValue { value: Some(string(text)) };
    assert_eq!(mates.values, [mate("18446744073709551615"), mate("3")]);
    let of = |name| attribute(&root.attributes, name);
    assert_eq!(of("sluicegate.kept"), Some(&string("sampled")));
    assert_eq!(of("sluicegate.class"), Some(&Any::IntValue(0)));
    assert_eq!(of("error.type"), None);
}

#[test]
fn a_flow_that_failed_says_why_and_the_service_is_named() {
    let mut flow = KEPT.clone();
    (flow.why, flow.kept, flow.source) = (Some(Why::Expired), Kept::Failed, None);
    flow.lost = 3;
    let timed = Timed { flow, born: 7, tries: 0 };
    let export = Export::to("http://127.0.0.1:4318").expect("an address");
    let request = read(&export.service("shop").version("1.2"), &[timed]);
    let resource = &request.resource_spans[0];
    let attributes = &resource.resource.as_ref().expect("it is named").attributes;
    assert_eq!(attribute(attributes, "service.name"), Some(&string("shop")));
    assert_eq!(attribute(attributes, "service.version"), Some(&string("1.2")));
    assert_eq!(attribute(attributes, "telemetry.sdk.language"), Some(&string("rust")));
    let scope = &resource.scope_spans[0];
    assert_eq!(scope.scope.as_ref().map(|scope| scope.name.as_str()), Some("sluicegate"));
    let root = &scope.spans[0];
    let status = root.status.as_ref().expect("it failed");
    assert_eq!(
        (root.name.as_str(), status.code, status.message.as_str()),
        ("flow", 2, "expired in end")
    );
    assert_eq!(attribute(&root.attributes, "error.type"), Some(&string("expired")));
    assert_eq!(attribute(&root.attributes, "sluicegate.steps_lost"), Some(&Any::IntValue(3)));
    assert!(root.parent_span_id.is_empty() && root.flags == 0x101);
}

/// What is drawn of a flow: when it was born, how long it took, its trace, and the times of its
/// steps, which may be odd.
type Drawn = (u64, u64, Option<(u128, u64)>, Vec<(u64, u64, Option<u64>)>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let time = || 0..2_000_000_u64;
    let trace = prop::option::of((1..u128::MAX, 1..u64::MAX));
    let step = (time(), time(), prop::option::of(time()));
    (time(), time(), trace, prop::collection::vec(step, 0..12))
}

fn made(base: &FlowTrace, number: u64, drawn: &Drawn) -> Timed {
    let mut flow = base.clone();
    flow.number = number;
    flow.born = Time(drawn.0);
    flow.total = std::time::Duration::from_nanos(drawn.1);
    flow.span = number << 20 | 1;
    (flow.trace, flow.parent) =
        drawn.2.map_or((number.into(), None), |(trace, parent)| (trace, Some(parent)));
    let step = |times: &(u64, u64, Option<u64>)| {
        let mut step = base.steps[0].clone();
        (step.queued, step.started) = (Time(times.0), Time(times.1));
        step.ended = times.2.map(Time);
        step
    };
    flow.steps = drawn.3.iter().map(step).collect();
    Timed { flow, born: 1_700_000_000_000_000_000 + drawn.0, tries: 0 }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parents_are_there_and_times_nest(all in prop::collection::vec(drawn(), 1..6)) {
        let mut ids = HashSet::new();
        for (number, drawn) in (1..).zip(&all) {
            let timed = made(&KEPT, number, drawn);
            let spans = spans_of(&timed);
            prop_assert_eq!(&spans, &spans_of(&timed), "the same each time");
            prop_assert_eq!(spans.len(), timed.spans());
            let root = &spans[0];
            let (trace, parent) = drawn.2.unzip();
            if let Some(trace) = trace {
                prop_assert_eq!(&root.trace_id[..], trace.to_be_bytes());
            }
            let parent = parent.map_or(Vec::new(), |parent: u64| parent.to_be_bytes().to_vec());
            prop_assert_eq!(&root.parent_span_id, &parent);
            prop_assert_eq!((root.trace_id.len(), root.span_id.len()), (16, 8));
            prop_assert!(root.trace_id.iter().any(|byte| *byte != 0));
            let (start, end) = (root.start_time_unix_nano, root.end_time_unix_nano);
            prop_assert_eq!((start, end - start), (timed.born, drawn.1));
            for span in &spans {
                prop_assert!(ids.insert(span.span_id.clone()), "an id twice");
                prop_assert!(span.span_id.iter().any(|byte| *byte != 0));
                prop_assert_eq!(&span.trace_id, &root.trace_id);
                let times = (span.start_time_unix_nano, span.end_time_unix_nano);
                prop_assert!(start <= times.0 && times.0 <= times.1 && times.1 <= end);
                for event in &span.events {
                    prop_assert!((times.0..=times.1).contains(&event.time_unix_nano));
                }
            }
            for step in &spans[1..] {
                prop_assert_eq!(&step.parent_span_id, &root.span_id);
            }
        }
    }
}
