//! The numbers that every stage declares.

use super::Value;
use crate::net::{Declared, Kind};
use std::time::Duration;

/// The largest queue and batch that may be set, unless larger ones were declared.
const CAPACITY_MAX: u64 = 1 << 20;
const BATCH_MAX: u64 = 1 << 12;
/// The longest slice that may be set, unless a longer one was declared.
const SLICE_MAX: Duration = Duration::from_secs(10);

/// One of them.
pub(crate) struct Number {
    pub which: Which,
    /// Behind `stages.NAME.`.
    pub name: &'static str,
    pub doc: &'static str,
    pub unit: &'static str,
    pub least: Value,
    pub most: Value,
    pub live: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Which {
    Capacity,
    Batch,
    Slice,
    Emits,
    Flows,
}

pub(crate) const NUMBERS: [Number; 5] = [
    Number {
        which: Which::Capacity,
        name: "queue.capacity",
        doc: "The most events that wait in one queue of the stage. Those beyond a smaller number \
              stay.",
        unit: "events",
        least: Value::Count(1),
        most: Value::Count(CAPACITY_MAX),
        live: true,
    },
    Number {
        which: Which::Batch,
        name: "batch",
        doc: "The most events of one batch.",
        unit: "events",
        least: Value::Count(1),
        most: Value::Count(BATCH_MAX),
        live: true,
    },
    Number {
        which: Which::Slice,
        name: "slice",
        doc: "The longest that a batch may take before the worker looks at its other work.",
        unit: "us",
        least: Value::Time(Duration::from_micros(1)),
        most: Value::Time(SLICE_MAX),
        live: true,
    },
    Number {
        which: Which::Emits,
        name: "emits",
        doc: "The most events that one event makes the stage emit on one port.",
        unit: "events",
        least: Value::Count(1),
        most: Value::Count(BATCH_MAX),
        live: false,
    },
    Number {
        which: Which::Flows,
        name: "flows",
        doc: "The most flows of this source, in each replica, that are in the net at once.",
        unit: "flows",
        least: Value::Count(1),
        most: Value::Count(CAPACITY_MAX),
        live: false,
    },
];

impl Which {
    /// What was declared; `None` where the stage has no such number.
    pub fn declared(self, stage: &Declared, kind: Kind) -> Option<Value> {
        Some(match self {
            Self::Capacity => stage.capacity.into(),
            Self::Batch => stage.batch_in(kind).into(),
            Self::Slice => stage.slice.into(),
            Self::Emits => stage.emits.into(),
            Self::Flows if stage.flows == 0 => return None,
            Self::Flows => stage.flows.into(),
        })
    }

    /// Declares another value.
    pub fn declare(self, stage: &mut Declared, value: Value) {
        match (self, value) {
            (Self::Slice, Value::Time(slice)) => stage.slice = slice,
            (Self::Slice, _) => {}
            (Self::Capacity, _) => stage.capacity = value.count(),
            (Self::Batch, _) => stage.batch = Some(value.count()),
            (Self::Emits, _) => stage.emits = value.count(),
            (Self::Flows, _) => stage.flows = value.count(),
        }
    }
}
