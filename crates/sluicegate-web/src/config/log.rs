//! What is told of requests: the access log, their ids, and how long they took.
use super::complaint::{Complaint, Complaints};
use super::settings::{Node, Settings};
use super::value::show_bytes;
use crate::log::{Format, Limits, Target};
use sluicegate_http::IdSettings;

/// The access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What it is written to.
    pub target: Target,
    /// How its lines look.
    pub format: Format,
    /// A log that cannot keep up makes requests wait; otherwise lines are left out, or lost, and
    /// counted.
    pub waits: bool,
    /// When its file is ended, and how much all of its files may have.
    pub limits: Limits,
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

/// A budget without a size of files has room for so many.
const FILES: u64 = 8;
/// The settings of rotation.
const ROTATION: [&str; 3] = ["log.rotate_size", "log.rotate_age", "log.budget"];

pub(super) fn log(settings: &Settings, faults: &mut Complaints) -> Option<Log> {
    let s = &settings.top;
    if s.text("log.access").is_none_or(|access| matches!(&*access, "stdout" | "stderr")) {
        faults.0.extend(unrotated(settings));
    }
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
    Some(Log { target, format, waits, limits: limits(settings, faults) })
}

fn limits(settings: &Settings, faults: &mut Complaints) -> Limits {
    let s = &settings.top;
    let (size, budget) = (s.number("log.rotate_size"), s.number("log.budget"));
    if let (Some(size), Some(budget)) = (size, budget)
        && size > budget / 2
    {
        let what = format!(
            "`log.rotate_size` is {}, more than half of `log.budget`, {}: an old file would be \
             removed as soon as it is ended; accepted: a budget of twice the size or more",
            show_bytes(size),
            show_bytes(budget)
        );
        faults.0.push(Complaint::new(s.place_near("log.rotate_size").clone(), what));
    }
    let size = size.or(budget.map(|budget| budget / FILES));
    Limits { size, age: s.span("log.rotate_age"), budget }
}

/// The settings of rotation that were typed, where there is no file.
fn unrotated(settings: &Settings) -> impl Iterator<Item = Complaint> {
    ROTATION.into_iter().filter_map(|name| {
        let what = format!(
            "`{name}` is for a log in a file, and there is none; accepted: `log.access` with the \
             path of a file, or leave it out"
        );
        settings.place(name).map(|place| Complaint::new(place.clone(), what))
    })
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
