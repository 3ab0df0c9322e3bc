//! Sends what a handler has no place for to the page that its route names.
use super::cache::Cheaper;
use super::route::Router;
use sluicegate::{Batch, Cx, Event, Out, Stage, Why};
use sluicegate_http::Exchange;
use std::sync::Arc;

/// Stands behind the wires of handlers with such a route. It refuses what has no page, as the wire
/// would have: requests to other routes of the same handler, and those that want something done,
/// for a page would tell them that it was.
#[derive(Debug)]
pub struct Instead {
    router: Router,
}

impl Instead {
    /// By the routes of `router`.
    pub fn new(router: Router) -> Instead {
        Instead { router }
    }
}

impl Stage for Instead {
    type In = Exchange;
    type Out = Out<Cheaper>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Cheaper>>) {
        for event in batch {
            let route = self.router.find(event.path()).filter(|_| event.method.is_read());
            let page = route.and_then(|route| route.instead.as_ref()).map(Arc::clone);
            match page {
                Some(page) => cx.out.emit(event.map(|exchange| Cheaper { exchange, page })),
                None => refuse(event),
            }
        }
    }
}

/// Refuses a request that has no page, as the wire would have.
pub(super) fn refuse(event: Event<Exchange>) {
    let (tag, _) = event.split();
    let why = tag.diverted().unwrap_or(Why::Shed);
    tag.refuse(why);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Handler, Route};
    use sluicegate::Rig;

    #[test]
    fn who_only_reads_gets_the_page_of_the_route() {
        let with =
            Route { instead: Some(Arc::from("/a.html")), ..Route::new("/a", Handler::BurnPool) };
        let routes = [with, Route::new("/b", Handler::BurnPool)];
        let mut rig = Rig::of(Instead::new(Router::new(&routes, &[], 1)));
        for (line, page) in [
            ("GET /a", Some("/a.html")),
            ("HEAD /a/below?us=1", Some("/a.html")),
            ("GET /b", None),
            ("POST /a", None),
            ("DELETE /a", None),
        ] {
            let text = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
            rig.feed([Exchange::read(text.as_bytes()).expect("a plain request")]).batch(1);
            let found = rig.out.take().pop().map(|event| {
                let (tag, cheaper) = event.split();
                tag.finish();
                cheaper.page
            });
            assert_eq!(found.as_deref(), page, "{line}");
        }
        assert_eq!(rig.ledger().ended[Why::Shed], 3);
    }
}
