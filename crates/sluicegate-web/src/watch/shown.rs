//! A net as `/api/net` shows it, with what the server tells beside it.
use super::Watch;
use crate::cache::Counts;
use crate::log;
use crate::volume::Sum;
use sluicegate::Snapshot;
use sluicegate_admin::model::{
    Connections, Http, Ledger, Log, Machine, Net, PageCache, Resource, Volumes,
};
use sluicegate_http::Refusals;
use sluicegate_io::resources::{self, Budget, Parts, Usage};
use sluicegate_io::{ConnCounts, DiskCounts, How, Refusal};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

impl Watch {
    /// What is shown of a net.
    pub(super) fn shown(&self, seen: &Snapshot) -> Net {
        let net = Net::from(seen);
        let connections = Some(connections(&self.connections()));
        Net {
            ledger: net.ledger.map(|ledger| Ledger { connections, ..ledger }),
            cache: Some(self.page_cache()),
            http: Some(Http {
                refused: refused(&self.refusals),
                deadlines_ignored: self.deadlines.load(Relaxed),
                traceparents_ignored: self.traces.ignored.load(Relaxed),
            }),
            resources: self
                .resources
                .iter()
                .enumerate()
                .map(|(n, one)| Resource { heeded: n < self.heeded, ..resource(one) })
                .collect(),
            machine: Some(machine(&Usage::read(Path::new("/")))),
            log: Some(log(&self.log)),
            viewers: Some(self.seats.taken() as u64),
            ..net
        }
    }
}

impl Watch {
    fn page_cache(&self) -> PageCache {
        let sum = Sum::of(&self.volumes);
        let (bytes, budget) = (self.cache.used() + sum.used, self.cache.limit() + sum.budget);
        let volumes = (sum.budget > 0).then(|| volumes(&sum, &self.disk_ledger.count()));
        let (lookups, misses) = self.lookups.total();
        PageCache { bytes, budget, lookups, misses, variants: variants(&self.variants), volumes }
    }
}

fn volumes(sum: &Sum, disk: &DiskCounts) -> Volumes {
    Volumes {
        asked: sum.asked.map(|(what, n)| (what.into(), n)).into(),
        hit_rate: sum.hit_rate(),
        read_bytes: sum.bytes,
        ahead: sum.ahead,
        faults: sum.faults.map(|(what, n)| (what.into(), n)).into(),
        evictions: sum.evictions,
        pinned_bytes: sum.pinned,
        reads: disk.reads,
        merged: disk.merged,
        calls: disk.calls,
        in_flight: disk.in_flight,
        call_time: (&disk.latency).into(),
    }
}

/// What may run short, as if no gate heeded it.
fn resource(resource: &resources::Resource) -> Resource {
    let (budget, unit) = match resource.budget() {
        Budget::Memory(bytes) => (bytes, "bytes"),
        Budget::Descriptors(open) => (open, "open"),
        Budget::CpuPressure(percent)
        | Budget::MemoryPressure(percent)
        | Budget::IoPressure(percent)
        | Budget::CpuThrottling(percent)
        | Budget::CacheMisses(percent) => (percent.into(), "percent"),
        Budget::SystemMemory | Budget::SiteSpace | Budget::LogSpace => (100, "percent"),
        Budget::RunDelay(span) | Budget::DiskLatency(span) => (micros(span), "us"),
    };
    let gauge = resource.gauge();
    let (name, unit) = (gauge.name().to_owned(), unit.to_owned());
    let level = gauge.level().name().to_owned();
    Resource { name, used: gauge.used(), level, budget, unit, heeded: false }
}

/// What became of the records of the access log that are not in it.
fn log(counts: &log::Counts) -> Log {
    Log {
        lost: counts.lost.total(),
        lost_bytes: counts.lost.bytes(),
        left_out: counts.left_out(),
        one_in: counts.one_in(),
        failing: counts.is_failing(),
        rotated: counts.rotated(),
    }
}

/// What the process uses of its machine, and percent of time in which something waits there.
fn machine(usage: &Usage) -> Machine {
    let memory = |part: fn(Parts) -> Option<u64>| usage.memory.and_then(part);
    Machine {
        rss_bytes: memory(|memory| memory.resident),
        anonymous_bytes: memory(|memory| memory.anonymous),
        file_bytes: memory(|memory| memory.files),
        shared_bytes: memory(|memory| memory.shared),
        swapped_bytes: memory(|memory| memory.swapped),
        descriptors: usage.descriptors,
        descriptors_max: usage.descriptors_max,
        cpu_us: Some(micros(usage.cpu)),
        disk_read_bytes: usage.disk.map(|disk| disk.0),
        disk_written_bytes: usage.disk.map(|disk| disk.1),
        cpu_pressure: usage.cpu_pressure,
        memory_pressure: usage.memory_pressure,
        io_pressure: usage.io_pressure,
        cpus: usage.cpus.map(|cpus| cpus as u64),
    }
}

fn connections(counts: &ConnCounts) -> Connections {
    Connections {
        opened: counts.opened,
        closed: How::ALL.map(|how| (how.name().into(), counts.closed(how))).into(),
        open: counts.open,
        shed: counts.shed,
        refused: Refusal::ALL.map(|why| (why.name().into(), counts.refused(why))).into(),
        balanced: counts.balanced(),
    }
}

/// Those that were shed before they were begun are counted by their wire.
fn variants(counts: &Counts) -> sluicegate_admin::model::Counts {
    let Counts { made, ahead, too_large, dropped, saved } = counts;
    let all = [
        ("made", made),
        ("ahead", ahead),
        ("too_large", too_large),
        ("dropped", dropped),
        ("bytes_saved", saved),
    ];
    all.map(|(what, count)| (what.into(), count.load(Relaxed))).into()
}

fn refused(refusals: &Refusals) -> sluicegate_admin::model::Counts {
    refusals.each().map(|(status, n)| (status.to_string().into(), n)).collect()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
