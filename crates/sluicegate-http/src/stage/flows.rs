//! The flows of a connection: requests into the net, and what comes back of them.

use sluicegate::{Cx, Entering, Tag, Why};
use sluicegate_io::{Buf, ConnId, Io};

use crate::exchange::Exchange;
use crate::machine::Next;
use crate::stage::deliver::Ready;
use crate::stage::session::Session;
use crate::stage::{HttpOut, HttpStage};

/// What makes a connection's machine go on.
pub(super) enum News {
    /// Something that it can see itself.
    Nothing,
    /// Received bytes.
    Bytes(Buf),
    /// The reply that it waited for.
    Reply(Ready),
}

impl HttpStage {
    pub(super) fn replied(
        &mut self,
        mut tag: Tag,
        mut exchange: Exchange,
        cx: &mut Cx<'_, HttpOut>,
    ) {
        let (id, now, stage) = (ConnId::from_key(exchange.conn()), cx.now(), cx.stage());
        let io = cx.local.get::<Io>();
        let found = io.state_and_queued::<Session>(id);
        let Some((session, queued)) = found.filter(|(session, _)| session.awaits(&exchange)) else {
            // The client is gone, or was told that its request was lost.
            self.shared.recycle(exchange);
            return tag.refuse(Why::Gone);
        };
        let answer = session.machine.answer(&mut exchange, queued, now, &mut self.shared);
        if answer.more {
            // Begun in time, it is sent to its end.
            tag.set_deadline(None);
            session.tag = Some(self.tags.insert(tag));
            session.parked = Some(exchange);
            self.write(id, None, answer, cx);
            // The next piece is fetched while this one is being sent, and no further.
            let io = cx.local.get::<Io>();
            io.watch_drained(id, stage);
            if io.state::<Session>(id).is_some_and(|session| session.machine.takes_in()) {
                return self.go_on(id, News::Nothing, cx);
            }
            return self.arm(id, cx);
        }
        self.shared.recycle(exchange);
        // Mostly no further request waits behind it, and a timer runs that is early enough.
        if session.is_quiet() && session.late(self.shared.limits()).is_none() {
            return self.emit(id, Some(tag), answer, cx);
        }
        self.go_on(id, News::Reply(Ready { tag: Some(tag), answer }), cx);
    }

    /// Lets the machine go as far as it can, after what happened.
    pub(super) fn go_on(&mut self, id: ConnId, news: News, cx: &mut Cx<'_, HttpOut>) {
        let (mut bytes, mut ready) = match news {
            News::Nothing => (None, None),
            News::Bytes(bytes) => (Some(bytes), None),
            News::Reply(ready) => (None, Some(ready)),
        };
        loop {
            let (now, stage) = (cx.now(), cx.stage());
            let io = cx.local.get::<Io>();
            let Some((session, queued)) = io.state_and_queued::<Session>(id) else { break };
            if let Some(bytes) = bytes.take() {
                session.machine.receive(bytes, now);
            }
            if queued > self.shared.limits().unsent {
                // Who asks much and reads little waits for its own replies.
                io.watch_drained(id, stage);
                break;
            }
            let in_net = session.flow_in_net(id);
            match session.machine.advance(now, &mut self.shared) {
                Next::Wait => break,
                Next::Begun { born } => {
                    let flow = session.next_flow(id);
                    match cx.enter(flow, self.settings.entering(born)) {
                        Ok(tag) => self.keep_tag(id, tag, cx),
                        Err(_) => {
                            if let Some(reply) = ready {
                                self.hold(id, reply, cx);
                                ready = None;
                            }
                            self.decline(id, 503, cx);
                        }
                    };
                }
                Next::Request { mut exchange, born } => {
                    exchange.set_serial(session.next_serial());
                    let kept = session.tag.take();
                    let flow = match kept {
                        Some(_) => session.flow(id),
                        None => session.next_flow(id),
                    };
                    let quiet = ready.is_none() && session.is_quiet();
                    if let Some(reply) = ready {
                        self.hold(id, reply, cx);
                        ready = None;
                    }
                    let mut entering = self.settings.entering(born);
                    if cx.traces() {
                        entering.trace = self.settings.traces.of(&exchange);
                    }
                    if self.request((id, flow), exchange, kept, entering, cx) {
                        if quiet {
                            // Nothing to settle: a request in the net brings no deadline nearer.
                            return;
                        }
                        break;
                    }
                }
                Next::Write(answer) => {
                    if let Some(flow) = in_net {
                        // Its body will not be complete: nobody waits for the answer.
                        cx.gone(flow);
                    }
                    let tag = self.body_tag(id, &answer, cx);
                    if let Some(ready) = ready.take() {
                        self.write(id, ready.tag, ready.answer, cx);
                    }
                    self.write(id, tag, answer, cx);
                }
            }
        }
        self.settle(id, cx);
        if let Some(Ready { tag, answer }) = ready {
            self.emit(id, tag, answer, cx);
        }
    }

    /// Sends a complete request into the net, with the tag at the place `kept` if it has one.
    /// `false` when the net was full and 503 the answer.
    fn request(
        &mut self,
        (id, flow): (ConnId, u64),
        exchange: Exchange,
        kept: Option<u32>,
        entering: Entering,
        cx: &mut Cx<'_, HttpOut>,
    ) -> bool {
        let kept = kept.and_then(|place| self.take_tag(id, place));
        let entered = match kept {
            Some(mut tag) => {
                // It was not known when the request began.
                if let Some(trace) = entering.trace {
                    tag.set_trace(trace);
                }
                Ok(tag)
            }
            None => cx.enter(flow, entering),
        };
        match entered {
            Ok(mut tag) => {
                if let Some(asked) = self.settings.deadlines.of(&exchange, tag.born()) {
                    tag.limit_deadline(asked);
                }
                cx.out.request.emit(tag.with(exchange));
                true
            }
            Err(_) => {
                self.shared.recycle(exchange);
                self.decline(id, 503, cx);
                false
            }
        }
    }

    /// Answers for a request that nobody will answer, behind what is kept back.
    pub(super) fn decline(&mut self, id: ConnId, status: u16, cx: &mut Cx<'_, HttpOut>) {
        let now = cx.now();
        let io = cx.local.get::<Io>();
        let Some((session, queued)) = io.state_and_queued::<Session>(id) else { return };
        let answer = session.machine.decline(status, queued, now, &mut self.shared);
        if session.machine.is_over() {
            self.write(id, None, answer, cx);
        } else {
            self.hold(id, Ready { tag: None, answer }, cx);
        }
    }

    /// The connection's output is written: its stream, or its next request, goes on.
    pub(super) fn written(&mut self, id: ConnId, cx: &mut Cx<'_, HttpOut>) {
        let Some(session) = cx.local.get::<Io>().state::<Session>(id) else { return };
        if session.parked.is_none() {
            return self.go_on(id, News::Nothing, cx);
        }
        let takes_in = session.machine.takes_in();
        if let (Some(exchange), Some(place)) = (session.parked.take(), session.tag.take())
            && let Some(tag) = self.take_tag(id, place)
        {
            cx.out.pull.emit(tag.with(exchange));
        }
        if takes_in {
            self.go_on(id, News::Nothing, cx);
        }
    }
}
