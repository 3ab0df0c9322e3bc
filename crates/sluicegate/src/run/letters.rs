//! The letters of one replica: what its panics cost goes on to the stage for that.

use crate::desk::Desk;
use crate::event::{Copies, Event, Tag};
use crate::observe::Happening;
use crate::stage::{Cause, Letter, Link};
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) struct Letters<T> {
    link: Box<dyn Link<Letter<T>>>,
    /// The stage that they are from.
    stage: Arc<str>,
    /// Empty between deliveries; kept for its memory.
    events: VecDeque<Event<Letter<T>>>,
}

impl<T> Letters<T> {
    pub fn new(link: Box<dyn Link<Letter<T>>>, stage: &str) -> Self {
        Self { link, stage: stage.into(), events: VecDeque::new() }
    }

    /// Sends letters of flows that the replica had in its hands.
    pub fn salvage(
        &mut self,
        tags: Vec<Tag>,
        message: &Arc<str>,
        mut copies: Option<&mut Copies<T>>,
        desk: &Desk,
    ) {
        desk.hold(-(tags.len() as i64));
        for tag in tags {
            let body = copies.as_mut().and_then(|copies| copies.take(&tag));
            let (stage, cause) = (Arc::clone(&self.stage), Cause::Panicked(Arc::clone(message)));
            self.events.push_back(tag.with(Letter { stage, cause, body }));
        }
        self.send(desk);
    }

    /// Sends letters of events that were taken from the queue and not given to the handler.
    pub fn divert(&mut self, events: &mut VecDeque<Event<T>>, desk: &Desk) {
        let flows = events.iter().filter(|event| event.tag().is_flow()).count();
        desk.queue(-(flows as i64));
        let stage = &self.stage;
        self.events.extend(events.drain(..).map(|event| {
            let stage = Arc::clone(stage);
            event.map(|body| Letter { stage, cause: Cause::Broken, body: Some(body) })
        }));
        self.send(desk);
    }

    fn send(&mut self, desk: &Desk) {
        let Some(first) = self.events.front() else { return };
        let (n, cause) = (self.events.len() as u64, first.cause.name());
        desk.note(Some(desk.running()), Happening::Letters, n, cause);
        self.link.send(&mut self.events, 0);
        debug_assert!(self.events.is_empty(), "check() lets no wire for letters wait");
    }
}
