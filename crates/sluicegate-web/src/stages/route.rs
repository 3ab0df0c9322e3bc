//! Sends each request to the handler mounted at its path, by the longest prefix, or to the site;
//! and says how important it is, where a gate asks for that.
use crate::app::App;
use crate::config::{Handler, Route};
use crate::rules::{Classifier, classify};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::Exchange;
use sluicegate_macros::Ports;
use std::fmt;
use std::sync::Arc;

/// Where requests go. A port whose handler is mounted nowhere never sends.
#[derive(Ports)]
pub struct RouteOut {
    /// To the static site.
    pub site: Out<Exchange>,
    /// To `echo`.
    pub echo: Out<Exchange>,
    /// To `burn` on the worker itself.
    pub burn: Out<Exchange>,
    /// To `burn` in the pool.
    pub burn_pool: Out<Exchange>,
    /// To `sleep`.
    pub sleep: Out<Exchange>,
    /// To `net`.
    pub net: Out<Exchange>,
    /// To `panic`.
    pub panic: Out<Exchange>,
    /// To the application.
    pub app: Out<Exchange>,
    /// Nothing is sent here: wires to handlers divert to it what finds no place there.
    pub instead: Out<Exchange>,
}

/// The routes, the longest first.
#[derive(Clone)]
pub struct Router {
    routes: Arc<[Route]>,
    /// Who is more or less important than the route says.
    classes: Arc<[Classifier]>,
    /// For the hash of clients, so that nobody outside can tell who lies in a queue with whom.
    seed: u64,
    /// Who is asked more about requests to itself.
    app: Option<Arc<dyn App>>,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("routes", &self.routes).finish_non_exhaustive()
    }
}

impl Router {
    /// The order of `routes` does not matter, that of `classes` does.
    pub fn new(routes: &[Route], classes: &[Classifier], seed: u64) -> Router {
        let mut routes = routes.to_vec();
        routes.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
        Router { routes: routes.into(), classes: classes.into(), seed, app: None }
    }

    /// With an application.
    pub fn with(self, app: Option<Arc<dyn App>>) -> Router {
        Router { app, ..self }
    }

    /// The class and the weight of a request to a route.
    fn class(&self, route: &Route, exchange: &Exchange) -> (u8, u8) {
        if self.classes.is_empty() || route.target.is_none() {
            return (route.class, route.weight);
        }
        let addr = exchange.peer().and_then(|peer| peer.addr()).map(|addr| addr.ip());
        match classify(&self.classes, exchange, addr) {
            Some(one) => (one.class, one.weight.unwrap_or(route.weight)),
            None => (route.class, route.weight),
        }
    }

    /// The route mounted at a path or nearest above it.
    pub fn find(&self, path: &[u8]) -> Option<&Route> {
        let matches = |route: &&Route| {
            let mount = route.path.as_bytes();
            match path.strip_prefix(mount) {
                Some(rest) => rest.is_empty() || rest[0] == b'/' || mount == b"/",
                None => false,
            }
        };
        self.routes.iter().find(matches)
    }
}

impl Stage for Router {
    type In = Exchange;
    type Out = RouteOut;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, RouteOut>) {
        for event in batch {
            let Some(route) = self.find(event.path()) else {
                cx.out.site.emit(event);
                continue;
            };
            let port = match route.handler {
                Handler::Echo => &mut cx.out.echo,
                Handler::BurnInline => &mut cx.out.burn,
                Handler::BurnPool => &mut cx.out.burn_pool,
                Handler::Sleep => &mut cx.out.sleep,
                Handler::Net => &mut cx.out.net,
                Handler::Panic => &mut cx.out.panic,
                Handler::App => &mut cx.out.app,
            };
            let (class, weight) = self.class(route, &event);
            let (mut tag, mut exchange) = event.split();
            tag.set_class(class);
            if let Some(time) = route.deadline {
                tag.limit_deadline(tag.born() + time);
            }
            if route.target.is_some() {
                tag.set_weight(weight);
                tag.set_client(route.clients.of(&exchange, self.seed));
            }
            if let (Handler::App, Some(app)) = (route.handler, &self.app) {
                app.describe(&mut tag, &mut exchange);
            }
            port.emit(tag.with(exchange));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Machine, Settings};
    use sluicegate::Rig;

    #[test]
    fn the_longest_prefix_wins_and_ends_at_a_slash() {
        let find =
            |router: &Router, path: &str| router.find(path.as_bytes()).map(|route| route.handler);
        let router = Router::new(
            &[
                Route::new("/a", Handler::Echo),
                Route::new("/a/b", Handler::Sleep),
                Route::new("/api/net", Handler::Net),
            ],
            &[],
            1,
        );
        for (path, expected) in [
            ("/", None),
            ("/a", Some(Handler::Echo)),
            ("/a/", Some(Handler::Echo)),
            ("/a/c", Some(Handler::Echo)),
            ("/a/b", Some(Handler::Sleep)),
            ("/a/b/c", Some(Handler::Sleep)),
            ("/a/bc", Some(Handler::Echo)),
            ("/ab", None),
            ("/api", None),
            ("/api/net", Some(Handler::Net)),
            ("*", None),
        ] {
            assert_eq!(find(&router, path), expected, "{path}");
        }
        let all = Router::new(&[Route::new("/", Handler::Panic)], &[], 1);
        assert_eq!(find(&all, "/any/thing"), Some(Handler::Panic));
    }

    #[test]
    fn class_and_weight_are_said_where_a_gate_asks_for_them() {
        let config = "[[route]]\npath = \"/work\"\nhandler = \"burn\"\n\
            target = \"50ms\"\nclass = 3\nweight = 2\n\
            [[route]]\npath = \"/echo\"\nhandler = \"echo\"\n\
            [[class]]\nclass = 7\nweight = 16\nheader = \"X-Plan\"\nvalue = \"gold\"\n\
            [[class]]\nclass = 0\ncookie = \"guest\"\n";
        let settings = Settings::from_toml("site.toml", config).expect("known settings");
        let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
        let config = Config::new(&settings, machine).expect("sound");
        let mut rig = Rig::of(Router::new(&config.routes, &config.classes, 1));
        for (path, fields, expected) in [
            ("/work", "", (3, 2)),
            ("/work", "X-Plan: gold\r\nCookie: guest=1\r\n", (7, 16)),
            ("/work", "X-Plan: tin\r\nCookie: guest=1\r\n", (0, 2)),
            ("/work", "X-Plan: tin\r\nCookie: guest\r\n", (3, 2)),
            ("/echo", "X-Plan: gold\r\n", (0, 1)),
        ] {
            let text = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            rig.feed([Exchange::read(text.as_bytes()).expect("a plain request")]).batch(1);
            let mut sent = rig.out.burn_pool.take();
            sent.append(&mut rig.out.echo.take());
            let (tag, _) = sent.remove(0).split();
            assert_eq!((tag.class(), tag.weight()), expected, "{path} {fields}");
            tag.finish();
        }
    }
}
