//! A running service: its listeners bound, its net started, and how it ends.
use crate::cache::{Loader, Store};
use crate::config::{ANY_PORT, Config};
use crate::files::{Content, Root};
use crate::site::{self, Ground};
use crate::watch::Watch;
use sluicegate::{BoxError, Running, Sim, Snapshot};
use sluicegate_io::{
    Addr, Asked, Choice, ConnLedger, Io, ListenError, ListenFault, Listeners, Settings, Unfit,
};
use std::fmt;
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

/// Why a service was not started, in one sentence.
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
        let ground = ground(site, admin, backend.clone(), loader, Arc::clone(&watch));
        let net = site::net(config, ground);
        let running = net.run().map_err(|error| NotStarted(error.to_string()))?;
        watch.open(running.observer());
        let admin = at.into_iter().next().unwrap_or(ANY_PORT);
        Ok(Service { running, watch, listening, admin, backend })
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

    /// Accepts what waits in the backlog, answers what was begun, for at most `limit`, and ends.
    pub fn drain(self, limit: Duration) -> Served {
        let drained = self.running.drain(limit);
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
/// A directory that cannot be had.
pub fn check(config: &Config) -> Result<(), NotStarted> {
    loader(config)?;
    plan(config).map(drop)
}

/// The net of a configuration, which does not run.
///
/// # Errors
/// What the system refuses.
pub fn plan(config: &Config) -> Result<Snapshot, NotStarted> {
    let none = |workers| Listeners::bind(&[], workers, &Settings::default());
    let loader = Arc::new(Loader::new(Content::demo(), Store::new(0), 0));
    let watch = Arc::new(Watch::new(config.workers, &loader));
    // Nothing moves: what works everywhere will do.
    let backend = Choice::new(Asked::Epoll)?;
    let (site, admin) = (none(config.workers.into())?, none(1)?);
    let net = site::net(config, ground(site, admin, backend, loader, watch));
    let still = Sim::new(net, 0).map_err(|error| NotStarted(error.to_string()))?;
    Ok(still.observer().snapshot())
}

fn ground(
    site: Listeners,
    admin: Listeners,
    backend: Choice,
    loader: Arc<Loader>,
    watch: Arc<Watch>,
) -> Ground<impl Fn(Settings, Arc<ConnLedger>) -> Result<Io, BoxError> + Clone + Send + Sync> {
    let machine = move |settings, ledger| Ok(backend.machine(settings, ledger)?);
    Ground { site, admin, machine, clock: |_| SystemTime::now(), loader, watch }
}

fn loader(config: &Config) -> Result<Loader, NotStarted> {
    let content = match &config.root {
        None => Content::demo(),
        Some(path) => {
            let root = Root::open(path).map_err(|error| {
                let path = path.display();
                NotStarted(format!(
                    "cannot serve `{path}`: {error}; accepted: a directory that can be read"
                ))
            })?;
            Content::directory(root, config.index.clone())
        }
    };
    let loader = Loader::new(content, Store::new(config.cache_budget), config.stream_above);
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

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotStarted {}
