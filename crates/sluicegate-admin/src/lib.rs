//! What an admin listener answers, whoever serves it: nets and gates as JSON, their settings,
//! and what may be changed while they run.
//!
//! The server and the gates of tower services show the same fields under the same names, and are
//! asked for changes in the same way.
#![forbid(unsafe_code)]

mod answer;
mod guard;
mod health;
mod json;
pub mod metrics;
mod page;
mod query;
mod settings;
mod stages;
mod token;

pub use answer::{Answer, Asked, NotChanged, Seen, Steer, answer, no_such_law, show};
pub use guard::Guard;
pub use health::Health;
pub use json::{gate, net};
pub use page::drawing;
pub use token::Token;
