//! All metrics at `/metrics`: those of a net, as the kernel declares them, and what else a service
//! tells, declared here.

use sluicegate::{Metric, MetricKind};

/// A metric, whoever declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The heading under which it is documented.
    pub group: &'static str,
    /// Its name, that of a counter with `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Its unit, which its name ends with; empty where it counts.
    pub unit: &'static str,
    /// The names of its labels, in order.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence.
    pub doc: &'static str,
}

/// Which metric a sample is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    /// One of the kernel's.
    Net(Metric),
    /// One of a service.
    Service(ServiceMetric),
}

impl From<Metric> for Id {
    fn from(metric: Metric) -> Self {
        Self::Net(metric)
    }
}

impl From<ServiceMetric> for Id {
    fn from(metric: ServiceMetric) -> Self {
        Self::Service(metric)
    }
}

impl Id {
    /// Its place in [`all`].
    pub(super) fn place(self) -> usize {
        match self {
            Self::Net(metric) => metric as usize,
            Self::Service(metric) => Metric::ALL.len() + metric as usize,
        }
    }
}

/// All metrics, in the order in which they are shown.
pub fn all() -> impl Iterator<Item = Declared> {
    Metric::ALL.iter().copied().map(of_net).chain(SERVICE.iter().copied())
}

fn of_net(metric: Metric) -> Declared {
    let of = metric.name().trim_start_matches("sluicegate_").split('_').next();
    let group = match of.unwrap_or_default() {
        "stage" => "Stages",
        "wire" => "Wires",
        "class" => "Classes of flows",
        "worker" => "Workers",
        "gate" | "law" => "Gates and their laws",
        _ => "The net",
    };
    Declared {
        group,
        name: metric.name(),
        kind: metric.kind(),
        unit: metric.unit(),
        labels: metric.labels(),
        doc: metric.doc(),
    }
}

/// Declares metrics by group.
macro_rules! metrics {
    ($($group:literal {
        $($id:ident: $kind:ident, $name:literal, $unit:literal, $labels:expr, $doc:literal;)+
    })+) => {
        /// What a service tells beside its net.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ServiceMetric { $($(#[doc = $doc] $id,)+)+ }

        const SERVICE: &[Declared] = &[$($(Declared {
            group: $group,
            name: $name,
            kind: MetricKind::$kind,
            unit: $unit,
            labels: &$labels,
            doc: $doc,
        },)+)+];
    };
}

metrics! {
    "Gated services" {
        Running: Gauge, "sluicegate_gate_running", "", ["stage"],
            "Calls of a service behind a gate that are served now.";
        Concurrency: Gauge, "sluicegate_gate_concurrency", "", ["stage"],
            "The most calls of such a service that may be served at once.";
    }
    "The service" {
        Build: Gauge, "sluicegate_build_info", "", ["version"], "1; the label says what runs.";
        Uptime: Gauge, "sluicegate_uptime_seconds", "seconds", [],
            "How long the net runs, by its clock.";
        Stopped: Gauge, "sluicegate_stopped", "", [], "Whether the net was stopped by an error.";
        Opened: Counter, "sluicegate_connections_opened_total", "", [], "Connections accepted.";
        Closed: Counter, "sluicegate_connections_closed_total", "", ["how"],
            "Connections closed, by how.";
        Open: Gauge, "sluicegate_connections_open", "", [], "Connections that are open.";
        ConnectionsShed: Counter, "sluicegate_connections_shed_total", "", [],
            "Connections refused in the backlog, as descriptors had run out.";
        ConnectionsRefused: Counter, "sluicegate_connections_refused_total", "", ["why"],
            "Connections refused right after they were accepted, by reason.";
        ZeroCopy: Counter, "sluicegate_zero_copy_sends_total", "", [],
            "Sends of pages that the kernel was asked to make without a copy.";
        ZeroCopyCopied: Counter, "sluicegate_zero_copy_copied_total", "", [],
            "Sends among them that it copied all the same.";
        HttpRefused: Counter, "sluicegate_http_refused_total", "", ["status"],
            "Requests answered in the place of a handler, by status.";
        DeadlinesIgnored: Counter, "sluicegate_http_deadlines_ignored_total", "", [],
            "Deadlines of clients that could not be read.";
        LogLost: Counter, "sluicegate_log_lost_total", "", [],
            "Records of the access log that could not be written, or found no room.";
        LogLostBytes: Counter, "sluicegate_log_lost_bytes_total", "bytes", [],
            "How long their texts are: request lines, hosts, browsers, ids.";
        LogLeftOut: Counter, "sluicegate_log_left_out_total", "", [],
            "Records of the access log that were left out by sampling.";
        LogOneIn: Gauge, "sluicegate_log_one_in", "", [],
            "One in so many ordinary records is written; 1 where all are.";
        LogFailing: Gauge, "sluicegate_log_failing", "", [],
            "Whether the last write of the access log failed.";
        LogRotated: Counter, "sluicegate_log_rotated_total", "", [],
            "Files of the access log that were ended and begun anew.";
        OtlpFlows: Counter, "sluicegate_otlp_flows_sent_total", "", [],
            "Kept flows whose spans a collector took.";
        OtlpSpans: Counter, "sluicegate_otlp_spans_sent_total", "", [],
            "Spans that a collector took.";
        OtlpRejected: Counter, "sluicegate_otlp_spans_rejected_total", "", [],
            "Spans that a collector rejected out of what it took.";
        OtlpDropped: Counter, "sluicegate_otlp_flows_dropped_total", "", ["why"],
            "Kept flows that were not sent to a collector or not taken, by reason.";
        OtlpWaiting: Gauge, "sluicegate_otlp_flows_waiting", "", [],
            "Kept flows that wait for a collector.";
        CacheUsed: Gauge, "sluicegate_cache_used_bytes", "bytes", [],
            "How much is kept in the page cache.";
        CacheBudget: Gauge, "sluicegate_cache_budget_bytes", "bytes", [],
            "The most that is kept there now: less where memory runs short.";
        CacheLookups: Counter, "sluicegate_cache_lookups_total", "", [],
            "Pages that were asked for, once for all who waited for one.";
        CacheMisses: Counter, "sluicegate_cache_misses_total", "", [],
            "Those of them that had to be read from the disk.";
        VariantsMade: Counter, "sluicegate_cache_variants_made_total", "", [],
            "Coded forms made and kept.";
        VariantsAhead: Counter, "sluicegate_cache_variants_ahead_total", "", [],
            "Those of them that were read from files coded ahead.";
        VariantsTooLarge: Counter, "sluicegate_cache_variants_too_large_total", "", [],
            "Coded forms given up because they saved too little.";
        VariantsDropped: Counter, "sluicegate_cache_variants_dropped_total", "", [],
            "Coded forms given up because the file changed or there was no room.";
        VariantsSaved: Counter, "sluicegate_cache_variants_saved_bytes_total", "bytes", [],
            "How much shorter coded forms are than their files.";
        VolumeAsked: Counter, "sluicegate_volume_asked_total", "", ["outcome"],
            "What was asked of volumes, by what came of it: hit, what a worker knew; kept, in \
             memory; missed, read; joined, read for another already; refused, no room; late, given \
             up.";
        VolumeRead: Counter, "sluicegate_volume_read_bytes_total", "bytes", [],
            "How much was read of volumes.";
        VolumeAhead: Counter, "sluicegate_volume_ahead_total", "", [],
            "Pieces read before they were asked for.";
        VolumeFaults: Counter, "sluicegate_volume_faults_total", "", ["kind"],
            "What could not be had of volumes: error, the device failed; damaged, a checksum is \
             wrong.";
        VolumeEvictions: Counter, "sluicegate_volume_evictions_total", "", [],
            "Pieces and fronts of objects that had to make room.";
        VolumePinned: Gauge, "sluicegate_volume_pinned_bytes", "bytes", [],
            "How much memory of volumes is neither kept nor read into: mostly what is being sent.";
        VolumeReads: Counter, "sluicegate_volume_reads_total", "", [],
            "Reads of volumes that were answered, those with an error too.";
        VolumeMerged: Counter, "sluicegate_volume_merged_reads_total", "", [],
            "Reads that were made as one with those of neighbours.";
        VolumeCalls: Counter, "sluicegate_volume_calls_total", "", [],
            "Calls to the device for them: fewer than reads where neighbours were read as one.";
        VolumeInFlight: Gauge, "sluicegate_volume_in_flight", "", [],
            "Calls that the device has not answered.";
        VolumeCallTime: Histogram, "sluicegate_volume_call_seconds", "seconds", [],
            "How long the device took for a call.";
        ResourceUsed: Gauge, "sluicegate_resource_used_ratio", "ratio", ["resource"],
            "How much of its budget a resource uses; absent where not known.";
        ResourceLevel: Gauge, "sluicegate_resource_level", "", ["resource"],
            "How short it is: 0 for calm, 1 for pressed, 2 for short.";
    }
    "The machine" {
        Resident: Gauge, "process_resident_memory_bytes", "bytes", [],
            "Memory of the process that is resident.";
        MemoryPart: Gauge, "sluicegate_memory_part_bytes", "bytes", ["part"],
            "Its parts, anonymous, files and shared; and swap, which is not resident.";
        OpenFds: Gauge, "process_open_fds", "", [], "Files and sockets that are open.";
        MaxFds: Gauge, "process_max_fds", "", [], "The most that may be open.";
        CpuTime: Counter, "process_cpu_seconds_total", "seconds", [],
            "Time on a processor, over all threads.";
        DiskRead: Counter, "sluicegate_disk_read_bytes_total", "bytes", [],
            "What disks had to read for the process.";
        DiskWritten: Counter, "sluicegate_disk_written_bytes_total", "bytes", [],
            "What the process had disks write.";
        MachinePressure: Gauge, "sluicegate_machine_pressure_ratio", "ratio", ["resource"],
            "The part of the last ten seconds in which something waited for cpu, memory or io; \
             absent where the kernel does not tell.";
        Cpus: Gauge, "sluicegate_machine_cpus", "", [], "Processors that the process may use.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unlike_and_end_as_the_formats_want() {
        let mut seen = HashSet::new();
        for metric in all() {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(metric.name.bytes().all(fits), "{metric:?}");
            assert!(seen.insert(metric.name), "{metric:?}");
            let is_counter = metric.kind == MetricKind::Counter;
            assert_eq!(metric.name.ends_with("_total"), is_counter, "{metric:?}");
            assert!(metric.name.trim_end_matches("_total").ends_with(metric.unit), "{metric:?}");
            // What a histogram appends belongs to no name.
            for end in ["_count", "_sum", "_bucket", "_created"] {
                assert!(!metric.name.ends_with(end), "{metric:?}");
            }
            assert!(!metric.labels.contains(&"le"), "{metric:?}");
            // What would have to be escaped in a head or in a table.
            assert!(!metric.doc.contains(['\\', '"', '\n', '|']), "{metric:?}");
        }
    }

    #[test]
    fn each_metric_has_its_place() {
        let at = |id: Id| all().nth(id.place()).map(|metric| metric.name);
        for metric in Metric::ALL {
            assert_eq!(at((*metric).into()), Some(metric.name()));
        }
        assert_eq!(at(ServiceMetric::Running.into()), Some("sluicegate_gate_running"));
        assert_eq!(at(ServiceMetric::Cpus.into()), Some("sluicegate_machine_cpus"));
        assert_eq!(Id::from(ServiceMetric::Cpus).place() + 1, all().count());
    }
}
