//! The handlers of routes: hung on the ports of `route`, behind their gates, and led back.
use super::QUEUE;
use crate::app::{App, Mounted};
use crate::config::{Config, Handler, Route};
use crate::stages::{
    Burn, CacheIn, Echo, FeedIn, Instead, Panic, Pull, Router, ShowNet, Sleep, Spend,
};
use crate::watch::Watch;
use sluicegate::{
    Capacity, Domain, Inlet, Limit, Net, OnFull, Outlet, Overload, Spec, Stage, Wire, bounded,
    stage,
};
use sluicegate_http::{Exchange, HttpNodes};
use sluicegate_io::resources::Resource;
use std::sync::Arc;

/// Where requests go that need not pass a gate.
#[derive(Clone, Copy)]
pub(super) enum First {
    Route(Inlet<Exchange>),
    App(Inlet<Exchange>),
    Site(Inlet<CacheIn>),
}

impl First {
    /// Leads a port there.
    pub fn from(self, net: &mut Net, port: Outlet<Exchange>) {
        match self {
            First::Route(inlet) => drop(net.wire(port, inlet)),
            First::App(inlet) => drop(net.wire(port, inlet).on_full(OnFull::ShedNewest)),
            First::Site(inlet) => drop(net.wire(port, inlet)),
        }
    }
}

/// Who gives replies that are sent in pieces their next ones.
#[derive(Clone, Copy)]
pub(super) struct Streams {
    /// Of files of directories.
    pub files: Inlet<Exchange>,
    /// Of objects of volumes, where there are any.
    pub volumes: Option<Inlet<FeedIn>>,
}

impl Streams {
    /// Leads replies that want their next pieces to whoever has them.
    fn lead(self, net: &mut Net, cpu: Domain, http: HttpNodes, app: Option<Inlet<Exchange>>) {
        let Streams { files, volumes } = self;
        if app.is_none() && volumes.is_none() {
            net.wire(http.pull, files);
            return;
        }
        let pull = net.add(stage("pull", Pull::default).on(cpu));
        net.wire(http.pull, pull.inlet);
        net.wire(pull.out.files, files);
        match volumes {
            Some(volumes) => drop(net.wire(pull.out.volumes, volumes)),
            None => net.seal(pull.out.volumes),
        }
        match app {
            Some(app) => drop(net.wire(pull.out.app, app)),
            None => net.seal(pull.out.app),
        }
    }
}

/// Puts the mounted handlers before the site; returns where requests go first. Where a site
/// `dresses` replies, those of the handlers pass by it on their way back.
pub(super) fn mount(
    net: &mut Net,
    config: &Config,
    cpu: Domain,
    http: HttpNodes,
    (site, dresses): (Inlet<CacheIn>, bool),
    (watch, spend, router): (&Arc<Watch>, Spend, Router),
    (app, streams): (Option<Arc<dyn App>>, Streams),
) -> First {
    let app = app.filter(|_| config.mounts(Handler::App));
    if config.routes.is_empty() {
        streams.lead(net, cpu, http, None);
        return First::Site(site);
    }
    if let (Some(app), [only]) = (&app, &*config.routes)
        && *only == Route::new("/", Handler::App)
        && !app.describes()
    {
        // Nothing is said of requests, so nobody has to look at them.
        let mounted = mount_app(net, &**app, (cpu, bounded(QUEUE)), http, streams);
        lead_back(net, mounted.replies, http, dresses.then_some(site)).fused();
        return First::App(mounted.requests);
    }
    let own = router.clone();
    let route = net.add(stage("route", move || own.clone()).on(cpu));
    let out = route.out;
    net.wire(out.site, site).fused();

    if config.routes.iter().any(|route| route.instead.is_some()) {
        let instead = stage("instead", move || Instead::new(router.clone())).on(cpu);
        let instead = net.add(instead);
        net.wire(out.instead, instead.inlet);
        net.wire(instead.out, site);
    } else {
        net.seal(out.instead);
    }
    let site = dresses.then_some(site);
    let (resources, instead) = (watch.resources(), out.instead);
    let mut hang = Hang { net, config, resources, http, site, instead };
    let mounted = |handler| config.mounts(handler);
    let burns = move || Burn::new(Arc::clone(&spend));
    let echo = mounted(Handler::Echo).then(|| stage("echo", || Echo).on(cpu));
    hang.gated(out.echo, Handler::Echo, echo);
    let burn = mounted(Handler::BurnInline).then(|| stage("burn", burns.clone()).on(cpu));
    hang.gated(out.burn, Handler::BurnInline, burn);
    hang.on(out.sleep, mounted(Handler::Sleep).then(|| stage("sleep", Sleep::default).on(cpu)));
    hang.on(out.panic, mounted(Handler::Panic).then(|| stage("panic", || Panic).on(cpu)));
    let pool = [Handler::BurnPool, Handler::Net].into_iter().any(mounted);
    let pool = pool.then(|| hang.net.domain("work").pool(config.pool_handlers));
    let burn = pool.filter(|_| mounted(Handler::BurnPool));
    let burn = burn.map(|pool| stage("burn-pool", burns).on(pool).queue(bounded(QUEUE)));
    hang.gated(out.burn_pool, Handler::BurnPool, burn);
    let (show, watch) = (pool.filter(|_| mounted(Handler::Net)), Arc::clone(watch));
    let show = show.map(|pool| stage("net", move || ShowNet::new(Arc::clone(&watch))).on(pool));
    hang.on(out.net, show);
    match app {
        Some(app) => hang.app(out.app, &*app, cpu, streams),
        None => {
            hang.net.seal(out.app);
            streams.lead(hang.net, cpu, http, None);
        }
    }
    First::Route(route.inlet)
}

/// Hangs handlers on the ports of `route`.
struct Hang<'a> {
    net: &'a mut Net,
    config: &'a Config,
    /// What gates heed beside their targets.
    resources: &'a [Resource],
    http: HttpNodes,
    /// Where replies are dressed, if they are.
    site: Option<Inlet<CacheIn>>,
    /// Where requests get a page for which a handler has no place.
    instead: Outlet<Exchange>,
}

impl Hang<'_> {
    /// Hangs a handler whose work can wait: behind a gate, if its routes have a target:
    /// it keeps that, and heeds what else may run short.
    fn gated<S>(&mut self, port: Outlet<Exchange>, handler: Handler, stage: Option<Spec<S>>)
    where
        S: Stage<In = Exchange, Out = sluicegate::Out<Exchange>>,
    {
        let gate = self.gate(handler);
        let stage = stage.map(|stage| match gate {
            Some(queue) => stage.queue(queue),
            None => stage,
        });
        self.put(port, stage, self.instead(handler));
    }

    /// The queue of a handler whose routes refuse something.
    fn gate(&self, handler: Handler) -> Option<Capacity> {
        if self.config.refuses(handler) {
            return Some(bounded(QUEUE).admit(Limit::of(0)));
        }
        let queue = bounded(QUEUE).admit(Overload::p99(self.config.target(handler)?));
        Some(self.resources.iter().fold(queue, |queue, one| queue.admit(one.law())))
    }

    /// Where requests get a page for which this handler has no place, if any of its routes has one.
    fn instead(&self, handler: Handler) -> Option<Outlet<Exchange>> {
        let mut routes = self.config.routes.iter().filter(|route| route.handler == handler);
        routes.any(|route| route.instead.is_some()).then_some(self.instead)
    }

    /// Hangs the application.
    fn app(&mut self, port: Outlet<Exchange>, app: &dyn App, cpu: Domain, streams: Streams) {
        let queue = self.gate(Handler::App).unwrap_or_else(|| bounded(QUEUE));
        let mounted = mount_app(self.net, app, (cpu, queue), self.http, streams);
        self.join(port, (mounted.requests, mounted.replies), self.instead(Handler::App));
    }

    fn on<S>(&mut self, port: Outlet<Exchange>, handler: Option<Spec<S>>)
    where
        S: Stage<In = Exchange, Out = sluicegate::Out<Exchange>>,
    {
        self.put(port, handler, None);
    }

    /// Nothing is sent on a port whose handler is not mounted.
    fn put<S>(
        &mut self,
        port: Outlet<Exchange>,
        handler: Option<Spec<S>>,
        instead: Option<Outlet<Exchange>>,
    ) where
        S: Stage<In = Exchange, Out = sluicegate::Out<Exchange>>,
    {
        match handler {
            None => self.net.seal(port),
            Some(handler) => {
                let node = self.net.add(handler);
                self.join(port, (node.inlet, node.out), instead);
            }
        }
    }

    /// Leads requests from a port to a handler, and its replies back.
    fn join(
        &mut self,
        port: Outlet<Exchange>,
        (inlet, replies): (Inlet<Exchange>, Outlet<Exchange>),
        instead: Option<Outlet<Exchange>>,
    ) {
        // A handler that cannot keep up is refused by itself; the site goes on.
        let wire = self.net.wire(port, inlet);
        match instead {
            Some(instead) => wire.divert(instead),
            None => wire.on_full(OnFull::ShedNewest),
        };
        lead_back(self.net, replies, self.http, self.site);
    }
}

/// Leads replies of a handler back, by the `site` that dresses them if there is one.
fn lead_back(
    net: &mut Net,
    replies: Outlet<Exchange>,
    http: HttpNodes,
    site: Option<Inlet<CacheIn>>,
) -> Wire<'_, Exchange> {
    match site {
        Some(site) => net.wire(replies, site),
        None => net.wire(replies, http.replies).returns(http.request),
    }
}

/// Adds the application, which streams beside the site.
fn mount_app(
    net: &mut Net,
    app: &dyn App,
    (cpu, queue): (Domain, Capacity),
    http: HttpNodes,
    streams: Streams,
) -> Mounted {
    let mounted = app.mount(net, cpu, queue);
    streams.lead(net, cpu, http, Some(mounted.pull));
    net.wire(mounted.pieces, http.replies).returns(http.pull);
    mounted
}
