//! The net itself: its wires, workers, classes, ledger and settings.

use super::{Connections, Counts, Http, Log, Machine, PageCache, Resource, Stage, Times};
use serde::{Deserialize, Serialize};

/// A net at one moment. Counts are since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Net {
    /// Its name.
    pub name: String,
    /// When, by its own clock; `None` where each of its stages has a clock of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// How old the oldest part of the ledger was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<f64>,
    /// The number of the snapshot, where it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
    /// Handlers that have not come back for long.
    pub stalls: Vec<Stall>,
    /// What became of the flows of each class.
    pub classes: Vec<ClassEnds>,
    /// Its threads.
    pub workers: Vec<Worker>,
    /// What the server's process uses of its machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// What gates heed beside the work that waits.
    pub resources: Vec<Resource>,
    /// The server's page cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PageCache>,
    /// What HTTP refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// The server's access log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Who watches, by `/api/live`: each is a flow that is in the net for as long as it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<f64>,
    /// The server's connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
}

impl Ledger {
    /// How many flows were answered.
    pub fn finished(&self) -> u64 {
        self.ended.get("finished").copied().unwrap_or_default()
    }
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
