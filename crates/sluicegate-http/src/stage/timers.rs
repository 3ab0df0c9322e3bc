//! One timer a connection, set again only when it is needed earlier or when it runs out.

use std::collections::VecDeque;

use sluicegate::{Cx, Time};
use sluicegate_io::{ConnId, How, Io, Then};

use crate::limits::HOLD_TIME;
use crate::machine::{Answer, Next};
use crate::stage::flows::News;
use crate::stage::session::Session;
use crate::stage::{EMITS, HttpOut, HttpStage};

/// The token of the timer for replies that are kept back; no connection has this key.
const HOLD: u64 = u64::MAX;

/// The token of the timer for requests that are not in the log yet; no connection has it either.
pub(crate) const LOOK: u64 = u64::MAX - 1;

/// Connections that keep replies back, in the order in which they began to.
#[derive(Default)]
pub(crate) struct Timers {
    holding: VecDeque<(Time, ConnId)>,
    armed: bool,
    /// A timer for the journal is running.
    pub looking: bool,
}

impl Timers {
    pub fn holds(&mut self, id: ConnId, now: Time, cx: &mut Cx<'_, HttpOut>) {
        self.holding.push_back((now, id));
        if !self.armed {
            self.armed = true;
            cx.after(HOLD_TIME, HOLD);
        }
    }
}

impl HttpStage {
    /// Sets the connection's timer where none runs out early enough.
    pub(crate) fn arm(&mut self, id: ConnId, cx: &mut Cx<'_, HttpOut>) {
        let session = cx.local.get::<Io>().state::<Session>(id);
        if let Some(deadline) = session.and_then(|session| session.late(self.shared.limits())) {
            self.set_timer(id, deadline, cx);
        }
    }

    pub(crate) fn set_timer(&mut self, id: ConnId, deadline: Time, cx: &mut Cx<'_, HttpOut>) {
        let timer = cx.after(deadline - cx.now(), id.key());
        let session = cx.local.get::<Io>().state::<Session>(id);
        let old = session.and_then(|session| session.timer.replace((deadline, timer)));
        if let Some((_, timer)) = old {
            cx.cancel(timer);
        }
    }

    pub(crate) fn timer_ran_out(&mut self, token: u64, cx: &mut Cx<'_, HttpOut>) {
        if token == HOLD {
            self.timers.armed = false;
            return self.release_late(cx);
        }
        if token == LOOK {
            return self.look_again(cx);
        }
        let (id, now) = (ConnId::from_key(token), cx.now());
        let io = cx.local.get::<Io>();
        let Some((session, queued)) = io.state_and_queued::<Session>(id) else { return };
        session.timer = None;
        let in_net = session.flow_in_net(id);
        match session.machine.timeout(now, queued, &mut self.shared) {
            Next::Write(Answer { then: Then::Close, .. }) if cx.draining() => {
                self.cut(id, How::Closed, cx);
            }
            Next::Write(Answer { then: Then::Close, .. }) => self.cut(id, How::Timeout, cx),
            // Behind what is stuck nothing can be written, not even the end.
            Next::Write(Answer { then: Then::Reset, .. }) => self.cut(id, How::Slow, cx),
            Next::Write(answer) => {
                let tag = self.body_tag(id, &answer, cx);
                self.write(id, tag, answer, cx);
            }
            _ => {}
        }
        if let Some(flow) = in_net.filter(|_| !self.conns.contains(id)) {
            cx.gone(flow);
        }
        self.go_on(id, News::Nothing, cx);
    }

    /// Closes at once, and ends what waited for the connection.
    fn cut(&mut self, id: ConnId, how: How, cx: &mut Cx<'_, HttpOut>) {
        self.conns.remove(id);
        let io = cx.local.get::<Io>();
        let state = io.take_state(id);
        io.close_as(id, how);
        if let Some(session) = state.and_then(|state| state.downcast::<Session>().ok()) {
            self.forget(id, *session, cx);
        }
    }

    /// Writes the replies that were kept back long enough.
    pub(crate) fn release_late(&mut self, cx: &mut Cx<'_, HttpOut>) {
        let now = cx.now();
        while let Some(&(since, id)) = self.timers.holding.front() {
            let left = since + HOLD_TIME - now;
            if !left.is_zero() {
                if !self.timers.armed {
                    self.timers.armed = true;
                    cx.after(left, HOLD);
                }
                return;
            }
            if cx.room() < EMITS {
                return cx.again();
            }
            self.timers.holding.pop_front();
            // Unless these were written, and others kept back since.
            let session = cx.local.get::<Io>().state::<Session>(id);
            let held = session.and_then(|session| session.held.as_ref());
            if held.is_some_and(|held| held.since == since) {
                self.release(id, cx);
            }
        }
    }
}
