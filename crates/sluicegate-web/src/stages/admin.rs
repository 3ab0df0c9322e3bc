//! The admin listener: an index, the net as JSON, and what may be changed while it runs.
use super::freeze::freeze;
use super::net::show;
use crate::watch::Watch;
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::{Exchange, Reply};
use std::sync::Arc;

const INDEX: &str = "<!doctype html><meta charset=utf-8><title>sluicegate</title>\n\
    <p>This service as it works: <a href=/api/net>/api/net</a>\n\
    <p>Freeze a law of a gate: POST /api/freeze?stage=S&amp;law=L&amp;frozen=true\n";

/// Answers everything the admin listener is asked. Looking at the net may wait for busy workers:
/// the listener has a worker of its own.
#[derive(Debug)]
pub struct ShowAdmin {
    watch: Arc<Watch>,
}

impl ShowAdmin {
    /// Shows what `watch` sees.
    pub fn new(watch: Arc<Watch>) -> ShowAdmin {
        ShowAdmin { watch }
    }
}

impl Stage for ShowAdmin {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            let reply = match event.path() {
                b"/api/net" => show(event.method, &self.watch),
                b"/api/freeze" => freeze(&event, &self.watch),
                b"/" if event.method.is_read() => {
                    Reply::content(200, "text/html; charset=utf-8", INDEX)
                }
                b"/" => Reply::not_allowed("GET, HEAD"),
                _ => Reply::plain(404),
            };
            event.reply(reply);
            cx.out.emit(event);
        }
    }
}
