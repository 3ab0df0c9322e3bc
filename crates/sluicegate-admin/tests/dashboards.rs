//! The board and the alert rules of the repository ask for metrics that are there, in the way that
//! fits their kind.

use sluicegate::MetricKind;
use sluicegate_admin::metrics::{Declared, all};
use std::collections::BTreeSet;
use std::fs;

fn read(name: &str) -> String {
    let place = format!("{}/../../dashboards/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(place).expect("it is there")
}

/// All queries of a board.
fn queries(board: &serde_json::Value) -> Vec<String> {
    let panels = board["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let text = |query: &serde_json::Value| query.as_str().expect("text").to_owned();
    let variables = board["templating"]["list"].as_array().expect("variables");
    let variables = variables.iter().map(|one| &one["definition"]).filter(|one| !one.is_null());
    targets.map(|target| text(&target["expr"])).chain(variables.map(text)).collect()
}

/// The names of metrics in a query, each with what stands before it.
fn named(query: &str) -> Vec<(&str, &str)> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let mut found = Vec::new();
    let mut at = 0;
    for word in query.split(|char| !is_part(char)) {
        if word.starts_with("sluicegate_") || word.starts_with("process_") {
            found.push((&query[..at], word));
        }
        // What parts words is one byte wide in queries.
        at += word.len() + 1;
    }
    found
}

/// The metric to which a sample belongs.
fn metric(sample: &str) -> Declared {
    let of = |metric: &Declared| {
        let rest = sample.strip_prefix(metric.name);
        rest.is_some_and(|rest| match metric.kind {
            MetricKind::Histogram => ["_bucket", "_sum", "_count"].contains(&rest),
            _ => rest.is_empty(),
        })
    };
    all().find(of).unwrap_or_else(|| panic!("no metric has samples named {sample}"))
}

/// What grows for ever is only of use as a rate; what goes up and down has none.
fn check(query: &str) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    for (before, sample) in named(query) {
        let metric = metric(sample);
        let is_rate = before.ends_with("rate(") || before.ends_with("increase(");
        let listed = before.ends_with("label_values(");
        assert_eq!(is_rate, metric.kind != MetricKind::Gauge && !listed, "{sample} in {query}");
        seen.insert(metric.name);
    }
    assert!(!seen.is_empty(), "{query} asks for nothing");
    for label in query.split("by (").skip(1).filter_map(|rest| rest.split(')').next()) {
        for label in label.split(", ").filter(|label| !["job", "instance", "le"].contains(label)) {
            let has = |name: &&str| all().any(|it| it.name == *name && it.labels.contains(&label));
            assert!(seen.iter().any(has), "nothing in {query} has a label {label}");
        }
    }
    seen
}

#[test]
fn every_query_of_the_board_asks_for_what_there_is() {
    let board = serde_json::from_str(&read("grafana.json")).expect("JSON");
    let asked: BTreeSet<_> = queries(&board).iter().flat_map(|query| check(query)).collect();
    assert!(asked.len() > 30, "{asked:?}");
    let panels = board["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each has a number of its own");
}

#[test]
fn every_alert_asks_for_what_there_is_and_says_what_to_do() {
    let text = read("alerts.yaml");
    let rules: Vec<_> = text.split("      - alert: ").skip(1).collect();
    assert!(rules.len() > 10);
    for rule in rules {
        let (name, rest) = rule.split_once('\n').expect("more than a name");
        let (_, rest) = rest.split_once("expr: ").expect("what it looks at");
        let end = rest.find("\n        for:").or_else(|| rest.find("\n        labels:"));
        check(&rest[..end.expect("how important it is")]);
        assert!(name.starts_with("Sluicegate"), "{name}");
        for part in ["severity: ", "summary: ", "action: "] {
            assert_eq!(rest.matches(part).count(), 1, "{name}: {part}");
        }
    }
}
