//! The seam between the machine and what moves the bytes: asked for an operation, a backend
//! answers at once or later.
//!
//! An operation that cannot be done yet answers *later*; its readiness is then told once by
//! [`Backend::poll`] under the key of the socket, and the machine asks again. A backend may have
//! begun the work meanwhile: received bytes come in buffers of its choosing, taken from the pool,
//! and output is lent to it as owned pieces, which it may keep until they are sent. So a backend
//! that waits for readiness (epoll) and one that submits work and collects completions (io_uring)
//! fit alike.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use sluicegate::{Time, Wait, Waker};

use crate::addr::{Addr, Peer};
use crate::arena::Arena;
use crate::buf::{Buf, Pool};
use crate::conn::{ConnId, How};
use crate::disk::{DiskOp, Extent};
use crate::listen::Listener;
use crate::pieces::Pieces;
use crate::settings::Settings;

/// A socket or listener of some backend, closed by [`Backend::close`].
pub enum Socket {
    /// A descriptor of this process.
    Fd(OwnedFd),
    /// A place in the backend's own table.
    Place(ConnId),
    /// A socket of a simulated network.
    Sim(crate::sim::SimSocket),
}

/// What a socket became ready for, told once for each time that it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// The key given when the socket was attached.
    pub key: u64,
    /// An accept or a receive that was answered *later* is worth asking again.
    pub read: bool,
    /// A connect or a send that was answered *later* is worth asking again.
    pub write: bool,
    /// So many bytes of what the backend has [`Taken`](Sent::Taken) are sent.
    pub sent: usize,
    /// The peer finished sending: what is left to receive ends with `Eof`.
    pub finished: bool,
    /// The connection is dead in both directions; `recv` tells how, after what came before.
    pub dead: bool,
}

/// The answer to an accept.
pub enum Accept {
    /// A connection.
    Conn(Socket, Peer),
    /// The backlog is empty: later.
    Later,
    /// This one went away before it was accepted; there may be more.
    Lost,
    /// Descriptors or memory have run out; the connection stays in the backlog.
    Starved(io::Error),
}

/// The answer to a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// One connection was refused.
    One,
    /// The backlog is empty: later.
    Later,
    /// Refusing takes a descriptor too, and there is none.
    Impossible,
}

/// The answer to a receive.
pub enum Recv {
    /// Bytes; `drained` when no more can be had until the socket is ready again.
    Bytes(Buf, bool),
    /// Nothing yet: later.
    Later,
    /// The pool is empty: ask again when a buffer came home.
    NoBuffer,
    /// No more bytes will come.
    Ended(How),
}

/// The answer to a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// So many bytes were taken, more may be taken at once.
    Bytes(usize),
    /// So many bytes were taken, the rest only later.
    Blocked(usize),
    /// The backend keeps the pieces it took off and tells by [`Ready::sent`] how far it came; at
    /// the next *write* all of them are sent.
    Taken,
    /// The connection is dead.
    Ended(How),
}

/// What became of a connect.
#[derive(Debug)]
pub enum Decision {
    /// The connection stands.
    Done,
    /// Not yet decided: later.
    Later,
    /// It failed.
    Failed(io::Error),
}

/// Sends without a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZeroCopy {
    /// How many were tried.
    pub sends: u64,
    /// Of how many the kernel said that it copied.
    pub copied: u64,
}

/// A call to a disk that came to its end.
#[derive(Debug)]
pub struct DiskEnd {
    /// The key given when it was begun.
    pub key: u64,
    /// What it was made for.
    pub extent: Extent,
    /// How many bytes were moved, also before an error: fewer than there was room for, without one,
    /// where a device that is read ends.
    pub bytes: usize,
    /// Whether it went well.
    pub result: io::Result<()>,
}

/// Sockets in one thread's hands. All calls return at once, but for [`Backend::poll`].
pub trait Backend {
    /// The name shown to the user.
    fn name(&self) -> &'static str;

    /// Ends a wait in `poll`, or lets the next one return at once.
    fn waker(&self) -> Waker;

    /// Collects what became ready, waiting as `wait` allows while there is nothing. What is
    /// received meanwhile goes into buffers of `pool`.
    fn poll(&mut self, now: Time, wait: Wait, pool: &Pool, ready: &mut Vec<Ready>);

    /// Hands the kernel what `poll` would hand it.
    fn flush(&mut self) {}

    /// When the next thing happens by itself; for simulated time only.
    fn due(&self) -> Option<Time> {
        None
    }

    /// Takes over a listener; its readiness will be told under `key`.
    fn listen(&mut self, key: u64, listener: Listener) -> io::Result<Socket>;

    /// Lets nobody new into the backlog where that is possible, so that it can be emptied; who has
    /// begun to connect still gets there.
    fn deafen(&mut self, _listener: &Socket) {}

    /// The next *later* of `accept` is the last.
    fn last_call(&mut self, _listener: &Socket) {}

    /// Stops listening. What is left in the backlog is lost unless others share it.
    fn unlisten(&mut self, listener: Socket);

    /// Takes the next connection out of the backlog.
    fn accept(&mut self, listener: &Socket) -> Accept;

    /// Refuses the next connection in the backlog when descriptors have run out.
    fn shed(&mut self, listener: &Socket) -> Shed;

    /// Readiness of this connection will be told under `key`.
    fn attach(&mut self, key: u64, socket: &Socket) -> io::Result<()>;

    /// Begins to connect, from an address of this machine if one is given. The socket must be
    /// attached before its readiness is told.
    fn connect(
        &mut self,
        to: &Addr,
        from: Option<IpAddr>,
        settings: &Settings,
    ) -> io::Result<Socket>;

    /// Whether a connection that was begun stands.
    fn connected(&mut self, socket: &Socket) -> Decision;

    /// Receives into a buffer of `pool`.
    fn recv(&mut self, socket: &Socket, pool: &Pool) -> Recv;

    /// Sends from the front of `pieces` and takes off what is sent or taken; there are none only
    /// where sending what was taken has failed.
    fn send(&mut self, socket: &Socket, pieces: &mut Pieces) -> Sent;

    /// Finishes sending; the peer sees the end, and we can still receive.
    fn shutdown(&mut self, socket: &Socket);

    /// Has the connection's end in both directions told, though nothing is received: the peer
    /// finished, or more waits than is wanted. For backends that do not tell it anyway.
    fn watch(&mut self, _socket: &Socket) {}

    /// Closes the connection, or gives up one that was begun.
    fn close(&mut self, socket: Socket) {
        drop(socket);
    }

    /// Breaks the connection off, so that the peer sees a reset.
    fn reset(&mut self, socket: Socket);

    /// Sends without a copy since the last call.
    fn take_zero_copy(&mut self) -> ZeroCopy {
        ZeroCopy::default()
    }

    /// Whether it makes calls to disks: others are never asked to.
    fn has_disks(&self) -> bool {
        false
    }

    /// Has the pages of `arena` ready for all calls to disks that move them.
    fn register(&mut self, _arena: &Arena) -> io::Result<()> {
        let text = format!("{} does not register pages", self.name());
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    /// Begins a call at `now`. It ends after some poll, under `key`; the frames are the backend's
    /// until then, also where the device never answers.
    fn call_disk(&mut self, _now: Time, _key: u64, _op: DiskOp, _extent: Extent) {
        debug_assert!(false, "{} was asked to call a disk", self.name());
    }

    /// Moves the calls to disks that have ended since the last time to `ends`.
    fn take_disk_ends(&mut self, _ends: &mut Vec<DiskEnd>) {}
}
