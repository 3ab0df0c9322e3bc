//! What the program means to do, made from what the user typed and what the machine offers.
mod admin;
mod classes;
mod complaint;
mod compression;
mod explain;
mod key;
mod keys;
mod log;
mod otlp;
mod resources;
mod routes;
mod schema;
mod settings;
mod sites;
mod toml;
mod value;

pub use complaint::{Complaint, Complaints, Place};
pub use explain::explain;
pub use key::{Group, Key, Kind, Preset, each};
pub use keys::{FILE, WORKERS_MAX, describe};
pub use log::{Log, RequestId};
pub use routes::{AppRoute, Handler, Route};
pub use schema::schema;
pub use settings::Settings;
pub use sites::{Access, RuleConfig, SiteConfig};
pub use value::show_bytes;

use crate::rules::Classifier;
use rustix::process::{Resource, getrlimit};
use settings::Node;
use sluicegate::Threads;
use sluicegate_admin::otlp::Export;
use sluicegate_files::{Compression, Order};
use sluicegate_io::resources::Budget;
use sluicegate_io::{Addr, Asked, Cpus, DIRECT_SPARE};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// A service, complete: every default is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the site is served; at least one.
    pub listen: Vec<Addr>,
    /// Where the net shows itself, if it does.
    pub admin: Option<Addr>,
    /// Whether that address was asked for: a default that is taken may move, this one may not.
    pub admin_asked: bool,
    /// The file with the token that is asked for there.
    pub admin_token: Option<PathBuf>,
    /// Names by which it is asked.
    pub admin_hosts: Vec<String>,
    /// Pinned threads.
    pub workers: u16,
    /// What they keep to, one each in turn; the system moves them where there is none.
    pub cpus: Option<Cpus>,
    /// What moves the bytes.
    pub io: Asked,
    /// Connections take no open files of the process, but places of io_uring.
    pub direct: bool,
    /// What is served to all hosts that have no site of their own.
    pub site: SiteConfig,
    /// What is served to some hosts.
    pub hosts: Vec<SiteConfig>,
    /// Whether other hosts are refused.
    pub strict_hosts: bool,
    /// How long a stop may take.
    pub drain: Duration,
    /// What a client may ask of a connection.
    pub limits: Limits,
    /// Bytes of files and volumes kept in memory.
    pub cache_budget: u64,
    /// Where the names of what is hot in volumes are written, if they are.
    pub hot_list: Option<PathBuf>,
    /// Whether the memory of volumes is registered with io_uring.
    pub registered: bool,
    /// A larger file is streamed, not kept; in bytes.
    pub stream_above: u64,
    /// What is sent coded.
    pub compression: Compression,
    /// Threads that may wait for the disk.
    pub pool_threads: Threads,
    /// Threads for handlers in a pool.
    pub pool_handlers: Threads,
    /// Fields by which clients say how long they wait.
    pub deadline_headers: Vec<String>,
    /// The access log, if there is one.
    pub log: Option<Log>,
    /// How requests are named, if they are.
    pub request_id: Option<RequestId>,
    /// Replies tell how long they took.
    pub server_timing: bool,
    /// Where kept flows are sent, if they are.
    pub otlp: Option<Export>,
    /// Handlers mounted over the site.
    pub routes: Vec<Route>,
    /// What the gates of routes with a target heed beside it; nothing where there are none.
    pub resources: Vec<Budget>,
    /// What is watched beside that, and told to stages and to who looks.
    pub signals: Vec<Budget>,
    /// Who is more or less important than a route says; the first that is for a request counts.
    pub classes: Vec<Classifier>,
}

impl Config {
    /// The settings that differ in another configuration and are settled when a service starts.
    pub fn fixed_at_start(&self, other: &Config) -> Vec<&'static str> {
        let differs = [
            ("listen", self.listen != other.listen),
            ("admin", self.admin != other.admin),
            ("workers", self.workers != other.workers),
            ("io", self.io != other.io),
            ("direct", self.direct != other.direct),
        ];
        differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
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
    /// The same of what an application takes in pieces, if there is a bound.
    pub body_in_pieces: Option<u64>,
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
            body_in_pieces: self.body_in_pieces,
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

impl Config {
    /// Fills in what was not typed.
    ///
    /// # Errors
    /// All that is wrong between settings, such as a route without a path.
    pub fn new(settings: &Settings, machine: Machine) -> Result<Config, Complaints> {
        Config::read(settings, machine, None)
    }

    /// The same for a program that brings an application. It has all paths, unless routes name its
    /// own; there is no demo site; and the net shows itself only at an address that was typed, as
    /// only such are listened on beside the program's own listeners.
    ///
    /// # Errors
    /// As [`new`](Self::new), and a site that would never be asked.
    pub fn for_app(
        settings: &Settings,
        machine: Machine,
        app: AppRoute,
    ) -> Result<Config, Complaints> {
        let mut config = Config::read(settings, machine, Some(app))?;
        config.admin.take_if(|_| !config.admin_asked);
        if settings.place("listen").is_none() {
            config.listen.clear();
        }
        if config.sites().all(|site| site.root.is_none()) {
            // There are no files: nobody waits for the disk, and nothing is coded.
            config.pool_threads = 1.into();
            config.compression.order = Order::NONE;
        }
        Ok(config)
    }

    fn read(
        settings: &Settings,
        machine: Machine,
        app: Option<AppRoute>,
    ) -> Result<Config, Complaints> {
        let s = &settings.top;
        let cpus: Option<Cpus> = s.text("cpus").and_then(|text| text.parse().ok());
        let found = cpus.as_ref().map_or(machine.cpus, Cpus::count) as u64;
        let workers = s.number("workers").unwrap_or(found).clamp(1, WORKERS_MAX);
        let mut faults = Complaints::default();
        let site = sites::top(settings, &mut faults);
        let mut routes = routes::read(settings, &mut faults);
        let hosts = sites::hosts(settings, &mut faults);
        routes::unguarded(settings, std::iter::once(&site).chain(&hosts), &mut faults);
        if let Some(app) = app {
            routes::add_app(settings, app, &mut routes, &mut faults);
        }
        if site.root.is_none() && hosts.is_empty() && !routes::mounts(&routes, Handler::App) {
            routes::add_demo(&mut routes);
        }
        let log = log::log(settings, &mut faults);
        let sites: Vec<_> = std::iter::once(&site).chain(&hosts).collect();
        let watched = resources::read(settings, machine, &routes, (&sites, log.as_ref()));
        let config = Config {
            listen: s.texts("listen").iter().filter_map(|text| text.parse().ok()).collect(),
            admin: s.text("admin").and_then(|text| text.parse().ok()),
            admin_asked: settings.place("admin").is_some(),
            admin_token: admin::token_file(settings, &mut faults),
            admin_hosts: s.texts("admin_hosts"),
            workers: workers as u16,
            cpus,
            io: s.text("io").and_then(|text| asked(&text)).unwrap_or_default(),
            direct: s.flag("direct").unwrap_or(false),
            site,
            hosts,
            strict_hosts: s.flag("strict_hosts").unwrap_or(false),
            drain: s.span("drain").unwrap_or_default(),
            limits: limits(s, machine, workers),
            cache_budget: s.number("cache.budget").unwrap_or(crate::memory::share(machine.memory)),
            hot_list: hot_list(settings),
            registered: s.flag("cache.registered").unwrap_or(false),
            stream_above: s.number("cache.stream_above").unwrap_or(0),
            compression: compression::read(s),
            pool_threads: threads(s.text("pool.threads"), 1),
            pool_handlers: threads(s.text("pool.handlers"), workers),
            deadline_headers: s.texts("deadline.headers"),
            log,
            request_id: log::request_id(s),
            server_timing: s.flag("log.server_timing").unwrap_or(false),
            otlp: otlp::read(settings, app.is_some(), &mut faults),
            classes: classes::read(settings, &routes, &mut faults),
            routes,
            resources: watched.heeded,
            signals: watched.signals,
        };
        faults.unless_any(config)
    }

    /// Whether a route has this handler.
    pub fn mounts(&self, handler: Handler) -> bool {
        routes::mounts(&self.routes, handler)
    }

    /// The target of a handler: all its routes have the same.
    pub fn target(&self, handler: Handler) -> Option<Duration> {
        routes::target(&self.routes, handler)
    }

    /// Whether a handler is out of service: all its routes are.
    pub fn refuses(&self, handler: Handler) -> bool {
        routes::refuses(&self.routes, handler)
    }

    /// All that is watched; what gates heed first.
    pub fn watched(&self) -> impl Iterator<Item = &Budget> {
        self.resources.iter().chain(&self.signals)
    }

    /// All sites; the one for all hosts first.
    pub fn sites(&self) -> impl Iterator<Item = &SiteConfig> {
        std::iter::once(&self.site).chain(&self.hosts)
    }
}

/// Any free port of the loopback device.
pub const ANY_PORT: Addr = Addr::Tcp(std::net::SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::LOCALHOST,
    0,
)));

fn limits(s: &Node, machine: Machine, workers: u64) -> Limits {
    let connections = match s.flag("direct") {
        // The kernel allows each worker's ring as many places as the process open files.
        Some(true) => machine.files.saturating_sub(DIRECT_SPARE as u64),
        _ => (machine.files - (machine.files / 4).min(OTHER_FILES)) / workers,
    };
    let connections = connections.clamp(1, CONNECTIONS);
    Limits {
        head: s.number("limits.head").unwrap_or(0) as usize,
        fields: s.number("limits.fields").unwrap_or(0) as usize,
        body: s.number("limits.body").unwrap_or(0),
        // What is not held needs no bound; but one that was typed is meant.
        body_in_pieces: s.place_of("limits.body").and_then(|_| s.number("limits.body")),
        bodies: s.number("limits.bodies").unwrap_or(0),
        head_time: s.span("limits.head_time").unwrap_or_default(),
        idle: s.span("limits.idle").unwrap_or_default(),
        rate: s.number("limits.rate").unwrap_or(0),
        rate_after: s.span("limits.rate_after").unwrap_or_default(),
        connections: s.number("limits.connections").unwrap_or(connections) as usize,
        refuse_when_full: s.text("limits.when_full").is_some_and(|word| word == "refuse"),
        per_address: s
            .number("limits.per_address")
            .and_then(|n| NonZeroU32::new(u32::try_from(n).unwrap_or(u32::MAX))),
    }
}

fn hot_list(settings: &Settings) -> Option<PathBuf> {
    let file = settings.top.text("cache.hot_list")?;
    Some(settings.path(&file, settings.place("cache.hot_list")))
}

/// The backend of this name.
fn asked(name: &str) -> Option<Asked> {
    Asked::ALL.into_iter().find(|asked| asked.name() == name)
}

/// The threads of a pool, as they are typed; so many unless they are.
fn threads(typed: Option<String>, unless: u64) -> Threads {
    let range = typed.and_then(|typed| value::counts(&typed)).unwrap_or(unless..=unless);
    (*range.start() as usize..=*range.end() as usize).into()
}

#[cfg(test)]
mod tests;
