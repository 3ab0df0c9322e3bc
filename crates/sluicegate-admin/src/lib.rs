//! What an admin listener answers, whoever serves it: nets and gates as JSON, and laws frozen.
//!
//! The server and the gates of tower services show the same fields under the same names, and are
//! asked for changes in the same way.
#![forbid(unsafe_code)]

mod answer;
mod json;
mod origin;

pub use answer::{Answer, Asked, Seen, answer, no_such_law, show};
pub use json::{gate, net};
