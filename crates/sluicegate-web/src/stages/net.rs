//! Shows the net itself: its stages, wires and ledgers as JSON.
use super::admin::reply;
use crate::watch::{Sight, Watch};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_admin::{Seen, show};
use sluicegate_http::Exchange;
use std::sync::Arc;

/// Taking a snapshot may wait for busy workers: this stage belongs in a pool.
#[derive(Debug)]
pub struct ShowNet {
    sight: Sight,
}

impl ShowNet {
    /// Shows what `watch` sees.
    pub fn new(watch: Arc<Watch>) -> ShowNet {
        ShowNet { sight: Sight::new(watch) }
    }
}

impl Stage for ShowNet {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            let sight = self.sight.of(event.tag().born(), cx.clock());
            let shown = reply(show(event.method_name(), || sight.json()));
            event.reply(shown);
            cx.out.emit(event);
        }
    }
}
