//! The catalogue as a page of the manual.

use super::catalogue::all;
use super::page::word;
use std::fmt::Write;

/// The tables of `docs/metrics.md`, in Markdown.
pub fn docs() -> String {
    let mut text = String::new();
    let mut group = "";
    for metric in all() {
        if metric.group != group {
            group = metric.group;
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(
                text,
                "\n### {group}\n\n| metric | kind | labels | what it tells |\n|---|---|---|---|"
            );
        }
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            metric.name,
            word(metric.kind),
            metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
            metric.doc
        );
    }
    text
}
