//! The report, as Markdown.

use super::Played;
use super::net::On;
use super::scene::Scene;
use crate::overload::figures::{COLUMNS, at, told};
use crate::overload::paper::column;

/// What is told of each kind of clients.
const TOLD: [&str; 6] = ["asked/s", "good/s", "share", "refused %", "p50 ms", "p99 ms"];

/// What stands before all scenes.
pub(super) fn head(typed: &str) -> String {
    format!(
        "# A gate at each stage, or one at the door\n\nThe default law in virtual time. Good is an \
         answer within the target, `share` goodput of what was possible, `wasted` the share of the \
         work of all stages that was done for requests which were not good in the end. The same \
         command gives the same figures, on any machine.\n\n* command: `{typed}`\n"
    )
}

/// A scene with each arrangement of gates.
pub(super) fn section(scene: &Scene, all: &[Played]) -> String {
    let shape = scene.shape;
    let step = |n: &usize| {
        let step = shape.steps[*n];
        match shape.on {
            On::Apart => format!("{} ({:?} on {})", step.name, step.cost, step.threads),
            On::One => format!("{} ({:?})", step.name, step.cost),
        }
    };
    let way = |way: &&[usize]| way.iter().map(step).collect::<Vec<_>>().join(", ");
    let ways: Vec<String> = shape.ways.iter().map(way).collect();
    let mut text = format!(
        "\n## {}\n\n{}; target {:?}.\n\n| gates | requests | {} | wasted % |\n|{}\n",
        scene.name,
        ways.join("; or "),
        shape.target,
        TOLD.join(" | "),
        "---|".repeat(TOLD.len() + 3)
    );
    for played in all {
        for (kind, values) in scene.kinds.iter().zip(&played.values) {
            let cell = |name| told(&column(&[*values], name), COLUMNS[at(name)].1);
            text += &format!(
                "| {} | {} | {} | {:.1} |\n",
                played.gates.name(),
                kind.name,
                TOLD.map(cell).join(" | "),
                100.0 * played.wasted,
            );
        }
    }
    text
}
