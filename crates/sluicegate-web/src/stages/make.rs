//! Makes variants of pages: beside the disk's threads, for it is all computing.
use super::load::{Gone, by_holder};
use crate::cache::{Job, Loader};
use sluicegate::{Batch, Cx, Event, Out, Stage};
use std::sync::Arc;

/// Nobody waits for a variant: the worker finds it when it looks at the page again.
#[derive(Debug)]
pub struct Make {
    loader: Arc<Loader>,
}

impl Make {
    /// Makes variants of the pages of `loader`.
    pub fn new(loader: Arc<Loader>) -> Make {
        Make { loader }
    }
}

impl Stage for Make {
    type In = Job;
    type Out = Out<Gone>;

    fn handle(&mut self, batch: Batch<'_, Job>, cx: &mut Cx<'_, Out<Gone>>) {
        for event in batch {
            let mut gone = Vec::new();
            self.loader.make(event.split().1, &mut gone);
            for (home, pages) in by_holder(gone) {
                cx.out.emit(Event::note(home, Gone(pages)));
            }
        }
    }
}
