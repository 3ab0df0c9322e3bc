//! What stopped a net that was to run.

use std::fmt;

/// Why a net stopped that nobody told to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopError {
    /// A stage panicked more often than it may, and its supervision
    /// [stops the net](crate::Supervision::stop_net) for that.
    Stage {
        /// The stage.
        stage: String,
        /// What its last panic said.
        panic: String,
    },
    /// The machine or the policy of a worker panicked.
    Worker {
        /// The worker's domain.
        domain: String,
        /// Its number there.
        worker: usize,
    },
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage { stage, panic } => write!(
                f,
                "stage `{stage}` panicked more often than it may, so the net was stopped; it said \
                 last: {panic}"
            ),
            Self::Worker { domain, worker } => write!(
                f,
                "the machine or the policy of worker {worker} of domain `{domain}` panicked, so \
                 the net was stopped"
            ),
        }
    }
}

impl std::error::Error for StopError {}
