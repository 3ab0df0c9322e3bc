//! The report on the laws, as Markdown with pictures.

use super::scene::Scene;
use super::{Law, Played, Service};
use crate::overload::figures::{COLUMNS, Values, at};
use crate::overload::plot::{Line, Panel, Plot};
use crate::record::Row;

/// What is told of each phase under each law.
const TOLD: [&str; 8] =
    ["asked/s", "good/s", "share", "refused %", "timeouts %", "p50 ms", "p99 ms", "back after s"];
/// What is good counts as much where it differs by less.
const ALIKE: f64 = 0.02;

/// The report so far.
pub(super) struct Pages {
    text: String,
    /// The capacity and the target of the service that is told of.
    capacity: f64,
    target_ms: f64,
    /// The lines of each law's picture, of goodput and of the 99th percentile.
    drawn: Vec<(Law, [Vec<Line>; 2])>,
    /// All laws, a row for each phase.
    side_by_side: String,
    /// The default against the original, a row for each phase.
    duel: String,
}

impl Pages {
    pub fn new(typed: &str) -> Self {
        let text = format!(
            "# The laws of admission in virtual time\n\nEach law with the numbers that its authors \
             published; `limit` is tuned by hand to each service. Good is an answer within the \
             target, `share` goodput of what was possible. The same command gives the same \
             figures, on any machine.\n\n* command: `{typed}`\n"
        );
        let drawn = Law::ALL.map(|law| (law, Default::default())).into();
        let (side_by_side, duel) = (String::new(), String::new());
        Self { text, capacity: 1.0, target_ms: 1.0, drawn, side_by_side, duel }
    }

    pub fn add_group(&mut self, name: &str, about: &str, service: &Service) {
        self.capacity = service.capacity();
        self.target_ms = service.target.as_secs_f64() * 1e3;
        let on = if service.inline { "the worker itself" } else { "threads of a pool" };
        self.text += &format!(
            "\n## {name}: {about}\n\nA request costs {:?} on {on} ({}): {:.0}/s; target {:?}.\n",
            service.cost, service.threads, self.capacity, service.target,
        );
    }

    pub fn add_scene(&mut self, group: &str, scene: &Scene, all: &[Played]) {
        self.text += &format!(
            "\n### {}\n\n| phase | law | {} | longest s | Jain |\n",
            scene.name,
            TOLD.join(" | ")
        );
        self.text += &format!("|{}\n", "---|".repeat(TOLD.len() + 4));
        for (n, phase) in scene.phases.iter().enumerate() {
            for played in all {
                let outcome = &played.report.populations[phase.clients];
                let longest = longest(&outcome.rows[phase.seconds.clone()]);
                let jain = match outcome.per_client.len() {
                    0 => "-".to_owned(),
                    _ => format!("{:.2}", outcome.fairness()),
                };
                let told = TOLD.map(|name| cell(&played.values[n], name)).join(" | ");
                self.text += &format!(
                    "| {} | {} | {told} | {longest:.2} | {jain} |\n",
                    phase.name,
                    played.law.name(),
                );
            }
            let name = format!("{group} {}: {}", scene.name, phase.name);
            self.add_row(&name, n, all);
            self.add_duel(&name, n, all);
        }
        if scene.drawn {
            all.iter().for_each(|played| self.draw(group, played));
        }
    }

    /// How all do, in short.
    fn add_row(&mut self, name: &str, phase: usize, all: &[Played]) {
        let told = |played: &Played| {
            let values = &played.values[phase];
            format!("{}, {}", cell(values, "share"), cell(values, "p99 ms"))
        };
        let told: Vec<String> = all.iter().map(told).collect();
        self.side_by_side += &format!("| {name} | {} |\n", told.join(" | "));
    }

    /// How the default does beside the original.
    fn add_duel(&mut self, name: &str, phase: usize, all: &[Played]) {
        let of = |law| all.iter().find(|played| played.law == law).map(|one| &one.values[phase]);
        let (Some(original), Some(default)) = (of(Law::Seda), of(Law::Overload)) else { return };
        let share = |values: &Values| values[at("share")];
        // Neither is ahead where nothing was possible: less important classes get nothing then.
        let ahead = match share(default).zip(share(original)) {
            Some((ours, theirs)) if ours > theirs * (1.0 + ALIKE) => "default",
            Some((ours, theirs)) if ours < theirs * (1.0 - ALIKE) => "original",
            Some(_) => "alike",
            None => "-",
        };
        let told = |name| format!("{} | {}", cell(original, name), cell(default, name));
        self.duel += &format!(
            "| {name} | {} | {} | {} | {ahead} |\n",
            told("share"),
            told("refused %"),
            told("p99 ms"),
        );
    }

    /// Adds what a law did, second by second, to its picture.
    fn draw(&mut self, group: &str, played: &Played) {
        let rows = &played.report.populations[0].rows;
        let rows = &rows[..rows.len() - 1];
        let line = |y: &dyn Fn(&Row) -> Option<f64>| {
            let points = rows.iter().enumerate();
            let points = points.filter_map(|(n, row)| Some((n as f64 + 0.5, y(row)?))).collect();
            Line { name: format!("{group}, {:.0}/s", self.capacity), points }
        };
        let served = line(&|row| Some(row.ok as f64 / self.capacity));
        let p99 = line(&|row| {
            let p99 = row.latency.at(0.99).as_secs_f64() * 1e3 / self.target_ms;
            (row.latency.count() > 0).then_some(p99)
        });
        let drawn = self.drawn.iter_mut().find(|(law, _)| *law == played.law);
        let (_, [above, below]) = drawn.expect("there is a picture for each law");
        above.push(served);
        below.push(p99);
    }

    /// The pictures, each with the name of its file.
    pub fn plots(&self) -> Vec<(String, Plot)> {
        let plot = |(law, [served, p99]): &(Law, [Vec<Line>; 2])| {
            let end = served.iter().flat_map(|line| &line.points).map(|point| point.0);
            let whole = vec![(0.0, 1.0), (end.fold(0.0, f64::max), 1.0)];
            let bound = |name: &str| Some(Line { name: name.to_owned(), points: whole.clone() });
            let panels = [
                Panel {
                    y: "answered, share of the capacity",
                    bound: bound("capacity"),
                    lines: served.clone(),
                },
                Panel {
                    y: "99th percentile, share of the target",
                    bound: bound("target"),
                    lines: p99.clone(),
                },
            ];
            let title = format!("{}: 0.5, 2 and again 0.5 times the capacity", law.name());
            (file(*law), Plot { title, x: "s", panels })
        };
        self.drawn.iter().map(plot).collect()
    }

    pub fn text(mut self) -> String {
        self.text += "\n## Step responses\n\n";
        for (law, _) in &self.drawn {
            self.text += &format!("![{}]({})\n", law.name(), file(*law));
        }
        let laws = Law::ALL.map(Law::name);
        self.text += &format!(
            "\n## Side by side\n\n`share`, and the 99th percentile in ms.\n\n| phase | {} |\n|{}\n\
             {}",
            laws.join(" | "),
            "---|".repeat(1 + laws.len()),
            self.side_by_side
        );
        self.text += &format!(
            "\n## The default beside the original\n\nBy `share`; what differs by less than {:.0} \
             % is alike.\n\n| phase | share seda | share overload | refused % seda | refused % \
             overload | p99 ms seda | p99 ms overload | ahead |\n|{}\n{}",
            ALIKE * 100.0,
            "---|".repeat(8),
            self.duel
        );
        self.text
    }
}

fn file(law: Law) -> String {
    format!("step-{}.svg", law.name())
}

fn cell(values: &Values, name: &str) -> String {
    let decimals = COLUMNS[at(name)].1;
    values[at(name)].map_or("-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// Seconds of the longest answer.
fn longest(rows: &[Row]) -> f64 {
    rows.iter().map(|row| row.latency.longest().as_secs_f64()).fold(0.0, f64::max)
}
