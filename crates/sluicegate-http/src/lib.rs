//! HTTP/1.1 without I/O, and the stage that speaks it.
//!
//! [`HttpConn`] is the machine of one connection: it turns received bytes into [`Exchange`]s and
//! their replies into pieces of output, strictly by RFC 9110 and RFC 9112. Handlers are stages
//! that take an exchange, set its [`Reply`], and send it back.
//!
//! A reply may be given in pieces, of known length or not ([`Body::Stream`], [`Body::Open`]), and a
//! body taken in pieces ([`InPieces`], [`BodyReader`]); a handler may also take the connection over
//! ([`Exchange::tunnel`]).
#![forbid(unsafe_code)]

pub mod coding;
pub mod conditional;
mod date;
mod deadline;
pub mod etag;
mod exchange;
mod head;
mod host;
mod id;
mod in_pieces;
mod journal;
mod limits;
mod line;
pub mod log;
mod machine;
mod method;
pub mod multipart;
mod pages;
pub mod range;
mod reader;
mod refusals;
mod reply;
mod stage;
mod status;
pub mod target;
mod traceparent;

pub use coding::Coding;
pub use date::WallClock;
pub use deadline::Deadlines;
pub use exchange::Exchange;
pub use head::Head;
pub use id::{ID_MAX, IdSettings};
pub use in_pieces::InPieces;
pub use limits::{
    BLOCK, CREDIT, FIELDS_MAX, HEAD_MAX, HELD_MAX, HOLD_TIME, Limits, SPARE_MAX, UNREAD_LEFT_MAX,
    UNREAD_MAX,
};
pub use machine::{Answer, Chunks, HttpConn, Next, RETRY_AFTER, Shared};
pub use method::{Method, Version};
pub use pages::Pages;
pub use reader::{BodyError, BodyReader};
pub use refusals::Refusals;
pub use reply::{Body, Reply, is_field_name, prebuild, unheard};
pub use stage::{HttpIn, HttpNodes, HttpOut, HttpOutlets, HttpServer, HttpStage, Settings};
pub use status::{Problem, is_bodiless, reason};
pub use traceparent::TraceParents;
