//! What the backends of the operating system share: its errors, a descriptor kept in reserve, room
//! for many of them, and listeners that hear nobody new.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use socket2::{SockFilter, SockRef};

use crate::backend::Shed;
use crate::conn::How;

/// Descriptors for which room is made ahead: a MiB of the kernel's memory.
const ROOM_MAX: u64 = 1 << 17;

/// Has the kernel's table of the process's descriptors be as large now as it may have to be.
///
/// It doubles when it is full, and in a process of several threads the one that opens a descriptor
/// then waits until every processor has passed through the scheduler: all connections of a worker
/// for 10 to 20 ms, at the 256th descriptor, at the 512th, and on.
pub(crate) fn make_room() {
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let last = allowed.min(ROOM_MAX).saturating_sub(1);
    if let Ok(spare) = spare_descriptor() {
        // So high a number needs the room. Without it the table grows later.
        let _ = rustix::io::fcntl_dupfd_cloexec(&spare, last as i32);
    }
}

/// A descriptor to give up for a moment when there is no other, so that a connection can be
/// accepted only to be closed.
pub(crate) struct Reserve(Option<File>);

impl Reserve {
    pub fn new() -> io::Result<Self> {
        Ok(Self(Some(spare_descriptor()?)))
    }

    /// Refuses the connection that `accept` takes, which never blocks.
    pub fn shed(&mut self, accept: impl FnOnce() -> Result<OwnedFd, Errno>) -> Shed {
        if self.0.take().is_none() {
            self.0 = spare_descriptor().ok();
            return Shed::Impossible;
        }
        let accepted = accept();
        let shed = match &accepted {
            Ok(_) => Shed::One,
            Err(Errno::AGAIN) => Shed::Later,
            Err(error) if is_of_one(*error) => Shed::One,
            Err(_) => Shed::Impossible,
        };
        drop(accepted);
        self.0 = spare_descriptor().ok();
        shed
    }
}

/// Whether accept failed for one connection only: broken off in the backlog, interrupted, or an
/// error of its network that Linux passes on.
pub(crate) fn is_of_one(error: Errno) -> bool {
    matches!(
        error,
        Errno::CONNABORTED
            | Errno::INTR
            | Errno::PROTO
            | Errno::PERM
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NONET
            | Errno::NOPROTOOPT
            | Errno::OPNOTSUPP
    )
}

/// How a connection ended that had this error.
pub(crate) fn how(error: Errno) -> How {
    match error {
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => How::Reset,
        Errno::TIMEDOUT => How::Timeout,
        _ => How::Error,
    }
}

/// Has a TCP listener ignore who begins to connect from now on; those who did so before still get
/// into its backlog. A client that is ignored asks again, and finds a successor or nobody.
pub(crate) fn deafen(listener: BorrowedFd<'_>) {
    /// The byte of a TCP header, where a socket's filter begins, that holds the flags.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const SYN_AND_ACK: u32 = 0x12;
    /// The lengths that a filter keeps of a packet.
    const NOTHING: u32 = 0;
    const ALL: u32 = u32::MAX;
    // `ldb [FLAGS]; and #SYN_AND_ACK; jeq #SYN, drop, keep`, in the numbers of `linux/filter.h`.
    let filter = [
        SockFilter::new(0x30, 0, 0, FLAGS),
        SockFilter::new(0x54, 0, 0, SYN_AND_ACK),
        SockFilter::new(0x15, 0, 1, SYN),
        SockFilter::new(0x06, 0, 0, NOTHING),
        SockFilter::new(0x06, 0, 0, ALL),
    ];
    let tcp = rustix::net::getsockname(listener)
        .is_ok_and(|addr| std::net::SocketAddr::try_from(addr).is_ok());
    if tcp {
        // Without it who comes in the last moment is reset: the best that is left.
        let _ = SockRef::from(&listener).attach_filter(&filter);
    }
}

fn spare_descriptor() -> io::Result<File> {
    File::open("/dev/null")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Accept, Backend, Decision};
    use crate::buf::Pool;
    use crate::choice::{Asked, Choice};
    use crate::dial::{dial, outcome, stream_socket};
    use crate::{Addr, Epoll, Listeners, Settings, Uring};
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::net::AddressFamily;
    use sluicegate::{Time, Wait};
    use std::os::fd::AsFd;

    /// A client in the middle of its handshake, for it does not hear the answer.
    fn begin(addr: &Addr) -> OwnedFd {
        let Addr::Tcp(addr) = addr else { panic!("{addr} has no handshake") };
        let client = stream_socket(AddressFamily::INET).unwrap();
        SockRef::from(&client).attach_filter(&[SockFilter::new(0x06, 0, 0, 0)]).unwrap();
        assert_eq!(rustix::net::connect(&client, addr), Err(Errno::INPROGRESS));
        client
    }

    fn nobody_is_reset(backend: &mut dyn Backend) {
        let (settings, pool) = (Settings::default(), Pool::new(2, 16));
        let any = [("127.0.0.1:0".parse().unwrap(), 0)];
        let listeners = Listeners::bind(&any, 1, &settings).unwrap();
        let addr = listeners.bound()[0].0.clone();
        let listener = backend.listen(1, listeners.take().pop().unwrap()).unwrap();
        // The backend accepts by itself, if that is its way.
        assert!(matches!(backend.accept(&listener), Accept::Later));
        backend.poll(Time(0), Wait::Not, &pool, &mut Vec::new());
        let _early: Vec<_> =
            (0..3).map(|_| std::net::TcpStream::connect(addr.to_string()).unwrap()).collect();
        let half_way = begin(&addr);
        backend.deafen(&listener);
        // It hears the answer when that is sent again, after a second.
        SockRef::from(&half_way).detach_filter().unwrap();
        poll(&mut [PollFd::new(&half_way, PollFlags::OUT)], None).unwrap();
        assert!(matches!(outcome(half_way.as_fd()), Decision::Done), "it had begun in time");
        let late = dial(&addr, None, &settings).unwrap();
        backend.last_call(&listener);
        let mut accepted = Vec::new();
        while let Accept::Conn(socket, _) = backend.accept(&listener) {
            accepted.push(socket);
        }
        assert_eq!(accepted.len(), 4, "who was there is accepted, who came late is not");
        assert!(matches!(outcome(late.as_fd()), Decision::Later), "the late one was not answered");
        backend.unlisten(listener);
        // It asks again after a second, and then nobody is there.
        poll(&mut [PollFd::new(&late, PollFlags::OUT)], None).unwrap();
        let Decision::Failed(error) = outcome(late.as_fd()) else { panic!("it was connected") };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_machine_has_room_for_as_many_descriptors_as_there_may_be() {
        let size = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
            line.trim().parse::<u64>().unwrap()
        };
        let choice = Choice::new(Asked::Epoll).unwrap();
        let _io = choice.machine(Settings::default(), Default::default()).unwrap();
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(size() >= allowed.min(ROOM_MAX), "{} of {allowed}", size());
    }

    #[test]
    fn after_the_last_call_nobody_is_let_in_and_reset() {
        nobody_is_reset(&mut Epoll::new().unwrap());
        if Choice::new(Asked::Uring).is_ok() {
            nobody_is_reset(&mut Uring::new().unwrap());
        }
    }
}
