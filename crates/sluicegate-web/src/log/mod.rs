//! The access log: how its lines look, which are written, and the files that they go to.
mod counts;
mod disk;
#[cfg(test)]
mod fake_disk;
mod file;
mod format;
mod old;
mod sampler;
pub mod say;
mod writer;

pub use counts::Counts;
pub use file::{LogFile, Target};
pub use format::{Format, Formatter, Note};
pub use sampler::Sampler;
pub use writer::{Failed, Limits};
