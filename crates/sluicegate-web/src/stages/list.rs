//! Shows directories: reads and draws them in the pool, where that may take its time.
use crate::files::Name;
use crate::listing::{self, Order};
use crate::rules::{Plan, Site, accepts};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::{Exchange, Head, Reply};
use std::io;
use std::sync::Arc;

/// The page has no scripts, and no names in it may become any.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'self'";

/// Takes requests for directories that may be shown.
#[derive(Debug)]
pub struct List {
    plan: Arc<Plan>,
}

impl List {
    /// Shows directories of the sites of `plan`.
    pub fn new(plan: Arc<Plan>) -> List {
        List { plan }
    }
}

impl Stage for List {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            let site = self.plan.site(&event);
            let reply = show(site, &event);
            event.reply(reply);
            cx.out.emit(event);
        }
    }
}

fn show(site: &Site, head: &Head) -> Reply {
    let listed = match (site.content().root(), Name::of_site(site.id(), head.path())) {
        (Some(root), Some(name)) => listing::read(root, &name),
        _ => return Reply::plain(404),
    };
    let mut listing = match listed {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Reply::plain(404),
        Err(_) => return Reply::plain(503),
    };
    let order = Order::of(head.query());
    order.sort(&mut listing.entries);
    let reply = match accepts(head, b"application/json") && !accepts(head, b"text/html") {
        true => Reply::content(200, "application/json", listing::json(&listing)),
        false => Reply::content(200, "text/html; charset=utf-8", listing::html(&listing, order))
            .header("Content-Security-Policy", POLICY),
    };
    reply.header("Vary", "Accept").header("X-Content-Type-Options", "nosniff")
}
