//! The backend of a simulated machine.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use sluicegate::{Time, Wait, Waker};

use crate::addr::Addr;
use crate::backend::{Accept, Backend, Decision, DiskEnd, Ready, Recv, Sent, Shed, Socket};
use crate::buf::Pool;
use crate::chunk::Chunk;
use crate::disk::{DiskOp, Extent};
use crate::listen::Listener;
use crate::pieces::Pieces;
use crate::settings::Settings;
use crate::sim::disk_calls::DiskCalls;
use crate::sim::end::Phase;
use crate::sim::transfer::Got;
use crate::sim::{Place, SimNet, SimSocket};

/// The most bytes sent by one call.
const SEND_MAX: usize = 64 << 10;

/// One machine's sockets in a [`SimNet`].
pub struct SimBackend {
    net: SimNet,
    host: usize,
    woken: Arc<AtomicBool>,
    disk_calls: DiskCalls,
}

impl SimBackend {
    pub(crate) fn new(net: SimNet) -> Self {
        let host = net.world().add_host();
        Self { net, host, woken: Arc::default(), disk_calls: DiskCalls::default() }
    }

    fn socket(&self, end: u32) -> Socket {
        Socket::Sim(SimSocket { net: self.net.clone(), end: Place::End(end) })
    }
}

impl Backend for SimBackend {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn waker(&self) -> Waker {
        let woken = Arc::clone(&self.woken);
        Arc::new(move || woken.store(true, Relaxed))
    }

    fn poll(&mut self, now: Time, _wait: Wait, _pool: &Pool, ready: &mut Vec<Ready>) {
        self.woken.store(false, Relaxed);
        let mut world = self.net.world();
        world.advance(now);
        world.take_news(self.host, ready);
        drop(world);
        self.disk_calls.advance(now);
    }

    fn due(&self) -> Option<Time> {
        let world = self.net.world();
        if self.woken.load(Relaxed) {
            return Some(world.now);
        }
        world.due(self.host).into_iter().chain(self.disk_calls.due(world.now)).min()
    }

    fn listen(&mut self, key: u64, listener: Listener) -> io::Result<Socket> {
        let socket = listener.into_socket();
        self.net.world().own_listener(listener_of(&socket), self.host, key);
        Ok(socket)
    }

    fn unlisten(&mut self, listener: Socket) {
        drop(listener);
    }

    fn accept(&mut self, listener: &Socket) -> Accept {
        let mut world = self.net.world();
        if world.is_exhausted(self.host) {
            return if world.has_waiting(listener_of(listener)) {
                Accept::Starved(io::Error::other("the simulated descriptors have run out"))
            } else {
                Accept::Later
            };
        }
        let Some(end) = world.accept(listener_of(listener), self.host) else {
            return Accept::Later;
        };
        let (who, phase) = (world.end(end).who, world.end(end).phase);
        drop(world);
        let socket = self.socket(end);
        if phase == Phase::Open { Accept::Conn(socket, who) } else { Accept::Lost }
    }

    fn shed(&mut self, listener: &Socket) -> Shed {
        if self.net.world().shed(listener_of(listener)) { Shed::One } else { Shed::Later }
    }

    fn attach(&mut self, key: u64, socket: &Socket) -> io::Result<()> {
        self.net.world().attach(end_of(socket), key);
        Ok(())
    }

    fn connect(
        &mut self,
        to: &Addr,
        from: Option<IpAddr>,
        _settings: &Settings,
    ) -> io::Result<Socket> {
        let mut world = self.net.world();
        if world.is_exhausted(self.host) {
            return Err(io::Error::other("the simulated descriptors have run out"));
        }
        let end = world.connect(to, from, Some(self.host));
        drop(world);
        Ok(self.socket(end))
    }

    fn connected(&mut self, socket: &Socket) -> Decision {
        match self.net.world().end(end_of(socket)).phase {
            Phase::Open => Decision::Done,
            Phase::Connecting => Decision::Later,
            Phase::Refused | Phase::Dead(_) => {
                Decision::Failed(io::ErrorKind::ConnectionRefused.into())
            }
        }
    }

    fn recv(&mut self, socket: &Socket, pool: &Pool) -> Recv {
        let Some(mut buf) = pool.take() else { return Recv::NoBuffer };
        match self.net.world().recv(end_of(socket), buf.spare()) {
            Got::Bytes(n, drained) => {
                buf.filled(n);
                Recv::Bytes(buf, drained)
            }
            Got::Later => Recv::Later,
            Got::Ended(how) => Recv::Ended(how),
        }
    }

    fn send(&mut self, socket: &Socket, pieces: &mut Pieces) -> Sent {
        let mut bytes = Vec::new();
        for piece in pieces.as_slice().iter().flat_map(Chunk::slices) {
            let room = SEND_MAX - bytes.len();
            bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        let sent = self.net.world().send(end_of(socket), &bytes);
        if let Sent::Bytes(n) | Sent::Blocked(n) = sent {
            pieces.consume(n);
        }
        sent
    }

    fn shutdown(&mut self, socket: &Socket) {
        self.net.world().finish(end_of(socket));
    }

    fn reset(&mut self, socket: Socket) {
        self.net.world().reset(end_of(&socket));
    }

    fn has_disks(&self) -> bool {
        true
    }

    fn call_disk(&mut self, now: Time, key: u64, op: DiskOp, extent: Extent) {
        self.disk_calls.begin(now, key, op, extent);
    }

    fn take_disk_ends(&mut self, ends: &mut Vec<DiskEnd>) {
        self.disk_calls.take(ends);
    }
}

fn place_of(socket: &Socket) -> Place {
    match socket {
        Socket::Sim(socket) => socket.end,
        Socket::Fd(_) | Socket::Place(_) => {
            panic!("another backend's socket came to the simulated network")
        }
    }
}

fn end_of(socket: &Socket) -> u32 {
    match place_of(socket) {
        Place::End(end) => end,
        Place::Listener(_) => panic!("a listener was used as a connection"),
    }
}

fn listener_of(socket: &Socket) -> u32 {
    match place_of(socket) {
        Place::Listener(listener) => listener,
        Place::End(_) => panic!("a connection was used as a listener"),
    }
}
