//! A running service: its listeners bound, its net started, and how it ends.
use crate::admittance::guard;
use crate::app::{App, Brought};
use crate::cache::{Loader, Store};
use crate::config::{ANY_PORT, Config, Handler, Log};
use crate::log::{Format, LogFile, Target};
use crate::rules::{Plan, Unusable};
use crate::site::{self, Ground};
use crate::stages::burn;
use crate::watch::Watch;
use sluicegate::{BoxError, Running, Sim, Snapshot, Time};
use sluicegate_admin::otlp::Exporter;
use sluicegate_admin::stalled;
use sluicegate_io::resources::{Reader, Resource, Threads};
use sluicegate_io::{
    Addr, Asked, Choice, ConnLedger, Cpus, Io, ListenError, ListenFault, Listeners, Settings,
    Succession, Unfit,
};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The service of the site's listeners and of the admin listener.
const SERVICE: u16 = 0;

/// How long a service that was succeeded may take to leave its listeners; after that it may accept
/// some more connections, for a moment.
const PASSING_ON: Duration = Duration::from_secs(1);

/// A service that runs.
pub struct Service {
    running: Running,
    watch: Arc<Watch>,
    exporter: Option<Exporter>,
    backend: Choice,
    log: Option<(Arc<LogFile>, Format)>,
    /// What it was started with, to see what a successor would change.
    config: Config,
    app: Option<Arc<dyn App>>,
    doors: Doors,
}

/// The listeners of the site and of the admin, kept for a successor.
struct Doors {
    site: Listeners,
    admin: Option<Listeners>,
    /// To tell those who listen now that somebody else goes on.
    succession: Vec<Succession>,
}

impl Doors {
    /// Keeps these for a successor.
    fn of(site: &Listeners, admin: Option<&Listeners>) -> io::Result<Doors> {
        let succession = std::iter::once(site).chain(admin).map(Listeners::succession).collect();
        let admin = admin.map(Listeners::again).transpose()?;
        Ok(Doors { site: site.again()?, admin, succession })
    }
}

/// What became of a service.
#[derive(Clone, Debug)]
pub struct Served {
    /// Requests that were answered.
    pub answered: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Whether all that was begun was answered in time.
    pub complete: bool,
    /// Requests that were cut off.
    pub cut_off: u64,
    /// Whether no request vanished.
    pub flows_even: bool,
    /// Whether no connection vanished.
    pub connections_even: bool,
    /// Both ledgers in full.
    pub detail: String,
}

impl Served {
    /// Tells of the end.
    fn tell(&self) {
        let Served { answered, connections, cut_off, .. } = self;
        if self.flows_even && self.connections_even {
            tracing::info!(
                target: "sluicegate::service",
                answered, connections, cut_off, "ended; both ledgers are even",
            );
        } else {
            let ledgers = &self.detail;
            tracing::error!(
                target: "sluicegate::service",
                answered, connections, cut_off, ledgers, "ended; a ledger is uneven",
            );
        }
    }

    /// This and what another service of the same process did.
    pub fn with(self, other: Served) -> Served {
        let both = |one: String, two: String| match (one.is_empty(), two.is_empty()) {
            (true, _) => two,
            (_, true) => one,
            _ => format!("{one}; {two}"),
        };
        let uneven = |served: &Served| !(served.flows_even && served.connections_even);
        let told = |served: &Served| match uneven(served) {
            true => served.detail.clone(),
            false => String::new(),
        };
        Served {
            detail: both(told(&self), told(&other)),
            answered: self.answered + other.answered,
            connections: self.connections + other.connections,
            complete: self.complete && other.complete,
            cut_off: self.cut_off + other.cut_off,
            flows_even: self.flows_even && other.flows_even,
            connections_even: self.connections_even && other.connections_even,
        }
    }
}

/// A service that another one took over from: it answers what it has begun, and no more.
pub struct Former {
    running: Running,
    watch: Arc<Watch>,
    exporter: Option<Exporter>,
    log: Option<(Arc<LogFile>, Format)>,
}

impl Former {
    /// Has a service leave its listeners to the one that took over.
    fn of(service: Service) -> Former {
        let Doors { site, admin, succession } = service.doors;
        succession.iter().for_each(Succession::pass_on);
        // Those are held for a successor of its own, which it has.
        drop((site, admin));
        service.running.begin_drain();
        for listeners in succession {
            listeners.wait_until_over(PASSING_ON);
        }
        let Service { running, watch, exporter, log, .. } = service;
        Former { running, watch, exporter, log }
    }

    /// Answers what was begun until it is `enough`, which is asked every few milliseconds, and
    /// ends.
    pub fn drain_until(self, enough: impl FnMut() -> bool) -> Served {
        let drained = self.running.drain_until(enough);
        self.exporter.into_iter().for_each(Exporter::stop);
        if let Some((log, format)) = &self.log {
            log.finish(*format);
        }
        let connections = self.watch.connections();
        let flows = drained.ledger;
        let cut_off = flows.ended[sluicegate::Why::Draining];
        let served = Served {
            answered: flows.finished,
            connections: connections.opened,
            complete: drained.complete,
            cut_off,
            flows_even: flows.balanced() && flows.in_flight == 0,
            connections_even: connections.balanced(),
            detail: format!("{flows:?}, {connections:?}"),
        };
        served.tell();
        served
    }
}

/// Why a service was not started: a sentence a line.
#[derive(Debug)]
pub struct NotStarted(pub(crate) String);

impl Service {
    /// Binds the listeners and starts the net.
    ///
    /// # Errors
    /// A directory or an address that cannot be had, or what the system refuses.
    pub fn start(config: &Config) -> Result<Service, NotStarted> {
        Service::start_with(config, Brought::default())
    }

    /// The same with what a program brings along.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(config: &Config, brought: Brought) -> Result<Service, NotStarted> {
        let Brought { app, listeners } = brought;
        needs_app(config, app.is_some())?;
        let backend = Choice::new(config.io)?;
        if config.direct {
            backend.try_direct().map_err(without_direct)?;
        }
        let loader = loader(config)?;
        let wanted: Vec<_> = config.listen.iter().map(|addr| (addr.clone(), SERVICE)).collect();
        let mut site = Listeners::bind(&wanted, config.workers.into(), &Settings::default())?;
        for listener in listeners {
            let adopted = site.adopt(listener, SERVICE, &Settings::default());
            site = adopted.map_err(|error| {
                NotStarted(format!("a listener of the program cannot be used: {error}"))
            })?;
        }
        let admin = config.admin.as_ref().map(|addr| bind_admin(addr, config)).transpose()?;
        let service = Service::on(config, backend, loader, (site, admin), app)?;
        service.tell_start();
        Ok(service)
    }

    /// Goes on with other settings: a new net takes over the listeners, and the former one answers
    /// what it has begun. When the settings cannot be used, nothing changes.
    ///
    /// # Errors
    /// What cannot be had, or is only settled at start.
    pub fn succeed(&mut self, config: &Config) -> Result<Former, NotStarted> {
        let fixed = self.config.fixed_at_start(config);
        if !fixed.is_empty() {
            return Err(NotStarted(format!(
                "{} cannot change while the service runs; restart it to change them",
                fixed.join(", ")
            )));
        }
        let app = self.app.clone();
        needs_app(config, app.is_some())?;
        let Doors { site, admin, .. } = Doors::of(&self.doors.site, self.doors.admin.as_ref())?;
        let doors = (site, admin);
        let next = Service::on(config, self.backend.clone(), loader(config)?, doors, app)?;
        let former = std::mem::replace(self, next);
        self.watch.inherit(&former.watch);
        tracing::info!(
            target: "sluicegate::service",
            "another net took over, with the settings as they are now",
        );
        Ok(Former::of(former))
    }

    fn on(
        config: &Config,
        backend: Choice,
        loader: Loader,
        (site, admin): (Listeners, Option<Listeners>),
        app: Option<Arc<dyn App>>,
    ) -> Result<Service, NotStarted> {
        can_keep_to_cpus(config)?;
        let loader = Arc::new(loader);
        let doors = Doors::of(&site, admin.as_ref())?;
        let watch = Watch::new(config, &loader).guarded(guard(config)?);
        let watch = Arc::new(watch);
        let log = log_file(config, &watch);
        if let Some(log) = &log {
            log.open().map_err(|error| log_fails(log.target(), &error))?;
        }
        let (own, eyes) = (backend.clone(), Arc::clone(&watch));
        let ground = ground((site, admin), own, loader, eyes, log.clone());
        let ground = Ground { app: app.clone(), ..ground };
        let mut net = site::net(config, ground);
        net.on_stall(stalled);
        let running = net.run().map_err(|error| NotStarted(error.to_string()))?;
        watch.open(running.observer());
        let exporter = export(config, &running, &watch)?;
        let log = log.zip(config.log.as_ref().map(|log| log.format));
        let config = config.clone();
        Ok(Service { running, watch, exporter, backend, log, config, app, doors })
    }

    fn tell_start(&self) {
        let listening: Vec<_> = self.listening().iter().map(Addr::to_string).collect();
        tracing::info!(
            target: "sluicegate::service",
            listening = listening.join(", "),
            admin = self.admin().map(Addr::to_string),
            workers = self.config.workers,
            backend = self.backend.name(),
            "started",
        );
    }

    /// Where the site is served, with the ports that the kernel chose.
    pub fn listening(&self) -> Vec<Addr> {
        self.doors.site.bound().iter().map(|(addr, _)| addr.clone()).collect()
    }

    /// Where the net shows itself, if it does.
    pub fn admin(&self) -> Option<&Addr> {
        self.doors.admin.as_ref()?.bound().first().map(|(addr, _)| addr)
    }

    /// What moves the bytes.
    pub fn backend(&self) -> &Choice {
        &self.backend
    }

    /// Opens the file of the access log again, after it was renamed. Without a log does nothing.
    ///
    /// # Errors
    /// One sentence about why it cannot be opened; the old file is written on.
    pub fn reopen_log(&self) -> Result<(), NotStarted> {
        let Some((log, _)) = &self.log else { return Ok(()) };
        log.open().map_err(|error| log_fails(log.target(), &error))
    }

    /// Accepts what waits in the backlog, answers what was begun, for at most `limit`, and ends.
    pub fn drain(self, limit: Duration) -> Served {
        // What is held for a successor is closed: there will be none.
        let Service { running, watch, exporter, log, doors, .. } = self;
        drop(doors);
        let limit_ms = limit.as_millis() as u64;
        tracing::info!(
            target: "sluicegate::service",
            limit_ms, "draining: what was begun is answered",
        );
        let start = Instant::now();
        Former { running, watch, exporter, log }.drain_until(|| start.elapsed() >= limit)
    }
}

/// Has kept flows be sent to a collector, where there is one.
fn export(
    config: &Config,
    running: &Running,
    watch: &Watch,
) -> Result<Option<Exporter>, NotStarted> {
    let Some(export) = &config.otlp else { return Ok(None) };
    let exporter = Exporter::start(export, running.observer())
        .map_err(|error| NotStarted(format!("`otlp.endpoint` cannot be used: {error}")))?;
    watch.exports(exporter.counts());
    Ok(Some(exporter))
}

/// Whether the service could be started, as far as that can be told without listening; and what it
/// would do without.
///
/// # Errors
/// Every directory and file that cannot be had.
pub fn check(config: &Config) -> Result<Vec<String>, NotStarted> {
    needs_app(config, false)?;
    if let Some(Log { target: Target::File(path), .. }) = &config.log {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let is_dir = dir.is_none_or(std::path::Path::is_dir);
        if path.is_dir() || !is_dir {
            let error = if is_dir { ErrorKind::IsADirectory } else { ErrorKind::NotFound };
            return Err(log_fails(&Target::File(path.clone()), &error.into()));
        }
    }
    can_keep_to_cpus(config)?;
    guard(config)?;
    plan(config)?;
    let mut notes = Plan::new(config)?.notes().to_vec();
    notes.extend(unread(config, Path::new("/")));
    Ok(notes)
}

/// What of the resources that gates are to heed this machine does not tell.
fn unread(config: &Config, root: &Path) -> Vec<String> {
    let resources: Vec<_> = config.resources.iter().copied().map(Resource::new).collect();
    let threads = Arc::new(Threads::default());
    threads.add_this();
    Reader::new(root, &resources, threads).read(Time(0));
    let unread = resources.iter().filter(|resource| resource.gauge().used().is_none());
    let note = |resource: &Resource| {
        let name = resource.gauge().name().replace('-', "_");
        format!("`resources.{name}` has no effect here: the system does not tell it")
    };
    unread.map(note).collect()
}

/// Whether workers may keep to the processors that they are to.
fn can_keep_to_cpus(config: &Config) -> Result<(), NotStarted> {
    let checked = config.cpus.as_ref().map_or(Ok(()), Cpus::check);
    checked.map_err(|none| NotStarted(format!("`cpus` cannot be used: {none}")))
}

/// Whether there is an application, where routes are to lead to one.
fn needs_app(config: &Config, is_there: bool) -> Result<(), NotStarted> {
    let Some(route) = config.routes.iter().find(|route| route.handler == Handler::App) else {
        return Ok(());
    };
    match is_there {
        true => Ok(()),
        false => Err(NotStarted(format!(
            "the route \"{}\" has the handler \"app\", and this program has no application; \
             accepted: another handler, or a program that serves its own, as by sluicegate-tower",
            route.path
        ))),
    }
}

fn log_file(config: &Config, watch: &Watch) -> Option<Arc<LogFile>> {
    config.log.as_ref().map(|log| Arc::new(LogFile::new(log.target.clone(), watch.lost())))
}

fn log_fails(target: &Target, error: &io::Error) -> NotStarted {
    let target = match target {
        Target::Stdout => "stdout".to_owned(),
        Target::Stderr => "stderr".to_owned(),
        Target::File(path) => path.display().to_string(),
    };
    NotStarted(format!(
        "cannot log to `{target}`: {error}; accepted: a file that can be written, \"stdout\" or \
         \"stderr\""
    ))
}

/// The net of a configuration, which does not run.
///
/// # Errors
/// What the system refuses.
pub fn plan(config: &Config) -> Result<Snapshot, NotStarted> {
    let none = |workers| Listeners::bind(&[], workers, &Settings::default());
    let loader = Arc::new(Loader::new(Plan::new(config)?, Store::new(0), 0));
    let watch = Arc::new(Watch::new(config, &loader));
    // Nothing moves: what works everywhere will do.
    let backend = Choice::new(Asked::Epoll)?;
    let log = log_file(config, &watch);
    let doors =
        (none(config.workers.into())?, config.admin.is_some().then(|| none(1)).transpose()?);
    let net = site::net(config, ground(doors, backend, loader, watch, log));
    let still = Sim::new(net, 0).map_err(|error| NotStarted(error.to_string()))?;
    Ok(still.observer().snapshot())
}

fn ground(
    (site, admin): (Listeners, Option<Listeners>),
    backend: Choice,
    loader: Arc<Loader>,
    watch: Arc<Watch>,
    log: Option<Arc<LogFile>>,
) -> Ground<impl Fn(Settings, Arc<ConnLedger>) -> Result<Io, BoxError> + Clone + Send + Sync> {
    let machine = move |settings, ledger| Ok(backend.machine(settings, ledger)?);
    let clock = |_| SystemTime::now();
    let (burn, root) = (Arc::new(burn), PathBuf::from("/"));
    let seed = RandomState::new().hash_one(std::process::id());
    Ground { site, admin, machine, clock, burn, root, seed, loader, watch, app: None, log }
}

fn loader(config: &Config) -> Result<Loader, NotStarted> {
    let store = Store::new(config.cache_budget);
    let loader = Loader::new(Plan::new(config)?, store, config.stream_above);
    Ok(loader.coding(config.compression.clone()))
}

/// An address that was asked for has to be free; the default moves to another port.
fn bind_admin(addr: &Addr, config: &Config) -> Result<Listeners, ListenError> {
    let bind = |addr: &Addr| Listeners::bind(&[(addr.clone(), SERVICE)], 1, &Settings::default());
    match bind(addr) {
        Err(ListenError { fault: ListenFault::InUse, .. }) if !config.admin_asked => {
            bind(&ANY_PORT)
        }
        bound => bound,
    }
}

fn without_direct(unfit: Unfit) -> NotStarted {
    NotStarted(format!("`direct` is true, but {unfit}"))
}

impl From<ListenError> for NotStarted {
    fn from(error: ListenError) -> NotStarted {
        NotStarted(error.to_string())
    }
}

impl From<Unfit> for NotStarted {
    fn from(unfit: Unfit) -> NotStarted {
        NotStarted(format!("`io` is \"uring\", but {unfit}; accepted here: auto, epoll"))
    }
}

impl From<io::Error> for NotStarted {
    fn from(error: io::Error) -> NotStarted {
        NotStarted(format!("the listeners cannot be kept for a successor: {error}"))
    }
}

impl From<Unusable> for NotStarted {
    fn from(error: Unusable) -> NotStarted {
        NotStarted(error.to_string())
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotStarted {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Machine, Settings as Typed};
    use crate::scratch::Scratch;

    #[test]
    fn a_route_to_an_application_wants_one() {
        let text = "root = \"/\"\n[[route]]\npath = \"/a\"\nhandler = \"app\"\n";
        let typed = Typed::from_toml("site.toml", text).expect("known settings");
        let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
        let config = Config::new(&typed, machine).expect("a complete configuration");
        for told in [check(&config).err(), Service::start(&config).err()] {
            let told = told.expect("there is none").to_string();
            assert!(told.starts_with("the route \"/a\" has the handler \"app\""), "{told}");
        }
    }

    #[test]
    fn a_processor_that_cannot_be_had_is_said_before_the_start() {
        let typed = Typed::from_toml("site.toml", "cpus = \"1023\"\n").expect("known settings");
        let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
        let config = Config::new(&typed, machine).expect("a complete configuration");
        for told in [check(&config).err(), Service::start(&config).err()] {
            let told = told.expect("no machine of ours has it").to_string();
            assert!(
                told.starts_with("`cpus` cannot be used: there is no processor 1023"),
                "{told}"
            );
        }
    }

    #[test]
    fn what_the_system_does_not_tell_is_said_before_it_is_missed() {
        let text = "[resources]\ncpu_pressure = 50\nrun_delay = \"20ms\"\n";
        let typed = Typed::from_toml("site.toml", text).expect("known settings");
        let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
        let config = Config::new(&typed, machine).expect("a complete configuration");
        let scratch = Scratch::new();
        scratch.write("proc/self/status", "VmRSS: 1 kB\n");
        let said = |name: &str| {
            format!("`resources.{name}` has no effect here: the system does not tell it")
        };
        let both = [said("cpu_pressure"), said("run_delay")];
        assert_eq!(unread(&config, scratch.path()), both);
        scratch.write("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
        assert_eq!(unread(&config, scratch.path()), both[1..]);
    }
}
