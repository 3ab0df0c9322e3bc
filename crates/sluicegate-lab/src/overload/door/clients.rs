//! Clients who ask whatever becomes of former requests, and never again: what they asked, and what
//! became of it.

use std::collections::HashMap;
use std::iter::Peekable;
use std::time::Duration;

use sluicegate::Time;

use crate::arrivals::Arrivals;
use crate::plan::Rate;
use crate::record::Row;
use sluicegate::sim::Random;

/// All clients of a run.
pub(in crate::overload) struct Clients {
    arrivals: Vec<Peekable<Arrivals>>,
    /// By kind, then by second.
    rows: Vec<Vec<Row>>,
    /// By flow: whose, and since when. Bounded by the flows of the net.
    under_way: HashMap<u64, (usize, Time)>,
    asked: u64,
}

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::overload) struct Due {
    pub flow: u64,
    pub kind: usize,
    pub at: Time,
}

impl Clients {
    /// A kind for each of these rates, asking for so many seconds.
    pub fn new(rates: &[f64], seconds: usize, seed: u64) -> Self {
        let time = Duration::from_secs(seconds as u64);
        let rates = rates.iter().map(|rate| Rate::steady(*rate, time));
        Self::changing(rates.collect(), seconds, seed)
    }

    /// The same where rates change; none may take longer.
    pub fn changing(rates: Vec<Rate>, seconds: usize, seed: u64) -> Self {
        let rows = vec![vec![Row::default(); seconds + 1]; rates.len()];
        let arrivals = (0..)
            .zip(rates)
            .map(|(n, rate)| Arrivals::new(rate, Random::stream(seed, n)).peekable());
        Self { arrivals: arrivals.collect(), rows, under_way: HashMap::new(), asked: 0 }
    }

    /// When the next request is due.
    pub fn next(&mut self) -> Option<Time> {
        self.first().map(|(at, _)| at)
    }

    /// The next request that is due by `now`.
    pub fn due(&mut self, now: Time) -> Option<Due> {
        let (at, kind) = self.first().filter(|(at, _)| *at <= now)?;
        self.arrivals[kind].next();
        let flow = self.asked;
        self.asked += 1;
        self.under_way.insert(flow, (kind, at));
        let row = self.row(kind, at);
        (row.first, row.attempts) = (row.first + 1, row.attempts + 1);
        Some(Due { flow, kind, at })
    }

    /// A flow was answered.
    pub fn answered(&mut self, flow: u64, now: Time, target: Duration) {
        let Some((kind, at)) = self.under_way.remove(&flow) else { return };
        let (row, took) = (self.row(kind, at), now.since(at));
        row.ok += 1;
        row.latency.record(took);
        *(if took <= target { &mut row.good } else { &mut row.late }) += 1;
    }

    /// A flow was refused.
    pub fn refused(&mut self, flow: u64, now: Time) {
        let Some((kind, at)) = self.under_way.remove(&flow) else { return };
        let row = self.row(kind, at);
        (row.refused, row.failed) = (row.refused + 1, row.failed + 1);
        row.refusal.record(now.since(at));
    }

    /// What became of all, by kind and by second.
    pub fn rows(self) -> Vec<Vec<Row>> {
        self.rows
    }

    fn first(&mut self) -> Option<(Time, usize)> {
        let each = self.arrivals.iter_mut().enumerate();
        each.filter_map(|(kind, arrivals)| Some((Time(0) + *arrivals.peek()?, kind))).min()
    }

    fn row(&mut self, kind: usize, at: Time) -> &mut Row {
        &mut self.rows[kind][at.since(Time(0)).as_secs() as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_comes_in_time_and_has_one_outcome() {
        let mut clients = Clients::new(&[50.0, 100.0], 2, 1);
        let (mut last, mut asked) = (Time(0), [0, 0]);
        let target = Duration::from_millis(10);
        while let Some(next) = clients.next() {
            assert!(next >= last);
            last = next;
            let due = clients.due(next).expect("it is due");
            assert_eq!(due.at, next);
            asked[due.kind] += 1;
            match due.flow % 3 {
                0 => clients.refused(due.flow, next),
                1 => clients.answered(due.flow, next + target, target),
                _ => clients.answered(due.flow, next + target * 2, target),
            }
            clients.answered(due.flow, next, target);
        }
        let rows = clients.rows();
        for (rows, asked) in rows.iter().zip(asked) {
            let mut total = Row::default();
            rows.iter().for_each(|row| total.add(row));
            assert!(total.is_settled() && total.late > 0 && total.good > 0, "{total:?}");
            assert_eq!(total.first, asked);
        }
        assert!(asked[0] > 50 && asked[1] > 150, "{asked:?}");
    }
}
