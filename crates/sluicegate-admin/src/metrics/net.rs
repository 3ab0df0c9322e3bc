//! The metrics of nets, and of gates of services that are no stages.

use super::catalogue::ServiceMetric;
use super::page::Page;
use sluicegate::{AdmissionQueueView, Metric, Reading, Snapshot, Vote, Why};
use std::time::Duration;

/// Puts a net onto a page, and what runs it.
pub fn put_net(page: &mut Page, net: &Snapshot) {
    put_build(page);
    page.put(ServiceMetric::Uptime, &[], Duration::from_nanos(net.at.0));
    page.put(ServiceMetric::Stopped, &[], net.stopped.is_some());
    for metric in Metric::ALL {
        metric.each(net, &mut |labels, value| page.put(*metric, labels, value));
    }
}

/// Puts the gate of a service that is no stage onto a page, as a stage with one queue. Its
/// refusals are not told by class: that is empty.
pub fn put_gate(page: &mut Page, name: &str, gate: &AdmissionQueueView) {
    let refused = |why| gate.admission.refused[why] + gate.ended[why];
    for why in Why::ALL {
        page.put(Metric::StageRefused, &[name, "", why.name()], refused(why));
    }
    let mut put = |metric, value: Reading<'_>| page.put(metric, &[name], value);
    put(Metric::StageArrivals, gate.admission.offered.into());
    put(Metric::StageServed, (gate.finished + gate.ended.total()).into());
    put(Metric::StageQueued, gate.waiting.into());
    put(Metric::StageCapacity, gate.capacity.into());
    put(Metric::StageQueueAge, gate.oldest.into());
    page.put(ServiceMetric::Running, &[name], gate.running);
    page.put(ServiceMetric::Concurrency, &[name], gate.concurrency);
    let (gate, queue) = (&gate.admission, [name, "0"]);
    page.put(Metric::GateOffered, &queue, gate.offered);
    page.put(Metric::GateWork, &queue, gate.work);
    page.put_some(Metric::GateWorkBound, &queue, bounded(gate.adjust.work));
    page.put(Metric::GateCost, &queue, gate.cost);
    page.put(Metric::GatePressure, &queue, gate.adjust.pressure);
    page.put(Metric::GateQuality, &queue, gate.adjust.quality);
    gate.votes.iter().for_each(|law| put_law(page, queue, law));
}

/// Puts what runs onto a page.
pub fn put_build(page: &mut Page) {
    page.put(ServiceMetric::Build, &[env!("CARGO_PKG_VERSION")], true);
}

fn put_law(page: &mut Page, [stage, queue]: [&str; 2], law: &Vote) {
    let labels = [stage, queue, law.law];
    page.put_some(Metric::LawTarget, &labels, law.target.and_then(bounded));
    page.put_some(Metric::LawMeasured, &labels, law.adjust.measured.and_then(bounded));
    page.put(Metric::LawFrozen, &labels, law.frozen);
}

fn bounded(span: Duration) -> Option<Duration> {
    (span < Duration::MAX).then_some(span)
}
