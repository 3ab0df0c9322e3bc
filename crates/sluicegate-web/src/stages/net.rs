//! Shows the net itself: its stages, wires and ledgers as JSON.
use crate::watch::Watch;
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::{Exchange, Method, Reply};
use std::sync::Arc;

/// Taking a snapshot may wait for busy workers: this stage belongs in a pool.
#[derive(Debug)]
pub struct ShowNet {
    watch: Arc<Watch>,
}

impl ShowNet {
    /// Shows what `watch` sees.
    pub fn new(watch: Arc<Watch>) -> ShowNet {
        ShowNet { watch }
    }
}

impl Stage for ShowNet {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            let reply = show(event.method, &self.watch);
            event.reply(reply);
            cx.out.emit(event);
        }
    }
}

/// The net as a reply.
pub(super) fn show(method: Method, watch: &Watch) -> Reply {
    if !method.is_read() {
        return Reply::not_allowed("GET, HEAD");
    }
    Reply::content(200, "application/json", watch.json()).header("Cache-Control", "no-store")
}
