//! The server's own metrics, beside those of its net.
use super::Watch;
use crate::cache::Counts;
use crate::log;
use crate::volume::Sum;
use sluicegate_admin::metrics::{Page, ServiceMetric as M};
use sluicegate_io::resources::{Parts, Usage};
use sluicegate_io::{DiskCounts, How, Refusal};
use std::sync::atomic::Ordering::Relaxed;

/// Puts what the process uses of its machine onto a page.
pub(super) fn put_machine(page: &mut Page, usage: &Usage) {
    let memory = usage.memory;
    page.put_some(M::Resident, &[], memory.and_then(|memory| memory.resident));
    if let Some(Parts { anonymous, files, shared, swapped, .. }) = memory {
        let parts = [("anonymous", anonymous), ("files", files), ("shared", shared)];
        for (part, bytes) in parts.into_iter().chain([("swapped", swapped)]) {
            page.put_some(M::MemoryPart, &[part], bytes);
        }
    }
    page.put_some(M::OpenFds, &[], usage.descriptors);
    page.put_some(M::MaxFds, &[], usage.descriptors_max);
    page.put(M::CpuTime, &[], usage.cpu);
    page.put_some(M::DiskRead, &[], usage.disk.map(|(read, _)| read));
    page.put_some(M::DiskWritten, &[], usage.disk.map(|(_, written)| written));
    let Usage { cpu_pressure, memory_pressure, io_pressure, .. } = *usage;
    for (what, percent) in [("cpu", cpu_pressure), ("memory", memory_pressure), ("io", io_pressure)]
    {
        page.put_some(M::MachinePressure, &[what], percent.map(|percent| percent / 100.0));
    }
    page.put_some(M::Cpus, &[], usage.cpus);
}

/// Puts connections, what HTTP refused, the cache and what may run short onto a page.
pub(super) fn put_server(page: &mut Page, watch: &Watch) {
    let counts = watch.connections();
    page.put(M::Opened, &[], counts.opened);
    for how in How::ALL {
        page.put(M::Closed, &[how.name()], counts.closed(how));
    }
    page.put(M::Open, &[], counts.open);
    page.put(M::ConnectionsShed, &[], counts.shed);
    for why in Refusal::ALL {
        page.put(M::ConnectionsRefused, &[why.name()], counts.refused(why));
    }
    page.put(M::ZeroCopy, &[], counts.zero_copy);
    page.put(M::ZeroCopyCopied, &[], counts.copied);
    for (status, n) in watch.refusals.each() {
        page.put(M::HttpRefused, &[&status.to_string()], n);
    }
    page.put(M::DeadlinesIgnored, &[], watch.deadlines.load(Relaxed));
    put_log(page, &watch.log);
    if let Some(exported) = watch.exported.get() {
        exported.put(page);
    }
    let volumes = Sum::of(&watch.volumes);
    page.put(M::CacheUsed, &[], watch.cache.used() + volumes.used);
    page.put(M::CacheBudget, &[], watch.cache.limit() + volumes.budget);
    let (lookups, misses) = watch.lookups.total();
    page.put(M::CacheLookups, &[], lookups);
    page.put(M::CacheMisses, &[], misses);
    put_variants(page, &watch.variants);
    put_volumes(page, &volumes, &watch.disk_ledger.count());
    for resource in &watch.resources {
        let gauge = resource.gauge();
        page.put_some(M::ResourceUsed, &[gauge.name()], gauge.used());
        page.put(M::ResourceLevel, &[gauge.name()], gauge.level() as u64);
    }
}

/// Nothing where no volume is served.
fn put_volumes(page: &mut Page, sum: &Sum, disk: &DiskCounts) {
    if sum.budget == 0 {
        return;
    }
    for (outcome, n) in sum.asked {
        page.put(M::VolumeAsked, &[outcome], n);
    }
    page.put(M::VolumeRead, &[], sum.bytes);
    page.put(M::VolumeAhead, &[], sum.ahead);
    for (kind, n) in sum.faults {
        page.put(M::VolumeFaults, &[kind], n);
    }
    page.put(M::VolumeEvictions, &[], sum.evictions);
    page.put(M::VolumePinned, &[], sum.pinned);
    page.put(M::VolumeReads, &[], disk.reads);
    page.put(M::VolumeMerged, &[], disk.merged);
    page.put(M::VolumeCalls, &[], disk.calls);
    page.put(M::VolumeInFlight, &[], disk.in_flight);
    page.put(M::VolumeCallTime, &[], &disk.latency);
}

fn put_log(page: &mut Page, counts: &log::Counts) {
    page.put(M::LogLost, &[], counts.lost.total());
    page.put(M::LogLostBytes, &[], counts.lost.bytes());
    page.put(M::LogLeftOut, &[], counts.left_out());
    page.put(M::LogOneIn, &[], counts.one_in());
    page.put(M::LogFailing, &[], u64::from(counts.is_failing()));
    page.put(M::LogRotated, &[], counts.rotated());
}

fn put_variants(page: &mut Page, counts: &Counts) {
    let Counts { made, ahead, too_large, dropped, saved } = counts;
    for (metric, count) in [
        (M::VariantsMade, made),
        (M::VariantsAhead, ahead),
        (M::VariantsTooLarge, too_large),
        (M::VariantsDropped, dropped),
        (M::VariantsSaved, saved),
    ] {
        page.put(metric, &[], count.load(Relaxed));
    }
}
