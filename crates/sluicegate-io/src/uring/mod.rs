//! The backend for Linux 6.1 and later: operations are queued in a ring that the kernel shares,
//! submitted together, and their completions collected, by one call for each turn of a worker.
//!
//! A listener accepts and a connection receives until further notice, into buffers lent to the
//! kernel; a send keeps its pieces until it completes. The place of a socket in the table stays
//! taken until the last of its operations has completed, so that no completion is ever stale.

mod buffers;
mod collect;
mod direct;
mod disk;
mod handle;
mod inbox;
mod listening;
mod op;
mod registered;
mod ring;
mod sending;
mod sock;
#[cfg(test)]
mod tests;
mod transfer;
mod trial;
mod unfit;
mod zero_copy;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use io_uring::{opcode, types};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::net::{self, Shutdown, sockopt};
use sluicegate::{Time, Wait, Waker};

use crate::addr::Addr;
use crate::arena::Arena;
use crate::backend::{
    Accept, Backend, Decision, DiskEnd, Ready, Recv, Sent, Shed, Socket, ZeroCopy,
};
use crate::buf::Pool;
use crate::conn::ConnId;
use crate::disk::{DiskOp, Extent};
use crate::listen::Listener;
use crate::pages::Splice;
use crate::pieces::Pieces;
use crate::settings::Settings;
use crate::slab::Slab;
use crate::system::{Reserve, deafen};
use buffers::Lent;
use direct::{Call, Places};
use disk::DiskCall;
use handle::Handle;
use op::{Op, PLACES_MAX};
use registered::Registered;
use ring::{Done, Ring};
use sending::Sending;
use sock::{Connecting, Ear, Sock};
pub use unfit::Unfit;
use zero_copy::{Experience, Pinned};

/// Sends kept for use again, so that steady traffic needs no memory.
const SPARE_SENDS: usize = 256;
/// Direct descriptors for connections that come or leave, beside those in the table.
pub const DIRECT_SPARE: usize = 512;
/// The owner of what belongs to no socket.
const NOBODY: ConnId = ConnId::new(0, 0);
/// How long the end waits for the last completions.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Sockets behind one ring.
pub struct Uring {
    /// Dropped before what the kernel reaches through it.
    ring: Ring,
    lent: Lent,
    conns: Slab<Sock>,
    ears: Slab<Ear>,
    /// What accepts into direct descriptors.
    calls: Slab<Call>,
    /// Sends without a copy of which the kernel has not let go; whether it has such, and what came
    /// of it.
    pinned: Slab<Pinned>,
    has_zero_copy: bool,
    experience: Experience,
    /// Calls to disks.
    disk_calls: Slab<DiskCall>,
    /// The pages that they move, where these are registered.
    registered: Option<Registered>,
    /// Those that have ended and are not taken.
    disk_ends: Vec<DiskEnd>,
    /// Free direct descriptors; none where descriptors of the process are used.
    places: Option<Places>,
    /// Buffers in the inboxes of connections.
    held: usize,
    /// Bytes that had to leave their buffers.
    aside: usize,
    /// Connections that receive when there are buffers again.
    hungry: VecDeque<ConnId>,
    #[expect(clippy::vec_box, reason = "a send keeps its box, and costs no new one")]
    spare: Vec<Box<Sending>>,
    /// What was collected between polls.
    early: Vec<Ready>,
    done: Vec<Done>,
    splice: Splice,
    wake: Arc<OwnedFd>,
    reserve: Reserve,
}

impl Uring {
    /// A backend with no socket yet, for the thread that makes it.
    ///
    /// # Errors
    /// The kernel does not permit it, or has not all that is needed; [`Uring::try_out`] finds
    /// more.
    pub fn new() -> Result<Self, Unfit> {
        Self::on(Ring::new()?)
    }

    fn on(ring: Ring) -> Result<Self, Unfit> {
        let lent = Lent::new(&ring)?;
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let refused = |error: rustix::io::Errno| Unfit::Refused(error.into());
        let has_zero_copy = ring.has_zero_copy();
        let mut uring = Self {
            ring,
            pinned: Slab::new(PLACES_MAX),
            has_zero_copy,
            experience: Experience::default(),
            lent,
            conns: Slab::new(PLACES_MAX),
            ears: Slab::new(PLACES_MAX),
            calls: Slab::new(PLACES_MAX),
            disk_calls: Slab::new(PLACES_MAX),
            registered: None,
            disk_ends: Vec::new(),
            places: None,
            held: 0,
            aside: 0,
            hungry: VecDeque::new(),
            spare: Vec::new(),
            early: Vec::new(),
            done: Vec::new(),
            splice: Splice::default(),
            wake: Arc::new(eventfd(0, flags).map_err(refused)?),
            reserve: Reserve::new().map_err(Unfit::Refused)?,
        };
        uring.watch_wake();
        Ok(uring)
    }

    /// The same, whose accepted connections are direct descriptors of the ring, for `connections`
    /// at once: they count against no limit of the process. The kernel allows each ring as many as
    /// the process may have open files, of which some are for connections that come or leave.
    ///
    /// # Errors
    /// The same, or there may not be so many.
    pub fn direct(connections: usize) -> Result<Self, Unfit> {
        let mut uring = Self::new()?;
        uring.make_places(connections.saturating_add(DIRECT_SPARE))?;
        Ok(uring)
    }

    /// Whether a backend would work here, found by accepting and receiving with one.
    ///
    /// # Errors
    /// What is refused, or missing.
    pub fn try_out() -> Result<(), Unfit> {
        trial::run(Self::new()?)
    }

    /// Has each call of the waker complete something. The count is never read: a poll that goes
    /// on completes whenever it is raised.
    fn watch_wake(&mut self) {
        let wake = types::Fd(self.wake.as_raw_fd());
        let entry = opcode::PollAdd::new(wake, libc::POLLIN as u32).multi(true).build();
        // SAFETY: the descriptor is open as long as `self` is; no memory is named.
        unsafe { self.ring.push(&entry.user_data(Op::Wake.of(NOBODY))) };
    }

    /// Asks for the end of an operation, which then completes, if it has not yet.
    fn cancel(&mut self, op: Op, id: ConnId) {
        let entry = opcode::AsyncCancel::new(op.of(id)).build();
        // SAFETY: neither a descriptor nor memory is named.
        unsafe { self.ring.push(&entry.user_data(Op::Cancel.of(id))) };
    }

    /// What the kernel may still have a hand in.
    fn in_flight(&self) -> usize {
        self.conns.len() + self.ears.len() + self.places_taken() + self.disk_calls.len()
    }

    /// Submits and collects. Panics when the ring is broken, as nothing could go on.
    fn turn(&mut self, wait: Wait, ready: &mut Vec<Ready>) {
        if let Err(error) = self.ring.enter(wait) {
            panic!("io_uring cannot be waited for: {error}");
        }
        self.collect(ready);
        while self.ring.overflowed() {
            if let Err(error) = self.ring.enter(Wait::Not) {
                panic!("io_uring cannot be asked for the rest: {error}");
            }
            self.collect(ready);
        }
    }
}

impl Backend for Uring {
    fn name(&self) -> &'static str {
        "io_uring"
    }

    fn waker(&self) -> Waker {
        let wake = Arc::clone(&self.wake);
        // It can only fail because the count is full, which 2^64 calls will not bring about.
        Arc::new(move || _ = rustix::io::write(&*wake, &1u64.to_ne_bytes()))
    }

    fn poll(&mut self, _now: Time, wait: Wait, pool: &Pool, ready: &mut Vec<Ready>) {
        self.lent.fill(pool);
        if self.lent.len() == 0 && !self.hungry.is_empty() {
            self.make_room(pool);
        }
        let fed = self.feed();
        ready.append(&mut self.early);
        let known = fed || !ready.is_empty() || !self.disk_ends.is_empty();
        let wait = if known { Wait::Not } else { wait };
        self.turn(wait, ready);
    }

    fn flush(&mut self) {
        // What fails here fails at the next poll too, and is told there.
        let _ = self.ring.submit();
    }

    fn listen(&mut self, key: u64, listener: Listener) -> io::Result<Socket> {
        let Socket::Fd(fd) = listener.into_socket() else {
            return Err(io::Error::other("another backend's listener came to io_uring"));
        };
        set_blocking(fd.as_fd(), true)?;
        self.ears.insert(Ear::new(fd, key)).map(Socket::Place).map_err(|_| full())
    }

    fn deafen(&mut self, listener: &Socket) {
        if let Some(ear) = self.ears.get(place(listener)) {
            deafen(ear.fd.as_fd());
        }
    }

    fn last_call(&mut self, listener: &Socket) {
        self.empty_backlog(place(listener));
    }

    fn unlisten(&mut self, listener: Socket) {
        self.close_listener(place(&listener));
    }

    fn accept(&mut self, listener: &Socket) -> Accept {
        self.next_accepted(place(listener))
    }

    fn shed(&mut self, listener: &Socket) -> Shed {
        self.shed_next(place(listener))
    }

    fn attach(&mut self, key: u64, socket: &Socket) -> io::Result<()> {
        let id = place(socket);
        let Some(sock) = self.conns.get_mut(id) else { return Ok(()) };
        sock.key = key;
        match sock.connecting {
            Connecting::No => self.receive(id),
            Connecting::Begun | Connecting::Waiting => self.await_decision(id),
        }
        Ok(())
    }

    fn connect(
        &mut self,
        to: &Addr,
        from: Option<IpAddr>,
        settings: &Settings,
    ) -> io::Result<Socket> {
        let fd = crate::dial::dial(to, from, settings)?;
        set_blocking(fd.as_fd(), true)?;
        let sock = Sock::new(Handle::Fd(fd), Connecting::Begun);
        self.conns.insert(sock).map(Socket::Place).map_err(|_| full())
    }

    fn connected(&mut self, socket: &Socket) -> Decision {
        let id = place(socket);
        let Some(sock) = self.conns.get_mut(id) else { return Decision::Later };
        // Who was accepted is not asked for.
        let Handle::Fd(fd) = &sock.handle else { return Decision::Done };
        let decision = crate::dial::outcome(fd.as_fd());
        match decision {
            Decision::Later => self.await_decision(id),
            Decision::Done => {
                sock.connecting = Connecting::No;
                self.receive(id);
            }
            Decision::Failed(_) => {}
        }
        decision
    }

    fn recv(&mut self, socket: &Socket, pool: &Pool) -> Recv {
        self.next_received(place(socket), pool)
    }

    fn send(&mut self, socket: &Socket, pieces: &mut Pieces) -> Sent {
        self.send_pieces(place(socket), pieces)
    }

    fn shutdown(&mut self, socket: &Socket) {
        let id = place(socket);
        match self.conns.get(id).map(|sock| &sock.handle) {
            // Fails only when the connection is gone, which the next receive tells.
            Some(Handle::Fd(fd)) => _ = net::shutdown(fd, Shutdown::Write),
            Some(Handle::Direct(_)) => self.shut_down_direct(id),
            None => {}
        }
    }

    fn watch(&mut self, socket: &Socket) {
        self.watch_conn(place(socket));
    }

    fn close(&mut self, socket: Socket) {
        self.close_conn(place(&socket));
    }

    fn reset(&mut self, socket: Socket) {
        if let Some(sock) = self.conns.get_mut(place(&socket)) {
            match &sock.handle {
                // Without it the peer sees an orderly end instead: the best that is left.
                Handle::Fd(fd) => _ = sockopt::set_socket_linger(fd, Some(Duration::ZERO)),
                Handle::Direct(_) => sock.reset = true,
            }
        }
        self.close(socket);
    }

    fn take_zero_copy(&mut self) -> ZeroCopy {
        std::mem::take(&mut self.experience.news)
    }

    fn has_disks(&self) -> bool {
        true
    }

    fn register(&mut self, arena: &Arena) -> io::Result<()> {
        match &self.registered {
            Some(registered) if registered.is_of(arena) => Ok(()),
            Some(_) => Err(io::Error::other("another arena is registered already")),
            None => {
                self.registered = Some(Registered::new(&self.ring, arena)?);
                Ok(())
            }
        }
    }

    fn call_disk(&mut self, _now: Time, key: u64, op: DiskOp, extent: Extent) {
        self.begin_disk(key, op, extent);
    }

    fn take_disk_ends(&mut self, ends: &mut Vec<DiskEnd>) {
        ends.append(&mut self.disk_ends);
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        for id in self.conns.ids().collect::<Vec<_>>() {
            self.close_conn(id);
        }
        for id in self.ears.ids().collect::<Vec<_>>() {
            self.close_listener(id);
        }
        for id in self.disk_calls.ids().collect::<Vec<_>>() {
            self.cancel(Op::Disk, id);
        }
        let mut ready = Vec::new();
        let end = Instant::now() + LAST_WAIT;
        // A look may bring few of them: Linux 6.13 and later complete 20 at a time.
        while self.in_flight() > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.ring.enter(Wait::AtMost(left)).is_err() {
                break;
            }
            self.collect(&mut ready);
        }
        // Rather lose memory than have the kernel write into somebody else's.
        // These the kernel may send from for as long as a client takes.
        if self.pinned.len() > 0 {
            std::mem::forget(std::mem::replace(&mut self.pinned, Slab::new(0)));
        }
        if self.disk_calls.len() > 0 {
            std::mem::forget(std::mem::replace(&mut self.disk_calls, Slab::new(0)));
        }
        if self.conns.len() + self.ears.len() > 0 {
            self.lent.leak();
            std::mem::forget(std::mem::replace(&mut self.conns, Slab::new(0)));
            std::mem::forget(std::mem::replace(&mut self.calls, Slab::new(0)));
        }
    }
}

/// The place in the table that a socket stands for.
fn place(socket: &Socket) -> ConnId {
    match socket {
        Socket::Place(id) => *id,
        Socket::Fd(_) | Socket::Sim(_) => panic!("another backend's socket came to io_uring"),
    }
}

/// An operation on a descriptor that does not block fails where it should wait.
fn set_blocking(fd: BorrowedFd<'_>, blocking: bool) -> io::Result<()> {
    let mut flags = fcntl_getfl(fd)?;
    flags.set(OFlags::NONBLOCK, !blocking);
    Ok(fcntl_setfl(fd, flags)?)
}

fn full() -> io::Error {
    io::Error::other("the table of sockets is full")
}
