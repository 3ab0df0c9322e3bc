//! Bounds against figures that are made up.

use sluicegate_io::Asked;

use super::*;
use crate::overload::figures::{COLUMNS, at};
use crate::overload::{Make, Peer, Phase, Values};

const TARGET: Duration = Duration::from_millis(50);

fn system(handler: &str, make: Make) -> System {
    System { handler: handler.parse().unwrap(), make }
}

fn ours() -> Make {
    Make::Ours { io: Asked::Auto, gated: true }
}

/// Phases by their names, with one figure of each run.
fn section(profile: Profile, name: &str, phases: &[(&str, &[f64])]) -> Section {
    let mut section = Section::new(profile);
    for (phase, runs) in phases {
        let values = |value: &f64| {
            let mut values: Values = [None; COLUMNS.len()];
            values[at(name)] = Some(*value).filter(|value| value.is_finite());
            values
        };
        let phase = Phase::new((*phase).to_owned(), 0, 0..1);
        section.phases.push((phase, runs.iter().map(values).collect()));
    }
    section
}

/// The cells of a bound, by the begin of its words.
fn cells(text: &str, what: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.starts_with(&format!("| {what}")));
    let cells = line.unwrap_or_else(|| panic!("{what}: {text}")).trim_matches('|').split('|');
    cells.skip(1).map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn a_bound_is_met_by_the_median_or_not_or_not_measured() {
    let steps = section(
        Profile::Steps,
        "share",
        &[("2x", &[0.95, 0.97, 0.99]), ("5x", &[0.9]), ("0.5x", &[1.0])],
    );
    let all = [(system("inline:2ms", ours()), vec![steps])];
    let text = judged(&all, TARGET);
    let capacity = |load: &str| cells(&text, &format!("goodput of capacity at {load}"));
    assert_eq!(capacity("2x"), ["at least 0.960", "0.970 (0.950 to 0.990) yes"]);
    assert_eq!(capacity("5x"), ["at least 0.940", "0.900 **no**"]);
    assert_eq!(capacity("10x"), ["at least 0.920", "not measured"]);
    assert_eq!(cells(&text, "p99 of what is admitted")[0], "at most 50.0");
    let other = [(system("inline:1ms", ours()), Vec::new())];
    assert!(!judged(&other, TARGET).contains("goodput of capacity"), "2 ms alone");
}

#[test]
fn the_worse_half_of_a_handler_that_changes_counts() {
    let steps =
        section(Profile::Steps, "of ideal", &[("2x, first", &[0.98]), ("2x, then", &[0.9])]);
    let all = [(system("inline:1ms-then-2ms", ours()), vec![steps])];
    let found = cells(&judged(&all, TARGET), "goodput of the ideal at 2x");
    assert_eq!(found[1], "0.900 **no**");
}

#[test]
fn all_runs_have_to_come_back() {
    let spike = section(Profile::Spike, "back after s", &[("after: 0.5x", &[0.0, 1.0, 1.0])]);
    let never = f64::NAN;
    let storm = section(Profile::Storm, "back after s", &[("after: 0.9x", &[7.0, never])]);
    let all = [(system("pool:2ms", ours()), vec![spike, storm])];
    let text = judged(&all, TARGET);
    assert_eq!(cells(&text, "back after a spike")[1], "1 (0 to 1) yes");
    let storm = cells(&text, "healed after");
    assert_eq!(storm, ["at all", "7 **no: never in 1 of 2**"]);
}

#[test]
fn a_gate_that_cannot_be_told_from_none_is_no_loss() {
    let calm = |with: &[f64]| {
        let phases: [(&str, &[f64]); 4] = [
            ("0.5x with the gate", &[8.0]),
            ("0.5x without", &[8.0]),
            ("0.8x with the gate", with),
            ("0.8x without", &[9.0, 10.0, 11.0]),
        ];
        let all = [(system("pool:2ms", ours()), vec![section(Profile::Calm, "p99 ms", &phases)])];
        cells(&judged(&all, TARGET), "p99 with the gate")[1].clone()
    };
    assert_eq!(calm(&[10.5, 12.0, 13.0]), "1.20 yes");
    assert_eq!(calm(&[11.5, 12.0, 13.0]), "1.20 **no**");
}

#[test]
fn what_is_lost_by_retries_and_by_an_elephant_is_told() {
    let retried = section(Profile::Retry, "of ideal", &[("5x", &[0.96])]);
    let once = section(Profile::Steps, "of ideal", &[("5x", &[0.98])]);
    let phases: [(&str, &[f64]); 2] =
        [("mice alone: 0.5x", &[4.0]), ("mice beside it: 0.5x", &[9.0])];
    let greedy = section(Profile::Greedy, "p99 ms", &phases);
    let all = [(system("pool:2ms", ours()), vec![retried, once, greedy])];
    let text = judged(&all, TARGET);
    let retried = cells(&text, "goodput of the ideal at 5x, with retries");
    assert_eq!(retried, ["-", "0.960"]);
    assert_eq!(cells(&text, "loss of the ideal"), ["at most 0.030", "0.020 yes"]);
    assert_eq!(cells(&text, "p99 of mice"), ["at most 2.00", "2.25 **no**"]);
}

#[test]
fn refusals_that_may_not_be_are_found_in_any_run() {
    let mut steps = section(Profile::Steps, "refused %", &[("0.8x", &[0.0, 0.0, 0.3])]);
    steps.phases[0].0.calm = true;
    let all = [(system("pool:2ms", ours()), vec![steps])];
    assert_eq!(cells(&judged(&all, TARGET), "refused up to")[1], "0.30 **no**");
}

#[test]
fn peers_stand_beside_ours_and_the_best_of_them_counts() {
    let steps = |good: [f64; 3]| {
        let [two, five, ten] = &good.map(|good| [good]);
        vec![section(Profile::Steps, "good/s", &[("2x", two), ("5x", five), ("10x", ten)])]
    };
    let all = [
        (system("pool:2ms", ours()), steps([480.0, 470.0, 460.0])),
        (system("pool:2ms", Make::Peer(Peer::ALL[0])), steps([400.0, 470.0, 100.0])),
        (system("pool:2ms", Make::Peer(Peer::ALL[1])), steps([470.0, 100.0, 460.0])),
    ];
    let found = cells(&judged(&all, TARGET), "goodput over the best peer");
    assert_eq!(found[1..], ["1.000 yes", "not measured", "not measured"]);
    let alone = judged(&all[..1], TARGET);
    assert_eq!(cells(&alone, "goodput over the best peer")[1], "not measured");
}
