//! The catalogue as a page of the manual.

use super::catalogue::{ALL, Declared};
use std::fmt::Write;

/// The tables of `docs/metrics.md`, in Markdown.
pub fn docs() -> String {
    let mut text = String::new();
    let mut group = "";
    for metric in ALL {
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
            metric.sample(),
            metric.kind.name(),
            metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
            metric.doc
        );
    }
    text
}

impl Declared {
    /// The name of its samples; a histogram's end in `_bucket`, `_sum` and `_count` beside.
    pub fn sample(&self) -> String {
        format!("{}{}", self.name, self.suffix())
    }
}
