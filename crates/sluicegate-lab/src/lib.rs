//! Load that can be trusted: a generator of requests that is itself a net of stages.
//!
//! A [`Plan`] says what is asked: [`Population`]s of clients, each in an open loop (arrivals come
//! when they come) or in a closed one (each user asks, waits, thinks), with its path, fields,
//! addresses, and what it does when it is refused. [`run`] carries it out and gives a [`Report`],
//! which says what became of each request in each second, and whether it can be believed.
//!
//! ```text
//!  timers ─> ┌────────┐  due   ┌────────┐ connect  ┌─────────┐
//!            │ arrive │ ─────> │ client │ ───────> │ connect │ ─> sockets
//!            └────────┘ <───── │        │ <─────── └─────────┘
//!                       done   │        │  write   ┌─────────┐
//!            ┌────────┐ heard  │        │ ───────> │  write  │ ─> sockets
//!  read ───> │ answer │ ─────> └────────┘          └─────────┘
//!            └────────┘
//! ```
//!
//! [`overload`] is the experiment that is made with it.
//!
//! Latency counts from the time when a request was *meant* to be sent: a server that stalls
//! cannot slow the generator down and so hide the requests that nobody answered meanwhile.
#![forbid(unsafe_code)]

mod arrivals;
mod ask;
mod net;
pub mod overload;
mod parser;
mod plan;
mod record;
mod report;
mod retry;
mod stages;

pub use arrivals::Arrivals;
pub use ask::{ASKS_MAX, Ask, SHARE_MAX};
pub use net::{RunError, SETTLE_MAX, net, run};
pub use parser::{Answer, BadAnswer, CHUNK_LINE_MAX, FIELDS_MAX, HEAD_MAX, Parser};
pub use plan::{
    ADDRESSES_MAX, BadPlan, CLIENTS_MAX, Connections, LAG_MAX, Load, PATH_MAX, POPULATIONS_MAX,
    Pick, Piece, Plan, Population, RATE_MAX, REQUESTS_MAX, ROWS_MAX, Rate, TRIES_MAX,
};
pub use record::{Histogram, Row};
pub use report::{Outcome, Report, Void};
pub use retry::{Budget, Retry};
pub use sluicegate::sim::Random;
