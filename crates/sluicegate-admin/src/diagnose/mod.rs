//! The bottleneck in words: what holds a net up, why, who suffers, and what would help.
//!
//! A full queue tells where work waits and seldom why. So each symptom (a stage that is parked, a
//! queue that fills or refuses, a stage that stands still) is followed along backpressure: from a
//! parked stage over the port on which it is parked, from a window that is out to those who are to
//! answer, to the stage that is itself not held up. The cause to which most symptoms lead is told.

mod advice;
mod follow;
mod healthy;
mod look;
mod settled;
mod symptoms;
#[cfg(test)]
mod tests;
mod words;

pub use settled::Diagnoses;

use crate::model::Net;
use crate::rates::rates;
use look::Look;
use serde::{Deserialize, Serialize};

/// What holds a net up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The kind of cause.
    pub kind: Kind,
    /// The stage that is the cause, if one is.
    pub stage: Option<String>,
    /// Since when, by the clock of the net; `None` is not known.
    pub since_ms: Option<u64>,
    /// One sentence.
    pub words: String,
    /// The numbers from which it was told.
    pub evidence: Vec<String>,
    /// Who suffers: stages that are held up, classes that are refused.
    pub suffers: Vec<String>,
    /// One sentence on what would help, with the path of a setting where one does; else empty.
    pub advice: String,
}

/// Kinds of causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Nothing is wrong.
    #[default]
    Healthy,
    /// The net takes no new work, as it was told.
    Draining,
    /// A fault stopped the net.
    Stopped,
    /// A stage is paused.
    Paused,
    /// A stage panicked again and again, so that its breaker is open.
    Broken,
    /// A handler does not come back.
    Stalled,
    /// A stage's threads compute all the time.
    Cpu,
    /// A stage's threads wait in the handler all the time.
    Blocked,
    /// A stage's threads are in the handler all the time; whether they compute is not known.
    Busy,
    /// One worker of a domain has more to do than it can, while others have little.
    Uneven,
    /// A window is out though those who answer have time.
    Window,
    /// A gate refuses though its stage has time.
    Gate,
    /// What is in hand waits for others: clients that do not read, services that are slow.
    Outside,
    /// Work waits, and it is not told why.
    Unclear,
}

impl Kind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Broken => "broken",
            Self::Stalled => "stalled",
            Self::Cpu => "cpu",
            Self::Blocked => "blocked",
            Self::Busy => "busy",
            Self::Uneven => "uneven",
            Self::Window => "window",
            Self::Gate => "gate",
            Self::Outside => "outside",
            Self::Unclear => "unclear",
        }
    }
}

/// What held the net up between `before` and `now`. A second between them does; with
/// [`Net::default`] before, it is told of all the time since the start.
pub fn diagnose(before: &Net, now: &Net) -> Diagnosis {
    let rates = rates(before, now);
    if let Some(stopped) = &now.stopped {
        return healthy::stopped(stopped);
    }
    let look = Look::new(before, now, &rates);
    let causes = follow::causes(&look, &symptoms::of(&look));
    match causes.into_iter().max_by(|one, other| one.weight.total_cmp(&other.weight)) {
        Some(cause) => words::of(&look, &cause),
        None => healthy::of(&look),
    }
}
