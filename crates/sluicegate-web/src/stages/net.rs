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
        let sight = Sight::of(&self.watch);
        for mut event in batch {
            let shown = reply(show(event.method_name(), || sight.json()));
            event.reply(shown);
            cx.out.emit(event);
        }
    }
}
