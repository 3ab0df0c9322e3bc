//! The generator's own stages, and what they say to each other.

mod answer;
mod arrive;
mod client;
mod request;
mod slots;
mod tally;

pub(crate) use answer::AnswerStage;
pub(crate) use arrive::ArriveStage;
pub(crate) use client::{ClientStage, connect_time};

use sluicegate::Time;
use sluicegate_io::Lease;

use crate::parser::{Answer, BadAnswer};

/// From `arrive` to `client`.
#[derive(Debug)]
pub(crate) enum Asking {
    /// The plan began.
    Began(Time),
    /// A request was due, and has the tag of a flow.
    Due(Due),
    /// One was due for which there was no room.
    Missed(Due),
    /// All requests are done and no more will come.
    Over,
}

/// A request of the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// Whose.
    pub population: u16,
    /// Which user's, in a closed loop.
    pub user: u32,
    /// When it was meant to be sent.
    pub at: Time,
}

/// From `client` to `arrive`, with the tag of the request: it is over, well or not.
#[derive(Debug)]
pub(crate) struct Done {
    pub population: u16,
    pub user: u32,
}

/// From `answer` to `client`.
#[derive(Debug)]
pub(crate) struct Heard {
    pub conn: Lease,
    /// The place of the connection.
    pub slot: u32,
    pub what: What,
}

/// What came from a connection.
#[derive(Debug)]
pub(crate) enum What {
    Answer(Answer),
    Bad(BadAnswer),
    /// It ended between answers.
    Closed,
}
