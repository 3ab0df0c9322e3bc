//! One table without a terminal, for scripts and logs.

use super::rows::{Column, rows};
use crate::ask::{Admin, wait};
use crate::say;
use sluicegate_admin::model::Net;
use sluicegate_admin::{diagnose, rates};
use std::time::Duration;

/// Watches for so long, and prints what was seen.
///
/// # Errors
/// One sentence about why nothing was.
pub fn print(admin: &Admin, every: Duration) -> Result<(), String> {
    let (_, before) = admin.net()?;
    wait(every);
    let (_, now) = admin.net()?;
    say(table(&before, &now).trim_end());
    Ok(())
}

/// What is wrong, and a line for each stage, the most saturated first.
pub fn table(before: &Net, now: &Net) -> String {
    let rates = rates(before, now);
    let rows = rows(now, &rates, "", Column::Saturation, false);
    let width = |column: Column| {
        let cells = rows.iter().map(|row| row.cell(column).chars().count());
        cells.chain([column.head().0.len()]).max().unwrap_or_default()
    };
    let widths = Column::ALL.map(width);
    let line = |cell: &dyn Fn(Column) -> String| {
        let cells = Column::ALL.iter().zip(widths).map(|(column, width)| match column {
            Column::Stage | Column::State => format!("{:<width$}", cell(*column)),
            _ => format!("{:>width$}", cell(*column)),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    let mut text = format!("{}\n", diagnose(before, now).words);
    text += &line(&|column| column.head().0.to_owned());
    for row in &rows {
        text += &line(&|column| row.cell(column).to_owned());
    }
    text
}
