//! The one declaration of every metric at `/metrics`: its name, kind, labels and what it tells.

/// What a metric's values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from the start on; its samples end in `_total`.
    Counter,
    /// It is as it is now.
    Gauge,
    /// How many values were at most so large.
    Histogram,
    /// Labels alone, with the value 1; its samples end in `_info`.
    Info,
}

impl Kind {
    /// Its name in both formats.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// The heading under which it is documented.
    pub group: &'static str,
    /// Its name, which ends with its unit, if it has one, and without what its kind appends.
    pub name: &'static str,
    /// What its values mean.
    pub kind: Kind,
    /// The names of its labels, in order.
    pub labels: &'static [&'static str],
    /// What it tells, in one line.
    pub doc: &'static str,
}

/// The units that names end with.
const UNITS: [&str; 3] = ["seconds", "bytes", "ratio"];

impl Declared {
    /// What it is counted in, if not in pieces.
    pub fn unit(&self) -> Option<&'static str> {
        UNITS.into_iter().find(|unit| self.name.ends_with(unit))
    }

    /// What the name of its samples ends with, after its own.
    pub(super) fn suffix(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        }
    }
}

/// Declares the metrics by group, each by the name it has in the code.
macro_rules! metrics {
    ($($group:literal { $($id:ident: $kind:ident $name:literal $labels:expr, $doc:literal;)* })*) => {
        /// A metric, by its place in [`ALL`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric { $($(#[doc = $doc] $id,)*)* }

        /// All metrics, in the order in which they are shown.
        pub const ALL: &[Declared] = &[$($(Declared {
            group: $group,
            name: $name,
            kind: Kind::$kind,
            labels: &$labels,
            doc: $doc,
        },)*)*];
    };
}

metrics! {
    "Net" {
        Build: Info "sluicegate_build" ["version"], "The version that runs";
        Uptime: Gauge "sluicegate_uptime_seconds" [], "Time since the net started";
        SnapshotAge: Gauge "sluicegate_snapshot_age_seconds" [],
            "How old the oldest part of what is shown here is: some worker was busy so long";
        Draining: Gauge "sluicegate_draining" [], "1 while the net drains and takes no more";
        Stopped: Gauge "sluicegate_stopped" [], "1 once the net was stopped by an error";
        Stalls: Gauge "sluicegate_stalls" ["stage"],
            "Handlers that have kept their thread for too long and have not come back";
        Entered: Counter "sluicegate_flows_entered" [], "Flows that were let in";
        Forked: Counter "sluicegate_flows_forked" [], "Flows made of others by stages";
        Joined: Counter "sluicegate_flows_joined" [], "Flows that stages made one with others";
        Ended: Counter "sluicegate_flows_ended" ["why"],
            "Flows that ended: finished with an answer, or why without";
        InFlight: Gauge "sluicegate_flows_in_flight" [],
            "Flows that are in the net now, counted where they are";
    }
    "Stages" {
        Stage: Info "sluicegate_stage" ["stage", "domain", "kind"],
            "The domain of a stage, and whether that is pinned or a pool";
        Served: Counter "sluicegate_stage_served" ["stage"], "Events handled";
        Batches: Counter "sluicegate_stage_batches" ["stage"], "Batches handled";
        Busy: Counter "sluicegate_stage_busy_seconds" ["stage"],
            "Time in the handler, over all threads";
        Overruns: Counter "sluicegate_stage_overruns" ["stage"],
            "Runs that took more than twice the slice of the stage";
        Queued: Gauge "sluicegate_stage_queued" ["stage"], "Events that wait";
        QueueCapacity: Gauge "sluicegate_stage_queue_capacity" ["stage"],
            "The most events that may wait";
        QueueAge: Gauge "sluicegate_stage_queue_age_seconds" ["stage"],
            "How long the oldest event that waits has waited";
        Replicas: Gauge "sluicegate_stage_replicas" ["stage"], "Threads of the domain of a stage";
        OnDuty: Gauge "sluicegate_stage_on_duty" ["stage"],
            "Those of them that take events now: fewer in a pool that needs no more";
        Parks: Counter "sluicegate_stage_parks" ["stage"],
            "How often a replica parked, as its output was held";
        Parked: Gauge "sluicegate_stage_parked" ["stage"], "Replicas that are parked now";
        Paused: Gauge "sluicegate_stage_paused" ["stage"], "1 while a stage is held still";
        Refused: Counter "sluicegate_stage_refused" ["stage", "why"],
            "Flows that ended without an answer at a stage, by why";
        Panics: Counter "sluicegate_stage_panics" ["stage"], "Panics of the handler";
        Breaks: Counter "sluicegate_stage_breaks" ["stage"],
            "How often a breaker opened, or stayed open after a trial";
        Broken: Gauge "sluicegate_stage_breakers_open" ["stage"], "Breakers that are open now";
        Replaced: Counter "sluicegate_stage_replaced" ["stage"],
            "How often another value took the place of a replica";
        Strays: Counter "sluicegate_stage_strays" ["stage"],
            "Answers that came twice or that nobody waited for";
    }
    "Gates" {
        Offered: Counter "sluicegate_gate_offered" ["stage", "queue"],
            "Events that asked to enter a queue with a gate";
        GateRefused: Counter "sluicegate_gate_refused" ["stage", "queue", "why"],
            "Those that were refused, pushed out later, or dropped in their turn, by why";
        Running: Gauge "sluicegate_gate_running" ["stage"],
            "Requests of a gated service that are served now";
        Concurrency: Gauge "sluicegate_gate_concurrency" ["stage"],
            "The most requests of a gated service that may be served at once";
        Work: Gauge "sluicegate_gate_work_seconds" ["stage", "queue"],
            "How long what waits at a gate will take";
        Cost: Gauge "sluicegate_gate_cost_seconds" ["stage", "queue"],
            "What an event costs in its handler, the mean";
        Pressure: Gauge "sluicegate_gate_pressure_ratio" ["stage", "queue"],
            "The share of what is offered that had better be refused upstream";
        Quality: Gauge "sluicegate_gate_quality_ratio" ["stage", "queue"],
            "How well handlers should do their work, so that less is refused; 1 is fully";
        BoundWork: Gauge "sluicegate_gate_bound_work_seconds" ["stage", "queue"],
            "The most work that may wait; absent while there is no such bound";
        BoundEvents: Gauge "sluicegate_gate_bound_events" ["stage", "queue"],
            "The most events that may wait or be handled; absent while there is no such bound";
        BoundRate: Gauge "sluicegate_gate_bound_rate" ["stage", "queue"],
            "The most events that may enter in a second; absent while there is no such bound";
        BoundPatience: Gauge "sluicegate_gate_bound_patience_seconds" ["stage", "queue"],
            "What waited longer is dropped in its turn; absent while there is no such bound";
        BoundShare: Gauge "sluicegate_gate_bound_share_ratio" ["stage", "queue"],
            "The share of what asks to enter that is refused whatever waits";
        LawTarget: Gauge "sluicegate_law_target_seconds" ["stage", "queue", "law"],
            "The time that a law keeps to";
        LawMeasured: Gauge "sluicegate_law_measured_seconds" ["stage", "queue", "law"],
            "What a law compared with its target last";
        LawPressure: Gauge "sluicegate_law_pressure_ratio" ["stage", "queue", "law"],
            "The pressure that a law asks for";
        LawFrozen: Gauge "sluicegate_law_frozen" ["stage", "queue", "law"],
            "1 while a law is frozen";
    }
    "Wires" {
        Sent: Counter "sluicegate_wire_sent" ["from", "port", "to"], "Events delivered";
        Held: Gauge "sluicegate_wire_held" ["from", "port", "to"],
            "Events held now, for want of room where the wire leads";
        WireRefused: Counter "sluicegate_wire_refused" ["from", "port", "to"],
            "Events shed for want of room";
        Diverted: Counter "sluicegate_wire_diverted" ["from", "port", "to"],
            "Events diverted for want of room";
        Window: Gauge "sluicegate_wire_window" ["from", "port", "to"],
            "The most questions that a replica may have unanswered";
    }
    "Server" {
        Opened: Counter "sluicegate_connections_opened" [], "Connections accepted";
        Closed: Counter "sluicegate_connections_closed" ["how"], "Connections closed, by how";
        Open: Gauge "sluicegate_connections_open" [], "Connections that are open now";
        ConnectionsShed: Counter "sluicegate_connections_shed" [],
            "Connections refused in the backlog, as descriptors had run out";
        ConnectionsRefused: Counter "sluicegate_connections_refused" ["why"],
            "Connections refused right after they were accepted, by why";
        HttpRefused: Counter "sluicegate_http_refused" ["status"],
            "Requests answered in the place of a handler, by status";
        DeadlinesIgnored: Counter "sluicegate_http_deadlines_ignored" [],
            "Deadlines of clients that could not be read";
        LogLost: Counter "sluicegate_log_lost" [], "Lines of the access log that were not written";
        CacheUsed: Gauge "sluicegate_cache_used_bytes" [], "Bytes of files that are kept";
        CacheBudget: Gauge "sluicegate_cache_budget_bytes" [], "The most that are kept";
        VariantsMade: Counter "sluicegate_cache_variants_made" [], "Coded forms made and kept";
        VariantsAhead: Counter "sluicegate_cache_variants_ahead" [],
            "Those of them that were read from files coded ahead";
        VariantsTooLarge: Counter "sluicegate_cache_variants_too_large" [],
            "Coded forms given up because they saved too little";
        VariantsDropped: Counter "sluicegate_cache_variants_dropped" [],
            "Coded forms given up because the file changed or there was no room";
        VariantsSaved: Counter "sluicegate_cache_variants_saved_bytes" [],
            "Bytes that coded forms are shorter than their files";
        ResourceUsed: Gauge "sluicegate_resource_used_ratio" ["resource"],
            "How much of its budget a resource uses that gates heed; absent where not known";
    }
    "Machine" {
        Resident: Gauge "process_resident_memory_bytes" [], "Memory of the process";
        MemoryPart: Gauge "sluicegate_memory_part_bytes" ["part"],
            "Its parts: anonymous memory, pages of files, shared memory; and what is swapped out";
        OpenFds: Gauge "process_open_fds" [], "Files and sockets that are open";
        MaxFds: Gauge "process_max_fds" [], "The most that may be open";
        CpuTime: Counter "process_cpu_seconds" [], "Time on a CPU, over all threads";
        DiskRead: Counter "sluicegate_disk_read_bytes" [],
            "Bytes that the process had read from disks";
        DiskWritten: Counter "sluicegate_disk_written_bytes" [],
            "Bytes that the process had written to disks";
        MachinePressure: Gauge "sluicegate_machine_pressure_ratio" ["resource"],
            "Part of the last ten seconds in which something waited for cpu, memory or io; absent \
             where the kernel does not tell";
        Cpus: Gauge "sluicegate_machine_cpus" [], "CPUs that the process may use";
    }
}

impl Metric {
    /// What is declared of it.
    pub fn declared(self) -> &'static Declared {
        &ALL[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unlike_and_end_as_the_formats_want() {
        let mut seen = HashSet::new();
        for metric in ALL {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(metric.name.bytes().all(fits), "{metric:?}");
            assert!(seen.insert(metric.name), "{metric:?}");
            // What a kind or a histogram appends belongs to no name.
            for end in ["_total", "_info", "_count", "_sum", "_bucket", "_created"] {
                assert!(!metric.name.ends_with(end), "{metric:?}");
            }
            assert!(!metric.labels.contains(&"le"), "{metric:?}");
            assert!(!metric.doc.contains(['\\', '"', '\n', '|']), "{metric:?}");
        }
    }

    #[test]
    fn a_metric_finds_what_is_declared_of_it() {
        assert_eq!(Metric::Build.declared().name, "sluicegate_build");
        assert_eq!(Metric::Cpus.declared().name, "sluicegate_machine_cpus");
        assert_eq!(Metric::Busy.declared().unit(), Some("seconds"));
        assert_eq!(Metric::Cpus.declared().unit(), None);
    }
}
