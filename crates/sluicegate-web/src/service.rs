//! A running service: its listeners bound, its net started, and how it ends.
use crate::cache::{Loader, Store};
use crate::config::{ANY_PORT, Config, Log};
use crate::log::{Format, LogFile, Target};
use crate::rules::{Plan, Unusable};
use crate::site::{self, Ground};
use crate::watch::Watch;
use sluicegate::{BoxError, Running, Sim, Snapshot};
use sluicegate_io::{
    Addr, Asked, Choice, ConnLedger, Io, ListenError, ListenFault, Listeners, Settings, Unfit,
};
use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The service of the site's listeners and of the admin listener.
const SERVICE: u16 = 0;

/// A service that runs.
pub struct Service {
    running: Running,
    watch: Arc<Watch>,
    listening: Vec<Addr>,
    admin: Addr,
    backend: Choice,
    log: Option<(Arc<LogFile>, Format)>,
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

/// Why a service was not started: a sentence a line.
#[derive(Debug)]
pub struct NotStarted(String);

impl Service {
    /// Binds the listeners and starts the net.
    ///
    /// # Errors
    /// A directory or an address that cannot be had, or what the system refuses.
    pub fn start(config: &Config) -> Result<Service, NotStarted> {
        let backend = Choice::new(config.io)?;
        let loader = Arc::new(loader(config)?);
        let wanted: Vec<_> = config.listen.iter().map(|addr| (addr.clone(), SERVICE)).collect();
        let site = Listeners::bind(&wanted, config.workers.into(), &Settings::default())?;
        let admin = bind_admin(config)?;
        let addrs =
            |bound: &Listeners| bound.bound().iter().map(|(addr, _)| addr.clone()).collect();
        let listening: Vec<Addr> = addrs(&site);
        let at: Vec<Addr> = addrs(&admin);
        let watch = Arc::new(Watch::new(config.workers, &loader));
        let log = log_file(config, &watch);
        if let Some(log) = &log {
            log.open().map_err(|error| log_fails(log.target(), &error))?;
        }
        let ground = ground(site, admin, backend.clone(), loader, Arc::clone(&watch), log.clone());
        let net = site::net(config, ground);
        let running = net.run().map_err(|error| NotStarted(error.to_string()))?;
        watch.open(running.observer());
        let admin = at.into_iter().next().unwrap_or(ANY_PORT);
        let log = log.zip(config.log.as_ref().map(|log| log.format));
        Ok(Service { running, watch, listening, admin, backend, log })
    }

    /// Where the site is served, with the ports that the kernel chose.
    pub fn listening(&self) -> &[Addr] {
        &self.listening
    }

    /// Where the net shows itself.
    pub fn admin(&self) -> &Addr {
        &self.admin
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
        let drained = self.running.drain(limit);
        if let Some((log, format)) = &self.log {
            log.finish(*format);
        }
        let connections = self.watch.connections();
        let flows = drained.ledger;
        let cut_off = flows.ended[sluicegate::Why::Draining];
        Served {
            answered: flows.finished,
            connections: connections.opened,
            complete: drained.complete,
            cut_off,
            flows_even: flows.balanced() && flows.in_flight == 0,
            connections_even: connections.balanced(),
            detail: format!("{flows:?}, {connections:?}"),
        }
    }
}

/// Whether the service could be started, as far as that can be told without listening.
///
/// # Errors
/// Every directory and file that cannot be had.
pub fn check(config: &Config) -> Result<(), NotStarted> {
    if let Some(Log { target: Target::File(path), .. }) = &config.log {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let is_dir = dir.is_none_or(std::path::Path::is_dir);
        if path.is_dir() || !is_dir {
            let error = if is_dir { ErrorKind::IsADirectory } else { ErrorKind::NotFound };
            return Err(log_fails(&Target::File(path.clone()), &error.into()));
        }
    }
    plan(config).map(drop)
}

fn log_file(config: &Config, watch: &Watch) -> Option<Arc<LogFile>> {
    config.log.as_ref().map(|log| Arc::new(LogFile::new(log.target.clone(), watch.lost())))
}

fn log_fails(target: &Target, error: &std::io::Error) -> NotStarted {
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
    let watch = Arc::new(Watch::new(config.workers, &loader));
    // Nothing moves: what works everywhere will do.
    let backend = Choice::new(Asked::Epoll)?;
    let log = log_file(config, &watch);
    let (site, admin) = (none(config.workers.into())?, none(1)?);
    let net = site::net(config, ground(site, admin, backend, loader, watch, log));
    let still = Sim::new(net, 0).map_err(|error| NotStarted(error.to_string()))?;
    Ok(still.observer().snapshot())
}

fn ground(
    site: Listeners,
    admin: Listeners,
    backend: Choice,
    loader: Arc<Loader>,
    watch: Arc<Watch>,
    log: Option<Arc<LogFile>>,
) -> Ground<impl Fn(Settings, Arc<ConnLedger>) -> Result<Io, BoxError> + Clone + Send + Sync> {
    let machine = move |settings, ledger| Ok(backend.machine(settings, ledger)?);
    Ground { site, admin, machine, clock: |_| SystemTime::now(), loader, watch, log }
}

fn loader(config: &Config) -> Result<Loader, NotStarted> {
    let store = Store::new(config.cache_budget);
    let loader = Loader::new(Plan::new(config)?, store, config.stream_above);
    Ok(loader.coding(config.compression.clone()))
}

/// An address that was asked for has to be free; the default moves to another port.
fn bind_admin(config: &Config) -> Result<Listeners, ListenError> {
    let bind = |addr: &Addr| Listeners::bind(&[(addr.clone(), SERVICE)], 1, &Settings::default());
    match bind(&config.admin) {
        Err(ListenError { fault: ListenFault::InUse, .. }) if !config.admin_asked => {
            bind(&ANY_PORT)
        }
        bound => bound,
    }
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
