//! What has to be shown, and whether it was: each bound stands here once, with its words.

mod figure;
#[cfg(test)]
mod tests;

use std::time::Duration;

use figure::{Figure, OVER};

use super::Profile;
use super::figures::told;
use super::handler::Handler;
use super::paper::Section;
use super::system::System;

/// What a refusal may take of the server's processor.
pub(super) const REFUSAL_COST_MAX: Duration = Duration::from_micros(10);

/// A bound on a figure.
struct Bound {
    what: &'static str,
    limit: Limit,
    figure: Figure,
    decimals: usize,
}

/// What a figure must keep to.
#[derive(Clone, Copy)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
    /// At most the target, in milliseconds.
    Target,
    /// It only has to be there.
    Any,
    /// Nothing: it is shown for what stands below it.
    Shown,
}

const BOUNDS: [Bound; 20] = {
    use Figure::{Ahead, Back, Calm, Gate, Mice, Of, OfPlain, Retry};
    use Limit::{Any, AtLeast, AtMost, Below, Shown, Target};
    use Profile::{Classes, Greedy, Refuse, Retry as Retrying, Spike, Steps, Storm};
    const fn bound(what: &'static str, limit: Limit, decimals: usize, figure: Figure) -> Bound {
        Bound { what, limit, figure, decimals }
    }
    [
        bound("goodput of capacity at 2x", AtLeast(0.96), 3, OfPlain(Steps, &["2x"], "share")),
        bound("goodput of capacity at 5x", AtLeast(0.94), 3, OfPlain(Steps, &["5x"], "share")),
        bound("goodput of capacity at 10x", AtLeast(0.92), 3, OfPlain(Steps, &["10x"], "share")),
        bound("goodput of the ideal at 2x", AtLeast(0.97), 3, Of(Steps, &["2x"], "of ideal")),
        bound("goodput of the ideal at 5x", AtLeast(0.95), 3, Of(Steps, &["5x"], "of ideal")),
        bound("goodput of the ideal at 10x", AtLeast(0.93), 3, Of(Steps, &["10x"], "of ideal")),
        bound("p99 of what is admitted, ms, 2x to 10x", Target, 1, Of(Steps, OVER, "p99 ms")),
        bound("p99 of refusals at 10x, ms", Below(5.0), 2, Of(Steps, &["10x"], "refusal p99 ms")),
        bound(
            "CPU of a refusal, us",
            AtMost(REFUSAL_COST_MAX.as_micros() as f64),
            1,
            Of(Refuse, &["10x"], "CPU us/refusal"),
        ),
        bound("goodput over the best peer, 2x to 10x", AtLeast(1.0), 3, Ahead),
        bound("refused up to 0.8x, %, the most of all runs", AtMost(0.0), 2, Calm),
        bound("p99 with the gate over without, up to 0.8x, or spreads meet", AtMost(1.0), 2, Gate),
        bound(
            "goodput of the ideal at 5x, with retries",
            Shown,
            3,
            Of(Retrying, &["5x"], "of ideal"),
        ),
        bound("loss of the ideal by retries at 5x", AtMost(0.03), 3, Retry),
        bound("back after a spike of 5x, s", AtMost(1.0), 0, Back(Spike)),
        bound("healed after a retry storm, s", Any, 0, Back(Storm)),
        bound("class 5 of 6 served at 3x", AtLeast(0.99), 3, Of(Classes, &["class 5"], "share")),
        bound("class 4 of 6 served at 3x", AtLeast(0.99), 3, Of(Classes, &["class 4"], "share")),
        bound(
            "goodput of mice beside an elephant",
            AtLeast(0.95),
            3,
            Of(Greedy, &["mice beside it"], "share"),
        ),
        bound("p99 of mice beside it over alone", AtMost(2.0), 2, Mice),
    ]
};

/// A system with what the profiles showed of it.
type Measured = (System, Vec<Section>);

/// A table for each handler: its systems side by side under every bound.
pub(super) fn judged(all: &[Measured], target: Duration) -> String {
    let mut text = String::from(
        "\n## Must show\n\nThe medians with their spread, and whether the bound is met; of a \
         handler that changes, the worse half.\n",
    );
    let mut handlers: Vec<Handler> = Vec::new();
    for (system, _) in all {
        if !handlers.contains(&system.handler) {
            handlers.push(system.handler);
        }
    }
    for handler in handlers {
        let systems: Vec<&Measured> = all.iter().filter(|(it, _)| it.handler == handler).collect();
        let names: Vec<String> = systems.iter().map(|(system, _)| system.name()).collect();
        text += &format!("\n| {handler} | bound | {} |\n", names.join(" | "));
        text += &format!("|{}\n", "---|".repeat(names.len() + 2));
        for bound in BOUNDS.iter().filter(|bound| bound.figure.is_of(handler)) {
            let cell = |one: &&Measured| bound.cell(one, &systems, target);
            let cells: Vec<String> = systems.iter().map(cell).collect();
            let limit = bound.limit.told(target, bound.decimals);
            text += &format!("| {} | {limit} | {} |\n", bound.what, cells.join(" | "));
        }
    }
    text
}

impl Bound {
    fn cell(&self, (system, sections): &Measured, all: &[&Measured], target: Duration) -> String {
        let high = self.limit.is_high();
        let Some(found) = self.figure.found(*system, sections, all, high) else {
            return "not measured".to_owned();
        };
        let shown = told(&found.runs, self.decimals);
        match found.wrong {
            Some(wrong) => format!("{shown} **no: {wrong}**"),
            None if matches!(self.limit, Limit::Shown) => shown,
            None if self.limit.is_kept(found.judged, target) => format!("{shown} yes"),
            None => format!("{shown} **no**"),
        }
    }
}

impl Limit {
    /// Whether more is better.
    fn is_high(self) -> bool {
        matches!(self, Self::AtLeast(_) | Self::Shown)
    }

    fn is_kept(self, value: f64, target: Duration) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Below(bound) => value < bound,
            Self::Target => value <= millis(target),
            Self::Any | Self::Shown => true,
        }
    }

    fn told(self, target: Duration, decimals: usize) -> String {
        match self {
            Self::AtLeast(least) => format!("at least {least:.decimals$}"),
            Self::AtMost(most) => format!("at most {most:.decimals$}"),
            Self::Below(bound) => format!("below {bound:.decimals$}"),
            Self::Target => format!("at most {:.decimals$}", millis(target)),
            Self::Any => "at all".to_owned(),
            Self::Shown => "-".to_owned(),
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
