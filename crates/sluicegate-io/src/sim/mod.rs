//! A simulated network in virtual time: every run with one seed is the same run.
//!
//! Machines of any number of workers share one [`SimNet`]; tests take part by [`SimPeer`]s, and
//! machines read and write [`SimDisk`]s. Time moves only when a machine is polled with a later
//! time, so that a whole net runs without threads, clocks, sockets or files, with latency, short
//! transfers, resets, peers that vanish and disks that fail, fill up, hang or lose power.

mod backend;
mod disk;
mod disk_calls;
mod end;
mod happen;
mod peer;
mod transfer;
mod unsynced;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::addr::Addr;
use crate::backend::Socket;
use crate::listen::{Listener, Listeners};
pub use backend::SimBackend;
pub(crate) use disk::SECTOR;
pub use disk::{SimDisk, SimDiskOptions};
pub use peer::SimPeer;
use world::World;

/// How the simulated network behaves.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// The shortest and the longest time that anything is on its way.
    pub latency: (Duration, Duration),
    /// Of 100 transfers, how many move less than they could.
    pub short: u8,
    /// Bytes that may be on their way to, or unread at, each end of a connection.
    pub window: usize,
    /// Connections that may wait to be accepted at each listener.
    pub backlog: usize,
    /// How long unanswered bytes are waited for before the connection ends as `Timeout`.
    pub give_up: Duration,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            latency: (Duration::from_micros(20), Duration::from_micros(200)),
            short: 20,
            window: 64 << 10,
            backlog: 128,
            give_up: Duration::from_secs(30),
        }
    }
}

/// A network; clones are the same network.
#[derive(Clone)]
pub struct SimNet(Arc<Mutex<World>>);

/// One end of a simulated connection, or a listener. Dropping it closes it.
pub struct SimSocket {
    net: SimNet,
    end: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    End(u32),
    Listener(u32),
}

impl SimNet {
    /// An empty network whose chances come from `seed`.
    pub fn new(seed: u64, options: SimOptions) -> Self {
        Self(Arc::new(Mutex::new(World::new(seed, options))))
    }

    /// Listens on each address once for each of `workers` workers.
    pub fn listen(&self, wanted: &[(Addr, u16)], workers: usize) -> Listeners {
        let mut world = self.world();
        let mut set = || {
            let one = |(addr, service): &(Addr, u16)| {
                let end = Place::Listener(world.listen(addr));
                let socket = Socket::Sim(SimSocket { net: self.clone(), end });
                Listener::simulated(socket, *service)
            };
            wanted.iter().map(one).collect()
        };
        let sets = (0..workers).map(|_| set()).collect();
        Listeners::simulated(wanted.to_vec(), sets)
    }

    /// Somebody who never answers: what is sent to `addr` is lost.
    pub fn listen_silently(&self, addr: &Addr) {
        self.world().listen_silently(addr);
    }

    /// A backend for one worker.
    pub fn backend(&self) -> SimBackend {
        SimBackend::new(self.clone())
    }

    /// A test's connection to whoever listens on `addr`, begun now.
    pub fn connect(&self, addr: &Addr) -> SimPeer {
        let end = self.world().connect(addr, None, None);
        SimPeer::new(SimSocket { net: self.clone(), end: Place::End(end) })
    }

    /// Lets time pass before any machine runs, so that what was begun arrives.
    pub fn pass(&self, time: Duration) {
        let mut world = self.world();
        let later = world.now + time;
        world.advance(later);
    }

    /// Bounds the connections that the machine with number `host` may have open; machines are
    /// numbered as their backends are made.
    pub fn limit_descriptors(&self, host: usize, limit: Option<usize>) {
        self.world().limit(host, limit);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        let mut world = self.net.world();
        match self.end {
            Place::End(end) => world.close(end),
            Place::Listener(listener) => world.unlisten(listener),
        }
    }
}
