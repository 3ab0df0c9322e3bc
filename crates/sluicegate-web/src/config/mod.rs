//! What the program means to do, made from what the user typed and what the machine offers.
mod complaint;
mod compression;
mod keys;
mod log;
mod settings;
mod toml;
mod value;

pub use complaint::{Complaint, Place};
pub use keys::{KEYS, Key, Kind, Preset, ROUTE_KEYS, WORKERS_MAX, describe};
pub use log::{Log, RequestId};
pub use settings::Settings;
pub use value::show_bytes;

use crate::coding::Compression;
use rustix::process::{Resource, getrlimit};
use settings::Table;
use sluicegate_io::{Addr, Asked};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;
use value::Value;

/// A service, complete: every default is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the site is served; at least one.
    pub listen: Vec<Addr>,
    /// Where the net shows itself.
    pub admin: Addr,
    /// Whether that address was asked for: a default that is taken may move, this one may not.
    pub admin_asked: bool,
    /// Pinned threads.
    pub workers: u16,
    /// What moves the bytes.
    pub io: Asked,
    /// The directory that is served; none is the bundled demo site.
    pub root: Option<PathBuf>,
    /// Files that stand for their directory, first found.
    pub index: Vec<String>,
    /// How long a stop may take.
    pub drain: Duration,
    /// What a client may ask of a connection.
    pub limits: Limits,
    /// Bytes of files kept in memory.
    pub cache_budget: u64,
    /// A larger file is streamed, not kept; in bytes.
    pub stream_above: u64,
    /// What is sent coded.
    pub compression: Compression,
    /// Threads that may wait for the disk.
    pub pool_threads: usize,
    /// The access log, if there is one.
    pub log: Option<Log>,
    /// How requests are named, if they are.
    pub request_id: Option<RequestId>,
    /// Replies tell how long they took.
    pub server_timing: bool,
    /// Handlers mounted over the site.
    pub routes: Vec<Route>,
}

/// What a client may ask of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest head of a request, in bytes.
    pub head: usize,
    /// Most fields in a head.
    pub fields: usize,
    /// Longest body of a request, in bytes.
    pub body: u64,
    /// Bytes of bodies that each worker holds at once.
    pub bodies: u64,
    /// A head is complete this long after its first byte.
    pub head_time: Duration,
    /// An idle connection is closed after this.
    pub idle: Duration,
    /// Slowest body or reply, in bytes each second.
    pub rate: u64,
    /// When that rate begins to hold.
    pub rate_after: Duration,
    /// Most connections of each worker at once.
    pub connections: usize,
    /// Whether further connections are refused; else they wait.
    pub refuse_when_full: bool,
    /// Most connections of one client address, if there is a bound.
    pub per_address: Option<NonZeroU32>,
}

impl Limits {
    /// The same in the words of the protocol, which has further limits of its own.
    pub fn http(&self) -> sluicegate_http::Limits {
        sluicegate_http::Limits {
            head: self.head,
            line: self.head.min(sluicegate_http::Limits::default().line),
            fields: self.fields,
            body: self.body,
            // One body has room in any case.
            bodies: usize::try_from(self.bodies.max(self.body)).unwrap_or(usize::MAX),
            head_time: self.head_time,
            idle: self.idle,
            rate: self.rate,
            grace: self.rate_after,
            ..Default::default()
        }
    }
}

/// A handler mounted over the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path it answers for, with all below it.
    pub path: String,
    /// Which one.
    pub handler: Handler,
}

/// The built-in handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// Any method; the body comes back.
    Echo,
    /// `?us=N` microseconds of CPU on the worker itself.
    BurnInline,
    /// The same in the pool.
    BurnPool,
    /// `?ms=N` milliseconds; holds no thread.
    Sleep,
    /// The net as JSON.
    Net,
    /// Panics, so that the cost of a panic can be tested.
    Panic,
}

/// What the machine offers, for the defaults that are found at start.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// CPUs the process may use.
    pub cpus: usize,
    /// Bytes of memory the process may use.
    pub memory: u64,
    /// Files and sockets the process may have open.
    pub files: u64,
}

impl Machine {
    /// This machine, as far as this process may use it.
    pub fn found() -> Machine {
        // Respects the affinity of the process and the quota of its control group.
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Machine { cpus, memory: crate::memory::available(), files }
    }
}

/// The most connections of a worker where nothing else is asked for.
const CONNECTIONS: u64 = 100_000;
/// Of the files that may be open so many, or a quarter, are kept for what is served, for the admin
/// listener and for all else: without them a flood of connections would stop the disk too.
const OTHER_FILES: u64 = 1024;

/// The demo site also mounts these, so that its page can draw the net and make load.
const DEMO_ROUTES: [(&str, Handler); 4] = [
    ("/api/net", Handler::Net),
    ("/burn", Handler::BurnPool),
    ("/sleep", Handler::Sleep),
    ("/echo", Handler::Echo),
];

impl Config {
    /// Fills in what was not typed.
    ///
    /// # Errors
    /// What holds only between settings: a route without path or handler, or one given twice.
    pub fn new(settings: &Settings, machine: Machine) -> Result<Config, Complaint> {
        let s = Reader(settings);
        let root = s.text("root").map(|root| match settings.place("root") {
            Some(Place::File(..)) => settings.base.join(root),
            _ => PathBuf::from(root),
        });
        let workers = s.number("workers").unwrap_or(machine.cpus as u64).clamp(1, WORKERS_MAX);
        let mut routes = routes(settings)?;
        if root.is_none() {
            for (path, handler) in DEMO_ROUTES {
                if routes.iter().all(|route| route.path != path) {
                    routes.push(Route { path: path.to_owned(), handler });
                }
            }
        }
        Ok(Config {
            listen: s.texts("listen").iter().filter_map(|text| text.parse().ok()).collect(),
            admin: s.text("admin").and_then(|text| text.parse().ok()).unwrap_or(ANY_PORT),
            admin_asked: settings.place("admin").is_some(),
            workers: workers as u16,
            io: match s.text("io").as_deref() {
                Some("uring") => Asked::Uring,
                Some("epoll") => Asked::Epoll,
                _ => Asked::Auto,
            },
            root,
            index: s.texts("index"),
            drain: s.span("drain"),
            limits: s.limits(machine, workers),
            cache_budget: s.number("cache.budget").unwrap_or(crate::memory::share(machine.memory)),
            stream_above: s.number("cache.stream_above").unwrap_or(0),
            compression: compression::read(&s),
            pool_threads: s.number("pool.threads").unwrap_or(1) as usize,
            log: s.log(),
            request_id: s.request_id(),
            server_timing: s.flag("log.server_timing"),
            routes,
        })
    }
}

/// Any free port of the loopback device.
pub const ANY_PORT: Addr = Addr::Tcp(std::net::SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::LOCALHOST,
    0,
)));

/// Takes values out of settings, or their defaults.
struct Reader<'a>(&'a Settings);

impl Reader<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        settings::value(KEYS, &self.0.given, name)
    }

    fn number(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    fn span(&self, name: &str) -> Duration {
        match self.value(name) {
            Some(Value::Span(span)) => span,
            _ => Duration::ZERO,
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.value(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn texts(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::Texts(texts)) => texts,
            _ => Vec::new(),
        }
    }

    fn limits(&self, machine: Machine, workers: u64) -> Limits {
        let files = machine.files - (machine.files / 4).min(OTHER_FILES);
        let connections = (files / workers).clamp(1, CONNECTIONS);
        Limits {
            head: self.number("limits.head").unwrap_or(0) as usize,
            fields: self.number("limits.fields").unwrap_or(0) as usize,
            body: self.number("limits.body").unwrap_or(0),
            bodies: self.number("limits.bodies").unwrap_or(0),
            head_time: self.span("limits.head_time"),
            idle: self.span("limits.idle"),
            rate: self.number("limits.rate").unwrap_or(0),
            rate_after: self.span("limits.rate_after"),
            connections: self.number("limits.connections").unwrap_or(connections) as usize,
            refuse_when_full: self.text("limits.when_full").is_some_and(|word| word == "refuse"),
            per_address: self.number("limits.per_address").and_then(|n| {
                let most = u32::try_from(n).unwrap_or(u32::MAX);
                NonZeroU32::new(most)
            }),
        }
    }
}

fn routes(settings: &Settings) -> Result<Vec<Route>, Complaint> {
    let mut routes: Vec<Route> = Vec::new();
    for (table, place) in &settings.routes {
        let path = required(table, place, "path")?;
        let path = if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path };
        let handler = match (required(table, place, "handler")?.as_str(), word(table, "domain")) {
            ("echo", _) => Handler::Echo,
            ("burn", Some(domain)) if domain == "inline" => Handler::BurnInline,
            ("burn", _) => Handler::BurnPool,
            ("sleep", _) => Handler::Sleep,
            ("net", _) => Handler::Net,
            _ => Handler::Panic,
        };
        if let Some((_, place)) = table.get("domain")
            && !matches!(handler, Handler::BurnInline | Handler::BurnPool)
        {
            let what = "`domain` is for the handler \"burn\" alone; leave it out here";
            return Err(Complaint::new(place.clone(), what));
        }
        if routes.iter().any(|route| route.path == path) {
            let what = format!("the path \"{path}\" has a route already; one each is accepted");
            return Err(Complaint::new(place.clone(), what));
        }
        routes.push(Route { path, handler });
    }
    Ok(routes)
}

fn required(table: &Table, place: &Place, name: &str) -> Result<String, Complaint> {
    word(table, name).ok_or_else(|| {
        let accepts = settings::find(ROUTE_KEYS, name).kind.accepts();
        Complaint::new(place.clone(), format!("this route has no `{name}`; accepted: {accepts}"))
    })
}

fn word(table: &Table, name: &str) -> Option<String> {
    match settings::value(ROUTE_KEYS, table, name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
