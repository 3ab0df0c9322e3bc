//! Flows in the format of Chrome's trace viewer and of Perfetto: JSON of complete events, each with
//! the time when it began and how long it took, in microseconds.

use crate::model::{Flow, FlowStep, Flows};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The process in which each flow is a thread, with what waited and what was handled.
const FLOWS: u64 = 1;
/// The process in which each worker is one, with its batches.
const WORKERS: u64 = 2;

/// The flows, one below the other, and below them the workers that handled them.
///
/// Two steps of a flow that overlap, such as those of a second tag, are on rows of their own.
pub fn chrome(flows: &Flows) -> Value {
    let mut events = vec![named("process_name", FLOWS, 0, "flows")];
    events.push(named("process_name", WORKERS, 0, "workers"));
    let mut rows = 0;
    for flow in &flows.flows {
        rows += 1;
        let (number, why, end) = (&flow.flow, &flow.why, &flow.end);
        events.push(named("thread_name", FLOWS, rows, &format!("flow {number}: {why}, {end}")));
        rows = add_flow(flow, rows, &mut events);
    }
    add_workers(flows, &mut events);
    json!({ "traceEvents": events, "displayTimeUnit": "ms" })
}

/// Adds the steps of a flow to the row `first` and, where they overlap, to others; the last row.
fn add_flow(flow: &Flow, first: u64, events: &mut Vec<Value>) -> u64 {
    // Until when each row is taken.
    let mut taken: Vec<f64> = vec![f64::MIN];
    for step in &flow.steps {
        let from = step.queued_us.min(step.started_us);
        let row = taken.iter().position(|until| *until <= from).unwrap_or(taken.len());
        if row == taken.len() {
            taken.push(f64::MIN);
            let name = format!("flow {}, beside it", flow.flow);
            events.push(named("thread_name", FLOWS, first + row as u64, &name));
        }
        taken[row] = step.ended_us.max(step.started_us);
        let at = (FLOWS, first + row as u64);
        let start = flow.start_ms * 1000.0;
        if step.started_us > from {
            let name = format!("{} waits", step.stage);
            events.push(complete(at, &name, (start + from, step.started_us - from), json!({})));
        }
        let took = (step.ended_us - step.started_us).max(0.0);
        let about = json!({
            "kind": step.kind,
            "worker": format!("{}/{}", step.domain, step.worker),
            "batch": step.batch,
            "mates": step.mates,
        });
        events.push(complete(at, &step.stage, (start + step.started_us, took), about));
    }
    first + taken.len() as u64 - 1
}

/// Adds each batch once, however many flows were in it.
fn add_workers(flows: &Flows, events: &mut Vec<Value>) {
    let mut workers = BTreeSet::new();
    let steps = flows.flows.iter().flat_map(|flow| flow.steps.iter().map(move |step| (flow, step)));
    for (_, step) in steps.clone() {
        workers.insert((&*step.domain, step.worker));
    }
    for (row, (domain, worker)) in (1..).zip(&workers) {
        events.push(named("thread_name", WORKERS, row, &format!("{domain}/{worker}")));
        let own =
            |(_, step): &(&Flow, &FlowStep)| (&*step.domain, step.worker) == (*domain, *worker);
        let mut batches: Vec<_> = steps
            .clone()
            .filter(own)
            .map(|(flow, step)| {
                let start = flow.start_ms * 1000.0 + step.started_us;
                (start, (step.ended_us - step.started_us).max(0.0), step)
            })
            .collect();
        batches.sort_by(|one, other| one.0.total_cmp(&other.0).then(other.1.total_cmp(&one.1)));
        let mut until = f64::MIN;
        for (start, took, step) in batches {
            // Of the same batch, or within the run of the stage that it is fused to.
            let start = (start * 1000.0).round() / 1000.0;
            if start < until {
                continue;
            }
            until = start + took;
            let name = format!("{} ×{}", step.stage, step.batch);
            events.push(complete((WORKERS, row), &name, (start, took), json!({})));
        }
    }
}

fn named(what: &str, process: u64, thread: u64, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": process, "tid": thread, "args": { "name": name } })
}

fn complete((process, thread): (u64, u64), name: &str, span: (f64, f64), about: Value) -> Value {
    json!({
        "ph": "X",
        "name": name,
        "cat": "flow",
        "pid": process,
        "tid": thread,
        "ts": span.0,
        "dur": span.1,
        "args": about,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn step(stage: &str, times: [f64; 3], forked: bool) -> FlowStep {
        let [queued_us, started_us, ended_us] = times;
        let (stage, domain) = (stage.to_owned(), "cpu".to_owned());
        let batch = 2;
        FlowStep {
            stage,
            domain,
            forked,
            queued_us,
            started_us,
            ended_us,
            batch,
            ..FlowStep::default()
        }
    }

    /// Checks what the format asks of events: what kinds there are, that each has its fields, and
    /// that those of a thread lie within each other or apart.
    fn check(trace: &Value) -> BTreeMap<(u64, u64), Vec<(f64, f64)>> {
        let mut threads: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
        for event in trace["traceEvents"].as_array().expect("a list") {
            let at = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
            assert!(event["name"].is_string(), "{event}");
            match event["ph"].as_str() {
                Some("M") => assert!(event["args"]["name"].is_string(), "{event}"),
                Some("X") => {
                    let span = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
                    assert!(span.1 >= 0.0, "{event}");
                    threads.entry(at).or_default().push(span);
                }
                other => panic!("no such kind: {other:?}"),
            }
        }
        for spans in threads.values() {
            for (n, one) in spans.iter().enumerate() {
                for other in &spans[n + 1..] {
                    let apart = one.0 + one.1 <= other.0 || other.0 + other.1 <= one.0;
                    assert!(apart, "{one:?} {other:?}");
                }
            }
        }
        threads
    }

    #[test]
    fn each_step_is_a_span_and_none_overlaps_another_of_its_row() {
        let steps = vec![
            step("in", [0.0, 0.0, 10.0], false),
            step("work", [10.0, 30.0, 50.0], false),
            step("copy", [10.0, 40.0, 45.0], true),
            step("out", [50.0, 50.0, 60.0], false),
        ];
        let flow = |flow: &str, start_ms| Flow {
            flow: flow.to_owned(),
            start_ms,
            steps: steps.clone(),
            ..Flow::default()
        };
        let flows =
            Flows { flows: vec![flow("1", 5.0), flow("2", 5.0), flow("3", 7.0)], missed: 0 };
        let trace = chrome(&flows);
        let threads = check(&trace);
        let rows: Vec<_> = threads.keys().copied().collect();
        let flows = [1, 2, 3, 4, 5, 6].map(|row| (FLOWS, row));
        assert_eq!(rows, [&flows[..], &[(WORKERS, 1)]].concat());
        assert_eq!(
            threads[&(FLOWS, 1)],
            [(5000.0, 10.0), (5010.0, 20.0), (5030.0, 20.0), (5050.0, 10.0)]
        );
        assert_eq!(threads[&(FLOWS, 2)], [(5010.0, 30.0), (5040.0, 5.0)]);
        // What two flows share is one batch of the worker; the copy's is within another's time.
        assert_eq!(threads[&(WORKERS, 1)].len(), 6);
    }

    #[test]
    fn nothing_is_a_trace_too() {
        assert!(check(&chrome(&Flows::default())).is_empty());
    }
}
