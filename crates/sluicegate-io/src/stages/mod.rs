//! The stages that move bytes: accept, connect, read and write, and how they come into a net.

mod accept;
mod connect;
mod read;
mod tcp;
mod write;

pub use accept::AcceptStage;
pub use connect::{ConnectOut, ConnectStage};
pub use read::ReadStage;
pub use tcp::{Dialed, Options, Served, dial, serve};
pub use write::WriteStage;

/// The input of a stage that listens to nothing but signals: there is no such event.
#[derive(Debug)]
pub enum Never {}
