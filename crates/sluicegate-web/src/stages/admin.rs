//! The admin listener: the dashboard, the net as JSON, and what may be changed while it runs.
use super::viewers::Viewers;
use crate::watch::{Sight, Watch};
use sluicegate::{Batch, Cx, Out, Stage, Time};
use sluicegate_admin::{Answer, Asked, TICK, answer};
use sluicegate_http::{Exchange, Head, Reply};
use std::sync::Arc;

/// Answers everything the admin listener is asked, and looks at the net once a second for those who
/// watch and for its history. Looking may wait for busy workers: the listener has a worker of its
/// own.
#[derive(Debug)]
pub struct ShowAdmin {
    watch: Arc<Watch>,
    sight: Sight,
    viewers: Viewers,
    /// When to look next.
    next: Time,
}

impl ShowAdmin {
    /// Shows what `watch` sees.
    pub fn new(watch: Arc<Watch>) -> ShowAdmin {
        let sight = Sight::new(Arc::clone(&watch));
        ShowAdmin { watch, sight, viewers: Viewers::default(), next: Time(0) }
    }

    fn send(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        if cx.draining() {
            self.viewers.end();
        }
        if !self.viewers.send(cx.out) {
            cx.again();
        }
    }
}

impl Stage for ShowAdmin {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        self.next = cx.now() + TICK;
        cx.at(self.next, 0);
    }

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            if Viewers::is_one(&mut event) {
                self.viewers.sent(event);
                continue;
            }
            let sight = self.sight.of(event.tag().born(), cx.clock());
            let mut answer = answer(asked(&event), sight);
            if answer.is_live() {
                let first = std::mem::take(&mut answer.body);
                self.viewers.admit(event, reply(answer), first.into(), self.watch.seats());
                continue;
            }
            event.reply(reply(answer));
            cx.out.emit(event);
        }
        self.send(cx);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<Exchange>>) {
        // A replica that panicked has left a timer behind.
        if cx.now() < self.next || cx.draining() {
            return;
        }
        self.sight.forget();
        let event = self.watch.look();
        self.viewers.show(event);
        self.send(cx);
        // Looks that were missed are not made up for.
        self.next = (self.next + TICK).max(cx.clock());
        cx.at(self.next, 0);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        self.send(cx);
    }

    fn drain(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        self.send(cx);
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
