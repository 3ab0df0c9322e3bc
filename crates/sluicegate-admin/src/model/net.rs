//! The net itself, its wires, workers, classes and ledger, and what a server tells beside them.

use super::{Counts, Stage, Times};
use serde::{Deserialize, Serialize};

/// A net at one moment. Counts are since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Net {
    /// Its name.
    pub name: String,
    /// When, by its own clock; `None` where each of its stages has a clock of its own.
    pub time_ms: Option<u64>,
    /// How old the oldest part of the ledger was.
    pub age_ms: Option<f64>,
    /// The number of the snapshot, where it is told.
    pub epoch: Option<u64>,
    /// Whether it takes no new work.
    pub draining: bool,
    /// What stopped it, if it did not last.
    pub stopped: Option<String>,
    /// Its stages.
    pub stages: Vec<Stage>,
    /// Its wires.
    pub wires: Vec<Wire>,
    /// What became of every flow.
    pub ledger: Option<Ledger>,
    /// Handlers that have not come back for long.
    pub stalls: Vec<Stall>,
    /// What became of the flows of each class.
    pub classes: Vec<ClassEnds>,
    /// Its threads.
    pub workers: Vec<Worker>,
    /// What the server's process uses of its machine.
    pub machine: Option<Machine>,
    /// What gates heed beside the work that waits.
    pub resources: Vec<Resource>,
    /// The server's page cache.
    pub cache: Option<PageCache>,
    /// What HTTP refused.
    pub http: Option<Http>,
    /// The server's access log.
    pub log: Option<Log>,
    /// Who watches, by `/api/live`: each is a flow that is in the net for as long as it lasts.
    pub viewers: Option<u64>,
}

/// A wire. Counts are since the start, over all replicas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wire {
    /// The stage that sends.
    pub from: String,
    /// Its port.
    pub port: String,
    /// The stage that listens.
    pub to: String,
    /// What becomes of an event for which there is no room.
    pub on_full: String,
    /// Whether it is a call.
    pub fused: bool,
    /// The most questions of a replica that may be unanswered.
    pub window: Option<u64>,
    /// Questions that are unanswered now, of all replicas.
    pub unanswered: Option<u64>,
    /// How it chooses the replica that gets an event.
    pub routing: String,
    /// Where it brings copies of another's events: how.
    pub copies: Option<String>,
    /// Whether it brings answers.
    pub returns: bool,
    /// To which questions, as `stage.port`.
    pub answers: Option<String>,
    /// Events delivered.
    pub sent: u64,
    /// Events that are held now.
    pub held: u64,
    /// Events shed for want of room.
    pub refused: u64,
    /// Events diverted for want of room.
    pub diverted: u64,
}

/// What became of every flow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// Flows that were let in.
    pub entered: u64,
    /// Second tags made of flows.
    pub forked: u64,
    /// Second tags that came back.
    pub joined: u64,
    /// Those answered, as `finished`, and those that were not, by the reason.
    pub ended: Counts,
    /// Those that are in the net, counted where they are.
    pub in_flight: i64,
    /// Whether nothing vanished and nothing was made twice.
    pub balanced: bool,
    /// How old its oldest part was.
    pub age_ms: Option<f64>,
    /// The server's connections.
    pub connections: Option<Connections>,
}

impl Ledger {
    /// How many flows were answered.
    pub fn finished(&self) -> u64 {
        self.ended.get("finished").copied().unwrap_or_default()
    }
}

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

/// A handler that has not come back for long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stall {
    /// Its stage.
    pub stage: String,
    /// The stage's domain.
    pub domain: String,
    /// The worker that it keeps.
    pub worker: u64,
    /// For how long.
    pub time_us: u64,
}

/// What became of the flows of one class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassEnds {
    /// The class; higher is more important.
    pub class: u64,
    /// Those that were answered.
    pub finished: u64,
    /// Those of them that were answered after their deadline.
    pub late: u64,
    /// Those that were not, by the reason.
    pub ended: Counts,
    /// How long the answers took.
    pub response: Option<Times>,
}

/// A thread of the net.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Worker {
    /// Its domain.
    pub domain: String,
    /// Its number there.
    pub worker: u64,
    /// Time in handlers.
    pub busy_us: u64,
    /// Time on a processor; `None` where it is not known.
    pub cpu_us: Option<u64>,
    /// Batches.
    pub runs: u64,
    /// Whether it has nothing to do now.
    pub asleep: bool,
}

/// What the process uses of its machine; `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Memory in use: the sum of the next three.
    pub rss_bytes: Option<u64>,
    /// Without a file behind it: heap, stacks, buffers.
    pub anonymous_bytes: Option<u64>,
    /// Pages of files that are mapped, such as the program.
    pub file_bytes: Option<u64>,
    /// What may be shared with other processes.
    pub shared_bytes: Option<u64>,
    /// What was moved to a disk, and is not in use.
    pub swapped_bytes: Option<u64>,
    /// Read from disks, since the process began.
    pub disk_read_bytes: Option<u64>,
    /// Written to disks, since then.
    pub disk_written_bytes: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// The most that may be open.
    pub descriptors_max: Option<u64>,
    /// The share of the time in which somebody waited for a processor, in percent.
    pub cpu_pressure: Option<f64>,
    /// The same for memory.
    pub memory_pressure: Option<f64>,
    /// The same for disks.
    pub io_pressure: Option<f64>,
    /// Processors that may be used.
    pub cpus: Option<u64>,
}

/// What gates heed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its name, which is that of the law.
    pub name: String,
    /// How much of the budget is used, from 0; `None` is not known.
    pub used: Option<f64>,
    /// The budget.
    pub budget: f64,
    /// Its unit.
    pub unit: String,
}

/// The server's page cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageCache {
    /// Bytes of pages.
    pub bytes: u64,
    /// The most that there may be.
    pub budget: u64,
    /// Coded forms of pages, by what became of them.
    pub variants: Counts,
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

/// The access log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// Lines that were not written.
    pub lost: u64,
}

/// A number that may be set, as `/api/settings` tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// Its path.
    pub path: String,
    /// What it is.
    pub doc: String,
    /// Its unit.
    pub unit: String,
    /// The least that it may be.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// What was declared.
    pub default: f64,
    /// What it is now.
    pub value: f64,
    /// Whether it may be changed while the net runs.
    pub live: bool,
}
