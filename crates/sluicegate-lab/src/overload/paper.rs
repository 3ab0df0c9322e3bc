//! The report of an experiment, as Markdown.

use super::figures::{COLUMNS, Values, at, median};
use super::profile::Phase;
use super::server::nowhere;
use super::system::{Intake, Make, Place};
use super::tune::Tuned;
use super::{Capacity, Cores, Experiment, Handler, Profile, Shown, System, USERS, machine};

/// The report so far.
pub(super) struct Paper<'a> {
    experiment: &'a Experiment,
    text: String,
}

/// What one profile showed of one system.
pub(super) struct Section {
    profile: Profile,
    rows: String,
    void: Vec<String>,
    /// Names of files with pictures.
    plots: Vec<String>,
    /// The most refused in percent, where nothing may be.
    false_refusals: Option<f64>,
}

impl<'a> Paper<'a> {
    pub fn new(experiment: &'a Experiment, cores: &Cores) -> Self {
        let target = experiment.target;
        let mut text = format!(
            "# Overload\n\n\
             Times count from when a request was meant to be sent; good is an answer 2xx within \
             {target:?}. `share` is goodput of what was possible, the smaller of what was asked \
             and the capacity, with the least and the most of all runs that count. Figures are \
             medians of up to {} runs, each against a fresh server. `p50` \
             and `p99` are of what was answered 2xx, and `mean` too; `server mean` is the server's \
             own, from the handler's queue to the handler's end: the difference is what lies \
             before and behind it, with what the generator is late. `CPU us/refusal` is what \
             remains of the server's processor time when answers are taken off at their cost \
             at capacity.\n\n",
            experiment.runs
        );
        text += &format!("* command: `{}`\n", experiment.typed);
        machine::describe().iter().for_each(|line| text += &format!("* {line}\n"));
        text += &format!("* {}\n", cores.describe());
        Self { experiment, text }
    }

    pub fn add_system(
        &mut self,
        system: &System,
        place: &Place<'_>,
        capacities: &[Capacity],
        tuned: &Tuned,
    ) {
        let intake = Intake::Ruled(tuned.number);
        self.text += &format!("\n## {}\n\n", system.name());
        if let Some(front) = system.front(place, intake, &nowhere(), &nowhere()) {
            self.text += &format!("{}\n\nbefore ", front.shown());
        }
        self.text += &format!("{}\n", system.back(place, intake).shown());
        for (part, capacity) in system.handler.parts().iter().zip(capacities) {
            self.text += &told(part, capacity);
        }
        if let (Some(number), Make::Peer(peer)) = (tuned.number, system.make) {
            let tried: Vec<String> =
                tuned.tried.iter().map(|(n, good)| format!("{n} ({good:.0}/s)")).collect();
            self.text += &format!(
                "\nTuned by hand: **{number}** {}, the best at five times the capacity of {}.\n",
                peer.number_is(),
                tried.join(", ")
            );
        }
    }

    /// Says of a profile why it is not there.
    pub fn leave_out(&mut self, profile: Profile) {
        self.text += &format!(
            "\n### {}: {}\n\nLeft out: it has nothing that refuses everything.\n",
            profile.name(),
            profile.about()
        );
    }

    pub fn add_section(&mut self, section: &Section) {
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        let profile = section.profile;
        self.text += &format!("\n### {}: {}\n\n", profile.name(), profile.about());
        self.text += &format!("| load | runs | {} |\n", names.join(" | "));
        self.text += &format!("|{}\n{}", "---|".repeat(names.len() + 2), section.rows);
        if let Some(refused) = section.false_refusals {
            self.text += &format!("\nThe most refused where nothing may be: {refused:.2} %.\n");
        }
        for plot in &section.plots {
            self.text += &format!("\n![{plot}]({plot})\n");
        }
        if !section.void.is_empty() {
            let counted = if self.experiment.count_void { "but" } else { "and not" };
            self.text += &format!("\nVoid, {counted} counted:\n\n");
            section.void.iter().for_each(|why| self.text += &format!("* {why}\n"));
        }
    }

    pub fn text(self) -> String {
        self.text
    }
}

impl Section {
    pub fn new(profile: Profile) -> Self {
        let (rows, void, plots) = (String::new(), Vec::new(), Vec::new());
        Self { profile, rows, void, plots, false_refusals: None }
    }

    pub fn add_plot(&mut self, file: String) {
        self.plots.push(file);
    }

    pub fn add(&mut self, shown: &Shown) {
        for (phase, runs) in &shown.phases {
            self.rows += &row(phase, runs);
            if phase.calm {
                let refused = runs.iter().filter_map(|run| run[at("refused %")]);
                self.false_refusals = refused.chain(self.false_refusals).reduce(f64::max);
            }
        }
        self.void.extend(shown.void.iter().cloned());
    }
}

/// The medians of a phase, with the spread of its share.
fn row(phase: &Phase, runs: &[Values]) -> String {
    let mut cells = vec![phase.name.clone(), runs.len().to_string()];
    for (column, (name, decimals)) in COLUMNS.iter().enumerate() {
        let known: Vec<f64> = runs.iter().filter_map(|run| run[column]).collect();
        let shown = |value: f64| format!("{value:.decimals$}");
        let mut cell = median(&known).map_or("-".to_owned(), shown);
        if *name == "share" && known.len() > 1 {
            let least = known.iter().copied().fold(f64::INFINITY, f64::min);
            let most = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            cell += &format!(" ({} to {})", shown(least), shown(most));
        }
        if *name == "back after s" && phase.heals && known.len() < runs.len() {
            cell += &format!(" (never in {})", runs.len() - known.len());
        }
        cells.push(cell);
    }
    format!("| {} |\n", cells.join(" | "))
}

/// The capacity of a part of the handler, in a sentence.
fn told(part: &Handler, capacity: &Capacity) -> String {
    let runs: Vec<String> = capacity.runs.iter().map(|rate| format!("{rate:.0}")).collect();
    let cost = match capacity.cost {
        Some(cost) => format!("{:.0} us of CPU an answer", cost.as_secs_f64() * 1e6),
        None => "the kernel does not tell its CPU".to_owned(),
    };
    format!(
        "\nCapacity of {part}, with nothing that refuses and {USERS} users: **{:.0}/s**, the \
         median of {}; {cost}.\n",
        capacity.rate,
        runs.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_median_the_spread_and_who_did_not_heal() {
        let name = "after: 0.5x".to_owned();
        let phase = Phase { heals: true, ..Phase::new(name, 0, 0..1) };
        let run = |share: f64, back: Option<f64>| {
            let mut values: Values = [None; COLUMNS.len()];
            values[at("share")] = Some(share);
            values[at("back after s")] = back;
            values
        };
        let text = row(&phase, &[run(0.5, Some(1.0)), run(0.7, None), run(0.9, Some(3.0))]);
        assert!(text.starts_with("| after: 0.5x | 3 | - |"), "{text}");
        assert!(text.contains("| 0.700 (0.500 to 0.900) |"), "{text}");
        assert!(text.ends_with("| 2 (never in 1) |\n"), "{text}");
        assert_eq!(text.matches('|').count(), COLUMNS.len() + 3);
    }
}
