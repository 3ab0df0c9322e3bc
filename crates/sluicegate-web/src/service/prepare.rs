//! What is seen to before a service starts: whether it can, and what its net is made of.
use super::{NotStarted, SERVICE};
use crate::admittance::guard;
use crate::cache::{Loader, Store};
use crate::config::{ANY_PORT, Config, Handler, Log};
use crate::log::{LogFile, Target};
use crate::rules::Plan;
use crate::site::{self, Ground};
use crate::stages::burn;
use crate::volume::Memory;
use crate::watch::Watch;
use sluicegate::{BoxError, Sim, Snapshot, Time};
use sluicegate_io::resources::{Reader, Resource, Sources};
use sluicegate_io::{
    Addr, Asked, Choice, ConnLedger, Cpus, Io, ListenError, ListenFault, Listeners, Settings, Unfit,
};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

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
    let sources = Sources::default();
    sources.threads.add_this();
    Reader::new(root, &resources, &sources).read(Time(0));
    let unread = resources.iter().filter(|resource| resource.gauge().used().is_none());
    let note = |resource: &Resource| {
        let name = resource.gauge().name().replace('-', "_");
        format!("`resources.{name}` has no effect here: the system does not tell it")
    };
    unread.map(note).collect()
}

/// Whether workers may keep to the processors that they are to.
pub(super) fn can_keep_to_cpus(config: &Config) -> Result<(), NotStarted> {
    let checked = config.cpus.as_ref().map_or(Ok(()), Cpus::check);
    checked.map_err(|none| NotStarted(format!("`cpus` cannot be used: {none}")))
}

/// Whether there is an application, where routes are to lead to one.
pub(super) fn needs_app(config: &Config, is_there: bool) -> Result<(), NotStarted> {
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

/// The log of a configuration, which is not open yet.
pub(super) fn log_file(config: &Config) -> Option<Arc<LogFile>> {
    config.log.as_ref().map(|log| Arc::new(LogFile::new(log.target.clone(), log.limits)))
}

/// Opens the log of a configuration; the one that is written already, where that has its target.
///
/// # Errors
/// What the system says; then that one is written on as it was.
pub(super) fn open_log(
    config: &Config,
    former: Option<&Arc<LogFile>>,
) -> Result<Option<Arc<LogFile>>, NotStarted> {
    let Some(log) = &config.log else { return Ok(None) };
    let file = match former.filter(|former| *former.target() == log.target) {
        Some(former) => Arc::clone(former),
        None => Arc::new(LogFile::new(log.target.clone(), log.limits)),
    };
    let open = || {
        file.open()?;
        can_rotate(log)
    };
    open().map_err(|error| log_fails(&log.target, &error))?;
    file.limit(log.limits);
    Ok(Some(file))
}

/// Whether the file of a log can be ended, if it is to be, and the old ones be found.
fn can_rotate(log: &Log) -> io::Result<()> {
    let Target::File(path) = &log.target else { return Ok(()) };
    if log.limits.rotate() && !path.metadata()?.is_file() {
        return Err(io::Error::other("it is no plain file, which alone can be rotated"));
    }
    if log.limits.budget.is_some() {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        std::fs::read_dir(dir.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

pub(super) fn log_fails(target: &Target, error: &io::Error) -> NotStarted {
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
    let stores = stores(config)?;
    let watch = Arc::new(Watch::new(config, &stores));
    // Nothing moves: what works everywhere will do.
    let backend = Choice::new(Asked::Epoll)?;
    let log = log_file(config);
    let doors =
        (none(config.workers.into())?, config.admin.is_some().then(|| none(1)).transpose()?);
    let net = site::net(config, ground(doors, backend, stores, watch, log));
    let still = Sim::new(net, 0).map_err(|error| NotStarted(error.to_string()))?;
    Ok(still.observer().snapshot())
}

pub(super) fn ground(
    (site, admin): (Listeners, Option<Listeners>),
    backend: Choice,
    Stores { loader, memory }: Stores,
    watch: Arc<Watch>,
    log: Option<Arc<LogFile>>,
) -> Ground<impl Fn(Settings, Arc<ConnLedger>) -> Result<Io, BoxError> + Clone + Send + Sync> {
    let reads = backend.has_disks();
    let machine = move |settings, ledger| Ok(backend.machine(settings, ledger)?);
    let clock = |_| SystemTime::now();
    let (burn, root) = (Arc::new(burn), PathBuf::from("/"));
    let seed = RandomState::new().hash_one(std::process::id());
    let app = None;
    Ground { site, admin, machine, clock, burn, root, seed, loader, memory, reads, watch, app, log }
}

/// What is served, and the memory in which it is kept.
pub(crate) struct Stores {
    pub loader: Arc<Loader>,
    pub memory: Arc<Memory>,
}

#[cfg(test)]
impl Stores {
    /// What is served, and no memory for it.
    pub fn without_memory(plan: Plan) -> Stores {
        let loader = Arc::new(Loader::new(plan, Store::new(0), 0));
        Stores { loader, memory: Arc::default() }
    }
}

/// Opens what is served. Directories and volumes share the budget where there are both: half each.
pub(crate) fn stores(config: &Config) -> Result<Stores, NotStarted> {
    let plan = Plan::new(config)?;
    let budget = config.cache_budget;
    let (files, packed) = match (plan.has_directories(), plan.volumes().next().is_some()) {
        (_, false) => (budget, 0),
        (false, true) => (0, budget),
        (true, true) => (budget / 2, budget / 2),
    };
    let memory = match plan.volumes().next() {
        Some(_) => {
            let memory = Memory::new(packed, config.workers.into()).map_err(without_memory)?;
            memory.listed(config.hot_list.clone()).registered(config.registered)
        }
        None => Memory::default(),
    };
    let loader = Loader::new(plan, Store::new(files), config.stream_above);
    let loader = Arc::new(loader.coding(config.compression.clone()));
    Ok(Stores { loader, memory: Arc::new(memory) })
}

fn without_memory(error: io::Error) -> NotStarted {
    NotStarted(format!(
        "`cache.budget` cannot be used: {error}; accepted: more, or fewer `workers`"
    ))
}

/// An address that was asked for has to be free; the default moves to another port.
pub(super) fn bind_admin(addr: &Addr, config: &Config) -> Result<Listeners, ListenError> {
    let bind = |addr: &Addr| Listeners::bind(&[(addr.clone(), SERVICE)], 1, &Settings::default());
    match bind(addr) {
        Err(ListenError { fault: ListenFault::InUse, .. }) if !config.admin_asked => {
            bind(&ANY_PORT)
        }
        bound => bound,
    }
}

pub(super) fn without_direct(unfit: Unfit) -> NotStarted {
    NotStarted(format!("`direct` is true, but {unfit}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Service;
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
