//! The figures that bounds are about, found among what the profiles showed.

use std::time::Duration;

use super::Measured;
use crate::overload::Profile;
use crate::overload::figures::{Values, median};
use crate::overload::handler::{Handler, Work};
use crate::overload::paper::{Section, column};
use crate::overload::system::{Make, System};

/// The handler whose goodput is also bounded as a share of the capacity.
const PLAIN: Work = Work::Same(Duration::from_millis(2));
/// The loads at which more is asked than can be done, as phases are named.
pub(super) const OVER: &[&str] = &["2x", "5x", "10x"];

/// Which figure.
#[derive(Clone, Copy)]
pub(super) enum Figure {
    /// A column in phases of a profile: the worst of the medians.
    Of(Profile, &'static [&'static str], &'static str),
    /// The same of the handler that is [`PLAIN`], and of no other.
    OfPlain(Profile, &'static [&'static str], &'static str),
    /// The most refused in percent, in any run of any profile, where nothing may be.
    Calm,
    /// The 99th percentile with the gate over that without, at worst; met where the spreads of both
    /// overlap.
    Gate,
    /// How much less of the ideal is reached when clients try again.
    Retry,
    /// Seconds until the last phase of a profile is well again, the most of all runs.
    Back(Profile),
    /// The 99th percentile of quiet clients beside a greedy one, over that of being alone.
    Mice,
    /// Good answers over those of the best peer, at worst.
    Ahead,
}

/// What a figure came to.
pub(super) struct Found {
    pub runs: Vec<f64>,
    /// The one of them that is judged.
    pub judged: f64,
    /// What is wrong though the figure is not.
    pub wrong: Option<String>,
}

impl Figure {
    /// Whether it is asked for of a handler.
    pub fn is_of(self, handler: Handler) -> bool {
        !matches!(self, Self::OfPlain(..)) || handler.work == PLAIN
    }

    /// What it came to; none where it was not measured. `high`: whether more is better.
    pub fn found(
        self,
        system: System,
        all: &[Section],
        systems: &[&Measured],
        high: bool,
    ) -> Option<Found> {
        match self {
            Self::Of(profile, phases, name) | Self::OfPlain(profile, phases, name) => {
                let each = phases.iter().map(|phase| worst(all, profile, phase, name, high));
                // One that is missing hides whether the bound is met.
                each.collect::<Option<Vec<Found>>>()?.into_iter().reduce(|a, b| worse(a, b, high))
            }
            Self::Calm => {
                let most = all.iter().filter_map(Section::false_refusals).reduce(f64::max)?;
                Some(Found::of(vec![most], most))
            }
            Self::Gate => gate(all),
            Self::Retry => {
                let [once, again] = [(Profile::Steps, "5x"), (Profile::Retry, "5x")]
                    .map(|(profile, phase)| worst(all, profile, phase, "of ideal", true));
                let loss = once?.judged - again?.judged;
                Some(Found::of(vec![loss], loss))
            }
            Self::Back(profile) => {
                let phases = phases(all, profile, "after").filter(|(_, runs)| !runs.is_empty());
                let each = phases.map(|(_, runs)| back(runs));
                each.reduce(|a, b| worse(a, b, false))
            }
            Self::Mice => {
                let [beside, alone] = ["mice beside it", "mice alone"]
                    .map(|phase| worst(all, Profile::Greedy, phase, "p99 ms", false));
                let ratio = beside?.judged / alone?.judged;
                Some(Found::of(vec![ratio], ratio))
            }
            Self::Ahead => ahead(system, all, systems),
        }
    }
}

impl Found {
    fn of(runs: Vec<f64>, judged: f64) -> Self {
        Self { runs, judged, wrong: None }
    }
}

/// The phases of a profile with this name, which may be followed by a load or a part of the work.
fn phases<'a>(
    all: &'a [Section],
    profile: Profile,
    name: &'a str,
) -> impl Iterator<Item = (&'a str, &'a [Values])> {
    let of_profile = all.iter().filter(move |section| section.profile == profile);
    let phases = of_profile.flat_map(|section| &section.phases);
    let phases = phases.map(|(phase, runs)| (phase.name.as_str(), runs.as_slice()));
    phases.filter(move |(found, _)| {
        let rest = found.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([',', ':']))
    })
}

/// A column in the phases of that name: that of which the median is worst.
fn worst(all: &[Section], profile: Profile, name: &str, of: &str, high: bool) -> Option<Found> {
    let each = phases(all, profile, name).map(|(_, runs)| {
        let runs = column(runs, of);
        let judged = median(&runs)?;
        Some(Found::of(runs, judged))
    });
    each.collect::<Option<Vec<Found>>>()?.into_iter().reduce(|a, b| worse(a, b, high))
}

fn worse(a: Found, b: Found, high: bool) -> Found {
    let is_worse = b.wrong.is_some() || (b.judged < a.judged) == high;
    if a.wrong.is_none() && is_worse { b } else { a }
}

fn gate(all: &[Section]) -> Option<Found> {
    let p99s = |name: &str| {
        let phases = phases(all, Profile::Calm, name);
        phases.map(|(_, runs)| column(runs, "p99 ms")).collect::<Vec<_>>()
    };
    let mut found: Option<Found> = None;
    for load in ["0.5x", "0.8x"] {
        let [with, without] =
            ["with the gate", "without"].map(|how| p99s(&format!("{load} {how}")));
        for (with, without) in with.iter().zip(&without) {
            let ratio = median(with)? / median(without)?;
            let least = with.iter().copied().fold(f64::INFINITY, f64::min);
            let most = without.iter().copied().fold(0.0, f64::max);
            let judged = if least <= most { ratio.min(1.0) } else { ratio };
            let one = Found::of(vec![ratio], judged);
            found = Some(match found {
                Some(former) => worse(former, one, false),
                None => one,
            });
        }
    }
    found
}

/// All runs have to come back, and the last of them is judged.
fn back(runs: &[Values]) -> Found {
    let known = column(runs, "back after s");
    let judged = known.iter().copied().fold(0.0, f64::max);
    let never = runs.len() - known.len();
    let wrong = (never > 0).then(|| format!("never in {never} of {}", runs.len()));
    Found { runs: known, judged, wrong }
}

fn ahead(system: System, all: &[Section], systems: &[&Measured]) -> Option<Found> {
    let Make::Ours { .. } = system.make else { return None };
    let peers = systems.iter().filter(|(other, _)| matches!(other.make, Make::Peer(_)));
    let ratio = |load: &&str| {
        let best = peers.clone().filter_map(|(_, sections)| good(sections, load));
        Some(good(all, load)? / best.reduce(f64::max)?)
    };
    let least = OVER.iter().map(ratio).collect::<Option<Vec<f64>>>()?;
    let least = least.into_iter().reduce(f64::min)?;
    Some(Found::of(vec![least], least))
}

fn good(all: &[Section], load: &str) -> Option<f64> {
    Some(worst(all, Profile::Steps, load, "good/s", true)?.judged)
}
