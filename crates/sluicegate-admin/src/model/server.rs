//! What a server tells beside its net: of its connections, its cache and log, and its machine.

use super::{Counts, Times};
use serde::{Deserialize, Serialize};

/// The connections of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connections {
    /// Those that were opened.
    pub opened: u64,
    /// Those that closed, by how.
    pub closed: Counts,
    /// Those that are open.
    pub open: u64,
    /// Refused in the backlog, for want of descriptors.
    pub shed: u64,
    /// Refused right after they were accepted, by the reason.
    pub refused: Counts,
    /// Whether none vanished.
    pub balanced: bool,
}

/// What the process uses of its machine; `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Memory in use.
    pub rss_bytes: Option<u64>,
    /// Of that, what has no file behind it.
    pub anonymous_bytes: Option<u64>,
    /// Of that, pages of files.
    pub file_bytes: Option<u64>,
    /// Of that, what may be shared with other processes.
    pub shared_bytes: Option<u64>,
    /// Memory that was moved to a disk, and is not in use.
    pub swapped_bytes: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// The most that may be open.
    pub descriptors_max: Option<u64>,
    /// Time on a processor, over all threads.
    pub cpu_us: Option<u64>,
    /// What disks had to read for the process.
    pub disk_read_bytes: Option<u64>,
    /// What the process had disks write.
    pub disk_written_bytes: Option<u64>,
    /// The share of the time in which somebody waited for a processor, in percent.
    pub cpu_pressure: Option<f64>,
    /// The same for memory.
    pub memory_pressure: Option<f64>,
    /// The same for disks.
    pub io_pressure: Option<f64>,
    /// Processors that may be used.
    pub cpus: Option<u64>,
}

/// What may run short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its name, which is that of the law of gates that heed it.
    pub name: String,
    /// How much of the budget is used, from 0; `None` is not known.
    pub used: Option<f64>,
    /// How short it is: `calm`, `pressed` or `short`.
    pub level: String,
    /// The budget.
    pub budget: u64,
    /// Its unit.
    pub unit: String,
    /// Whether gates heed it.
    pub heeded: bool,
}

/// The server's page cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageCache {
    /// Bytes of pages.
    pub bytes: u64,
    /// The most that there may be now: less where memory runs short.
    pub budget: u64,
    /// Pages that were asked for.
    pub lookups: u64,
    /// Those of them that had to be read from the disk.
    pub misses: u64,
    /// Coded forms of pages, by what became of them.
    pub variants: Counts,
    /// What is served of volumes, where any are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Volumes>,
}

/// What is served of volumes; its memory is part of that of the page cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volumes {
    /// What was asked, by what came of it.
    pub asked: Counts,
    /// The part of it that needed no reading, 0 to 1; `None` where nothing was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit_rate: Option<f64>,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Pieces that were read before they were asked for.
    pub ahead: u64,
    /// What could not be had, by kind.
    pub faults: Counts,
    /// Pieces and fronts that had to make room.
    pub evictions: u64,
    /// Bytes that are neither kept nor read into: mostly what is being sent.
    pub pinned_bytes: u64,
    /// Reads that were answered, those with an error too.
    pub reads: u64,
    /// Reads that were made as one with those of neighbours.
    pub merged: u64,
    /// Calls to the device for them.
    pub calls: u64,
    /// Calls that the device has not answered.
    pub in_flight: u64,
    /// How long the device took for a call.
    pub call_time: Times,
}

/// What HTTP refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Http {
    /// By status.
    pub refused: Counts,
    /// Deadlines of clients that could not be read.
    pub deadlines_ignored: u64,
    /// Fields `traceparent` that could not be read, while flows are traced.
    pub traceparents_ignored: u64,
}

/// The access log: what became of records that are not in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// Records that could not be written, or found no room on their way.
    pub lost: u64,
    /// Bytes of their texts: request lines, hosts, browsers, ids.
    pub lost_bytes: u64,
    /// Records that were left out by sampling.
    pub left_out: u64,
    /// One in so many ordinary records is written now; 1: all.
    pub one_in: u64,
    /// The last write failed.
    pub failing: bool,
    /// Files that were ended and begun anew.
    pub rotated: u64,
}
