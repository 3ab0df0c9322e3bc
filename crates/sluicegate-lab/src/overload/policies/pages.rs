//! The report, as Markdown.

use super::Played;
use super::scene::Scene;

/// What stands before all scenes.
pub(super) fn head(typed: &str) -> String {
    format!(
        "# Which stage runs next\n\nPolicies in virtual time, on one worker; another lets requests \
         in. `cost` is for how long the worker was busy for each request that was answered, of all \
         kinds; lost are those that found a queue full. What waits at the end is served then, so \
         that a stage which starves shows a full queue of answers (256 are 13 a second) that took \
         the whole time. A cohort waits for 5 ms at most; shares are equal and the order is that \
         to the exit unless told. `oldest first` is the example of a policy of one's own. The same \
         command gives the same figures, on any machine.\n\n* command: `{typed}`\n"
    )
}

/// A scene under each policy.
pub(super) fn section(scene: &Scene, all: &[Played]) -> String {
    let mut text = format!(
        "\n## {}\n\n{}\n\n| policy | requests | asked/s | answered/s | lost % | p50 ms | p99 ms \
         | cost us |\n|{}\n",
        scene.name,
        scene.about,
        "---|".repeat(8)
    );
    for played in all {
        for (kind, row) in scene.kinds.iter().zip(&played.rows) {
            let per_second = |n: u64| n as f64 / scene.seconds as f64;
            let ms = |quantile: f64| match row.ok {
                0 => "-".to_owned(),
                _ => format!("{:.2}", row.latency.at(quantile).as_secs_f64() * 1e3),
            };
            text += &format!(
                "| {} | {} | {:.0} | {:.0} | {:.1} | {} | {} | {:.1} |\n",
                played.which.name(),
                kind.name,
                per_second(row.first),
                per_second(row.ok),
                100.0 * row.refused as f64 / row.first.max(1) as f64,
                ms(0.5),
                ms(0.99),
                played.cost.as_secs_f64() * 1e6,
            );
        }
    }
    text
}
