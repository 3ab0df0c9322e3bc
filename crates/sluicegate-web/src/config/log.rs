//! What is told of requests: the access log, their ids, and how long they took.
use super::settings::{Node, Settings};
use crate::log::{Format, Target};
use sluicegate_http::IdSettings;

/// The access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What it is written to.
    pub target: Target,
    /// How its lines look.
    pub format: Format,
    /// A log that cannot keep up makes requests wait; otherwise lines are lost and counted.
    pub waits: bool,
}

/// How requests are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// The field that has the id.
    pub field: String,
    /// A valid id that the client sent is kept.
    pub trust: bool,
}

/// The name of the field where only `true` was typed.
const FIELD: &str = "X-Request-Id";

impl RequestId {
    /// The same in the words of the protocol.
    pub fn http(&self) -> IdSettings {
        IdSettings { field: self.field.clone(), trust: self.trust }
    }
}

pub(super) fn log(settings: &Settings) -> Option<Log> {
    let s = &settings.top;
    let target = match s.text("log.access")?.as_str() {
        "stdout" => Target::Stdout,
        "stderr" => Target::Stderr,
        path => Target::File(settings.path(path, settings.place("log.access"))),
    };
    let format = match s.text("log.format").as_deref() {
        Some("common") => Format::Common,
        Some("json") => Format::Json,
        _ => Format::Combined,
    };
    let waits = s.text("log.when_full").as_deref() == Some("wait");
    Some(Log { target, format, waits })
}

pub(super) fn request_id(s: &Node) -> Option<RequestId> {
    let field = match s.text("log.request_id")?.as_str() {
        "false" => return None,
        "true" => FIELD.to_owned(),
        field => field.to_owned(),
    };
    Some(RequestId { field, trust: s.flag("log.trust_request_id").unwrap_or(false) })
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
