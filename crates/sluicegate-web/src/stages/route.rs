//! Sends each request to the handler mounted at its path, by the longest prefix, or to the site.
use crate::config::{Handler, Route};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::Exchange;
use sluicegate_macros::Ports;
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
}

/// The routes, the longest first.
#[derive(Debug)]
pub struct Router {
    routes: Arc<[Route]>,
}

impl Router {
    /// The order of `routes` does not matter.
    pub fn new(routes: &[Route]) -> Router {
        let mut routes = routes.to_vec();
        routes.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
        Router { routes: routes.into() }
    }

    /// The route mounted at a path or nearest above it.
    fn find(&self, path: &[u8]) -> Option<&Route> {
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

impl Clone for Router {
    fn clone(&self) -> Router {
        Router { routes: Arc::clone(&self.routes) }
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
            };
            let (mut tag, exchange) = event.split();
            tag.set_class(route.class);
            port.emit(tag.with(exchange));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins_and_ends_at_a_slash() {
        let route = |path: &str, handler| Route {
            path: path.to_owned(),
            handler,
            target: None,
            refuse: false,
            class: 0,
        };
        let find =
            |router: &Router, path: &str| router.find(path.as_bytes()).map(|route| route.handler);
        let router = Router::new(&[
            route("/a", Handler::Echo),
            route("/a/b", Handler::Sleep),
            route("/api/net", Handler::Net),
        ]);
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
        let all = Router::new(&[route("/", Handler::Panic)]);
        assert_eq!(find(&all, "/any/thing"), Some(Handler::Panic));
    }
}
