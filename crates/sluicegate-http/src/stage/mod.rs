//! The stage `http`: the source of flows around the machines of a worker's connections.
//!
//! A connection's machine, its unanswered input and the replies that are kept back lie in the
//! connection's slot of the [`Io`], so that they survive a panic. Tags are counted where they are
//! held and therefore lie in the stage.

mod deliver;
mod flows;
mod journal;
mod ports;
mod server;
mod session;
mod timers;

pub use ports::{HttpOut, HttpOutlets};
pub use server::{HttpNodes, HttpServer, Settings};

use std::sync::Arc;

use sluicegate::{Batch, Cx, Ended, Stage, Tags, Why};
use sluicegate_io::{Closed, ConnId, How, Incoming, Io, Opened, Received};
use sluicegate_macros::From;

use crate::exchange::Exchange;
use crate::limits::HELD_MAX;
use crate::machine::{HttpConn, Shared};
use flows::News;
use session::{Conns, HeldBack, Session};
use timers::Timers;

/// All that the stage listens to.
#[derive(From)]
pub enum HttpIn {
    /// A connection was opened: rare among the others, and larger than they are.
    #[from(skip)]
    Opened(Box<Opened>),
    /// Bytes came from one, or it ended.
    Incoming(Incoming),
    /// An exchange came back, with its reply or with the next pieces of one.
    Reply(Exchange),
}

impl From<Opened> for HttpIn {
    fn from(opened: Opened) -> Self {
        Self::Opened(Box::new(opened))
    }
}

/// The most events that one event makes the stage emit on one port: replies that were kept back,
/// the one that came, and what the machine says itself before and behind it.
const EMITS: usize = HELD_MAX + 8;

/// Speaks HTTP/1.1 on the connections of one worker.
pub struct HttpStage {
    shared: Shared,
    settings: Settings,
    tags: Tags,
    conns: Conns,
    timers: Timers,
    #[expect(
        clippy::vec_box,
        reason = "replies that are kept back keep their box, and cost no new one"
    )]
    spare_held: Vec<Box<HeldBack>>,
    /// Whether requests are recorded.
    logs: bool,
}

impl HttpStage {
    /// A replica with these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            shared: Shared::new(settings.limits.clone(), settings.clock)
                .with_refusals(Arc::clone(&settings.refusals))
                .with_pages(settings.pages.clone())
                .with_in_pieces(settings.in_pieces.clone())
                .with_extras(settings.extras()),
            logs: settings.log.is_some(),
            settings,
            tags: Tags::default(),
            conns: Conns::default(),
            timers: Timers::default(),
            spare_held: Vec::new(),
        }
    }

    fn opened(&mut self, opened: &Opened, cx: &mut Cx<'_, HttpOut>) {
        let (id, now) = (opened.conn.id(), cx.now());
        let mut machine = HttpConn::new(id.key(), now).with_peer(opened.peer);
        if cx.draining() {
            machine.drain(now, self.shared.limits());
        }
        let io = cx.local.get::<Io>();
        io.set_state(id, Box::new(Session::new(machine)));
        io.read(id);
        self.watch_end(id, cx);
        self.conns.insert(id);
        self.shared.scarce = self.is_scarce(cx);
        self.go_on(id, News::Nothing, cx);
    }

    /// Whether connections could take all buffers: each keeps one at most, and its body one.
    fn is_scarce(&self, cx: &mut Cx<'_, HttpOut>) -> bool {
        self.conns.len() > cx.local.get::<Io>().pool().capacity() / 4
    }

    /// Has a connection keep what it holds of a request in memory of its own.
    fn unpin(&mut self, id: ConnId, cx: &mut Cx<'_, HttpOut>) {
        if let Some(session) = cx.local.get::<Io>().state::<Session>(id) {
            session.machine.unpin();
        }
    }

    fn closed(&mut self, closed: Closed, cx: &mut Cx<'_, HttpOut>) {
        let id = closed.conn.id();
        if closed.how == How::Eof {
            if let Some(session) = cx.local.get::<Io>().state::<Session>(id) {
                if !self.settings.half_close && session.machine.is_waited_for() {
                    return self.leave(id, cx);
                }
                session.machine.finished();
                self.go_on(id, News::Nothing, cx);
                self.watch_loss(id, cx);
            }
            return;
        }
        self.conns.remove(id);
        self.shared.scarce = self.is_scarce(cx);
        if let Some(session) = closed.state.and_then(|state| state.downcast::<Session>().ok()) {
            self.forget(id, *session, cx);
        }
    }

    /// The client has closed its side, which counts as having left.
    fn leave(&mut self, id: ConnId, cx: &mut Cx<'_, HttpOut>) {
        let io = cx.local.get::<Io>();
        let state = io.take_state(id);
        io.close(id);
        self.conns.remove(id);
        self.shared.scarce = self.is_scarce(cx);
        if let Some(session) = state.and_then(|state| state.downcast::<Session>().ok()) {
            self.forget(id, *session, cx);
        }
    }

    /// Who has finished sending may still wait for the answer; or have left, which is told apart as
    /// soon as it can be.
    fn watch_loss(&mut self, id: ConnId, cx: &mut Cx<'_, HttpOut>) {
        let io = cx.local.get::<Io>();
        if io.state::<Session>(id).is_some_and(|session| session.machine.is_asked()) {
            io.watch_loss(id);
        }
    }

    /// The client is gone: what waited for it ends here, and a request that is in the net where it
    /// waits.
    pub(crate) fn forget(&mut self, id: ConnId, mut session: Session, cx: &mut Cx<'_, HttpOut>) {
        if let Some(flow) = session.flow_in_net(id) {
            cx.gone(flow);
        }
        session.machine.abort_trail(cx.now(), &mut self.shared);
        self.conn_over(id);
        if let Some((_, timer)) = session.timer {
            cx.cancel(timer);
        }
        let held = session.held.into_iter().flat_map(|held| held.replies);
        let held = held.filter_map(|held| held.tag);
        for place in held.chain(session.tag) {
            if let Some(tag) = self.take_tag(id, place) {
                tag.refuse(Why::Gone);
            }
        }
        if let Some(exchange) = session.parked {
            self.shared.recycle(exchange);
        }
    }
}

impl Stage for HttpStage {
    type In = HttpIn;
    type Out = HttpOut;

    fn handle(&mut self, batch: Batch<'_, HttpIn>, cx: &mut Cx<'_, HttpOut>) {
        if self.logs {
            // What the last batch answered is mostly written by now.
            self.look_at_journal(cx);
        }
        for event in batch {
            let (tag, body) = event.split();
            match body {
                HttpIn::Incoming(Incoming::Received(Received { conn, bytes })) => {
                    self.go_on(conn.id(), News::Bytes(bytes), cx);
                    if self.shared.scarce {
                        self.unpin(conn.id(), cx);
                    }
                }
                HttpIn::Reply(exchange) => self.replied(tag, exchange, cx),
                HttpIn::Opened(opened) => self.opened(&opened, cx),
                HttpIn::Incoming(Incoming::Closed(closed)) => self.closed(closed, cx),
            }
        }
        self.look_later(cx);
    }

    fn start(&mut self, cx: &mut Cx<'_, HttpOut>) {
        self.shared.room.raises(cx.flag());
        if let Some(journal) = self.journal() {
            journal.on(cx.worker().index());
        }
    }

    fn signal(&mut self, cx: &mut Cx<'_, HttpOut>) {
        if self.logs {
            self.look_at_journal(cx);
        }
        let stage = cx.stage();
        while cx.room() >= EMITS {
            if let Some(id) = cx.local.get::<Io>().next_drained(stage) {
                self.written(id, cx);
            } else if let Some(key) = self.shared.room.next() {
                self.go_on(ConnId::from_key(key), News::Nothing, cx);
            } else {
                self.release_late(cx);
                return self.look_later(cx);
            }
        }
        cx.again();
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, HttpOut>) {
        self.timer_ran_out(token, cx);
        self.look_later(cx);
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, HttpOut>) {
        // RFC 9110 section 15.6, RFC 6585 section 4: whose fault it is, and whether to try again.
        let status = match ended.why {
            Why::Gone => return,
            Why::Shed | Why::Refused | Why::Draining | Why::Broken => 503,
            Why::Greedy => 429,
            Why::Expired => 504,
            Why::Failed | Why::Dropped => 500,
        };
        let id = ConnId::of_flow(ended.flow);
        if let Some(session) = cx.local.get::<Io>().state::<Session>(id)
            && session.machine.is_asked()
            && session.flow(id) == ended.flow
        {
            if let Some(exchange) = session.lose_request() {
                self.shared.recycle(exchange);
            }
            self.decline(id, status, cx);
            self.go_on(id, News::Nothing, cx);
        }
        self.look_later(cx);
    }

    fn drain(&mut self, cx: &mut Cx<'_, HttpOut>) {
        let now = cx.now();
        for id in self.conns.ids() {
            if let Some(session) = cx.local.get::<Io>().state::<Session>(id) {
                session.machine.drain(now, self.shared.limits());
                self.arm(id, cx);
            }
        }
    }

    fn drained(&mut self, cx: &mut Cx<'_, HttpOut>) -> bool {
        let logged = !self.logs || self.empty_journal(cx);
        self.conns.is_empty() && logged
    }
}
