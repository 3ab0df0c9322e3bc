//! Serving an app: the whole server, with the app as its handler.

mod app;
mod body;
mod describe;
mod inside;
mod listen;
mod pipe;
mod reply;
mod request;
mod upgrade;

pub use body::Body;
pub use listen::Listen;

use crate::BoxError;
use crate::describe::Describe;
use app::{Serviced, Told};
use http::request::Parts;
use http::{Request, Response};
use request::Who;
use sluicegate::Concurrency;
use sluicegate_io::Asked;
use sluicegate_web::{Addr, AppRoute, Brought, Config, Machine, Served, Service, Settings};
use std::future::{IntoFuture, pending};
use std::hash::Hash;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long answers may take after a stop was asked for, unless that is said: what orchestrators
/// mostly wait.
const DRAIN_TIME: Duration = Duration::from_secs(30);
/// Requests that each worker may have in hand, with and without a target.
const MOST: usize = 16 * 1024;
const MOST_GATED: usize = 4096;
/// How many that are in the beginning where there is a target.
const START: usize = 8;

/// Serves an app, such as an axum `Router`, in the place of `axum::serve`.
///
/// ```no_run
/// # async fn main_() -> std::io::Result<()> {
/// # let app = axum::Router::new();
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// sluicegate_tower::serve(listener, app).await
/// # }
/// ```
///
/// The service is any over `http` types that can be cloned: it is cloned for each worker and each
/// request. Its futures are polled on the worker that has the connection, in the runtime in which
/// `serve` was called; so they need not be `Send`, and `tokio::spawn`, timers and what builds on
/// them work as ever. An error of the service is answered 500.
///
/// Without anything said, there is a worker for each processor, HTTP/1.1, no files, no log, no
/// admin listener, and no gate: [`target`](Serve::target) makes one.
pub fn serve<S, B>(listen: impl Into<Listen>, service: S) -> Serve<S>
where
    S: tower_service::Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    Serve {
        listen: listen.into(),
        service,
        source: Source::Nothing,
        typed: Vec::new(),
        route: AppRoute::default(),
        places: None,
        describe: Describe::default(),
        told: Told { who: Who::Untold, traceparent: false },
        stop: Box::pin(pending()),
    }
}

/// An app to be served, from [`serve`]. Await it, or [`start`](Self::start) it.
#[must_use = "nothing is served until it is awaited or started"]
pub struct Serve<S> {
    listen: Listen,
    service: S,
    source: Source,
    /// Settings that code gives, by key, method and value.
    typed: Vec<(&'static str, &'static str, String)>,
    route: AppRoute,
    places: Option<Concurrency>,
    describe: Describe<Parts>,
    told: Told,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Where further settings come from.
enum Source {
    Nothing,
    File(PathBuf),
    Text(String),
}

impl<S> Serve<S> {
    /// 99 of 100 requests that are let in shall be answered within `target`; the rest is refused at
    /// once, with 503, or 429 to clients that ask for far more than the others. It should be
    /// several times what a request takes when there is nothing else to do.
    ///
    /// Clients are told apart by their addresses, unless [`client`](Self::client) or the settings
    /// say otherwise.
    pub fn target(mut self, target: Duration) -> Self {
        self.route.target = Some(target);
        self
    }

    /// The class of each request, where there is a target: the higher goes first, and pushes the
    /// lower out when there is too much.
    pub fn class(mut self, class: impl Fn(&Parts) -> u8 + Send + Sync + 'static) -> Self {
        self.describe.set_class(class);
        self
    }

    /// Who asks, if it is known, where there is a target: clients of a class get equal time. Those
    /// without a name share as one client.
    ///
    /// Names are hashed with a seed of this process: two of 65,535 may be taken for one.
    pub fn client<K: Hash>(
        mut self,
        client: impl Fn(&Parts) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        self.describe.set_client(client);
        self
    }

    /// For how long the answer is worth waiting for, if that is known: what takes longer is
    /// answered 504, and its future dropped.
    pub fn deadline(
        mut self,
        deadline: impl Fn(&Parts) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.describe.set_deadline(deadline);
        self
    }

    /// Tells the service who asks, in the extensions of each request: as `ConnectInfo<SocketAddr>`,
    /// for extractors of axum, or as a [`Peer`](crate::Peer) where the client has no address or the
    /// feature `axum` is off. It costs a tenth of what a small answer costs.
    pub fn with_connect_info(mut self) -> Self {
        self.told.who = Who::Told;
        self
    }

    /// Tells the service, in the extensions of each request, what to send as `traceparent` to
    /// others whom it asks for its sake, as a [`TraceParent`](crate::TraceParent): so that what
    /// they do is part of the same trace, under the span that is shown for the request. Where the
    /// request has no such field, or none that can be read, a trace begins. It costs as much as to
    /// tell who asks.
    ///
    /// The field of the request itself stays as it came, and so does `tracestate`, which is to be
    /// passed on as it is where the trace is the request's: a tracing library in the app makes
    /// spans of its own under whoever asked, and these hang together whether or not a collector
    /// ever hears of the span of the server.
    ///
    /// ```
    /// use axum::{Extension, Router, routing::get};
    /// use sluicegate_tower::TraceParent;
    ///
    /// async fn handler(Extension(trace): Extension<TraceParent>) -> String {
    ///     // let answer = client.get(url).header("traceparent", trace.to_string())...
    ///     trace.to_string()
    /// }
    /// let app: Router = Router::new().route("/", get(handler));
    /// let at = std::net::SocketAddr::from(([127, 0, 0, 1], 3000));
    /// let served = sluicegate_tower::serve(at, app).with_traceparent();
    /// ```
    pub fn with_traceparent(mut self) -> Self {
        self.told.traceparent = true;
        self
    }

    /// How many requests each worker has in hand at once: `64`, or as many of `8..=512` as help,
    /// which is found where there is a target. Others wait.
    ///
    /// Unless this is said 16,384; with a target as many as help, of 4,096. A request is in hand
    /// until the head of its response is there.
    pub fn concurrency(mut self, places: impl Into<Concurrency>) -> Self {
        self.places = Some(places.into());
        self
    }

    /// How many workers there are: threads that have their connections and the app's futures to
    /// themselves. One for each processor, unless this is said.
    pub fn workers(self, workers: usize) -> Self {
        self.set("workers", "workers()", workers.to_string())
    }

    /// What moves the bytes: io_uring where it works and epoll elsewhere, unless this is said.
    pub fn io(self, io: Asked) -> Self {
        self.set("io", "io()", io.name().to_owned())
    }

    /// Shows the net, its queues and gates as a page and as JSON (`/api/net`) at an address of its
    /// own, which should be one that only the operator reaches.
    pub fn admin(self, addr: SocketAddr) -> Self {
        self.set("admin", "admin()", addr.to_string())
    }

    /// The file with the token that is asked for there: it has to be, unless the address is a
    /// loopback one.
    pub fn admin_token_file(self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().display().to_string();
        self.set("admin_token_file", "admin_token_file()", path)
    }

    /// Sends the flows that are kept to a collector, as spans by OTLP over HTTP: to an address such
    /// as `http://127.0.0.1:4318`, and there to `/v1/traces`. The service is named `service`. Only
    /// with the feature `otlp`; without it the start fails. What the variables of OpenTelemetry say
    /// is not read here.
    pub fn otlp(self, endpoint: &str, service: &str) -> Self {
        let endpoint = self.set("otlp.endpoint", "otlp()", endpoint.to_owned());
        endpoint.set("otlp.service", "otlp()", service.to_owned())
    }

    /// Further settings, from a TOML file: files beside the app, rules, limits, a log; what the app
    /// is asked for is `[[route]]` with `handler = "app"`, all paths unless there is one. What is
    /// said by the other methods goes before.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Source::File(path.into());
        self
    }

    /// The same from text.
    pub fn config(mut self, toml: impl Into<String>) -> Self {
        self.source = Source::Text(toml.into());
        self
    }

    /// Stops when `signal` is over: no connections are accepted any more, what was begun is
    /// answered, idle connections are closed.
    pub fn with_graceful_shutdown(
        mut self,
        signal: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.stop = Box::pin(signal);
        self
    }

    /// How long answers may take after that, and connections that were upgraded may go on: 30 s
    /// unless this is said. What is not over by then is cut off.
    pub fn drain_time(self, time: Duration) -> Self {
        self.set("drain", "drain_time()", format!("{}ms", time.as_millis()))
    }

    fn set(mut self, key: &'static str, method: &'static str, value: String) -> Self {
        self.typed.push((key, method, value));
        self
    }

    /// The whole configuration.
    fn settled(&self) -> io::Result<Config> {
        let mut settings = match &self.source {
            Source::Nothing => Settings::default(),
            Source::File(path) => Settings::from_file(path).map_err(invalid)?,
            Source::Text(text) => Settings::from_toml("config()", text).map_err(invalid)?,
        };
        for (key, method, value) in &self.typed {
            settings.set(key, method, std::slice::from_ref(value)).map_err(invalid)?;
        }
        let mut config =
            Config::for_app(&settings, Machine::found(), self.route).map_err(invalid)?;
        if settings.place("drain").is_none() {
            config.drain = DRAIN_TIME;
        }
        let gated = config.target(sluicegate_web::Handler::App).is_some();
        if let (false, Some(method)) = (gated, self.describe.wants_target()) {
            return Err(invalid(format!(
                "{method}() says who goes first where a target bounds what waits, and there is \
                 none; accepted: with target(), or a `target` for the route"
            )));
        }
        Ok(config)
    }
}

impl<S, B> Serve<S>
where
    S: tower_service::Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: 'static,
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Starts serving, for programs that want to know where, or what was served. The signal of a
    /// graceful shutdown is of no meaning here.
    ///
    /// # Errors
    /// Settings or listeners that cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> io::Result<Serving> {
        let config = self.settled()?;
        let gated = config.target(sluicegate_web::Handler::App).is_some();
        let places = self.places.unwrap_or_else(|| match gated {
            true => Concurrency::from(1..=MOST_GATED).starting_at(START),
            false => MOST.into(),
        });
        let runtime = Handle::current();
        let app = Serviced::new(self.service, runtime, self.describe, places, self.told);
        let listeners = vec![self.listen.bound()?];
        let brought = Brought { app: Some(Arc::new(app)), listeners };
        let service = Service::start_with(&config, brought).map_err(invalid)?;
        Ok(Serving { service, drain: config.drain })
    }
}

impl<S, B> IntoFuture for Serve<S>
where
    S: tower_service::Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: 'static,
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let stop = std::mem::replace(&mut self.stop, Box::pin(pending()));
            let serving = self.start()?;
            stop.await;
            serving.drain().await?;
            Ok(())
        })
    }
}

/// An app that is being served. Dropping it ends that at once.
pub struct Serving {
    service: Service,
    drain: Duration,
}

impl Serving {
    /// Where it is served.
    pub fn listening(&self) -> Vec<Addr> {
        self.service.listening()
    }

    /// Where the net shows itself, if it does.
    pub fn admin(&self) -> Option<&Addr> {
        self.service.admin()
    }

    /// Takes nothing new, answers what was begun, for as long as a stop may take, and ends.
    ///
    /// # Errors
    /// When the runtime ends meanwhile.
    pub async fn drain(self) -> io::Result<Served> {
        let Self { service, drain } = self;
        tokio::task::spawn_blocking(move || service.drain(drain)).await.map_err(io::Error::other)
    }
}

impl<S> std::fmt::Debug for Serve<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("listening", &self.listening()).finish_non_exhaustive()
    }
}

fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
}
