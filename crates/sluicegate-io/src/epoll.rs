//! The backend for any Linux: edge-triggered epoll, each socket registered once in its life.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;
use rustix::net::{self, RecvFlags, Shutdown, SocketFlags, sockopt};
use sluicegate::{Time, Wait, Waker};

use crate::addr::{Addr, Peer};
use crate::backend::{Accept, Backend, Decision, Ready, Recv, Sent, Shed, Socket};
use crate::buf::Pool;
use crate::conn::How;
use crate::listen::Listener;
use crate::pages::Splice;
use crate::pieces::Pieces;
use crate::send::send_now;
use crate::settings::Settings;
use crate::system::{Reserve, deafen, how, is_of_one};

/// The most sockets whose readiness one wait collects.
const EVENTS_MAX: usize = 512;
/// The key of the descriptor that wakes a wait; no connection has it.
const WAKE_KEY: u64 = u64::MAX;

/// Sockets behind one epoll descriptor.
pub struct Epoll {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    events: Vec<epoll::Event>,
    splice: Splice,
    reserve: Reserve,
}

impl Epoll {
    /// A backend with no socket yet. Fails when the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &*wake, epoll::EventData::new_u64(WAKE_KEY), flags)?;
        let events = Vec::with_capacity(EVENTS_MAX);
        let (splice, reserve) = (Splice::default(), Reserve::new()?);
        Ok(Self { epoll, wake, events, splice, reserve })
    }

    fn add(&self, key: u64, socket: &impl AsFd, flags: epoll::EventFlags) -> io::Result<()> {
        let flags = flags | epoll::EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, epoll::EventData::new_u64(key), flags)?)
    }
}

impl Backend for Epoll {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn waker(&self) -> Waker {
        let wake = Arc::clone(&self.wake);
        // It can only fail because a wake-up is pending already, which is as good.
        Arc::new(move || _ = rustix::io::write(&*wake, &1u64.to_ne_bytes()))
    }

    fn poll(&mut self, _now: Time, wait: Wait, _pool: &Pool, ready: &mut Vec<Ready>) {
        let timeout = match wait {
            Wait::Not => Some(Timespec::default()),
            Wait::AtMost(time) => Some(Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: time.subsec_nanos().into(),
            }),
            Wait::Forever => None,
        };
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            // Only a descriptor or an argument that is wrong could do this.
            Err(error) => panic!("epoll cannot be waited for: {error}"),
        }
        for event in &self.events {
            let (key, flags) = (event.data.u64(), event.flags);
            if key == WAKE_KEY {
                let mut count = [0; 8];
                // Empty means that it was read before; nothing else can fail here.
                let _ = rustix::io::read(&*self.wake, &mut count);
                continue;
            }
            let dead = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
            ready.push(Ready {
                key,
                read: flags.contains(epoll::EventFlags::IN),
                write: dead || flags.contains(epoll::EventFlags::OUT),
                finished: flags.contains(epoll::EventFlags::RDHUP),
                dead,
                sent: 0,
            });
        }
    }

    fn listen(&mut self, key: u64, listener: Listener) -> io::Result<Socket> {
        let shared = listener.is_shared();
        let Socket::Fd(fd) = listener.into_socket() else { return Err(foreign()) };
        // A listener that several workers wait for wakes one of them.
        let extra = if shared { epoll::EventFlags::EXCLUSIVE } else { epoll::EventFlags::empty() };
        self.add(key, &fd, epoll::EventFlags::IN | extra)?;
        Ok(Socket::Fd(fd))
    }

    fn deafen(&mut self, listener: &Socket) {
        deafen(fd(listener));
    }

    fn unlisten(&mut self, listener: Socket) {
        // Closing is not enough for a listener that is shared: its other descriptors keep it
        // registered here. Fails only for one that was never registered.
        let _ = epoll::delete(&self.epoll, fd(&listener));
    }

    fn accept(&mut self, listener: &Socket) -> Accept {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        match net::acceptfrom_with(fd(listener), flags) {
            Ok((fd, from)) => {
                let from = from.and_then(|from| SocketAddr::try_from(from).ok());
                Accept::Conn(Socket::Fd(fd), from.map_or(Peer::UNIX, Peer::tcp))
            }
            Err(Errno::AGAIN) => Accept::Later,
            Err(error) if is_of_one(error) => Accept::Lost,
            Err(error) => Accept::Starved(error.into()),
        }
    }

    fn shed(&mut self, listener: &Socket) -> Shed {
        self.reserve.shed(|| net::accept_with(fd(listener), SocketFlags::CLOEXEC))
    }

    fn attach(&mut self, key: u64, socket: &Socket) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP;
        self.add(key, &fd(socket), flags)
    }

    fn connect(
        &mut self,
        to: &Addr,
        from: Option<IpAddr>,
        settings: &Settings,
    ) -> io::Result<Socket> {
        crate::dial::dial(to, from, settings).map(Socket::Fd)
    }

    fn connected(&mut self, socket: &Socket) -> Decision {
        crate::dial::outcome(fd(socket))
    }

    fn recv(&mut self, socket: &Socket, pool: &Pool) -> Recv {
        let Some(mut buf) = pool.take() else { return Recv::NoBuffer };
        let spare = buf.spare();
        let room = spare.len();
        match net::recv(fd(socket), spare, RecvFlags::empty()) {
            Ok((0, _)) => Recv::Ended(How::Eof),
            Ok((n, _)) => {
                buf.filled(n);
                Recv::Bytes(buf, n < room)
            }
            Err(Errno::AGAIN | Errno::INTR) => Recv::Later,
            Err(error) => Recv::Ended(how(error)),
        }
    }

    fn send(&mut self, socket: &Socket, pieces: &mut Pieces) -> Sent {
        match send_now(fd(socket), pieces, &mut self.splice) {
            Ok((n, asked)) if n < asked => Sent::Blocked(n),
            Ok((n, _)) => Sent::Bytes(n),
            Err(Errno::AGAIN) => Sent::Blocked(0),
            Err(Errno::INTR) => Sent::Bytes(0),
            Err(error) => Sent::Ended(how(error)),
        }
    }

    fn shutdown(&mut self, socket: &Socket) {
        // Fails only when the connection is gone, which the next receive tells.
        let _ = net::shutdown(fd(socket), Shutdown::Write);
    }

    fn reset(&mut self, socket: Socket) {
        // Without it the peer sees an orderly end instead: the best that is left.
        let _ = sockopt::set_socket_linger(fd(&socket), Some(std::time::Duration::ZERO));
    }
}

fn fd(socket: &Socket) -> BorrowedFd<'_> {
    match socket {
        Socket::Fd(fd) => fd.as_fd(),
        Socket::Place(_) | Socket::Sim(_) => panic!("another backend's socket came to epoll"),
    }
}

fn foreign() -> io::Error {
    io::Error::other("another backend's listener came to epoll")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Listeners;

    #[test]
    fn accepted_sockets_inherit_what_the_listener_was_given() {
        let settings = Settings { send_buffer: Some(16 << 10), ..Settings::default() };
        let any = [("127.0.0.1:0".parse().unwrap(), 0)];
        let listeners = Listeners::bind(&any, 1, &settings).unwrap();
        let mut epoll = Epoll::new().unwrap();
        let listener = epoll.listen(1, listeners.take().pop().unwrap()).unwrap();
        let _client = std::net::TcpStream::connect(listeners.bound()[0].0.to_string()).unwrap();
        let Accept::Conn(socket, _) = epoll.accept(&listener) else { panic!("nobody came") };
        assert!(sockopt::tcp_nodelay(fd(&socket)).unwrap());
        // The kernel doubles what it is asked for, to count its own overhead.
        assert_eq!(sockopt::socket_send_buffer_size(fd(&socket)).unwrap(), 32 << 10);
    }
}
