//! Single flows as `/api/flows` shows them.

use serde::{Deserialize, Serialize};
use sluicegate::FlowTrace;

/// What `/api/flows` answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flows {
    /// The flows that are kept, oldest first.
    pub flows: Vec<Flow>,
    /// Flows that were to be kept and were not, since too many were.
    pub missed: u64,
}

/// A flow that has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flow {
    /// Counts the flows that were kept.
    pub number: u64,
    /// Its number at its source, in digits: it may be larger than numbers of JSON are everywhere.
    pub flow: String,
    /// The stage that let it in.
    pub source: Option<String>,
    /// Its class.
    pub class: u8,
    /// Why it was kept: `slow`, `failed`, `sampled` or `slowest`.
    pub why: String,
    /// How it ended: `finished`, or why it has no answer.
    pub end: String,
    /// The stage in whose run it ended.
    pub ended_in: String,
    /// When it was born, by the clock of the net, in milliseconds.
    pub start_ms: f64,
    /// How long it took, in microseconds.
    pub total_us: f64,
    /// The trace of which it is part, in 32 digits of hexadecimal, as in the field `traceparent`:
    /// its own where the request named none.
    pub trace: String,
    /// By which span it is known there, in 16 digits.
    pub span: String,
    /// The span that asked for it, where the request named one.
    pub parent: Option<String>,
    /// Its steps, in the order in which they began.
    pub steps: Vec<FlowStep>,
    /// Steps that are not known.
    pub lost: u64,
}

/// What a stage did for a flow. Times are microseconds since it was born.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowStep {
    /// The stage.
    pub stage: String,
    /// The domain of the worker, and its number there.
    pub domain: String,
    /// See `domain`.
    pub worker: u64,
    /// `entered`, `handled`, `answered` or `question`.
    pub kind: String,
    /// Whether it was done to a second tag of the flow.
    pub forked: bool,
    /// When it came to the stage's queue.
    pub queued_us: f64,
    /// When its batch began.
    pub started_us: f64,
    /// When that came back, or the flow had ended.
    pub ended_us: f64,
    /// Events of the batch.
    pub batch: u64,
    /// Other flows of the batch.
    pub mates: Vec<String>,
}

impl From<&FlowTrace> for Flow {
    fn from(flow: &FlowTrace) -> Self {
        let end = flow.born + flow.total;
        let us = |time: sluicegate::Time| time.since(flow.born).as_nanos() as f64 / 1000.0;
        let step = |step: &sluicegate::FlowStep| FlowStep {
            stage: step.stage.clone(),
            domain: step.domain.clone(),
            worker: step.worker as u64,
            kind: step.kind.name().to_owned(),
            forked: step.forked,
            queued_us: us(step.queued),
            started_us: us(step.started),
            ended_us: us(step.ended.unwrap_or(end.max(step.started))),
            batch: step.batch as u64,
            mates: step.mates.iter().map(u64::to_string).collect(),
        };
        Self {
            number: flow.number,
            flow: flow.flow.to_string(),
            source: flow.source.clone(),
            class: flow.class,
            why: flow.kept.name().to_owned(),
            end: flow.why.map_or("finished", |why| why.name()).to_owned(),
            ended_in: flow.ended_in.clone(),
            start_ms: flow.born.0 as f64 / 1e6,
            total_us: us(end),
            trace: format!("{:032x}", flow.trace),
            span: format!("{:016x}", flow.span),
            parent: flow.parent.map(|parent| format!("{parent:016x}")),
            steps: flow.steps.iter().map(step).collect(),
            lost: flow.lost as u64,
        }
    }
}
