//! What a run showed, second by second and in all, as values, CSV and Markdown.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::plan::Plan;
use crate::record::Row;

/// What became of a plan.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for each population, in the plan's order.
    pub populations: Vec<Outcome>,
    /// Why the run cannot be believed; none when it can.
    pub void: Vec<Void>,
    /// How long new requests were made.
    pub time: Duration,
}

/// What became of a population.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// A row a second, by when requests were meant to be sent; the last is of retries after the
    /// plan's end.
    pub rows: Vec<Row>,
    /// Good answers of each connection.
    pub per_connection: Vec<u64>,
    /// Good answers of each client address.
    pub per_client: Vec<u64>,
    /// Attempts without an answer that can be understood, by why.
    pub errors: BTreeMap<String, u64>,
    /// Connections that were opened.
    pub opened: u64,
    /// Those that were not, for want of descriptors, ports or memory on this side. None in a run
    /// that is believed.
    pub starved: u64,
    /// The most requests under way at once, with those that wait for a connection or to retry.
    pub most_under_way: usize,
}

/// Why a run cannot be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Void {
    /// The generator was late: at the 99th percentile, and its bound.
    Lag(Duration, Duration),
    /// So many arrivals found no room in the generator.
    Missed(u64),
    /// So many connections could not be opened for want of what the generator needs.
    Starved(u64),
}

impl Report {
    pub(crate) fn new(plan: &Plan, populations: Vec<Outcome>) -> Self {
        let mut report = Self { populations, void: Vec::new(), time: plan.time };
        let all = report.total();
        let lag = all.lag.at(0.99);
        if lag > plan.lag_max {
            report.void.push(Void::Lag(lag, plan.lag_max));
        }
        if all.missed > 0 {
            report.void.push(Void::Missed(all.missed));
        }
        let starved = report.populations.iter().map(|outcome| outcome.starved).sum();
        if starved > 0 {
            report.void.push(Void::Starved(starved));
        }
        report
    }

    /// The sum of all populations and seconds.
    pub fn total(&self) -> Row {
        let mut total = Row::default();
        self.populations.iter().for_each(|outcome| total.add(&outcome.total()));
        total
    }

    /// The reason that most of the errors have; none without any.
    pub fn usual_error(&self) -> Option<&str> {
        let each = self.populations.iter().flat_map(|outcome| &outcome.errors);
        each.max_by_key(|(_, count)| **count).map(|(why, _)| why.as_str())
    }

    /// A line for each second of each population, under [`Report::CSV_HEAD`].
    pub fn csv(&self) -> String {
        let mut text = format!("{}\n", Self::CSV_HEAD);
        for outcome in &self.populations {
            for (second, row) in outcome.rows.iter().enumerate() {
                text += &csv_line(&outcome.name, &second.to_string(), row);
            }
            text += &csv_line(&outcome.name, "all", &outcome.total());
        }
        text
    }

    /// The columns of [`Report::csv`]; times in microseconds.
    pub const CSV_HEAD: &str = "population,second,first,attempts,good,late,failed,missed,ok,\
        refused,odd,timeouts,errors,unpaid,bytes,p50,p90,p99,p999,longest,refusal_p50,refusal_p99,\
        lag_p50,lag_p99,asked_work,good_work,ok_work,told_p50,\
        told_p99";

    /// A table with a row for each population.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| population | first/s | attempts/s | good/s | refused % | timeouts | errors | \
             p50 / p90 / p99 ms | refusal p99 ms | Jain | lag p99 ms |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for outcome in &self.populations {
            text += &outcome.markdown_row(self.time);
        }
        for void in &self.void {
            text += &format!("\n**void**: {void}\n");
        }
        text
    }
}

impl Outcome {
    /// The sum of all seconds.
    pub fn total(&self) -> Row {
        let mut total = Row::default();
        self.rows.iter().for_each(|row| total.add(row));
        total
    }

    /// Jain's index of the clients' good answers: 1 when all have as many, 1/n when one has all.
    pub fn fairness(&self) -> f64 {
        jain(&self.per_client)
    }

    fn markdown_row(&self, time: Duration) -> String {
        let row = self.total();
        let per_second = |n: u64| n as f64 / time.as_secs_f64();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        format!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.1} | {} | {} | {:.2} / {:.2} / {:.2} | {:.2} | \
             {:.3} | {:.2} |\n",
            self.name,
            per_second(row.first),
            per_second(row.attempts),
            per_second(row.good),
            100.0 * row.refused as f64 / row.attempts.max(1) as f64,
            row.timeouts,
            row.errors + row.odd,
            ms(row.latency.at(0.5)),
            ms(row.latency.at(0.9)),
            ms(row.latency.at(0.99)),
            ms(row.refusal.at(0.99)),
            self.fairness(),
            ms(row.lag.at(0.99)),
        )
    }
}

/// Jain's index (Jain, Chiu, Hawe 1984); 1 where nobody has anything.
fn jain(shares: &[u64]) -> f64 {
    let sum: f64 = shares.iter().map(|share| *share as f64).sum();
    let squares: f64 = shares.iter().map(|share| (*share as f64).powi(2)).sum();
    if squares == 0.0 { 1.0 } else { sum * sum / (shares.len() as f64 * squares) }
}

fn csv_line(name: &str, second: &str, row: &Row) -> String {
    let name = name.replace([',', '\n', '"'], " ");
    let counts = [
        row.first,
        row.attempts,
        row.good,
        row.late,
        row.failed,
        row.missed,
        row.ok,
        row.refused,
        row.odd,
        row.timeouts,
        row.errors,
        row.unpaid,
        row.bytes,
    ];
    let times = [
        row.latency.at(0.5),
        row.latency.at(0.9),
        row.latency.at(0.99),
        row.latency.at(0.999),
        row.latency.longest(),
        row.refusal.at(0.5),
        row.refusal.at(0.99),
        row.lag.at(0.5),
        row.lag.at(0.99),
        row.asked_work,
        row.good_work,
        row.ok_work,
        row.told.at(0.5),
        row.told.at(0.99),
    ];
    let counts = counts.iter().map(u64::to_string);
    let figures = counts.chain(times.iter().map(|time| time.as_micros().to_string()));
    format!("{name},{second},{}\n", figures.collect::<Vec<_>>().join(","))
}

impl fmt::Display for Void {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lag(lag, most) => write!(
                f,
                "the generator itself was {lag:?} late at the 99th percentile, at most {most:?} is \
                 believed: give it a processor of its own, or ask for less"
            ),
            Self::Missed(missed) => write!(
                f,
                "{missed} arrivals found no room in the generator: shorten the timeout, or ask for \
                 less"
            ),
            Self::Starved(starved) => write!(
                f,
                "{starved} connections found no descriptor, port or memory on the generator's \
                 side: raise `ulimit -n`, or ask for less"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jain_is_one_for_equals_and_small_for_one_who_has_all() {
        assert_eq!(jain(&[5, 5, 5]), 1.0);
        assert_eq!(jain(&[7, 0, 0, 0]), 0.25);
        assert_eq!(jain(&[0, 0]), 1.0);
    }

    #[test]
    fn a_line_has_as_many_figures_as_the_head_has_names() {
        let commas = |text: &str| text.matches(',').count();
        assert_eq!(commas(&csv_line("a,b", "0", &Row::default())), commas(Report::CSV_HEAD));
    }
}
