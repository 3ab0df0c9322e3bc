//! What an admin listener answers, whoever serves it: nets and gates as JSON, their settings,
//! and what may be changed while they run.
//!
//! The server and the gates of tower services show the same fields under the same names, and are
//! asked for changes in the same way. What they show is declared in [`model`], for whoever reads it
//! back too, live or recorded; what happened between two looks is in [`rates`], and what is wrong
//! in [`diagnose`].
#![forbid(unsafe_code)]

mod answer;
mod chrome;
mod diagnose;
#[cfg(test)]
mod double;
mod events;
mod flows;
mod guard;
mod health;
mod lately;
pub mod metrics;
pub mod model;
pub mod otlp;
mod page;
mod query;
mod rates;
mod settings;
mod stages;
mod token;
mod watcher;

pub use answer::{Answer, Asked, NotChanged, Seen, Steer, answer, no_such_law, show};
pub use chrome::chrome;
pub use diagnose::{Diagnoses, Diagnosis, Kind, diagnose};
pub use events::stalled;
pub use guard::Guard;
pub use health::Health;
pub use page::drawing;
pub use rates::{ClassRates, DomainRates, Rates, StageRates, WireRates, WorkerRates, rates};
pub use token::Token;
pub use watcher::{BYTES_PER_STAGE, INCIDENTS_KEPT, Incident, Look, STAGES_KEPT, TICK, Watcher};
