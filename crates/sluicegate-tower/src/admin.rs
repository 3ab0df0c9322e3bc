//! What gates show and are asked, as a service that can be mounted anywhere.

use crate::gate::Gate;
use crate::shared::Shared;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use sluicegate::{Changed, Changes, Setting, Value};
use sluicegate_admin::metrics::{Page, put_build, put_gate};
use sluicegate_admin::model::{Net, Stage};
use sluicegate_admin::{
    Answer, Asked, Guard, Health, NotChanged, Seen, Steer, Token, answer, no_such_law,
};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// Shows gates, as the server's admin listener shows its own: a tower service over http.
///
/// | asked | answers |
/// |---|---|
/// | `GET /` | the dashboard: a page that shows all of this |
/// | `GET /api/net` | the gates as JSON |
/// | `GET /metrics` | the same for Prometheus and OpenMetrics |
/// | `GET /healthz`, `GET /readyz` | whether it is well, and whether it takes more |
/// | `GET /api/settings` | their settings, and what was changed |
/// | `POST /api/settings?PATH=NUMBER&by=NAME` | changes settings, if it [may](Self::changeable) |
/// | `POST /api/freeze?stage=S&law=L&frozen=true` | freezes a law, if it may |
///
/// ```
/// use axum::Router;
/// use sluicegate_tower::{Admin, Gate};
/// use std::time::Duration;
///
/// let gate = Gate::target(Duration::from_millis(50));
/// let admin = Admin::new().gate("search", &gate).changeable();
/// let app: Router = Router::new().layer(gate);
/// // To be served on an address of its own, such as 127.0.0.1:9900.
/// let admin: Router = Router::new().fallback_service(admin);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Admin {
    gates: Arc<Gates>,
}

#[derive(Clone, Debug, Default)]
struct Gates {
    named: Vec<(String, Arc<Shared>)>,
    changeable: bool,
    guard: Guard,
    changes: Arc<Changes>,
}

/// What is said to who would change something where nothing may be.
const FIXED: &str = "nothing may be changed here: see Admin::changeable";

impl Admin {
    /// Shows no gate yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows a gate too, by a name of its own: its place in `stages`, and what `stage` stands for
    /// where a law is frozen.
    ///
    /// # Panics
    /// If `name` is empty, taken, or has other characters than ASCII letters, digits, `-`, `_` and
    /// `.`: it has to stand in a query.
    #[must_use = "builder methods give the admin back"]
    pub fn gate<R, A>(mut self, name: &str, gate: &Gate<R, A>) -> Self {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(
            !name.is_empty() && name.bytes().all(fits),
            "{name:?} is no name for a gate: letters, digits, -, _ and . are"
        );
        let gates = Arc::make_mut(&mut self.gates);
        let taken = gates.named.iter().any(|(other, _)| other == name);
        assert!(!taken, "there is a gate {name:?} already: each needs a name of its own");
        gates.named.push((name.to_owned(), Arc::clone(&gate.shared)));
        self
    }

    /// Has settings changed, laws frozen and let go on by whoever asks for it, so that what this is
    /// mounted on had better listen on loopback alone. Only POST and PATCH change anything, and no
    /// page of another origin can have a browser do so.
    #[must_use = "builder methods give the admin back"]
    pub fn changeable(mut self) -> Self {
        Arc::make_mut(&mut self.gates).changeable = true;
        self
    }

    /// Answers those alone who bring this token, as `Authorization: Bearer TOKEN`, or as the
    /// password of Basic authentication with any user; but for `/healthz` and `/readyz`, which
    /// say a word to everybody.
    ///
    /// # Panics
    /// If it is no token: those have 16 to 512 visible ASCII characters.
    #[must_use = "builder methods give the admin back"]
    pub fn token(mut self, token: &str) -> Self {
        let token = Token::new(token).unwrap_or_else(|accepted| panic!("no token: {accepted}"));
        let gates = Arc::make_mut(&mut self.gates);
        gates.guard = std::mem::take(&mut gates.guard).with_token(token);
        self
    }

    /// Is also asked by this name, without a port. Others than addresses and `localhost` are
    /// refused: a name could be one that was made to lead here, so that a page of it may read all.
    #[must_use = "builder methods give the admin back"]
    pub fn host(mut self, name: &str) -> Self {
        let gates = Arc::make_mut(&mut self.gates);
        gates.guard = std::mem::take(&mut gates.guard).with_host(name);
        self
    }

    /// What `/api/net` answers: `stages`, with one object for each gate, in the order in which
    /// they were given.
    pub fn json(&self) -> String {
        self.gates.json()
    }
}

impl Gates {
    /// The gate whose setting has this path, by the settings of each; of a path that none has, the
    /// one that can say what is wrong with it. Names may have dots: the path does not tell alone.
    fn owner(&self, path: &str, settings: &[Vec<Setting>]) -> Option<usize> {
        let has = |own: &Vec<Setting>| own.iter().any(|setting| setting.path == path);
        settings.iter().position(has).or_else(|| {
            let path = path.strip_prefix("stages.")?;
            let owns = |name: &str| path.strip_prefix(name).is_some_and(|it| it.starts_with('.'));
            let those = (0..self.named.len()).filter(|n| owns(&self.named[*n].0));
            those.max_by_key(|n| self.named[*n].0.len())
        })
    }
}

impl Seen for Gates {
    fn json(&self) -> String {
        let stages = self.named.iter().map(|(name, gate)| Stage::of_gate(name, &gate.view()));
        let (name, stages) = ("gates".to_owned(), stages.collect());
        Net { name, stages, ..Net::default() }.to_json()
    }

    fn put_metrics(&self, page: &mut Page) {
        put_build(page);
        self.named.iter().for_each(|(name, gate)| put_gate(page, name, &gate.view()));
    }

    fn health(&self) -> Health {
        Health::of_gates(self.named.iter().map(|(name, gate)| (&**name, gate.view())))
    }

    fn guard(&self) -> &Guard {
        &self.guard
    }

    fn freeze(&self, by: &str, stage: &str, law: &str, frozen: bool) -> Result<(), NotChanged> {
        if !self.changeable {
            return Err(NotChanged::Forbidden(FIXED));
        }
        let gate = self.named.iter().find(|(name, _)| name == stage);
        if let Some((_, gate)) = gate
            && let view = gate.view()
            && let Some(vote) = view.admission.votes.iter().find(|vote| vote.law == law)
        {
            gate.set_frozen(law, frozen);
            let path = format!("stages.{stage}.gate.{law}.frozen");
            let told = (path, vote.frozen.to_string(), frozen.to_string());
            self.changes.note(view.at, by, [told]);
            return Ok(());
        }
        let views = self.named.iter().map(|(name, gate)| (name.as_str(), gate.view()));
        let there = views.flat_map(|(name, view)| {
            view.admission.votes.into_iter().map(move |vote| (name, vote.law))
        });
        Err(NotChanged::Unknown(no_such_law(stage, law, there)))
    }

    fn settings(&self) -> Vec<Setting> {
        self.named.iter().flat_map(|(name, gate)| gate.settings(name)).collect()
    }

    fn changes(&self) -> Vec<Changed> {
        self.changes.list()
    }

    fn change(&self, by: &str, changes: &[(&str, Value)]) -> Result<(), NotChanged> {
        if !self.changeable {
            return Err(NotChanged::Forbidden(FIXED));
        }
        let before: Vec<_> = self.named.iter().map(|(name, gate)| gate.settings(name)).collect();
        let mut parts = vec![Vec::new(); before.len()];
        for change in changes {
            let Some(owner) = self.owner(change.0, &before) else {
                let names: Vec<_> = self.named.iter().map(|(name, _)| &**name).collect();
                let what = "no setting was changed: a path begins with stages.NAME., with one of";
                return Err(NotChanged::Wrong(format!("{what} these: {}", names.join(", "))));
            };
            parts[owner].push(*change);
        }
        // A gate's settings stay what they are: what could be changed a moment ago still can.
        let each = || self.named.iter().zip(&parts);
        each().try_for_each(|((name, gate), changes)| gate.check(name, changes))?;
        each().try_for_each(|((name, gate), changes)| gate.set(name, changes))?;
        let after = self.settings();
        let told = before.iter().flatten().zip(&after).filter(|(before, after)| before != after);
        let told = told.map(|(before, after)| {
            (after.path.clone(), before.value.to_string(), after.value.to_string())
        });
        let at = self.named.first().map(|(_, gate)| gate.view().at);
        self.changes.note(at.unwrap_or_default(), by, told);
        Ok(())
    }

    fn steer(&self, _: &str, _: &str, _: Steer) -> Result<(), NotChanged> {
        Err(NotChanged::Forbidden("a gate is no stage of a net: it cannot be held still"))
    }
}

impl<B> Service<Request<B>> for Admin {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(response(answer(asked(&request), &*self.gates))))
    }
}

fn asked<B>(request: &Request<B>) -> Asked<'_> {
    let (uri, fields) = (request.uri(), request.headers());
    // HTTP/2 names the host in the target.
    let host = uri.authority().map(|authority| authority.as_str().as_bytes());
    Asked {
        method: request.method().as_str().as_bytes(),
        path: uri.path(),
        query: uri.query(),
        host: host.or_else(|| fields.get(HOST).map(HeaderValue::as_bytes)),
        origin: single(fields, ORIGIN),
        accept: fields.get(ACCEPT).map(HeaderValue::as_bytes),
        authorization: single(fields, AUTHORIZATION),
    }
}

/// A field; empty where it has several.
fn single(fields: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut all = fields.get_all(name).iter();
    let one = all.next()?.as_bytes();
    Some(if all.next().is_none() { one } else { b"" })
}

fn response(answer: Answer) -> Response<String> {
    let fields = answer.fields();
    let mut response = Response::new(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("an answer has a status");
    let head = response.headers_mut();
    head.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    head.extend(fields.map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the name of a field");
        (name, HeaderValue::from_static(value))
    }));
    response
}
