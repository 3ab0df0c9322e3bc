//! The metrics of a net and of gates: from what observers see to samples.

use super::catalogue::Metric as M;
use super::page::{Number, Page};
use sluicegate::{
    Adjust, AdmissionQueueView, AdmissionView, ByWhy, Snapshot, StageView, Vote, Why, WireView,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Puts a net onto a page.
pub fn put_net(page: &mut Page, net: &Snapshot) {
    put_build(page);
    page.put(M::Uptime, &[], Duration::from_nanos(net.at.0));
    page.put(M::SnapshotAge, &[], net.age);
    page.put(M::Draining, &[], net.draining);
    page.put(M::Stopped, &[], net.stopped.is_some());
    let mut stalls = BTreeMap::<_, u64>::new();
    net.stalls.iter().for_each(|stall| *stalls.entry(&*stall.stage).or_default() += 1);
    stalls.into_iter().for_each(|(stage, n)| page.put(M::Stalls, &[stage], n));
    let ledger = &net.ledger;
    page.put(M::Entered, &[], ledger.entered);
    page.put(M::Forked, &[], ledger.forked);
    page.put(M::Joined, &[], ledger.joined);
    page.put(M::Ended, &["finished"], ledger.finished);
    put_why(page, M::Ended, &[], &ledger.ended);
    page.put(M::InFlight, &[], ledger.in_flight as f64);
    net.stages.iter().for_each(|stage| put_stage(page, stage));
    net.wires.iter().for_each(|wire| put_wire(page, wire));
}

/// Puts the gate of a service that is no stage onto a page, as a stage with one queue.
pub fn put_gate(page: &mut Page, name: &str, gate: &AdmissionQueueView) {
    page.put(M::Served, &[name], gate.finished + gate.ended.total());
    page.put(M::Queued, &[name], gate.waiting);
    page.put(M::QueueCapacity, &[name], gate.capacity);
    page.put(M::QueueAge, &[name], gate.oldest);
    page.put(M::Running, &[name], gate.running);
    page.put(M::Concurrency, &[name], gate.concurrency);
    for why in Why::ALL {
        let refused = gate.admission.refused[why] + gate.ended[why];
        page.put(M::Refused, &[name, why.name()], refused);
    }
    put_admission(page, name, "0", &gate.admission);
}

/// Puts what runs onto a page.
pub fn put_build(page: &mut Page) {
    page.put(M::Build, &[env!("CARGO_PKG_VERSION")], 1_u64);
}

fn put_stage(page: &mut Page, stage: &StageView) {
    let name = &*stage.name;
    page.put(M::Stage, &[name, &stage.domain, stage.kind], 1_u64);
    let mut put = |metric, value: Number| page.put(metric, &[name], value);
    put(M::Served, stage.served.into());
    put(M::Batches, stage.batches.into());
    put(M::Busy, stage.busy.into());
    put(M::Overruns, stage.overruns.into());
    put(M::Queued, stage.queued.into());
    put(M::QueueCapacity, stage.capacity.into());
    put(M::QueueAge, stage.queue_age.into());
    put(M::Replicas, stage.replicas.into());
    put(M::OnDuty, stage.on_duty.into());
    put(M::Parks, stage.parked.into());
    put(M::Parked, stage.parked_now.into());
    put(M::Paused, stage.paused.into());
    put(M::Panics, stage.panics.into());
    put(M::Breaks, stage.breaks.into());
    put(M::Broken, stage.broken_now.into());
    put(M::Replaced, stage.replaced.into());
    put(M::Strays, stage.strays.into());
    put_why(page, M::Refused, &[name], &stage.refused);
    for (queue, gate) in stage.admission.iter().enumerate() {
        put_admission(page, name, &queue.to_string(), gate);
    }
}

fn put_admission(page: &mut Page, stage: &str, queue: &str, gate: &AdmissionView) {
    let labels = [stage, queue];
    page.put(M::Offered, &labels, gate.offered);
    put_why(page, M::GateRefused, &labels, &gate.refused);
    page.put_some(M::Work, &labels, span(gate.work));
    page.put(M::Cost, &labels, gate.cost);
    let Adjust { work, events, rate, patience, share, .. } = gate.adjust;
    page.put(M::Pressure, &labels, gate.adjust.pressure);
    page.put(M::Quality, &labels, gate.adjust.quality);
    page.put_some(M::BoundWork, &labels, span(work));
    page.put_some(M::BoundEvents, &labels, (events < usize::MAX).then_some(events));
    page.put_some(M::BoundRate, &labels, rate.is_finite().then_some(rate));
    page.put_some(M::BoundPatience, &labels, span(patience));
    page.put(M::BoundShare, &labels, share);
    gate.votes.iter().for_each(|vote| put_vote(page, labels, vote));
}

fn put_vote(page: &mut Page, [stage, queue]: [&str; 2], vote: &Vote) {
    let labels = [stage, queue, vote.law];
    page.put_some(M::LawTarget, &labels, vote.target.and_then(span));
    page.put_some(M::LawMeasured, &labels, vote.adjust.measured.and_then(span));
    page.put(M::LawPressure, &labels, vote.adjust.pressure);
    page.put(M::LawFrozen, &labels, vote.frozen);
}

fn put_wire(page: &mut Page, wire: &WireView) {
    let labels = [&*wire.from, wire.port, &*wire.to];
    page.put(M::Sent, &labels, wire.sent);
    page.put(M::Held, &labels, wire.held);
    page.put(M::WireRefused, &labels, wire.refused);
    page.put(M::Diverted, &labels, wire.diverted);
    page.put_some(M::Window, &labels, wire.window);
}

/// Each reason, also those that never were: a rate is to begin at 0.
fn put_why(page: &mut Page, metric: M, labels: &[&str], counts: &ByWhy) {
    for why in Why::ALL {
        page.put(metric, &[labels, &[why.name()]].concat(), counts[why]);
    }
}

/// What has no bound is not shown.
fn span(span: Duration) -> Option<Duration> {
    (span < Duration::MAX).then_some(span)
}
