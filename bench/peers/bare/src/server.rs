//! The loop: wait, accept, and let each connection go as far as it can.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::SystemTime;

use anyhow::{Context, Result};
use sluicegate::{Clock, Wait};
use sluicegate_http::{HttpConn, Limits, Shared};
use sluicegate_io::backend::{Accept, Backend, Socket};
use sluicegate_io::{BACKLOG, Epoll, Pool, Settings};
use sluicegate_web::Direct;

use crate::conn::{Conn, World};
use crate::deadlines::Deadlines;

/// The key under which the listener is told of; no connection has it.
const LISTENER: u64 = u64::MAX - 1;

/// Connections by their place, each with a generation so that an old key finds nothing.
#[derive(Default)]
struct Table {
    places: Vec<(u32, Option<Conn>)>,
    free: Vec<u32>,
}

/// Serves until it is killed.
pub fn run(site: Direct, address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(address).with_context(|| format!("listen on {address}"))?;
    listener.set_nonblocking(true)?;
    // Listening again sets the backlog, for which the standard library has no place.
    rustix::net::listen(&listener, BACKLOG)?;
    let listener = Socket::Fd(listener.into());
    let settings = Settings::default();
    let mut world = World {
        site,
        epoll: Epoll::new()?,
        pool: Pool::new(settings.buffers, settings.buffer_size),
        shared: Shared::new(Limits::default(), |_| SystemTime::now()),
        deadlines: Deadlines::default(),
    };
    world.epoll.attach(LISTENER, &listener)?;
    let clock = Clock::real();
    let mut table = Table::default();
    let mut ready = Vec::new();
    loop {
        let before = clock.now();
        let wait = world.deadlines.left(before).map_or(Wait::Forever, Wait::AtMost);
        world.epoll.poll(before, wait, &world.pool, &mut ready);
        let now = clock.now();
        while let Some((at, key)) = world.deadlines.passed(now) {
            if table.get(key).is_some_and(|conn| !conn.look(at, now, &mut world)) {
                table.remove(key);
            }
        }
        for ready in ready.drain(..) {
            if ready.key == LISTENER {
                while let Accept::Conn(socket, peer) = world.epoll.accept(&listener) {
                    let key = table.next_key();
                    let socket = without_delay(socket)?;
                    world.epoll.attach(key, &socket)?;
                    let http = HttpConn::new(key, now).with_peer(peer);
                    table.insert(key, Conn::new(key, socket, http));
                    if let Some(conn) = table.get(key) {
                        conn.arm(&mut world);
                    }
                }
            } else if let Some(conn) = table.get(ready.key) {
                conn.ready(ready.read || ready.finished || ready.dead, ready.write);
                if !conn.go(now, &mut world) {
                    table.remove(ready.key);
                }
            }
        }
    }
}

/// Small answers leave at once.
fn without_delay(socket: Socket) -> Result<Socket> {
    let Socket::Fd(fd) = socket else { return Ok(socket) };
    let stream = TcpStream::from(fd);
    stream.set_nodelay(true)?;
    Ok(Socket::Fd(stream.into()))
}

impl Table {
    /// The key that the next connection gets.
    fn next_key(&mut self) -> u64 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            (self.places.len() - 1) as u32
        });
        u64::from(self.places[place as usize].0) << 32 | u64::from(place)
    }

    fn insert(&mut self, key: u64, conn: Conn) {
        self.places[key as u32 as usize].1 = Some(conn);
    }

    fn get(&mut self, key: u64) -> Option<&mut Conn> {
        let (generation, conn) = self.places.get_mut(key as u32 as usize)?;
        if *generation == (key >> 32) as u32 { conn.as_mut() } else { None }
    }

    fn remove(&mut self, key: u64) {
        let (generation, conn) = &mut self.places[key as u32 as usize];
        *generation += 1;
        *conn = None;
        self.free.push(key as u32);
    }
}
