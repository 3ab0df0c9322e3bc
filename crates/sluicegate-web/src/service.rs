//! A running service: its listeners bound, its net started, and another that takes over.
mod former;
mod not_started;
mod prepare;

pub use former::{Former, Served};
pub use not_started::NotStarted;
pub(crate) use prepare::{Stores, stores};
pub use prepare::{check, plan};

use crate::admittance::guard;
use crate::app::{App, Brought};
use crate::cache::Loader;
use crate::config::Config;
use crate::log::{Format, LogFile};
use crate::site::{self, Ground};
use crate::volume::Edition;
use crate::watch::Watch;
use prepare::{
    bind_admin, can_keep_to_cpus, ground, log_fails, needs_app, open_log, without_direct,
};
use sluicegate::Running;
use sluicegate_admin::otlp::Exporter;
use sluicegate_admin::stalled;
use sluicegate_io::{Addr, Choice, Listeners, Settings, Succession};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The service of the site's listeners and of the admin listener.
const SERVICE: u16 = 0;

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
    loader: Arc<Loader>,
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
        let stores = stores(config)?;
        let wanted: Vec<_> = config.listen.iter().map(|addr| (addr.clone(), SERVICE)).collect();
        let mut site = Listeners::bind(&wanted, config.workers.into(), &Settings::default())?;
        for listener in listeners {
            let adopted = site.adopt(listener, SERVICE, &Settings::default());
            site = adopted.map_err(|error| {
                NotStarted(format!("a listener of the program cannot be used: {error}"))
            })?;
        }
        let admin = config.admin.as_ref().map(|addr| bind_admin(addr, config)).transpose()?;
        let service = Service::on(config, backend, stores, (site, admin), (app, None))?;
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
        let log = self.log.as_ref().map(|(log, _)| log);
        let next = Service::on(config, self.backend.clone(), stores(config)?, doors, (app, log))?;
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
        stores: Stores,
        (site, admin): (Listeners, Option<Listeners>),
        (app, log): (Option<Arc<dyn App>>, Option<&Arc<LogFile>>),
    ) -> Result<Service, NotStarted> {
        can_keep_to_cpus(config)?;
        let doors = Doors::of(&site, admin.as_ref())?;
        let watch = Watch::new(config, &stores).guarded(guard(config)?);
        let watch = Arc::new(watch);
        let log = open_log(config, log)?;
        let (own, eyes, loader) = (backend.clone(), Arc::clone(&watch), Arc::clone(&stores.loader));
        let ground = ground((site, admin), own, stores, eyes, log.clone());
        let ground = Ground { app: app.clone(), ..ground };
        let mut net = site::net(config, ground);
        net.on_stall(stalled);
        let running = net.run().map_err(|error| NotStarted(error.to_string()))?;
        watch.open(running.observer());
        let exporter = export(config, &running, &watch)?;
        let log = log.zip(config.log.as_ref().map(|log| log.format));
        let config = config.clone();
        Ok(Service { running, watch, exporter, backend, log, config, app, doors, loader })
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

    /// The volumes that are served: where each lies, and the number of its generation by now.
    pub fn volumes(&self) -> Vec<(String, u64)> {
        let editions = self.loader.plan().volumes().map(|volume| volume.edition());
        let told = |edition: Arc<Edition>| {
            (edition.device().name().to_owned(), edition.volume().generation())
        };
        editions.map(told).collect()
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
