//! The access log: how its lines look, and the file that they go to.
mod file;
mod format;

pub use file::{LogFile, Target};
pub use format::{Format, Formatter};
