//! The report of an experiment, as Markdown.

use std::time::Duration;

use super::figures::{COLUMNS, Values, at, median, told};
use super::profile::{Phase, Point};
use super::server::nowhere;
use super::system::{Intake, Make, Place};
use super::tune::Tuned;
use super::view::Seen;
use super::{Capacity, Cores, Experiment, Handler, Profile, Shown, System, USERS, bounds, machine};

/// The report so far.
pub(super) struct Paper<'a> {
    experiment: &'a Experiment,
    head: String,
    /// What is told of each system, one after the other.
    text: String,
    all: Vec<(System, Vec<Section>)>,
}

/// What one profile showed of one system.
pub(super) struct Section {
    pub profile: Profile,
    pub phases: Vec<(Phase, Vec<Values>)>,
    /// By the names of points: what the server counted, and what its clients did.
    counts: Vec<(String, Vec<[Seen; 2]>)>,
    void: Vec<String>,
    /// Names of files with pictures.
    plots: Vec<String>,
}

impl<'a> Paper<'a> {
    pub fn new(experiment: &'a Experiment, cores: &Cores) -> Self {
        let target = experiment.target;
        let mut head = format!(
            "# Overload\n\n\
             Figures are medians of up to {} runs, each against a fresh server, with the least and \
             the most of them. Times count from when a request was meant to be sent; good is an \
             answer 2xx within {target:?}. `share` is goodput of what was possible, the smaller of \
             what was asked and the capacity. `of ideal` is good work of the most that a server \
             can do that refuses the rest at its price: work is what requests cost, so that cheap \
             and dear ones count as they should, and attempts count where clients try again. \
             `p50` and `p99` are of what was answered 2xx; `server p50` and `server p99` are the \
             server's own of the same answers, from a request's first byte to the reply, and `p99 \
             beyond` is the difference: what lies before and behind it, what former attempts took, \
             and what the generator is late. `CPU us/refusal` is what remains of the server's \
             processor time when answers are taken off at their cost at capacity.\n\n",
            experiment.runs
        );
        head += &format!("* command: `{}`\n", experiment.typed);
        machine::describe().iter().for_each(|line| head += &format!("* {line}\n"));
        head += &format!("* {}\n", cores.describe());
        Self { experiment, head, text: String::new(), all: Vec::new() }
    }

    pub fn add_system(
        &mut self,
        system: &System,
        place: &Place<'_>,
        capacities: &[Capacity],
        tuned: &Tuned,
    ) {
        self.all.push((*system, Vec::new()));
        let intake = Intake::Ruled(tuned.number);
        self.text += &format!("\n## {}\n\n", system.name());
        if let Some(front) = system.front(place, intake, &nowhere(), &nowhere()) {
            self.text += &format!("{}\n\nbefore ", front.shown());
        }
        self.text += &format!("{}\n", system.back(place, intake).shown());
        for (part, capacity) in system.handler.parts().iter().zip(capacities) {
            self.text += &capacity_of(part, capacity);
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

    pub fn add_section(&mut self, section: Section) {
        self.text += &section.text(self.experiment.count_void);
        let (_, sections) = self.all.last_mut().expect("a system comes before its sections");
        sections.push(section);
    }

    /// All of it, with what had to be shown at its head.
    pub fn text(self) -> String {
        let judged = bounds::judged(&self.all, self.experiment.target);
        format!("{}{judged}{}", self.head, self.text)
    }
}

impl Section {
    pub fn new(profile: Profile) -> Self {
        let (phases, counts, void, plots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { profile, phases, counts, void, plots }
    }

    pub fn add_plot(&mut self, file: String) {
        self.plots.push(file);
    }

    pub fn add(&mut self, point: &Point, shown: &Shown) {
        self.phases.extend(shown.phases.iter().cloned());
        self.counts.push((point.name.clone(), shown.counts.clone()));
        self.void.extend(shown.void.iter().cloned());
    }

    /// What a refusal takes of the server's processor, if this profile is there to show it.
    pub fn refusal_cost(&self) -> Option<Duration> {
        let (_, runs) = self.phases.first().filter(|_| self.profile.is_refused())?;
        let micros = median(&column(runs, "CPU us/refusal"))?;
        Duration::try_from_secs_f64(micros / 1e6).ok()
    }

    /// The most refused in percent, where nothing may be.
    pub fn false_refusals(&self) -> Option<f64> {
        let calm = self.phases.iter().filter(|(phase, _)| phase.calm);
        calm.flat_map(|(_, runs)| column(runs, "refused %")).reduce(f64::max)
    }

    fn text(&self, count_void: bool) -> String {
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        let profile = self.profile;
        let mut text = format!("\n### {}: {}\n\n", profile.name(), profile.about());
        text += &format!("| load | runs | {} |\n", names.join(" | "));
        text += &format!("|{}\n", "---|".repeat(names.len() + 2));
        self.phases.iter().for_each(|(phase, runs)| text += &row(phase, runs));
        if let Some(refused) = self.false_refusals() {
            text += &format!("\nThe most refused where nothing may be: {refused:.2} %.\n");
        }
        text += &self.counts_text();
        for plot in &self.plots {
            text += &format!("\n![{plot}]({plot})\n");
        }
        if !self.void.is_empty() {
            let counted = if count_void { "but" } else { "and not" };
            text += &format!("\nVoid, {counted} counted:\n\n");
            self.void.iter().for_each(|why| text += &format!("* {why}\n"));
        }
        text
    }

    /// What the server counted beside what its clients did; nothing where it says nothing.
    fn counts_text(&self) -> String {
        let mut text = String::new();
        for (point, runs) in self.counts.iter().filter(|(_, runs)| !runs.is_empty()) {
            let told = |count: fn(&[Seen; 2]) -> u64| {
                let counts: Vec<f64> = runs.iter().map(|run| count(run) as f64).collect();
                told(&counts, 0)
            };
            text += &format!(
                "| {point} | {} | {} | {} | {} |\n",
                told(|[server, _]| server.served),
                told(|[_, clients]| clients.served),
                told(|[server, _]| server.refused),
                told(|[_, clients]| clients.refused),
            );
        }
        if text.is_empty() {
            return text;
        }
        format!(
            "\n| whole runs | served by the server | heard by clients | refused by the server | \
             heard by clients |\n|{}\n{text}",
            "---|".repeat(5)
        )
    }
}

/// The figures of a column that are known.
pub(super) fn column(runs: &[Values], name: &str) -> Vec<f64> {
    runs.iter().filter_map(|run| run[at(name)]).collect()
}

/// The medians of a phase, with their spread.
fn row(phase: &Phase, runs: &[Values]) -> String {
    let mut cells = vec![phase.name.clone(), runs.len().to_string()];
    for (name, decimals) in COLUMNS {
        let known = column(runs, name);
        let mut cell = told(&known, decimals);
        if name == "back after s" && phase.heals && known.len() < runs.len() {
            cell += &format!(" (never in {})", runs.len() - known.len());
        }
        cells.push(cell);
    }
    format!("| {} |\n", cells.join(" | "))
}

/// The capacity of a part of the handler, in a sentence.
fn capacity_of(part: &Handler, capacity: &Capacity) -> String {
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
        assert!(text.ends_with("| 2 (1 to 3) (never in 1) |\n"), "{text}");
        assert_eq!(text.matches('|').count(), COLUMNS.len() + 3);
    }

    #[test]
    fn what_a_server_counts_stands_beside_what_its_clients_do() {
        let mut section = Section::new(Profile::Retry);
        let seen = |served, refused| Seen { served, refused };
        let runs = vec![[seen(10, 90), seen(9, 90)], [seen(12, 90), seen(11, 80)]];
        section.counts = vec![("retry".to_owned(), runs), ("silent".to_owned(), Vec::new())];
        let text = section.text(false);
        let line = "\n| retry | 11 (10 to 12) | 10 (9 to 11) | 90 | 85 (80 to 90) |\n";
        assert!(text.contains(line) && !text.contains("silent"), "{text}");
    }

    #[test]
    fn what_a_refusal_costs_is_told_by_the_profile_that_is_there_for_it() {
        let mut values: Values = [None; COLUMNS.len()];
        values[at("CPU us/refusal")] = Some(7.5);
        let cost = |profile| {
            let mut section = Section::new(profile);
            section.phases.push((Phase::new("10x".to_owned(), 0, 0..1), vec![values]));
            section.refusal_cost()
        };
        assert_eq!(cost(Profile::Refuse), Some(Duration::from_nanos(7500)));
        assert_eq!(cost(Profile::Steps), None);
    }
}
