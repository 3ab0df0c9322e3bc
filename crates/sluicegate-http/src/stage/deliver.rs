//! Replies on their way out: written at once, or kept back while a further request is answered.

use sluicegate::{Cx, Event, Tag, Why};
use sluicegate_io::{ConnId, Io, Then, Write};

use crate::limits::HELD_MAX;
use crate::machine::{Answer, Chunks};
use crate::stage::session::{Held, Session};
use crate::stage::{HttpOut, HttpStage};

/// Lists of replies kept back that are empty, for the next connections that need one.
const SPARE_HELD: usize = 64;

/// A reply that is encoded and not yet sent.
pub(crate) struct Ready {
    pub tag: Option<Tag>,
    pub answer: Answer,
}

impl HttpStage {
    /// Keeps a reply back, for a further complete request waited behind it.
    pub(crate) fn hold(&mut self, id: ConnId, ready: Ready, cx: &mut Cx<'_, HttpOut>) {
        let Ready { tag, answer } = ready;
        let now = cx.now();
        let Some(session) = cx.local.get::<Io>().state::<Session>(id) else {
            return refuse(tag);
        };
        let first = session.held.is_none();
        let held = session.held.get_or_insert_with(|| self.spare_held.pop().unwrap_or_default());
        held.bytes += answer.chunks.iter().map(|chunk| chunk.len()).sum::<usize>();
        match held.replies.last_mut() {
            // What belongs to no flow joins what stands before it.
            Some(last) if tag.is_none() => last.chunks.extend(answer.chunks),
            _ => {
                let tag = tag.map(|tag| self.tags.insert(tag));
                held.replies.push(Held { chunks: answer.chunks, tag });
            }
        }
        if first {
            held.since = now;
            self.timers.holds(id, now, cx);
        }
    }

    /// Writes all that was kept back.
    pub(crate) fn release(&mut self, id: ConnId, cx: &mut Cx<'_, HttpOut>) {
        let worker = cx.worker();
        let Some(session) = cx.local.get::<Io>().state::<Session>(id) else { return };
        let Some(mut held) = session.held.take() else { return };
        held.bytes = 0;
        for Held { chunks, tag } in held.replies.drain(..) {
            let tag = tag.and_then(|place| self.take_tag(id, place)).unwrap_or(Tag::none(worker));
            let write = Write { conn: id, chunks, then: Then::Keep };
            cx.out.write.emit(tag.with(write));
        }
        // The next connection that keeps replies back has it; an idle one keeps nothing.
        if self.spare_held.len() < SPARE_HELD {
            self.spare_held.push(held);
        }
    }

    /// Writes an answer behind all that was kept back.
    pub(crate) fn write(
        &mut self,
        id: ConnId,
        tag: Option<Tag>,
        answer: Answer,
        cx: &mut Cx<'_, HttpOut>,
    ) {
        self.release(id, cx);
        self.emit(id, tag, answer, cx);
    }

    /// Writes an answer when nothing is kept back.
    pub(crate) fn emit(
        &mut self,
        id: ConnId,
        tag: Option<Tag>,
        answer: Answer,
        cx: &mut Cx<'_, HttpOut>,
    ) {
        let Answer { chunks, then, .. } = answer;
        if then != Then::Keep {
            self.conns.remove(id);
        }
        let write = Write { conn: id, chunks, then };
        let event = match tag {
            Some(tag) => tag.with(write),
            None => Event::note(cx.worker(), write),
        };
        cx.out.write.emit(event);
    }

    /// After an event: reads on or pauses; sets the timer; writes what was kept back, unless it is
    /// to be kept longer.
    pub(crate) fn settle(&mut self, id: ConnId, cx: &mut Cx<'_, HttpOut>) {
        let limits = self.shared.limits();
        let io = cx.local.get::<Io>();
        let Some(session) = io.state::<Session>(id) else { return };
        let wants = session.machine.wants_input(limits);
        let changed = std::mem::replace(&mut session.paused, !wants) == wants;
        let late = session.late(limits);
        let releases = session.held.as_ref().is_some_and(|held| {
            let full = held.bytes > limits.hold || held.replies.len() >= HELD_MAX;
            full || !session.machine.is_asked()
        });
        match (changed, wants) {
            (true, true) => io.resume(id),
            (true, false) => {
                io.pause(id);
                io.watch_loss(id);
            }
            _ => {}
        }
        if releases {
            self.release(id, cx);
        }
        if let Some(deadline) = late {
            self.set_timer(id, deadline, cx);
        }
    }

    /// Keeps the tag of a flow whose body is being read.
    pub(crate) fn keep_tag(&mut self, id: ConnId, tag: Tag, cx: &mut Cx<'_, HttpOut>) {
        match cx.local.get::<Io>().state::<Session>(id) {
            Some(session) => session.tag = Some(self.tags.insert(tag)),
            None => tag.refuse(Why::Gone),
        }
    }

    /// The tag that the session keeps.
    pub(crate) fn session_tag(&mut self, id: ConnId, cx: &mut Cx<'_, HttpOut>) -> Option<Tag> {
        let place = cx.local.get::<Io>().state::<Session>(id)?.tag.take()?;
        self.take_tag(id, place)
    }

    /// The tag at `place`, if it is of a flow of this connection.
    pub(crate) fn take_tag(&mut self, id: ConnId, place: u32) -> Option<Tag> {
        self.tags.take_if(place, |flow| ConnId::of_flow(flow) == id)
    }

    /// The tag of a body that ends with what the machine says itself. With nothing to say, the
    /// flow has no answer.
    pub(crate) fn body_tag(
        &mut self,
        id: ConnId,
        answer: &Answer,
        cx: &mut Cx<'_, HttpOut>,
    ) -> Option<Tag> {
        if answer.then == Then::Keep {
            return None;
        }
        let tag = self.session_tag(id, cx)?;
        if is_silent(&answer.chunks) {
            tag.refuse(Why::Gone);
            return None;
        }
        Some(tag)
    }
}

fn is_silent(chunks: &Chunks) -> bool {
    chunks.iter().all(|chunk| chunk.is_empty())
}

fn refuse(tag: Option<Tag>) {
    if let Some(tag) = tag {
        tag.refuse(Why::Gone);
    }
}
