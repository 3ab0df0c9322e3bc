//! The lines of the table of stages: their figures, their order, and which are shown.

use crate::figures::{number, percent, time};
use sluicegate_admin::model::{Net, Stage};
use sluicegate_admin::{Rates, StageRates};
use std::cmp::Ordering;

/// What is shown of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Stage,
    Saturation,
    Busy,
    Queue,
    Age,
    Arrivals,
    Served,
    Refused,
    Parked,
    State,
}

impl Column {
    /// From left to right.
    pub const ALL: [Self; 10] = [
        Self::Stage,
        Self::Saturation,
        Self::Busy,
        Self::Queue,
        Self::Age,
        Self::Arrivals,
        Self::Served,
        Self::Refused,
        Self::Parked,
        Self::State,
    ];

    /// The others, what is wanted most first: those that fit are shown.
    const WANTED: [Self; 9] = [
        Self::Saturation,
        Self::Queue,
        Self::State,
        Self::Served,
        Self::Refused,
        Self::Busy,
        Self::Arrivals,
        Self::Age,
        Self::Parked,
    ];

    /// How it is headed, and how wide it is; of the name, at least.
    pub fn head(self) -> (&'static str, usize) {
        match self {
            Self::Stage => ("STAGE", 10),
            Self::Saturation => ("SAT%", 5),
            Self::Busy => ("BUSY%", 6),
            Self::Queue => ("QUEUE", 9),
            Self::Age => ("AGE", 6),
            Self::Arrivals => ("IN/s", 6),
            Self::Served => ("OUT/s", 6),
            Self::Refused => ("REF/s", 6),
            Self::Parked => ("PARK%", 6),
            Self::State => ("STATE", 8),
        }
    }

    /// The one to sort by after this.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|column| *column == self).unwrap_or_default();
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// Those that fit into so many characters, from left to right.
    pub fn fitting(width: usize) -> Vec<Self> {
        let mut left = width.saturating_sub(Self::Stage.head().1);
        let mut fit = vec![Self::Stage];
        for column in Self::WANTED {
            match left.checked_sub(column.head().1 + 1) {
                Some(rest) => {
                    left = rest;
                    fit.push(column);
                }
                None => break,
            }
        }
        Self::ALL.into_iter().filter(|column| fit.contains(column)).collect()
    }
}

/// A stage as a line.
pub struct Row {
    pub name: String,
    pub saturation: f64,
    sorted_by: [f64; Column::ALL.len()],
    cells: [String; Column::ALL.len()],
}

impl Row {
    /// What stands in a column.
    pub fn cell(&self, column: Column) -> &str {
        &self.cells[column as usize]
    }

    fn new(stage: &Stage, rates: &StageRates) -> Self {
        let arrivals = rates.arrivals_s;
        let state = state(stage);
        // What a gate refuses ends as refused too, unless somebody goes on with it.
        let refused = rates.refused_s.max(rates.gate_refused_s);
        Self {
            name: stage.name.clone(),
            saturation: rates.saturation,
            sorted_by: [
                0.0,
                rates.saturation,
                rates.utilisation,
                stage.queued as f64,
                stage.queue_age_us as f64,
                arrivals.unwrap_or(-1.0),
                rates.served_s,
                refused,
                rates.parked,
                f64::from(u8::from(!state.is_empty())),
            ],
            cells: [
                stage.name.clone(),
                percent(rates.saturation),
                percent(rates.utilisation),
                format!("{}/{}", number(stage.queued as f64), number(stage.capacity as f64)),
                time(stage.queue_age_us as f64),
                arrivals.map_or("-".to_owned(), number),
                number(rates.served_s),
                number(refused),
                percent(rates.parked),
                state.to_owned(),
            ],
        }
    }
}

/// What is special about a stage now.
fn state(stage: &Stage) -> &'static str {
    match () {
        () if stage.broken_now > 0 => "broken",
        () if stage.paused => "paused",
        () if stage.parked_now => "parked",
        () if stage.draining == Some(true) => "draining",
        () => "",
    }
}

/// Whether a filter lets a stage through: its case does not count.
pub fn passes(stage: &str, filter: &str) -> bool {
    stage.to_lowercase().contains(&filter.to_lowercase())
}

/// The stages that the filter lets through, sorted: the highest first, names from A.
pub fn rows(net: &Net, rates: &Rates, filter: &str, by: Column, reversed: bool) -> Vec<Row> {
    let shown = net.stages.iter().zip(&rates.stages);
    let shown = shown.filter(|(stage, _)| passes(&stage.name, filter));
    let mut rows: Vec<Row> = shown.map(|(stage, rates)| Row::new(stage, rates)).collect();
    let order = |one: &Row, other: &Row| {
        let at = by as usize;
        let order = other.sorted_by[at].total_cmp(&one.sorted_by[at]);
        if order == Ordering::Equal { one.name.cmp(&other.name) } else { order }
    };
    rows.sort_by(order);
    if reversed {
        rows.reverse();
    }
    rows
}
