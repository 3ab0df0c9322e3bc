//! One connection of a server, without I/O: bytes and times go in, requests and replies come out.
//!
//! Knows no socket, no clock and no tag. The owner calls [`HttpConn::receive`] with what came,
//! then [`HttpConn::advance`] until it says `Wait`; gives replies to [`HttpConn::answer`] and
//! advances again; and calls [`HttpConn::timeout`] when [`HttpConn::deadline`] has passed.

mod answer;
mod bodies;
mod body;
mod busy;
mod chunked;
mod conn;
mod encode;
pub(crate) mod framing;
pub(crate) mod input;
mod intake;
mod patience;
mod pieces;
mod reader;
pub(crate) mod scan;
mod shared;
mod trail;

pub(crate) use bodies::Share;
pub use busy::RETRY_AFTER;
pub use conn::{HttpConn, Next};
pub use encode::{Answer, Chunks};
pub use shared::Shared;
pub(crate) use trail::{Entry, Extras, NEVER};
