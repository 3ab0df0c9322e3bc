//! The whole service as one net: read it as a picture, from the sockets to the disk and back.
mod mount;
mod resources;
mod volumes;

use crate::app::App;
use crate::cache::Loader;
use crate::config::{Config, Handler, Log, RequestId};
use crate::log::{Format, Formatter, LogFile};
use crate::rules::Plan;
use crate::stages::{
    Cache, CacheIn, CheckLogin, Gate, List, Load, Log as LogStage, Make, Measured, Router,
    ShowAdmin, Spend, Stream,
};
use crate::volume::Memory;
use crate::watch::{ADMIN, Watch};
use mount::{First, Streams, mount};
use resources::read_resources;
use sluicegate::{BoxError, Domain, Inlet, Net, Node, OnFull, bounded, stage};
use sluicegate_http::log::{LogSettings, Lost};
use sluicegate_http::{
    Deadlines, HttpNodes, HttpServer, InPieces, Limits, Refusals, Settings as Http, WallClock,
};
use sluicegate_io::resources::Threads;
use sluicegate_io::{
    Addresses, ConnLedger, DiskBy, Io, Listeners, Options, Settings, ThreadPark, WhenFull,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use volumes::Volumes;

/// Questions that one worker's cache may have unanswered at the disk.
const WINDOW: usize = 256;
/// Requests and replies that may wait for the cache on each worker.
const CACHE_QUEUE: usize = 1024;
/// Requests that may wait for a handler of a pool, or for one with a target; more are refused.
const QUEUE: usize = 4096;
/// Logins that may wait to be verified, each for a good part of a second; more are refused.
const LOGINS: usize = 64;
/// Directories that may wait to be shown; more are refused.
const LISTS: usize = 256;
/// Variants that may wait to be made; more are given up, until they are asked for again.
const MAKES: usize = 64;
/// Blocks of records that may wait for the log: about 4 MiB.
const LOG_QUEUE: usize = 64;
/// Blocks of records that are written at once.
const LOG_BATCH: usize = 8;
/// Connections of the admin listener, and receive buffers for them: many more than may watch.
const ADMIN_CONNECTIONS: usize = 1024;
/// Who watches and takes nothing for this long is let go, and the same while the net drains.
const VIEWER_GRACE: Duration = Duration::from_secs(5);
const VIEWER_FAREWELL: Duration = Duration::from_secs(1);
/// Bytes a second that have to be taken beyond that: what a viewer took at once pays for as long.
const VIEWER_RATE: u64 = 16 * 1024;
/// How long the admin listener waits for clients to close too, such as viewers in a drain.
const ADMIN_LINGER: Duration = Duration::from_millis(500);

/// What takes so long is slow, unless it is set otherwise: who waits for it notices.
const SLOW: Duration = Duration::from_millis(100);
/// Flows of each class that are kept of each window as the slowest, unless it is set otherwise.
const SLOWEST: usize = 4;

/// Seconds after which a client that found no room is to come again.
const RETRY_AFTER: u32 = 1;

/// What a site stands on: sockets, a clock, and what its stages share.
pub struct Ground<M> {
    /// Bound for as many workers as the configuration says.
    pub site: Listeners,
    /// Bound for one, where the net shows itself.
    pub admin: Option<Listeners>,
    /// Makes the machine of a worker, whose connections are counted in the ledger.
    pub machine: M,
    /// What time of day it is.
    pub clock: WallClock,
    /// What uses up the CPU.
    pub burn: Spend,
    /// Where the file system begins in which the system tells how much of it is used.
    pub root: PathBuf,
    /// What the hash of clients is seeded with; nobody outside may know it.
    pub seed: u64,
    /// Finds and keeps what is served of directories.
    pub loader: Arc<Loader>,
    /// Where what is served of volumes is kept: a share for each worker where there are any.
    pub memory: Arc<Memory>,
    /// Whether the machines of the workers read from disks; else a pool does.
    pub reads: bool,
    /// Sees the net; with a ledger for each worker, and one more for the admin listener.
    pub watch: Arc<Watch>,
    /// Answers at routes with the handler `app`.
    pub app: Option<Arc<dyn App>>,
    /// The access log, where the configuration has one.
    pub log: Option<Arc<LogFile>>,
}

/// The net of a configuration.
pub fn net<M>(config: &Config, ground: Ground<M>) -> Net
where
    M: Fn(Settings, Arc<ConnLedger>) -> Result<Io, BoxError> + Clone + Send + Sync + 'static,
{
    let Ground { site, admin, machine, clock, burn, root, seed, loader, watch, app, log, .. } =
        ground;
    let (kept, reads) = (ground.memory, ground.reads);
    let workers = usize::from(config.workers);
    let limits = config.limits.http();
    let mut net = Net::new("web");
    // Of the time for a drain most is for answers.
    let handshake_time = Settings::default().handshake_time.min(config.drain / 4);
    let large = Settings {
        handshake_time,
        connections: config.limits.connections,
        direct: config.direct,
        ..Settings::default()
    };
    let make = io(machine.clone(), large, Arc::clone(&watch), 0);
    let addresses = config.limits.per_address.map(|most| Addresses::new(most.get()));
    let threads = Arc::new(Threads::default());
    let workers_of = Arc::clone(&threads);
    let make = move |worker| -> Result<Io, BoxError> {
        // A machine is made on its worker's own thread.
        workers_of.add_this();
        let io = make(worker)?;
        Ok(match &addresses {
            Some(addresses) => io.with_addresses(Arc::clone(addresses)),
            None => io,
        })
    };
    let mut cpu = net.domain("cpu").machine(make);
    if let Some(cpus) = &config.cpus {
        cpu = cpu.on_thread_start(cpus.clone().each());
    }
    let cpu = cpu.pinned(workers);
    let disk = net.domain("disk").machine(park).pool(config.pool_threads);

    let plan = Arc::clone(loader.plan());
    let refusals = watch.refusals();
    let when_full = match config.limits.refuse_when_full {
        true => WhenFull::Refuse(sluicegate_http::unheard(RETRY_AFTER)),
        false => WhenFull::Wait,
    };
    let router = Router::new(&config.routes, &config.classes, seed).with(app.clone());
    let http = Http {
        limits: limits.clone(),
        clock,
        in_pieces: app.as_ref().map(|_| in_pieces(router.clone())),
        // Handlers that wait for others are not to go on for nobody.
        half_close: app.is_none(),
        refusals,
        pages: plan.pages(),
        io: Options { when_full, ..Options::default() },
        log: config.log.as_ref().map(|log| recorded(log, watch.lost())),
        request_id: config.request_id.as_ref().map(RequestId::http),
        server_timing: config.server_timing,
        deadlines: Deadlines {
            fields: config.deadline_headers.clone(),
            ignored: watch.deadlines(),
        },
        traces: watch.traces(),
        ..Http::default()
    };
    let http_flows = http.flows;
    let http = HttpServer::add(&mut net, cpu, site, http);
    let (own, known, lookups) = (Arc::clone(&plan), Arc::clone(&kept), watch.lookups());
    let cache = move || Cache::new(Arc::clone(&own), Arc::clone(&known), lookups.sampler());
    let cache = stage("cache", cache).on(cpu);
    // Replies of handlers come by it too, and what it does itself costs next to nothing.
    let cache = net.add(cache.queue(bounded(CACHE_QUEUE).keep_late()));
    compress(&mut net, config, cache, &loader);
    let (memory, disk_times) = (watch.memory(), watch.disk_times());
    let (heard, lookups) = (memory.clone(), watch.lookups());
    let load = move || {
        let (took, lookups) = (disk_times.sampler(), lookups.sampler());
        Load::new(Arc::clone(&loader), Measured { took, lookups }, memory.clone(), workers)
    };
    let load = stage("load", load).on(disk);
    let load = heard.iter().fold(load, |load, gauge| load.hear_level(gauge));
    let load = net.add(load.queue(bounded(WINDOW * workers)).emits(workers));
    // Room for all: a stream that has begun is not refused, and `http` never waits for the disk.
    let streams = http_flows * workers;
    let stream = net.add(stage("stream", || Stream).on(disk).queue(bounded(streams)));
    let by = match reads {
        true => DiskBy::Workers(cpu),
        false => DiskBy::Pool(disk),
    };
    let (disk_times, lookups) = (watch.disk_times(), watch.lookups());
    let ledger = watch.disk_ledger();
    let volumes =
        Volumes { plan: &plan, memory: kept, cpu, workers, by, ledger, disk_times, lookups };
    let fed = volumes.add(&mut net, http, cache);
    let streams = Streams { files: stream.inlet, volumes: fed };

    if let (Some(Log { format, waits, .. }), Some(file)) = (config.log.clone(), log) {
        // A thread of its own, so that a disk that is slow to take the log holds up no reads.
        let own = net.domain("log").machine(park).pool(1);
        // Who waits for room loses nothing, and needs no samples.
        let (counts, samples) = (watch.log(), (!waits).then_some(LOG_QUEUE));
        let make = move || {
            let (file, counts) = (Arc::clone(&file), Arc::clone(&counts));
            LogStage::new(file, Formatter::new(format), counts, samples)
        };
        let log = stage("log", make).on(own);
        let log = net.add(log.queue(bounded(LOG_QUEUE)).batch(LOG_BATCH));
        let on_full = if waits { OnFull::Wait } else { OnFull::ShedNewest };
        net.wire(http.log, log.inlet).on_full(on_full);
    }
    let dressed = (cache.inlet, plan.dresses());
    let first = mount(&mut net, config, cpu, http, dressed, (&watch, burn, router), (app, streams));
    let refusals = watch.refusals();
    read_resources(&mut net, config, &watch, root, threads);
    guard(&mut net, (&plan, refusals), (cpu, workers), http, first, cache.inlet);
    list(&mut net, &plan, disk, cache);
    net.wire(cache.out.reply, http.replies).returns(http.request).fused();
    // The queue of `load` has room for all windows, so that nothing is shed; and as the cache never
    // waits for `load`, `load` may wait for the cache.
    net.wire(cache.out.ask, load.inlet).window(WINDOW).on_full(OnFull::ShedNewest);
    net.wire(load.out.answer, cache.inlet).returns(cache.out.ask);
    net.wire(load.out.gone, cache.inlet);
    net.wire(stream.out, http.replies).returns(http.pull);
    let shown = admin.is_some();
    if let Some(admin) = admin {
        show_net(&mut net, admin, &watch, (machine, workers, handshake_time), (limits, clock));
    }
    if shown || config.otlp.is_some() {
        trace(&mut net);
    }
    net
}

/// Has flows be kept that somebody who looks, or a collector, will want to see.
fn trace(net: &mut Net) {
    let settings = [
        ("traces.slow", SLOW.into()),
        ("traces.failed", 1.into()),
        ("traces.slowest", SLOWEST.into()),
    ];
    net.change(&settings).expect("each net has these settings");
}

/// Shows the net on a worker and listeners of its own.
fn show_net<M>(
    net: &mut Net,
    admin: Listeners,
    watch: &Arc<Watch>,
    (machine, workers, handshake_time): (M, usize, Duration),
    (limits, clock): (Limits, WallClock),
) where
    M: Fn(Settings, Arc<ConnLedger>) -> Result<Io, BoxError> + Send + Sync + 'static,
{
    let small = Settings {
        connections: ADMIN_CONNECTIONS,
        buffers: ADMIN_CONNECTIONS,
        linger_time: ADMIN_LINGER,
        handshake_time,
        ..Settings::default()
    };
    let make = io(machine, small, Arc::clone(watch), workers);
    // Who looks is not looked at: a viewer is a flow that is always slow.
    let own = net.domain(ADMIN).machine(make).untraced().pinned(1);
    let prefix = Options { prefix: "admin-".to_owned(), ..Options::default() };
    let limits = Limits {
        grace: limits.grace.min(VIEWER_GRACE),
        rate: limits.rate.max(VIEWER_RATE),
        write_farewell: Some(VIEWER_FAREWELL),
        ..limits
    };
    let http = Http { limits, clock, io: prefix, ..Http::default() };
    let http = HttpServer::add(net, own, admin, http);
    let watch = Arc::clone(watch);
    let show = stage("admin-show", move || ShowAdmin::new(Arc::clone(&watch)));
    let show = net.add(show.on(own));
    net.wire(http.request, show.inlet);
    net.wire(show.out, http.replies).returns(http.request);
    net.wire(http.pull, show.inlet);
}

/// Hangs the maker of variants on the cache. Its only thread is its own, so that nobody who waits
/// for the disk waits for it, and it takes no more than one CPU.
fn compress(net: &mut Net, config: &Config, cache: Node<Cache>, loader: &Arc<Loader>) {
    if config.compression.order.is_empty() {
        return net.seal(cache.out.make);
    }
    let (coder, loader) = (net.domain("coder").machine(park).pool(1), Arc::clone(loader));
    let make = stage("make", move || Make::new(Arc::clone(&loader))).on(coder);
    let make = net.add(make.queue(bounded(MAKES)).emits(config.workers.into()));
    net.wire(cache.out.make, make.inlet).on_full(OnFull::ShedNewest);
    net.wire(make.out, cache.inlet);
}

/// Applications take bodies as they come; but what may become a tunnel has to be whole before.
fn in_pieces(router: Router) -> InPieces {
    InPieces::new(move |head| {
        let handler = router.find(head.path()).map(|route| route.handler);
        handler == Some(Handler::App) && !head.has("upgrade")
    })
}

/// What the records of requests hold for a log.
fn recorded(log: &Log, lost: Arc<Lost>) -> LogSettings {
    let (browser, host) = (log.format != Format::Common, log.format == Format::Json);
    LogSettings { browser, host, lost }
}

/// Puts the gate between `http` and all that is behind it, if one is needed.
fn guard(
    net: &mut Net,
    (plan, refusals): (&Arc<Plan>, Arc<Refusals>),
    (cpu, workers): (Domain, usize),
    http: HttpNodes,
    first: First,
    site: Inlet<CacheIn>,
) {
    if !plan.has_gate() {
        return first.from(net, http.request);
    }
    let (own, counts) = (Arc::clone(plan), Arc::clone(&refusals));
    let gate = stage("gate", move || Gate::new(Arc::clone(&own), Arc::clone(&counts)));
    let gate = net.add(gate.on(cpu));
    net.wire(http.request, gate.inlet);
    first.from(net, gate.out.pass);
    net.wire(gate.out.reply, http.replies).returns(http.request);
    net.wire(gate.out.site, site);
    if !plan.has_doors() {
        return net.seal(gate.out.login);
    }
    let pool = net.domain("login").machine(park).pool(workers);
    let own = Arc::clone(plan);
    let check = stage("login", move || CheckLogin::new(Arc::clone(&own), Arc::clone(&refusals)));
    let check = net.add(check.on(pool).queue(bounded(LOGINS)));
    // Who guesses passwords is refused by himself; the site goes on.
    net.wire(gate.out.login, check.inlet).on_full(OnFull::ShedNewest);
    first.from(net, check.out.pass);
    net.wire(check.out.refused, site);
}

/// What the threads of a domain wait in that has no network.
fn park(_: usize) -> Result<ThreadPark, BoxError> {
    Ok(ThreadPark::default())
}

/// Shows directories, if any may be shown; the site adds its fields, as to replies of handlers.
fn list(net: &mut Net, plan: &Arc<Plan>, disk: Domain, cache: Node<Cache>) {
    if !plan.has_listings() {
        return net.seal(cache.out.list);
    }
    let own = Arc::clone(plan);
    let list = stage("list", move || List::new(Arc::clone(&own))).on(disk).queue(bounded(LISTS));
    let list = net.add(list);
    net.wire(cache.out.list, list.inlet).on_full(OnFull::ShedNewest);
    net.wire(list.out, cache.inlet);
}

/// Makes the machines of one domain: that of its first worker counts in the ledger `first`.
fn io<M>(
    machine: M,
    settings: Settings,
    watch: Arc<Watch>,
    first: usize,
) -> impl Fn(usize) -> Result<Io, BoxError> + Send + Sync + 'static
where
    M: Fn(Settings, Arc<ConnLedger>) -> Result<Io, BoxError> + Send + Sync + 'static,
{
    move |worker| machine(settings.clone(), watch.ledger(first + worker))
}

#[cfg(test)]
#[path = "site_tests.rs"]
mod tests;
