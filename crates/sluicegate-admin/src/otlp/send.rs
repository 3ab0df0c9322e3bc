//! One request to a collector, and what its answer means.

use super::Export;
use serde_json::Value;
use std::time::Duration;
use ureq::http::header::RETRY_AFTER;
use ureq::{Agent, Body, http};

/// How long it may take to connect, and the whole with its answer.
const CONNECT: Duration = Duration::from_secs(3);
const WHOLE: Duration = Duration::from_secs(10);
/// The longest answer that is read, and what is told of it.
const ANSWER_MAX: u64 = 64 << 10;
const TOLD_MAX: usize = 200;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It was taken, but for so many spans, for which the collector may have said why.
    Taken { rejected: u64, why: String },
    /// It may be sent again, when the collector asks for it.
    Later { why: String, after: Option<Duration> },
    /// It will not be taken however often it is sent.
    Refused { why: String },
}

#[derive(Debug)]
pub(super) struct Sender {
    agent: Agent,
    url: String,
}

impl Sender {
    pub fn new(export: &Export) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            // One request a second at most: a connection that rests may be gone.
            .max_idle_connections(0)
            .user_agent(concat!("sluicegate/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE));
        Self { agent: config.build().new_agent(), url: export.url().to_owned() }
    }

    /// Sends this and waits for the answer.
    pub fn send(&self, request: &Value) -> Sent {
        let to = self.agent.post(&self.url).content_type("application/json");
        match to.send(request.to_string()) {
            Ok(answer) => judge(answer),
            // Who was not reached, was too slow or did not speak HTTP may be better next time.
            Err(error) => Sent::Later { why: error.to_string(), after: None },
        }
    }
}

/// What an answer means, by the rules of OTLP: which may be sent again is written there.
fn judge(mut answer: http::Response<Body>) -> Sent {
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let after = after.and_then(|secs| secs.trim().parse().ok()).map(Duration::from_secs);
    let body = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_vec();
    if status.is_success() {
        // It was taken, whatever is wrong with the rest of the answer.
        return taken(&body.unwrap_or_default());
    }
    let why = match body {
        Ok(body) => format!("it answers {status}: {}", told(&body)),
        Err(_) => format!("it answers {status}"),
    };
    match status.as_u16() {
        429 | 502 | 503 | 504 => Sent::Later { why, after },
        _ => Sent::Refused { why },
    }
}

/// How much was taken; all of it where that is not told.
fn taken(body: &[u8]) -> Sent {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let partly = &body["partialSuccess"];
    let rejected = &partly["rejectedSpans"];
    let digits = || rejected.as_str().and_then(|digits| digits.parse().ok());
    let rejected = rejected.as_u64().or_else(digits).unwrap_or_default();
    let why = partly["errorMessage"].as_str().unwrap_or_default();
    Sent::Taken { rejected, why: told(why.as_bytes()) }
}

/// The beginning of what a collector says, on one line.
fn told(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(TOLD_MAX).collect()
}
