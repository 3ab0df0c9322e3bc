//! Questions to an admin listener and what it answers, without a server around.

use crate::guard::Guard;
use crate::health::{self, Health};
use crate::metrics::{self, Page};
use crate::model::Flows;
use crate::query::value;
use crate::token::credentials;
use crate::watcher::Watcher;
use crate::{events, flows, lately, page, settings, stages};
use serde_json::json;
use sluicegate::{Changed, Setting, SettingFaults, StageError, Value};
use std::sync::Mutex;

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENTS: &str = "text/event-stream";
const TEXT: &str = "text/plain; charset=utf-8";

/// A request, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Its method, such as `GET`.
    pub method: &'a [u8],
    /// Its path, such as `/api/net`, without escapes.
    pub path: &'a str,
    /// What follows the `?`.
    pub query: Option<&'a str>,
    /// The host that was asked, perhaps with a port.
    pub host: Option<&'a [u8]>,
    /// Its field `Origin`; empty where it has several.
    pub origin: Option<&'a [u8]>,
    /// Its field `Accept`, if it has one.
    pub accept: Option<&'a [u8]>,
    /// Its field `Authorization`; empty where it has several.
    pub authorization: Option<&'a [u8]>,
}

impl Asked<'_> {
    /// Who asks, as far as they say, by `by` in the query or as the user of Basic authentication:
    /// nobody checks it.
    pub(crate) fn by(&self) -> String {
        let said = self.query.and_then(|query| value(query, "by"));
        let user = || self.authorization.and_then(credentials)?.user;
        said.or_else(user).unwrap_or_else(|| "admin".to_owned())
    }
}

/// What it is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The methods that are allowed, for the field `Allow` of a 405.
    pub allow: Option<&'static str>,
    /// How to log in, for the field `WWW-Authenticate` of a 401.
    pub challenge: Option<&'static str>,
    /// What caches may do with it, for the field `Cache-Control`: what is shown is of this moment.
    pub cache: Option<&'static str>,
    /// The body.
    pub body: String,
}

/// What an admin listener shows and changes.
pub trait Seen {
    /// What runs, as [`Net::to_json`](crate::model::Net::to_json) gives it.
    fn json(&self) -> String;

    /// Puts what runs onto a page of metrics.
    fn put_metrics(&self, page: &mut Page);

    /// How well it is.
    fn health(&self) -> Health;

    /// Who may ask.
    fn guard(&self) -> &Guard {
        static OPEN: Guard = Guard::OPEN;
        &OPEN
    }

    /// Is told that something was changed.
    fn changed(&self) {}

    /// Freezes a law of a stage, or lets it go on.
    ///
    /// # Errors
    /// Why it does not; [what there is](no_such_law), where the law is not.
    fn freeze(&self, by: &str, stage: &str, law: &str, frozen: bool) -> Result<(), NotChanged>;

    /// The settings and their values now.
    fn settings(&self) -> Vec<Setting>;

    /// What was changed lately, oldest first.
    fn changes(&self) -> Vec<Changed>;

    /// Changes all of these settings, or none.
    ///
    /// # Errors
    /// Why none was changed.
    fn change(&self, by: &str, changes: &[(&str, Value)]) -> Result<(), NotChanged>;

    /// Has a stage do this.
    ///
    /// # Errors
    /// Why it does not.
    fn steer(&self, by: &str, stage: &str, how: Steer) -> Result<(), NotChanged>;

    /// The flows that are kept, where any could be.
    fn flows(&self) -> Option<Flows> {
        None
    }

    /// What was seen lately, where somebody looks once a [`TICK`](crate::TICK). Who gives this also
    /// answers `/api/live` in pieces: see [`Answer::is_live`].
    fn watcher(&self) -> Option<&Mutex<Watcher>> {
        None
    }
}

/// What a stage can be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// To handle nothing any more.
    Pause,
    /// To handle one batch, while it is paused.
    Step,
    /// To go on.
    Resume,
}

/// Why nothing was changed.
#[derive(Clone, Debug)]
pub enum NotChanged {
    /// It may not be changed here; what would have to be otherwise.
    Forbidden(&'static str),
    /// What is wrong with what was asked for.
    Wrong(String),
    /// What is named is not there; what is.
    Unknown(String),
    /// It cannot be done now, and why.
    Conflict(String),
}

impl NotChanged {
    pub(crate) fn answer(self) -> Answer {
        let (status, what) = match self {
            Self::Forbidden(what) => (403, what.to_owned()),
            Self::Wrong(what) => (400, what),
            Self::Unknown(what) => (404, what),
            Self::Conflict(what) => (409, what),
        };
        Answer::text(status, what + "\n")
    }
}

impl From<StageError> for NotChanged {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Unknown { .. } => Self::Unknown(error.to_string()),
            _ => Self::Conflict(error.to_string()),
        }
    }
}

impl From<SettingFaults> for NotChanged {
    fn from(faults: SettingFaults) -> Self {
        Self::Wrong(faults.to_string())
    }
}

/// Answers whatever an admin listener is asked.
pub fn answer(asked: Asked<'_>, seen: &impl Seen) -> Answer {
    // Before any route, so that none can forget it.
    let guard = seen.guard();
    if let Err(refused) = guard.check_host(asked.host) {
        return refused;
    }
    let admitted = guard.admits(asked.authorization);
    if health::is_one(asked.path) {
        return health::answer(asked, || seen.health(), admitted);
    }
    if !admitted {
        return Answer::not_admitted();
    }
    if !is_read(asked.method) && !guard.is_own(asked.host, asked.origin) {
        let what = "pages of other origins change nothing here; accepted: no Origin, or the \
                    listener's own, by its IP address, as localhost or by a name that it is \
                    given\n";
        return Answer::text(403, what);
    }
    match asked.path {
        "/api/net" => show(asked.method, || seen.json()),
        "/metrics" => metrics::answer(asked, seen),
        "/api/freeze" => freeze(asked, seen),
        path if lately::is_one(path) => lately::answer(asked, seen),
        path if flows::is_one(path) => flows::answer(asked, seen),
        "/api/settings" => settings::answer(asked, seen),
        path if stages::is_one(path) => stages::answer(asked, seen),
        path => match page::file(path) {
            Some((media, text)) if is_read(asked.method) => Answer::new(200, media, text),
            Some(_) => Answer::not_allowed("GET, HEAD"),
            None => Answer::text(404, NOWHERE),
        },
    }
}

const NOWHERE: &str = "nothing is here; there are: /, /metrics, /healthz, /readyz, /api/net, \
                       /api/live, /api/history, /api/incidents, /api/flows, /api/settings, \
                       /api/freeze and /api/stages/NAME/pause, step or resume\n";

/// Shows JSON to who only reads.
pub fn show(method: &[u8], json: impl FnOnce() -> String) -> Answer {
    match is_read(method) {
        true => Answer::new(200, JSON, json()),
        false => Answer::not_allowed("GET, HEAD"),
    }
}

/// What is said where a stage has no such law; `there` are the stages and laws that are.
pub fn no_such_law<'a>(
    stage: &str,
    law: &str,
    there: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let there: Vec<_> = there.map(|(stage, law)| format!("stage={stage}&law={law}")).collect();
    let there = if there.is_empty() { "none at all".to_owned() } else { there.join(", ") };
    format!("no stage {stage:?} has a law {law:?}; accepted: {there}")
}

pub(crate) fn is_read(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD")
}

/// Answers `POST /api/freeze?stage=S&law=L&frozen=true`, which has then been done.
fn freeze(asked: Asked<'_>, seen: &impl Seen) -> Answer {
    if asked.method != b"POST" {
        return Answer::not_allowed("POST");
    }
    let query = asked.query.unwrap_or_default();
    let Some((stage, law, frozen)) = change(query) else {
        let what = "accepted: ?stage=S&law=L&frozen=true, or frozen=false, with names from \
                    /api/net\n";
        return Answer::text(400, what);
    };
    let by = asked.by();
    match seen.freeze(&by, &stage, &law, frozen) {
        Ok(()) => {
            seen.changed();
            events::frozen(&by, &stage, &law, frozen);
            Answer::json(&json!({ "stage": stage, "law": law, "frozen": frozen }))
        }
        Err(why) => why.answer(),
    }
}

/// Which law of which stage is to be frozen, or not to be.
fn change(query: &str) -> Option<(String, String, bool)> {
    let frozen = value(query, "frozen")?.parse().ok()?;
    Some((value(query, "stage")?, value(query, "law")?, frozen))
}

/// What browsers are to do with all that is answered: run nothing but the listener's own files,
/// tell nobody of it, and show it in no other page.
const SAFE: [(&str, &str); 4] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

impl Answer {
    /// The fields of its head, beside type and length of the body.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let own = [
            ("Allow", self.allow),
            ("WWW-Authenticate", self.challenge),
            ("Cache-Control", self.cache),
        ];
        own.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(SAFE)
    }

    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::new(status, TEXT, body)
    }

    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::new(200, JSON, body.to_string())
    }

    /// Whether the body is the beginning of a stream of events, which goes on with what
    /// [`Watcher::look`] gives once a tick, for as long as somebody reads it.
    pub fn is_live(&self) -> bool {
        self.content_type == EVENTS
    }

    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        let cache = (status == 200).then_some("no-store");
        Self { status, content_type, allow: None, challenge: None, cache, body: body.into() }
    }

    fn not_admitted() -> Self {
        let body = "this listener asks for its token; accepted: Authorization: Bearer TOKEN, or \
                    Basic with any user and the token as the password\n";
        let challenge = Some("Basic realm=\"sluicegate admin\", charset=\"UTF-8\"");
        Self { challenge, ..Self::text(401, body) }
    }

    pub(crate) fn not_allowed(methods: &'static str) -> Self {
        let body = format!("only {methods} are answered here\n");
        Self { allow: Some(methods), ..Self::text(405, body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::double::{Double, ask};

    #[test]
    fn a_post_changes_what_it_names_and_nothing_else_does() {
        let one = Double::default();
        for (method, target, status) in [
            ("GET", "/api/freeze?stage=a&law=b&frozen=true", 405),
            ("HEAD", "/api/freeze?stage=a&law=b&frozen=true", 405),
            ("POST", "/api/net?stage=a&law=b&frozen=true", 405),
            ("POST", "/", 405),
            ("POST", "/api", 404),
            ("POST", "/api/freeze", 400),
            ("POST", "/api/freeze?", 400),
            ("POST", "/api/freeze?stage=a&law=b", 400),
            ("POST", "/api/freeze?stage=a&law=b&frozen=1", 400),
            ("POST", "/api/freeze?stage=a&frozen=true", 400),
            ("POST", "/api/freeze?stage=a&law=c&frozen=true", 404),
            ("GET", "/api/stages/a/b/pause?by=anna", 405),
            ("HEAD", "/api/stages/a/b/pause?by=anna", 405),
            ("POST", "/api/stages/a/b/pause?by=ben", 403),
            ("POST", "/api/stages/a/b/stop?by=anna", 404),
            ("POST", "/api/stages/a/b?by=anna", 404),
            ("POST", "/api/stages/c/pause?by=anna", 404),
            ("POST", "/api/stages//pause?by=anna", 404),
            ("POST", "/api/stages/a/b/step?by=anna", 409),
            ("POST", "/api/stages/a/b/resume?by=anna", 409),
        ] {
            assert_eq!(answer(ask(method, target), &one).status, status, "{method} {target}");
        }
        for target in [
            "/api/freeze?stage=a&law=b&frozen=true",
            "/api/settings?a=1",
            "/api/stages/a/b/pause?by=anna",
            "/whatever-may-be-here-later",
        ] {
            for origin in [&b"null"[..], b"http://evil.example"] {
                let foreign = Asked { origin: Some(origin), ..ask("POST", target) };
                assert_eq!(answer(foreign, &one).status, 403, "{target}");
                let reads = Asked { method: b"GET", ..foreign };
                assert_ne!(answer(reads, &one).status, 403, "{target}");
            }
        }
        assert!(!one.held.get(), "all that was in vain");
        let done = answer(ask("POST", "/api/freeze?x=y&frozen=true&law=b&stage=a"), &one);
        assert_eq!((done.status, one.held.get()), (200, true));
        assert_eq!(answer(ask("GET", "/api/net"), &one).body, r#"{"held":true}"#);
        let two = Double::default();
        let done = answer(ask("POST", "/api/stages/a/b/pause?by=anna"), &two);
        assert_eq!((done.status, two.held.get()), (200, true));
        assert_eq!(done.body, r#"{"stage":"a/b","done":"pause"}"#);
    }

    #[test]
    fn who_names_no_law_is_told_which_there_are() {
        let told = answer(ask("POST", "/api/freeze?stage=x&law=y&frozen=true"), &Double::default());
        assert!(told.body.contains("accepted: stage=a&law=b"), "{}", told.body);
        assert!(no_such_law("x", "y", std::iter::empty()).ends_with("accepted: none at all"));
    }
}
