//! What an admin listener answers, whoever serves it: nets and gates as JSON, their settings,
//! and what may be changed while they run.
//!
//! The server and the gates of tower services show the same fields under the same names, and are
//! asked for changes in the same way. Whoever reads them back, live or recorded, finds them in
//! [`model`], what happened between two of them in [`rates`], and what is wrong in [`diagnose`].
#![forbid(unsafe_code)]

mod answer;
mod chrome;
mod diagnose;
mod events;
mod flows;
mod guard;
mod health;
mod json;
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
pub use json::{gate, net};
pub use page::drawing;
pub use rates::{DomainRates, Rates, StageRates, WireRates, WorkerRates, rates};
pub use token::Token;
pub use watcher::{BYTES_PER_STAGE, INCIDENTS_KEPT, Incident, Look, STAGES_KEPT, TICK, Watcher};
