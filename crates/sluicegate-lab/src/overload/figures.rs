//! What a phase of a run comes to: goodput against the ideal, refusals, times, processor.

use std::time::Duration;

use super::capacity::Capacity;
use super::ideal::of_ideal;
use super::profile::Phase;
use crate::record::Row;
use crate::report::Report;

/// The names of the figures, with the decimals they are shown with.
pub const COLUMNS: [(&str, usize); 18] = [
    ("asked/s", 0),
    ("attempts/s", 0),
    ("good/s", 0),
    ("share", 3),
    ("of ideal", 3),
    ("refused %", 1),
    ("refusal p99 ms", 2),
    ("timeouts %", 1),
    ("errors %", 1),
    ("p50 ms", 1),
    ("p99 ms", 1),
    ("server p50 ms", 1),
    ("server p99 ms", 1),
    ("p99 beyond ms", 1),
    ("server CPU %", 0),
    ("CPU us/refusal", 1),
    ("lag p99 ms", 2),
    ("back after s", 0),
];

/// One figure for each of [`COLUMNS`]; none where there is nothing to measure.
pub type Values = [Option<f64>; COLUMNS.len()];

/// The place of a column.
pub(super) fn at(name: &str) -> usize {
    COLUMNS.iter().position(|(column, _)| *column == name).expect("the name of a column")
}

/// A second is good again when so much of what it asked for is answered within the target.
const HEALED: f64 = 0.95;

/// Processor time of the server during a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub processor: Duration,
    pub of: Duration,
}

/// The figures of a phase. `rows` are all seconds of the run, with the one for what came after.
pub(super) fn values(
    rows: &[Row],
    phase: &Phase,
    capacity: &Capacity,
    used: Option<Used>,
    target: Duration,
) -> Values {
    let mut row = Row::default();
    let last = phase.seconds.end + 1 == rows.len();
    let end = phase.seconds.end + usize::from(last);
    rows[phase.seconds.start..end].iter().for_each(|second| row.add(second));
    let time = phase.seconds.len().max(1) as f64;
    let ideal = (row.first as f64).min(capacity.rate * phase.room * time);
    let of_attempts = |n: u64| Some(100.0 * n as f64 / row.attempts.max(1) as f64);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let refused = (row.refused > 0).then_some(());
    let answered = (row.ok > 0).then_some(());
    let told = (row.told.count() > 0).then_some(());
    let [p99, told_p99] = [&row.latency, &row.told].map(|times| ms(times.at(0.99)));
    let heals = phase.heals.then(|| healed(&rows[phase.seconds.clone()], target));
    [
        Some(row.first as f64 / time),
        Some(row.attempts as f64 / time),
        Some(row.good as f64 / time),
        (ideal > 0.0).then(|| row.good as f64 / ideal),
        of_ideal(&row, phase, capacity),
        of_attempts(row.refused),
        refused.map(|()| ms(row.refusal.at(0.99))),
        of_attempts(row.timeouts),
        of_attempts(row.errors + row.odd),
        answered.map(|()| ms(row.latency.at(0.5))),
        answered.map(|()| p99),
        told.map(|()| ms(row.told.at(0.5))),
        told.map(|()| told_p99),
        told.map(|()| p99 - told_p99),
        used.map(|used| 100.0 * used.processor.as_secs_f64() / used.of.as_secs_f64()),
        used.and_then(|used| refusal_cost(&row, capacity.cost?, used)),
        Some(ms(row.lag.at(0.99))),
        heals.flatten(),
    ]
}

/// Microseconds of the server's processor for a refusal: what is left when the cost of all answers
/// is taken off. Not known where requests were given up, for it worked on some of them too; nor
/// where refusals were fewer than answers, for then what is left is the error of large figures.
fn refusal_cost(row: &Row, cost: Duration, used: Used) -> Option<f64> {
    let many = row.refused > 0 && row.refused >= row.ok;
    let known = many && row.timeouts + row.errors + row.odd == 0;
    let rest = used.processor.as_secs_f64() - row.ok as f64 * cost.as_secs_f64();
    known.then(|| rest * 1e6 / row.refused as f64)
}

/// Full seconds until goodput and the 99th percentile are good and stay so; none if they do not.
fn healed(after: &[Row], target: Duration) -> Option<f64> {
    let is_good =
        |row: &Row| row.good as f64 >= HEALED * row.first as f64 && row.latency.at(0.99) <= target;
    let well = after.iter().rev().take_while(|row| is_good(row)).count();
    (well > 0).then(|| (after.len() - well) as f64)
}

/// The middle one, or the mean of the two in the middle; none of none.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => Some(sorted[middle]),
        _ => Some((sorted.get(middle.checked_sub(1)?)? + sorted[middle]) / 2.0),
    }
}

/// The median of some runs, and the least and the most of them where they look different.
pub(super) fn told(runs: &[f64], decimals: usize) -> String {
    let shown = |value: f64| format!("{value:.decimals$}");
    let Some(middle) = median(runs) else { return "-".to_owned() };
    let least = shown(runs.iter().copied().fold(f64::INFINITY, f64::min));
    let most = shown(runs.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    let spread = if least == most { String::new() } else { format!(" ({least} to {most})") };
    shown(middle) + &spread
}

/// A run in a line, for who waits.
pub(super) fn line(report: &Report) -> String {
    let all = report.total();
    let per_second = |n: u64| n as f64 / report.time.as_secs_f64();
    let (first, good) = (per_second(all.first), per_second(all.good));
    let (refused, errors) = (all.refused, all.errors);
    let usual = report.usual_error().map(|why| format!(", {errors} errors, most of them: {why}"));
    let usual = usual.unwrap_or_default();
    format!("{first:.0}/s asked, {good:.0}/s good, {refused} refused{usual}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(50);

    fn second(first: u64, good: u64, latency_ms: u64) -> Row {
        let mut row = Row { first, good, ok: good, attempts: first, ..Row::default() };
        row.refused = first - good;
        (0..good).for_each(|_| row.latency.record(Duration::from_millis(latency_ms)));
        row
    }

    fn figure(values: &Values, name: &str) -> Option<f64> {
        values[at(name)]
    }

    #[test]
    fn goodput_is_told_as_a_share_of_what_was_possible() {
        let capacity = Capacity { cost: Some(Duration::from_millis(1)), ..Capacity::known(100.0) };
        let phase = |seconds| Phase::new(String::new(), 0, seconds);
        // The last row is of what came after, and belongs to the last second.
        let rows = [second(50, 45, 1), second(200, 80, 1), Row::default()];
        let used = Used { processor: Duration::from_millis(86), of: Duration::from_secs(1) };
        let low = values(&rows, &phase(0..1), &capacity, None, TARGET);
        let high = values(&rows, &phase(1..2), &capacity, Some(used), TARGET);
        assert_eq!(figure(&low, "share"), Some(0.9));
        assert_eq!(figure(&high, "share"), Some(0.8));
        assert!((figure(&high, "of ideal").unwrap() - 0.8).abs() < 1e-9);
        assert_eq!(figure(&high, "refused %"), Some(60.0));
        let times = ["p99 ms", "server p50 ms", "server p99 ms", "p99 beyond ms"];
        assert_eq!(times.map(|name| figure(&high, name).is_some()), [true, false, false, false]);
        let half = Phase { room: 0.5, ..phase(1..2) };
        let half = values(&rows, &half, &capacity, None, TARGET);
        assert_eq!(figure(&half, "share"), Some(1.6));
        let few = values(&rows, &phase(0..1), &capacity, Some(used), TARGET);
        assert_eq!(figure(&few, "CPU us/refusal"), None);
        let cost = figure(&high, "CPU us/refusal").unwrap();
        assert!((cost - 50.0).abs() < 1e-6, "6 ms beyond 80 answers, of 120 refusals: {cost}");
    }

    #[test]
    fn what_clients_saw_is_held_against_what_the_server_saw() {
        let mut row = second(100, 100, 9);
        (0..100).for_each(|_| row.told.record(Duration::from_millis(4)));
        let phase = Phase::new(String::new(), 0, 0..1);
        let values = values(&[row], &phase, &Capacity::known(100.0), None, TARGET);
        for (name, wanted) in [("p99 ms", 9.0), ("server p99 ms", 4.0), ("p99 beyond ms", 5.0)] {
            let error = (figure(&values, name).unwrap() / wanted - 1.0).abs();
            assert!(error < 0.03, "{name}: a histogram is exact to a hundredth: {error}");
        }
    }

    #[test]
    fn healed_is_who_stays_so() {
        let (good, few, slow) = (second(10, 10, 1), second(10, 5, 1), second(10, 10, 99));
        let after = |rows: &[&Row]| {
            healed(&rows.iter().map(|row| (*row).clone()).collect::<Vec<_>>(), TARGET)
        };
        assert_eq!(after(&[&good, &good]), Some(0.0));
        assert_eq!(after(&[&few, &good]), Some(1.0));
        assert_eq!(after(&[&good, &slow, &good]), Some(2.0));
        assert_eq!(after(&[&good, &few]), None);
    }

    #[test]
    fn the_spread_is_told_where_it_can_be_seen() {
        assert_eq!(told(&[3.0, 1.0, 2.0], 1), "2.0 (1.0 to 3.0)");
        assert_eq!(told(&[1.01, 1.02], 1), "1.0");
        assert_eq!(told(&[], 1), "-");
    }

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
