//! Load of our own: many connections in one thread, some of whose owners mean harm.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{Timespec, epoll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

mod attack;
mod crowd;
mod viewers;

pub use attack::{ATTACKS, Attack, Done};
pub use crowd::{Crowd, Heard};
pub use viewers::{Viewers, Watched};

/// Events that one wait collects.
const EVENTS_MAX: usize = 512;

/// Addresses of this machine that connections come from, so that none runs out of ports.
const SOURCES: usize = 8;

/// The niceness of who comes last.
const LAST: i32 = 19;

/// The receive buffer of a client that does not read, as small as the kernel allows.
const DEAF_BUFFER: usize = 4096;

/// Lets the calling thread run on one core only, until it is dropped; threads and processes it
/// starts meanwhile too, unless they are told otherwise.
#[must_use = "the thread is let go of when this is dropped"]
pub fn pin(core: usize) -> Result<Pinned> {
    let before = sched_getaffinity(None).context("cannot tell the cores")?;
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).context("cannot stay on one core")?;
    Ok(Pinned(before))
}

/// Lets the calling thread stand back behind all others of its core from now on.
pub fn stand_back() -> Result<()> {
    let me = Some(rustix::thread::gettid());
    rustix::process::setpriority_process(me, LAST).context("cannot stand back")
}

/// A thread that runs on one core, with the cores it ran on before.
pub struct Pinned(CpuSet);

impl Drop for Pinned {
    fn drop(&mut self) {
        // Failing leaves the thread where it is.
        let _ = sched_setaffinity(None, &self.0);
    }
}

/// Takes as many descriptors as the process may have; returns how many that is.
pub fn take_descriptors() -> u64 {
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    // Failing leaves what was there.
    let _ = setrlimit(Resource::Nofile, limits);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Begins a connection from one of our addresses; it stands when it is writable.
fn begin(to: SocketAddr, n: usize, deaf: bool) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd: OwnedFd =
        rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    if deaf {
        sockopt::set_socket_recv_buffer_size(&fd, DEAF_BUFFER)?;
    }
    let from = Ipv4Addr::new(127, 0, 0, 2 + (n % SOURCES) as u8);
    rustix::net::bind(&fd, &SocketAddr::from((from, 0)))?;
    match rustix::net::connect(&fd, &to) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(fd);
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Closes without a word, so that the peer sees a reset and no port is kept for a minute.
fn reset(stream: TcpStream) {
    let _ = sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
    drop(stream);
}

/// Many sockets in one wait.
struct Poller(OwnedFd);

/// What a socket became, by the number it was added with.
#[derive(Clone, Copy)]
struct Ready {
    key: u64,
    read: bool,
    write: bool,
    /// In both directions.
    ended: bool,
}

impl Poller {
    fn new() -> Result<Poller> {
        Ok(Poller(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    fn add(&self, key: u64, socket: &impl AsFd) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP;
        let data = epoll::EventData::new_u64(key);
        Ok(epoll::add(&self.0, socket, data, flags | epoll::EventFlags::ET)?)
    }

    fn wait(&self, at_most: Duration) -> Result<Vec<Ready>> {
        let timeout = Timespec {
            tv_sec: at_most.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: at_most.subsec_nanos().into(),
        };
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let spare = rustix::buffer::spare_capacity(&mut events);
        match epoll::wait(&self.0, spare, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll cannot be waited for"),
        }
        let ready = |event: &epoll::Event| {
            let (key, flags) = (event.data.u64(), event.flags);
            let ended = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
            let read = flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP) || ended;
            Ready { key, read, write: flags.contains(epoll::EventFlags::OUT) || ended, ended }
        };
        Ok(events.iter().map(ready).collect())
    }
}

/// Reads all there is into `held`; whether the connection goes on.
fn read_into(mut stream: &TcpStream, held: &mut Vec<u8>) -> bool {
    let mut bytes = [0; 16 * 1024];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(n) => held.extend_from_slice(&bytes[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
