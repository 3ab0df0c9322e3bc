//! The admin listener: the dashboard, the net as JSON, and what may be changed while it runs.
use crate::watch::Watch;
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_admin::{Answer, Asked, answer};
use sluicegate_http::{Exchange, Head, Reply};
use std::sync::Arc;

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
            let reply = reply(answer(asked(&event), &*self.watch));
            event.reply(reply);
            cx.out.emit(event);
        }
    }
}

/// What is asked. Bytes that are no text name nothing here.
fn asked(head: &Head) -> Asked<'_> {
    Asked {
        method: head.method_name(),
        path: std::str::from_utf8(head.path()).unwrap_or_default(),
        query: head.query().and_then(|query| std::str::from_utf8(query).ok()),
        host: head.host(),
        origin: head.has("Origin").then(|| head.single("Origin").unwrap_or_default()),
        accept: head.single("Accept"),
        authorization: head
            .has("Authorization")
            .then(|| head.single("Authorization").unwrap_or_default()),
    }
}

/// What is answered, as a reply.
pub(super) fn reply(answer: Answer) -> Reply {
    let fields = answer.fields();
    let reply = Reply::content(answer.status, answer.content_type, answer.body);
    fields.fold(reply, |reply, (name, value)| reply.header(name, value))
}
