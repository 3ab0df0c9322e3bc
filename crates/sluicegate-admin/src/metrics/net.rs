//! The metrics of nets, and of gates of services that are no stages.

use super::catalogue::ServiceMetric;
use super::page::Page;
use sluicegate::{AdmissionQueueView, Metric, Reading, Snapshot, Why};
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
    for metric in Metric::ALL {
        metric.each_of_gate([name, "0"], &gate.admission, &mut |labels, value| {
            page.put(*metric, labels, value);
        });
    }
}

/// Puts what runs onto a page.
pub fn put_build(page: &mut Page) {
    page.put(ServiceMetric::Build, &[env!("CARGO_PKG_VERSION")], true);
}
