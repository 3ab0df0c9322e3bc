//! The machine: one worker's connections, buffers and listeners, and what protocols ask of them.

mod accept;
mod connect;
mod disk;
mod gate;
mod input;
mod lifecycle;
mod machine;
mod output;
mod refuse;
mod slot;

use std::collections::VecDeque;
use std::sync::Arc;

use sluicegate::{StageId, Time};

use crate::addr::Peer;
use crate::addresses::Addresses;
use crate::backend::{Backend, DiskEnd, Ready};
use crate::buf::{Buf, Pool};
use crate::conn::{Abandoned, ConnId, How};
use crate::events::State;
use crate::ledger::ConnLedger;
use crate::output::Output;
use crate::settings::Settings;
use crate::slab::Slab;
use crate::sleep::Sleep;
use accept::Listening;
pub(crate) use accept::Next;
use disk::DiskPlace;
use gate::Gate;
pub(crate) use gate::GateId;
use refuse::TURNED_AWAY_MAX;
pub use refuse::WhenFull;
use slot::{Conn, Phase, Reading};

/// Output queues kept for use again, so that steady traffic needs no memory.
const SPARE_OUTPUTS: usize = 256;

/// What the stages of one worker share: its sockets, behind a [`Backend`].
///
/// The stages `accept`, `connect`, `read` and `write` move bytes; a protocol stage reaches the
/// machine by `cx.local.get::<Io>()` and decides when to read, what to remember and when to
/// close. A [`ConnId`] of a connection that is gone finds nothing, and every call with it does
/// nothing.
pub struct Io {
    backend: Box<dyn Backend>,
    settings: Settings,
    pool: Pool,
    conns: Slab<Conn>,
    ledger: Arc<ConnLedger>,
    /// Counts connections by address; none when that is not bounded.
    addresses: Option<Arc<Addresses>>,
    gates: Vec<Gate>,
    listeners: Vec<Listening>,
    disks: Vec<DiskPlace>,
    /// Calls to disks that were begun.
    disk_calls: u64,
    disk_ends: Vec<DiskEnd>,
    /// The listener that is asked first.
    turn: usize,
    /// Accepting waits for descriptors or memory.
    starved: bool,
    /// Accepting waits for room in the table.
    crowded: bool,
    /// Connections in the table that were never opened, only told that there is no room.
    turned_away: usize,
    /// Connections with output that is not written yet.
    unsent: usize,
    /// Connections to which the current batch wrote.
    dirty: Vec<ConnId>,
    /// Connections that read and throw away, with the time when they close, in that order.
    lingering: VecDeque<(Time, ConnId)>,
    /// Connections whose output was written, by the stage that wants to know.
    drained: Vec<(StageId, VecDeque<ConnId>)>,
    /// Stages whose flags the next poll raises.
    raised: Vec<StageId>,
    /// Reads wait for a buffer to come home.
    hungry: bool,
    abandoned: Abandoned,
    #[expect(clippy::vec_box, reason = "a slot holds a box, which is used again as it is")]
    spare: Vec<Box<Output>>,
    ready: Vec<Ready>,
    /// How often the backend was polled.
    polls: u32,
    /// In debug builds: how long the thread slept.
    sleep: Option<Sleep>,
}

impl Io {
    /// A machine on `backend` whose connections are counted in `ledger`.
    pub fn new(
        backend: impl Backend + 'static,
        settings: Settings,
        ledger: Arc<ConnLedger>,
    ) -> Self {
        Self::on(Box::new(backend), settings, ledger)
    }

    /// The same for a backend that was chosen at run time.
    pub(crate) fn on(
        backend: Box<dyn Backend>,
        settings: Settings,
        ledger: Arc<ConnLedger>,
    ) -> Self {
        let pool = Pool::new(settings.buffers, settings.buffer_size);
        let waker = backend.waker();
        pool.on_return(Arc::clone(&waker));
        Self {
            backend,
            conns: Slab::new(settings.connections.saturating_add(TURNED_AWAY_MAX)),
            settings,
            pool,
            ledger,
            addresses: None,
            gates: Vec::new(),
            listeners: Vec::new(),
            disks: Vec::new(),
            disk_calls: 0,
            disk_ends: Vec::new(),
            turn: 0,
            starved: false,
            crowded: false,
            turned_away: 0,
            unsent: 0,
            dirty: Vec::new(),
            lingering: VecDeque::new(),
            drained: Vec::new(),
            raised: Vec::new(),
            hungry: false,
            abandoned: Abandoned::new(waker),
            spare: Vec::new(),
            ready: Vec::new(),
            polls: 0,
            sleep: None,
        }
    }

    /// Looks at how long this thread sleeps, which a simulated one does not.
    pub(crate) fn look_at_sleep(&mut self) {
        self.sleep = Sleep::of_this_thread();
    }

    /// The name of the backend, as shown to the user.
    pub fn backend(&self) -> &'static str {
        self.backend.name()
    }

    /// The numbers this machine goes by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The worker's pool of receive buffers.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// An empty buffer for output, or `None` when all are out.
    pub fn buffer(&self) -> Option<Buf> {
        self.pool.take()
    }

    /// Connections in the table, with those that are gone but not reported yet.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// Whether the connection is there and can be written to.
    pub fn is_open(&self, conn: ConnId) -> bool {
        self.conns.get(conn).is_some_and(|conn| conn.socket.is_some())
    }

    /// Who is at the other end.
    pub fn peer(&self, conn: ConnId) -> Option<Peer> {
        Some(self.conns.get(conn)?.peer)
    }

    /// The service whose listener accepted the connection.
    pub fn service(&self, conn: ConnId) -> Option<u16> {
        Some(self.conns.get(conn)?.service)
    }

    /// Keeps `state` for the connection until it is gone; replaces what was kept. Survives a
    /// panic of the replica. Dropped at once when the connection is gone.
    pub fn set_state<P: Send + 'static>(&mut self, conn: ConnId, state: Box<P>) {
        if let Some(conn) = self.conns.get_mut(conn) {
            conn.state = Some(state);
        }
    }

    /// What is kept for the connection, if it is a `P`.
    pub fn state<P: 'static>(&mut self, conn: ConnId) -> Option<&mut P> {
        self.conns.get_mut(conn)?.state.as_mut()?.downcast_mut()
    }

    /// The same, with the bytes that wait to be written, by one look at the table.
    pub fn state_and_queued<P: 'static>(&mut self, conn: ConnId) -> Option<(&mut P, usize)> {
        let conn = self.conns.get_mut(conn)?;
        let queued = conn.output.as_ref().map_or(0, |output| output.len());
        Some((conn.state.as_mut()?.downcast_mut()?, queued))
    }

    /// Takes away whatever is kept for the connection.
    pub fn take_state(&mut self, conn: ConnId) -> Option<State> {
        self.conns.get_mut(conn)?.state.take()
    }

    /// Starts receiving, or goes on after [`Io::pause`].
    pub fn read(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.reading = Reading::Yes;
        if conn.readable {
            self.queue_read(id);
        }
    }

    /// The same as [`Io::read`], by the name that goes with [`Io::pause`].
    pub fn resume(&mut self, id: ConnId) {
        self.read(id);
    }

    /// Receives no more until [`Io::resume`]: further bytes wait in the kernel, and so does any
    /// news of the connection's end that only receiving would bring; but see [`Io::watch_loss`].
    pub fn pause(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.reading = Reading::No;
        }
    }

    /// Tells that the peer has left, as closed by a [reset](How::Reset), also while nothing is
    /// read: after [`Io::pause`], or when the peer has finished sending. What it sent and was not
    /// read is lost then. For a protocol that works on an answer, to give it up.
    ///
    /// Over TCP only a reset can be seen. Who closes the connection both ways has at first sent the
    /// same as who finished sending and waits for the answer.
    pub fn watch_loss(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(socket) = &conn.socket else { return };
        if conn.reading == Reading::No {
            conn.reading = Reading::Watched;
        }
        self.backend.watch(socket);
        if conn.is_lost() {
            self.die(id, How::Reset);
        }
    }

    /// Closes at once. What was not written yet is lost, and its flows end as `Gone`.
    /// The protocol hears no more of the connection.
    pub fn close(&mut self, id: ConnId) {
        self.close_as(id, How::Closed);
    }

    /// The same as [`Io::close`], counted as ended in another way: `How::Timeout` when the
    /// protocol's patience ended.
    pub fn close_as(&mut self, id: ConnId, how: How) {
        if let Some(conn) = self.conns.get(id) {
            // Who finished first is what the ledger tells apart.
            let by_peer = how == How::Closed && conn.phase == Phase::HalfClosed;
            self.release(id, if by_peer { How::Eof } else { how });
        }
    }

    /// Bytes that wait to be written.
    pub fn queued_bytes(&self, id: ConnId) -> usize {
        let output = self.conns.get(id).and_then(|conn| conn.output.as_ref());
        output.map_or(0, |output| output.len())
    }

    /// Raises the flag of `stage` the next time that all output of the connection has been
    /// written; then [`Io::next_drained`] gives its name. Ask before emitting the write that is to
    /// be waited for: output that is written already is not told of.
    pub fn watch_drained(&mut self, id: ConnId, stage: StageId) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.watch = Some(stage);
        }
    }

    /// The next connection that `stage` watches and whose output is written.
    pub fn next_drained(&mut self, stage: StageId) -> Option<ConnId> {
        self.drained.iter_mut().find(|(watcher, _)| *watcher == stage)?.1.pop_front()
    }

    /// Bytes of the connection's output that the kernel has taken so far.
    pub fn sent_bytes(&self, id: ConnId) -> Option<u64> {
        Some(self.conns.get(id)?.sent)
    }

    /// From now on raises the flag of `stage` when the socket of a connection of the same
    /// protocol as `conn` is closed, however that comes; then [`Io::next_end`] gives its name.
    pub fn watch_ends(&mut self, conn: ConnId, stage: StageId) {
        let Some(place) = self.conns.get(conn).map(|conn| conn.gate) else { return };
        self.gate_mut(place).watcher = Some(stage);
    }

    /// The next connection that `stage` watches and whose socket is closed, with the bytes of its
    /// output that the kernel had taken.
    pub fn next_end(&mut self, stage: StageId) -> Option<(ConnId, u64)> {
        self.gates.iter_mut().find(|gate| gate.watcher == Some(stage))?.ends.pop_front()
    }

    fn tell_end(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(id) else { return };
        let (place, sent) = (conn.gate, conn.sent);
        let gate = self.gate_mut(place);
        if let Some(watcher) = gate.watcher {
            gate.ends.push_back((id, sent));
            self.raise(Some(watcher));
        }
    }

    fn tell_drained(&mut self, id: ConnId, stage: StageId) {
        match self.drained.iter_mut().find(|(watcher, _)| *watcher == stage) {
            Some((_, conns)) => conns.push_back(id),
            None => self.drained.push((stage, VecDeque::from([id]))),
        }
        self.raise(Some(stage));
    }

    /// Has the next poll raise the flag of `stage`.
    pub(crate) fn raise(&mut self, stage: Option<StageId>) {
        if let Some(stage) = stage
            && !self.raised.contains(&stage)
        {
            self.raised.push(stage);
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        let ids: Vec<ConnId> = self.conns.ids().collect();
        for id in ids {
            self.release(id, How::Closed);
        }
    }
}
