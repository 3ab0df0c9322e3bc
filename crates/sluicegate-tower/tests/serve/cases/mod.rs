//! The cases.

pub mod bodies;
pub mod ends;
pub mod files;
pub mod plain;
pub mod streams;
pub mod upgrades;
