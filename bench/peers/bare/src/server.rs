//! The loop: wait, accept, and let each connection go as far as it can.

use std::net::SocketAddr;
use std::time::SystemTime;

use anyhow::{Context, Result};
use sluicegate::{Clock, Time, Wait};
use sluicegate_http::{HttpConn, Limits, Shared};
use sluicegate_io::backend::{Accept, Socket};
use sluicegate_io::{Addr, Asked, Choice, Listeners, Pool, Settings};
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
pub fn run(site: Direct, address: SocketAddr, asked: Asked) -> Result<()> {
    let settings = Settings::default();
    let listeners = Listeners::bind(&[(Addr::Tcp(address), 0)], 1, &settings)?;
    let listener = listeners.take().pop().context("one listener for one worker")?;
    let mut world = World {
        site,
        backend: Choice::new(asked)?.backend()?,
        pool: Pool::new(settings.buffers, settings.buffer_size),
        shared: Shared::new(Limits::default(), |_| SystemTime::now()),
        deadlines: Deadlines::default(),
    };
    let listener = world.backend.listen(LISTENER, listener)?;
    let clock = Clock::real();
    let mut table = Table::default();
    let mut ready = Vec::new();
    // A backend tells when asking is worth it again: the first time is unasked for.
    accept(&listener, clock.now(), &mut table, &mut world)?;
    loop {
        let before = clock.now();
        let wait = world.deadlines.left(before).map_or(Wait::Forever, Wait::AtMost);
        world.backend.poll(before, wait, &world.pool, &mut ready);
        let now = clock.now();
        while let Some((at, key)) = world.deadlines.passed(now) {
            if table.get(key).is_some_and(|conn| !conn.look(at, now, &mut world)) {
                close(&mut table, key, &mut world);
            }
        }
        for ready in ready.drain(..) {
            if ready.key == LISTENER {
                accept(&listener, now, &mut table, &mut world)?;
            } else if let Some(conn) = table.get(ready.key) {
                conn.ready(&ready);
                if !conn.go(now, &mut world) {
                    close(&mut table, ready.key, &mut world);
                }
            }
        }
    }
}

/// Takes all out of the backlog.
fn accept(listener: &Socket, now: Time, table: &mut Table, world: &mut World) -> Result<()> {
    while let Accept::Conn(socket, peer) = world.backend.accept(listener) {
        let key = table.next_key();
        world.backend.attach(key, &socket)?;
        let http = HttpConn::new(key, now).with_peer(peer);
        table.insert(key, Conn::new(key, socket, http));
        if table.get(key).is_some_and(|conn| !conn.go(now, world)) {
            close(table, key, world);
        }
    }
    Ok(())
}

fn close(table: &mut Table, key: u64, world: &mut World) {
    if let Some(conn) = table.remove(key) {
        world.backend.close(conn.into_socket());
    }
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

    fn remove(&mut self, key: u64) -> Option<Conn> {
        let (generation, conn) = &mut self.places[key as u32 as usize];
        *generation += 1;
        self.free.push(key as u32);
        conn.take()
    }
}
