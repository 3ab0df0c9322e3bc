//! The last hour of a net in bounded memory: a row a second for five minutes, and one for each ten
//! seconds before.

use super::ring::Ring;
use serde::Serialize;
use std::collections::HashMap;

/// Rows of a tick each: five minutes.
const FINE: usize = 300;
/// Ticks that become one row.
const FOLDED: usize = 10;
/// Rows of ten ticks each: an hour.
const COARSE: usize = 360;
/// Stages whose history is kept; a net with more has that of the first ones.
pub const STAGES_KEPT: usize = 512;
/// Bytes that the history of a stage takes: with [`STAGES_KEPT`] of them 8 MiB.
pub const BYTES_PER_STAGE: usize = (FINE + COARSE) * size_of::<Row>();

/// What is kept of a stage, or of the net, for one step. What is not known is no number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub served_s: f32,
    pub arrivals_s: f32,
    pub refused_s: f32,
    pub queued: f32,
    pub saturation: f32,
    pub wait_p99_us: f32,
}

impl Row {
    /// Of a stage that was not there.
    pub const BLANK: Self = Self {
        served_s: f32::NAN,
        arrivals_s: f32::NAN,
        refused_s: f32::NAN,
        queued: f32::NAN,
        saturation: f32::NAN,
        wait_p99_us: f32::NAN,
    };

    /// One for several: of rates the mean, of all else the worst, so that no peak is hidden.
    fn of_all(rows: impl Iterator<Item = Row> + Clone) -> Row {
        let known = |number: fn(&Row) -> f32| {
            rows.clone().map(move |row| number(&row)).filter(|number| !number.is_nan())
        };
        let mean = |number: fn(&Row) -> f32| {
            let (sum, n) = known(number).fold((0.0, 0), |(sum, n), number| (sum + number, n + 1));
            if n == 0 { f32::NAN } else { sum / n as f32 }
        };
        let worst = |number: fn(&Row) -> f32| known(number).fold(f32::NAN, f32::max);
        Row {
            served_s: mean(|row| row.served_s),
            arrivals_s: mean(|row| row.arrivals_s),
            refused_s: mean(|row| row.refused_s),
            queued: worst(|row| row.queued),
            saturation: worst(|row| row.saturation),
            wait_p99_us: worst(|row| row.wait_p99_us),
        }
    }
}

/// The history of one stage, or of the net.
#[derive(Clone, Debug)]
struct Series {
    fine: Ring<Row>,
    coarse: Ring<Row>,
}

impl Series {
    fn push(&mut self, row: Row, folds: bool) {
        self.fine.push(row);
        if folds {
            self.coarse.push(Row::of_all(self.fine.last(FOLDED).collect::<Vec<_>>().into_iter()));
        }
    }
}

/// The history of a net and its stages.
#[derive(Debug)]
pub(super) struct History {
    /// When the rows were made, in milliseconds by the clock of the net. A net that took over from
    /// another one began at 0: what was before is negative.
    fine: Ring<i64>,
    coarse: Ring<i64>,
    ticks: usize,
    net: Series,
    stages: HashMap<String, Series>,
}

/// What is answered: a list for each column, oldest first, all of the same length.
#[derive(Debug, Default, Serialize)]
pub(super) struct Shown {
    stage: Option<String>,
    now_ms: i64,
    t: Vec<i64>,
    served_s: Vec<f32>,
    arrivals_s: Vec<f32>,
    refused_s: Vec<f32>,
    queued: Vec<f32>,
    saturation: Vec<f32>,
    wait_p99_us: Vec<f32>,
}

impl Default for History {
    fn default() -> Self {
        let (fine, coarse) = (Ring::new(FINE, 0), Ring::new(COARSE, 0));
        let net = Self::series(&fine, &coarse);
        Self { fine, coarse, ticks: 0, net, stages: HashMap::new() }
    }
}

impl History {
    fn series(fine: &Ring<i64>, coarse: &Ring<i64>) -> Series {
        Series { fine: Ring::beside(fine, Row::BLANK), coarse: Ring::beside(coarse, Row::BLANK) }
    }

    /// Keeps what was seen at this time: a row of the net, and one of each stage that there is.
    pub fn push<'a>(
        &mut self,
        at_ms: i64,
        net: Row,
        stages: impl Iterator<Item = (&'a str, Row)> + Clone,
    ) {
        self.make_room(stages.clone().map(|(name, _)| name));
        for (name, _) in stages.clone() {
            if self.stages.len() < STAGES_KEPT && !self.stages.contains_key(name) {
                let series = Self::series(&self.fine, &self.coarse);
                self.stages.insert(name.to_owned(), series);
            }
        }
        self.ticks += 1;
        let folds = self.ticks.is_multiple_of(FOLDED);
        let rows: HashMap<&str, Row> = stages.collect();
        for (name, series) in &mut self.stages {
            series.push(rows.get(&**name).copied().unwrap_or(Row::BLANK), folds);
        }
        self.net.push(net, folds);
        self.fine.push(at_ms);
        if folds {
            self.coarse.push(at_ms);
        }
    }

    /// Forgets stages that are gone where there is no room for those that are there.
    fn make_room<'a>(&mut self, stages: impl Iterator<Item = &'a str>) {
        let there: std::collections::HashSet<&str> = stages.collect();
        let new = there.iter().filter(|name| !self.stages.contains_key(**name)).count();
        if self.stages.len() + new > STAGES_KEPT {
            self.stages.retain(|name, _| there.contains(&**name));
        }
    }

    /// The clock of the net is another one now, which began so much later.
    pub fn shift(&mut self, ms: i64) {
        self.fine.each_mut().for_each(|at| *at -= ms);
        self.coarse.each_mut().for_each(|at| *at -= ms);
    }

    /// The time of the newest row.
    pub fn last(&self) -> Option<i64> {
        self.fine.last(1).next()
    }

    /// What is known of a stage, or of the net; `None` for a stage whose history is not kept.
    pub fn show(&self, stage: Option<&str>) -> Option<Shown> {
        let series = match stage {
            Some(stage) => self.stages.get(stage)?,
            None => &self.net,
        };
        let mut shown = Shown {
            stage: stage.map(str::to_owned),
            now_ms: self.last().unwrap_or_default(),
            ..Shown::default()
        };
        // Where both are known, ten seconds are told second by second.
        let fine_from = self.fine.iter().next().unwrap_or(i64::MAX);
        let coarse = self.coarse.iter().zip(series.coarse.iter());
        let coarse = coarse.filter(|(at, _)| *at < fine_from);
        coarse.chain(self.fine.iter().zip(series.fine.iter())).for_each(|row| shown.push(row));
        Some(shown)
    }
}

impl Shown {
    fn push(&mut self, (at, row): (i64, Row)) {
        self.t.push(at);
        self.served_s.push(row.served_s);
        self.arrivals_s.push(row.arrivals_s);
        self.refused_s.push(row.refused_s);
        self.queued.push(row.queued);
        self.saturation.push(row.saturation);
        self.wait_p99_us.push(row.wait_p99_us);
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
