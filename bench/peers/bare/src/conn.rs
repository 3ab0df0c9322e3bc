//! One connection: what came is answered at once, and all answers leave in one write.

use sluicegate::Time;
use sluicegate_http::{Answer, HttpConn, Next, Shared};
use sluicegate_io::backend::{Backend, Ready, Recv, Sent, Socket};
use sluicegate_io::{How, Pieces, Pool, Then};
use sluicegate_web::Direct;

use crate::deadlines::Deadlines;

/// More output than this is written before more is read.
const HOLD: usize = 64 * 1024;

/// What all connections share.
pub struct World {
    pub site: Direct,
    pub backend: Box<dyn Backend>,
    pub pool: Pool,
    pub shared: Shared,
    pub deadlines: Deadlines,
}

/// A connection and what waits to be written to it.
pub struct Conn {
    key: u64,
    socket: Socket,
    http: HttpConn,
    output: Pieces,
    queued: usize,
    readable: bool,
    writable: bool,
    then: Then,
    /// When it is looked at, whatever happens.
    armed: Option<Time>,
}

impl Conn {
    pub fn new(key: u64, socket: Socket, http: HttpConn) -> Conn {
        Conn {
            key,
            socket,
            http,
            output: Pieces::default(),
            queued: 0,
            // Asked once, unasked for.
            readable: true,
            writable: true,
            then: Then::Keep,
            armed: None,
        }
    }

    /// The socket, to be closed.
    pub fn into_socket(self) -> Socket {
        self.socket
    }

    /// Notes what the socket is ready for.
    pub fn ready(&mut self, ready: &Ready) {
        self.readable |= ready.read || ready.finished || ready.dead;
        self.writable |= ready.write;
        self.queued -= ready.sent;
    }

    /// Reads, answers and writes as far as it goes; whether the connection lives on.
    pub fn go(&mut self, now: Time, world: &mut World) -> bool {
        loop {
            while self.readable && self.queued < HOLD {
                match world.backend.recv(&self.socket, &world.pool) {
                    Recv::Bytes(bytes, drained) => {
                        self.readable = !drained;
                        self.http.receive(bytes, now);
                    }
                    Recv::Later | Recv::NoBuffer => self.readable = false,
                    Recv::Ended(How::Eof) => {
                        if self.http.is_over() {
                            return false;
                        }
                        self.readable = false;
                        self.http.finished();
                    }
                    Recv::Ended(_) => return false,
                }
                self.answer(now, world);
            }
            if !self.write(&mut *world.backend) {
                return false;
            }
            if !self.readable || !self.writable {
                self.arm(world);
                return true;
            }
        }
    }

    /// Has the connection looked at by its deadline, unless it is anyway.
    fn arm(&mut self, world: &mut World) {
        if let Some(deadline) = self.http.deadline(world.shared.limits())
            && self.armed.is_none_or(|armed| armed > deadline)
        {
            self.armed = Some(deadline);
            world.deadlines.set(deadline, self.key);
        }
    }

    /// The deadline `at` has passed; whether the connection lives on.
    pub fn look(&mut self, at: Time, now: Time, world: &mut World) -> bool {
        if self.armed != Some(at) {
            return true;
        }
        self.armed = None;
        if let Next::Write(answer) = self.http.timeout(now, self.queued, &mut world.shared) {
            self.push(answer);
        }
        self.go(now, world)
    }

    /// Answers every request that is complete.
    fn answer(&mut self, now: Time, world: &mut World) {
        loop {
            match self.http.advance(now, &mut world.shared) {
                Next::Wait => return,
                Next::Begun { .. } => {}
                Next::Request { mut exchange, .. } => {
                    world.site.answer(&mut exchange, now);
                    let shared = &mut world.shared;
                    let answer = self.http.answer(&mut exchange, self.queued, now, shared);
                    self.push(answer);
                    world.shared.recycle(exchange);
                }
                Next::Write(answer) => self.push(answer),
            }
        }
    }

    fn push(&mut self, answer: Answer) {
        self.queued += self.output.append(answer.chunks);
        self.then = answer.then;
    }

    /// Writes what waits; whether the connection lives on.
    fn write(&mut self, backend: &mut dyn Backend) -> bool {
        while self.writable && !self.output.is_empty() {
            match backend.send(&self.socket, &mut self.output) {
                Sent::Bytes(n) => self.queued -= n,
                Sent::Blocked(n) => {
                    self.queued -= n;
                    self.writable = false;
                }
                Sent::Taken => self.writable = false,
                Sent::Ended(_) => return false,
            }
        }
        if self.queued == 0 && matches!(self.then, Then::Shutdown | Then::Finish) {
            // What still comes is read and thrown away until the peer is done.
            backend.shutdown(&self.socket);
            self.then = Then::Keep;
        }
        !(self.queued == 0 && matches!(self.then, Then::Close | Then::Reset))
    }
}
