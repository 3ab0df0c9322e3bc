//! Handlers mounted over the site: where, how important, and in which time they answer.
use super::complaint::{Complaint, Complaints};
use super::settings::{Node, Settings};
use super::sites::SiteConfig;
use crate::rules::Clients;
use std::sync::Arc;
use std::time::Duration;

/// A handler mounted over the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path it answers for, with all below it.
    pub path: String,
    /// Which one.
    pub handler: Handler,
    /// In which time it handles what it admits, if it refuses anything for that.
    pub target: Option<Duration>,
    /// In which time its requests are begun, if they are dropped otherwise.
    pub deadline: Option<Duration>,
    /// Whether it refuses everything.
    pub refuse: bool,
    /// How important its requests are; higher is more.
    pub class: u8,
    /// How many times the time of others its clients get; one of 1, 2, 4 and so on to 128.
    pub weight: u8,
    /// Who is one client, where there is a target.
    pub clients: Clients,
    /// The path of the page that is served in the place of what it refuses.
    pub instead: Option<Arc<str>>,
}

impl Route {
    /// A handler mounted with nothing said beside.
    pub fn new(path: &str, handler: Handler) -> Route {
        Route {
            path: path.to_owned(),
            handler,
            target: None,
            deadline: None,
            refuse: false,
            class: 0,
            weight: 1,
            clients: Clients::default(),
            instead: None,
        }
    }
}

/// What a program says of the routes to its application.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppRoute {
    /// Their target, in the place of what the settings say.
    pub target: Option<Duration>,
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
    /// The application that a program mounts.
    App,
}

impl Handler {
    /// Whether its work can wait in its queue, so that a gate there has something to bound. A
    /// sleeper waits elsewhere, without work; what shows the net must do so most of all under load.
    fn takes_target(self) -> bool {
        matches!(self, Handler::Echo | Handler::BurnInline | Handler::BurnPool | Handler::App)
    }
}

/// The demo site also mounts these, so that its page can draw the net and make load.
pub(super) const DEMO_ROUTES: [(&str, Handler); 4] = [
    ("/api/net", Handler::Net),
    ("/burn", Handler::BurnPool),
    ("/sleep", Handler::Sleep),
    ("/echo", Handler::Echo),
];

/// The target of the demo's burning, unless the settings have another: many times what the load of
/// its page costs.
const DEMO_TARGET: Duration = Duration::from_millis(50);

/// Mounts what the demo site needs.
pub(super) fn add_demo(routes: &mut Vec<Route>) {
    for (path, handler) in DEMO_ROUTES {
        if routes.iter().any(|route| route.path == path) {
            continue;
        }
        let demo = (handler == Handler::BurnPool).then_some(DEMO_TARGET);
        let asked = routes.iter().any(|route| route.handler == handler);
        let target = if asked { target(routes, handler) } else { demo };
        let refuse = refuses(routes, handler);
        routes.push(Route { target, refuse, ..Route::new(path, handler) });
    }
}

/// Gives the application all paths, unless routes name its own.
pub(super) fn add_app(
    settings: &Settings,
    app: AppRoute,
    routes: &mut Vec<Route>,
    faults: &mut Complaints,
) {
    if !mounts(routes, Handler::App) {
        let host = settings.top.each("host").next().map(|host| &host.place);
        if let Some(site) = settings.place("root").or(host) {
            let what = "nobody would ever see this site, as the application has all paths; \
                        accepted: with a [[route]] whose handler is \"app\", for each path of its \
                        own";
            faults.0.push(Complaint::new(site.clone(), what));
        }
        routes.push(Route::new("/", Handler::App));
    }
    if app.target.is_some() {
        let own = routes.iter_mut().filter(|route| route.handler == Handler::App);
        own.for_each(|route| route.target = app.target);
    }
}

/// Whether a route has this handler.
pub(super) fn mounts(routes: &[Route], handler: Handler) -> bool {
    routes.iter().any(|route| route.handler == handler)
}

/// The target of a handler.
pub(super) fn target(routes: &[Route], handler: Handler) -> Option<Duration> {
    routes.iter().find(|route| route.handler == handler)?.target
}

/// Whether a handler is out of service.
pub(super) fn refuses(routes: &[Route], handler: Handler) -> bool {
    routes.iter().any(|route| route.handler == handler && route.refuse)
}

/// All `[[route]]`.
pub(super) fn read(settings: &Settings, faults: &mut Complaints) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for node in settings.top.each("route") {
        let Some(route) = faults.note(route(node)) else { continue };
        if routes.iter().any(|known| known.path == route.path) {
            let what =
                format!("the path \"{}\" has a route already; one each is accepted", route.path);
            faults.0.push(Complaint::new(node.place.clone(), what));
        }
        faults.note(same_gate(node, &route, &routes));
        routes.push(route);
    }
    routes
}

fn route(node: &Node) -> Result<Route, Complaint> {
    node.required("route", "path")?;
    node.required("route", "handler")?;
    let path = node.text("path").unwrap_or_default();
    let path = if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path };
    let inline = node.text("domain").is_some_and(|domain| domain == "inline");
    let handler = match node.text("handler").unwrap_or_default().as_str() {
        "echo" => Handler::Echo,
        "burn" if inline => Handler::BurnInline,
        "burn" => Handler::BurnPool,
        "sleep" => Handler::Sleep,
        "net" => Handler::Net,
        "app" => Handler::App,
        _ => Handler::Panic,
    };
    let not_here = |name: &str, unfit: bool, what: &str| match node.place_of(name) {
        Some(place) if unfit => Err(Complaint::new(place.clone(), what)),
        _ => Ok(()),
    };
    let burns = matches!(handler, Handler::BurnInline | Handler::BurnPool);
    let what = "`domain` is for the handler \"burn\" alone; leave it out here";
    not_here("domain", !burns, what)?;
    for name in ["target", "refuse"] {
        let what = format!(
            "`{name}` is for the handlers \"burn\", \"echo\" and \"app\", whose work can wait; \
             leave it out here"
        );
        not_here(name, !handler.takes_target(), &what)?;
    }
    let target = node.span("target");
    let refuse = node.flag("refuse").unwrap_or(false);
    // The key accepts no more.
    let class = node.number("class").unwrap_or(0) as u8;
    let what = "`class` says who goes first where a `target` bounds what waits, and this route has \
                none; accepted: both, or neither";
    not_here("class", class > 0 && target.is_none(), what)?;
    let weight = node.number("weight").unwrap_or(1) as u8;
    let what = "`weight` says who gets how much where a `target` bounds what waits, and this route \
                has none; accepted: both, or neither";
    not_here("weight", weight > 1 && target.is_none(), what)?;
    let clients = node.text("clients").and_then(|text| Clients::read(&text)).unwrap_or_default();
    let what = "`clients` says who shares where a `target` bounds what waits, and this route has \
                none; accepted: both, or neither";
    not_here("clients", target.is_none(), what)?;
    let instead = node.text("instead").map(Arc::from);
    // Whichever `refuse` says: it is turned round while the rest stays.
    let what = "`instead` is served where a `target` or `refuse` has this route refuse, and it has \
                neither; accepted: with one of them";
    not_here("instead", target.is_none() && node.place_of("refuse").is_none(), what)?;
    let deadline = node.span("deadline");
    Ok(Route { path, handler, target, refuse, deadline, class, weight, clients, instead })
}

/// Pages that are served in the place of what is refused must not need a login at any site.
pub(super) fn unguarded<'a>(
    settings: &Settings,
    sites: impl Iterator<Item = &'a SiteConfig> + Clone,
    faults: &mut Complaints,
) {
    for node in settings.top.each("route") {
        let Some(page) = node.text("instead") else { continue };
        let place = node.place_near("instead");
        let shown = sites.clone().try_for_each(|site| site.shows_all("instead", &page, place));
        faults.note(shown);
    }
}

/// Routes to one handler share its queue, and so its target, and whether it is in service.
fn same_gate(node: &Node, route: &Route, known: &[Route]) -> Result<(), Complaint> {
    let Some(other) = known.iter().find(|other| other.handler == route.handler) else {
        return Ok(());
    };
    let (key, here, there) = if other.target != route.target {
        ("target", said(route.target), said(other.target))
    } else if other.refuse != route.refuse {
        let said = |refuse| format!("`refuse` is {refuse}");
        ("refuse", said(route.refuse), said(other.refuse))
    } else {
        return Ok(());
    };
    let place = node.place_near(key);
    let what = format!(
        "{here} for the path \"{}\", but {there} for \"{}\", and both have one queue; accepted: \
         the same for all routes to one handler",
        route.path, other.path
    );
    Err(Complaint::new(place.clone(), what))
}

fn said(target: Option<Duration>) -> String {
    target.map_or("there is no `target`".to_owned(), |target| format!("`target` is {target:?}"))
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
