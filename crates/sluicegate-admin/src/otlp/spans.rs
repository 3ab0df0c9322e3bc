//! A flow as spans, in the JSON encoding of OTLP: ids in hexadecimal, times as digits.

use super::Export;
use serde_json::{Value, json};
use sluicegate::{FlowStep, FlowTrace, Time};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Kinds of spans, and the status of those that failed, as OTLP numbers them.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const ERROR: u8 = 2;
/// Flags of a span: it is sampled, as what is not is not sent; it is known whether its parent is of
/// another process; it is.
const SAMPLED: u32 = 1;
const KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;

/// A flow, when it was born in nanoseconds since 1970, and how often it was sent in vain.
#[derive(Clone, Debug)]
pub(super) struct Timed {
    pub flow: FlowTrace,
    pub born: u64,
    pub tries: u8,
}

impl Timed {
    /// How many spans it makes.
    pub fn spans(&self) -> usize {
        1 + self.flow.steps.len()
    }
}

/// All that is sent of these flows.
pub(super) fn request<'a>(export: &Export, flows: impl Iterator<Item = &'a Timed>) -> Value {
    let resource: Vec<_> = export.resource().map(|(name, value)| text(name, value)).collect();
    let spans: Vec<_> = flows.flat_map(spans).collect();
    let scope = json!({ "name": "sluicegate", "version": env!("CARGO_PKG_VERSION") });
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": scope, "spans": spans }],
    }] })
}

/// The flow as a span that serves a request, and its steps as those within it.
fn spans(timed: &Timed) -> impl Iterator<Item = Value> {
    let Timed { flow, born, .. } = timed;
    let end = flow.born + flow.total;
    // A step lies within its flow: what is not known of its end is over with that.
    let wall = move |time: Time| {
        nanos(born + time.clamp(flow.born, end).since(flow.born).as_nanos() as u64)
    };
    let steps = flow.steps.iter().enumerate();
    let steps = steps.map(move |(n, step)| self::step(flow, n, step, wall));
    std::iter::once(root(flow, [wall(flow.born), wall(end)])).chain(steps)
}

fn root(flow: &FlowTrace, [start, end]: [Value; 2]) -> Value {
    let mut attributes = vec![
        // It may be larger than numbers are in OTLP.
        text("sluicegate.flow", &flow.flow.to_string()),
        count("sluicegate.class", flow.class.into()),
        text("sluicegate.kept", flow.kept.name()),
        text("sluicegate.ended_in", &flow.ended_in),
    ];
    if flow.lost > 0 {
        attributes.push(count("sluicegate.steps_lost", flow.lost as u64));
    }
    let remote = if flow.parent.is_some() { REMOTE } else { 0 };
    let mut span = json!({
        "traceId": format!("{:032x}", flow.trace),
        "spanId": format!("{:016x}", flow.span),
        "flags": SAMPLED | KNOWN | remote,
        "name": flow.source.as_deref().unwrap_or("flow"),
        "kind": SERVER,
        "startTimeUnixNano": start,
        "endTimeUnixNano": end,
    });
    if let Some(parent) = flow.parent {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    if let Some(why) = flow.why {
        attributes.push(text("error.type", why.name()));
        let message = format!("{} in {}", why.name(), flow.ended_in);
        span["status"] = json!({ "code": ERROR, "message": message });
    }
    span["attributes"] = attributes.into();
    span
}

fn step(flow: &FlowTrace, n: usize, step: &FlowStep, wall: impl Fn(Time) -> Value) -> Value {
    let queued = step.queued.min(step.started);
    let ended = step.ended.unwrap_or(flow.born + flow.total).max(step.started);
    let mut attributes = vec![
        text("sluicegate.step", step.kind.name()),
        text("sluicegate.stage", &step.stage),
        text("sluicegate.domain", &step.domain),
        count("sluicegate.worker", step.worker as u64),
        number("sluicegate.queue_wait", step.started.since(queued).as_secs_f64()),
        count("sluicegate.batch", step.batch as u64),
    ];
    if step.forked {
        attributes.push(json!({ "key": "sluicegate.forked", "value": { "boolValue": true } }));
    }
    if !step.mates.is_empty() {
        let mates = step.mates.iter().map(|mate| json!({ "stringValue": mate.to_string() }));
        let mates: Vec<_> = mates.collect();
        let value = json!({ "arrayValue": { "values": mates } });
        attributes.push(json!({ "key": "sluicegate.mates", "value": value }));
    }
    json!({
        "traceId": format!("{:032x}", flow.trace),
        "spanId": format!("{:016x}", step_span(flow.span, n)),
        "parentSpanId": format!("{:016x}", flow.span),
        "flags": SAMPLED | KNOWN,
        "name": step.stage,
        "kind": INTERNAL,
        "startTimeUnixNano": wall(queued),
        "endTimeUnixNano": wall(ended),
        "attributes": attributes,
        "events": [{ "name": "started", "timeUnixNano": wall(step.started) }],
    })
}

/// The id of a step of the flow with this span, the same each time: of 64 bits, never 0.
fn step_span(flow: u64, step: usize) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((flow, step)).max(1)
}

/// Digits, as 64 bits are more than numbers have in JSON.
fn nanos(time: u64) -> Value {
    time.to_string().into()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn count(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn number(key: &str, value: f64) -> Value {
    json!({ "key": key, "value": { "doubleValue": value } })
}

#[cfg(test)]
#[path = "spans_tests.rs"]
pub(super) mod tests;
