//! Traces: a line for each thing that a worker did, kept by the worker until somebody takes it.

use crate::event::{StageId, WorkerId};
use crate::ledger::{Ledger, Why};
use crate::observe::Happening;
use crate::time::{Clock, Time};
use std::cell::{Cell, RefCell};
use std::fmt::Write;

/// The columns of a trace, separated by tabs: when, in nanoseconds; the domain and the number of
/// the worker in it, with the name of the part and a dot before it in a [part](crate::sim::Part);
/// the stage; a [`Happening`] by name, with the number and the detail that are documented there.
/// `-` stands for none.
pub const TRACE_COLUMNS: &str = "time\tworker\tstage\twhat\tn\tdetail";

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub at: Time,
    pub worker: WorkerId,
    pub stage: Option<StageId>,
    pub what: Happening,
    pub n: u64,
    pub detail: &'static str,
}

impl Record {
    /// Appends the record's line, without its end. The names are those of the worker's domain, of
    /// the worker's number there, and of the stage.
    pub fn write(&self, (domain, worker): (&str, usize), stage: Option<&str>, into: &mut String) {
        let (at, stage, what) = (self.at.0, stage.unwrap_or("-"), self.what.name());
        let _ = write!(into, "{at}\t{domain}/{worker}\t{stage}\t{what}\t");
        let _ = match self.what.counts() {
            "" => write!(into, "-"),
            _ => write!(into, "{}", self.n),
        };
        let detail = if self.detail.is_empty() { "-" } else { self.detail };
        let _ = write!(into, "\t{detail}");
    }
}

/// What one worker noted.
pub(crate) struct Tracer {
    clock: Clock,
    worker: WorkerId,
    /// Bounded by what a turn of the worker can do: whoever asked for it takes it after each.
    records: RefCell<Vec<Record>>,
    /// The ledger as it was last noted.
    ledger: Cell<Ledger>,
}

impl Tracer {
    pub fn new(clock: Clock, worker: WorkerId) -> Self {
        Self { clock, worker, records: RefCell::default(), ledger: Cell::default() }
    }

    pub fn note(&self, stage: Option<StageId>, what: Happening, n: u64, detail: &'static str) {
        let (at, worker) = (self.clock.now(), self.worker);
        self.records.borrow_mut().push(Record { at, worker, stage, what, n, detail });
    }

    /// Notes by how much the worker's counts have grown while a stage ran.
    pub fn note_ledger(&self, stage: StageId, now: Ledger) {
        let before = self.ledger.replace(now);
        let counts = [
            (Happening::Entered, before.entered, now.entered),
            (Happening::Forked, before.forked, now.forked),
            (Happening::Joined, before.joined, now.joined),
            (Happening::Finished, before.finished, now.finished),
        ];
        for (what, before, now) in counts.into_iter().filter(|(_, before, now)| before != now) {
            self.note(Some(stage), what, now - before, "");
        }
        for why in Why::ALL.into_iter().filter(|&why| before.ended[why] != now.ended[why]) {
            let ended = now.ended[why] - before.ended[why];
            self.note(Some(stage), Happening::Refused, ended, why.name());
        }
    }

    pub fn take(&self, into: &mut Vec<Record>) {
        into.append(&mut self.records.borrow_mut());
    }
}
