//! What the client counts of one population.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicegate::Time;

use crate::plan::Population;
use crate::record::Row;
use crate::report::Outcome;
use crate::stages::slots::Slot;

/// Different texts of errors that are told apart; further ones are counted as "other".
const ERRORS_MAX: usize = 32;

pub(super) struct Tally {
    began: Time,
    rows: Vec<Row>,
    errors: BTreeMap<String, u64>,
    opened: u64,
    starved: u64,
    under_way: usize,
    most_under_way: usize,
}

impl Tally {
    pub fn new(rows: usize) -> Self {
        Self {
            began: Time(0),
            rows: vec![Row::default(); rows],
            errors: BTreeMap::new(),
            opened: 0,
            starved: 0,
            under_way: 0,
            most_under_way: 0,
        }
    }

    pub fn begin(&mut self, at: Time) {
        self.began = at;
    }

    /// The row of what was meant to be sent at `at`.
    pub fn row(&mut self, at: Time) -> &mut Row {
        let second = usize::try_from(at.since(self.began).as_secs()).unwrap_or(usize::MAX);
        let last = self.rows.len() - 1;
        &mut self.rows[second.min(last)]
    }

    pub fn enter(&mut self) {
        self.under_way += 1;
        self.most_under_way = self.most_under_way.max(self.under_way);
    }

    pub fn leave(&mut self) {
        self.under_way -= 1;
    }

    pub fn opened(&mut self) {
        self.opened += 1;
    }

    pub fn starved(&mut self) {
        self.starved += 1;
    }

    pub fn error(&mut self, at: Time, why: &str) {
        self.row(at).errors += 1;
        let known = self.errors.len() < ERRORS_MAX || self.errors.contains_key(why);
        *self.errors.entry(if known { why } else { "other" }.to_owned()).or_default() += 1;
    }

    /// A request meant for `born` was answered with 2xx at `now`, which cost the server `cost`.
    /// Whether that was in time.
    pub fn answered(&mut self, born: Time, now: Time, target: Duration, cost: Duration) -> bool {
        let latency = now.since(born);
        let row = self.row(born);
        row.latency.record(latency);
        let good = latency <= target;
        *(if good { &mut row.good } else { &mut row.late }) += 1;
        row.good_work += if good { cost } else { Duration::ZERO };
        good
    }

    /// What became of the population whose places are `slots`.
    pub fn outcome<'a>(
        &mut self,
        population: &Population,
        slots: impl Iterator<Item = &'a Slot>,
    ) -> Outcome {
        let per_connection: Vec<u64> = slots.map(|slot| slot.good).collect();
        let mut per_client = vec![0; population.address_count()];
        for (n, good) in per_connection.iter().enumerate() {
            let clients = per_client.len();
            per_client[n % clients] += good;
        }
        Outcome {
            name: population.name.clone(),
            rows: std::mem::take(&mut self.rows),
            per_connection,
            per_client,
            errors: std::mem::take(&mut self.errors),
            opened: self.opened,
            starved: self.starved,
            most_under_way: self.most_under_way,
        }
    }
}
