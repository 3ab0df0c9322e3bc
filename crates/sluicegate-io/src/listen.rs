//! Listeners: one per worker for each address, bound before any worker starts.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, sockopt};

use crate::addr::Addr;
use crate::backend::Socket;
use crate::dial::{stream_socket, tune};
use crate::settings::Settings;
use crate::unix::SocketFile;

/// Connections that may wait in the kernel for each listener; the kernel lowers it to its own
/// bound (`net.core.somaxconn`).
pub const BACKLOG: i32 = 4096;

/// Bound listeners of all workers, waiting to be taken by them.
///
/// ```
/// use sluicegate_io::{Addr, Listeners, Settings};
///
/// let any_port: Addr = "127.0.0.1:0".parse()?;
/// let listeners = Listeners::bind(&[(any_port, 0)], 2, &Settings::default())?;
/// let (bound, _service) = &listeners.bound()[0];
/// println!("listens on {bound}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Listeners {
    bound: Vec<(Addr, u16)>,
    sets: Mutex<Vec<Vec<Listener>>>,
    succession: Succession,
}

/// One listener in one worker's hands.
pub struct Listener {
    socket: Socket,
    service: u16,
    shared: bool,
    file: Option<Arc<SocketFile>>,
    succession: Succession,
}

/// Whether somebody else goes on with the backlogs of some listeners.
#[derive(Clone, Debug, Default)]
pub struct Succession(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    passed_on: AtomicBool,
    /// Listeners that were taken and are not closed.
    listening: Mutex<usize>,
    closed: Condvar,
}

impl Succession {
    /// Whoever drains from now on stops listening and leaves the backlogs to the successors, who
    /// have taken up [`Listeners::again`]. Nobody is turned away meanwhile.
    pub fn pass_on(&self) {
        self.0.passed_on.store(true, Relaxed);
    }

    /// Waits, at most so long, until nobody listens any more of those who took the listeners.
    /// Whether it came to that.
    pub fn wait_until_over(&self, limit: Duration) -> bool {
        let listening = self.listening();
        let waited = self.0.closed.wait_timeout_while(listening, limit, |left| *left > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }

    pub(crate) fn begin(&self) {
        *self.listening() += 1;
    }

    pub(crate) fn end(&self) {
        *self.listening() -= 1;
        self.0.closed.notify_all();
    }

    fn listening(&self) -> MutexGuard<'_, usize> {
        self.0.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_passed_on(&self) -> bool {
        self.0.passed_on.load(Relaxed)
    }
}

/// How long an address may be taken that is about to be free.
const FREED_MAX: Duration = Duration::from_millis(100);
/// How long until it is tried again.
const FREED_LOOK: Duration = Duration::from_millis(5);

/// Why an address cannot be listened on.
#[derive(Debug)]
pub struct ListenError {
    /// The address asked for.
    pub addr: Addr,
    /// What is wrong with it.
    pub fault: ListenFault,
}

/// What is wrong with an address to listen on.
#[derive(Debug)]
pub enum ListenFault {
    /// Somebody listens there.
    InUse,
    /// The process may not listen there.
    Denied,
    /// This machine has no such address.
    NotHere,
    /// The path of a Unix socket is taken by something else.
    NotASocket,
    /// The directory of a Unix socket does not exist.
    NoDirectory,
    /// Any other error of the operating system.
    Other(io::Error),
}

impl Listeners {
    /// Listens on every address for `workers` workers. Each address comes with the number of the
    /// service, which is told with every connection opened there. All or nothing.
    pub fn bind(
        wanted: &[(Addr, u16)],
        workers: usize,
        settings: &Settings,
    ) -> Result<Self, ListenError> {
        let mut sets: Vec<Vec<Listener>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
        let mut bound = Vec::with_capacity(wanted.len());
        let succession = Succession::default();
        for (addr, service) in wanted {
            let result = match addr {
                Addr::Tcp(at) => when_free(|| bind_tcp(*at, sets.len(), settings)),
                Addr::Unix(_) => bind_unix(addr, sets.len(), settings),
            };
            let (at, each) = result.map_err(|fault| ListenError { addr: addr.clone(), fault })?;
            bound.push((at, *service));
            for (set, (fd, file)) in sets.iter_mut().zip(each) {
                let (socket, shared) = (Socket::Fd(fd), file.is_some());
                let (service, succession) = (*service, succession.clone());
                set.push(Listener { socket, service, shared, file, succession });
            }
        }
        Ok(Self { bound, sets: Mutex::new(sets), succession })
    }

    /// Listens also by a listener that the program has, for all workers.
    ///
    /// It becomes one of as many sockets with SO_REUSEPORT as there are workers, among which the
    /// kernel shares new connections. Where that cannot be had, as of a listener that another user
    /// bound, the workers share its backlog: who is idle takes what comes, and one may have most.
    ///
    /// # Errors
    /// When it is no socket to be listened on, or descriptors have run out.
    pub fn adopt(
        mut self,
        listener: TcpListener,
        service: u16,
        settings: &Settings,
    ) -> io::Result<Self> {
        let at = listener.local_addr()?;
        // One of std is made so that who accepts waits: a worker must not.
        listener.set_nonblocking(true)?;
        let fd = OwnedFd::from(listener);
        tune(&fd, &Addr::Tcp(at), settings)?;
        net::listen(&fd, BACKLOG)?;
        let sets = self.sets.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (others, shared) = match beside(&fd, at, sets.len() - 1, settings) {
            Ok(others) => (others, false),
            Err(_) => {
                let clones = (1..sets.len()).map(|_| fd.try_clone());
                (clones.collect::<io::Result<_>>()?, true)
            }
        };
        for (set, fd) in sets.iter_mut().zip(others.into_iter().chain([fd])) {
            let (socket, succession) = (Socket::Fd(fd), self.succession.clone());
            set.push(Listener { socket, service, shared, file: None, succession });
        }
        self.bound.push((Addr::Tcp(at), service));
        Ok(self)
    }

    /// Listeners of a simulated network.
    pub(crate) fn simulated(bound: Vec<(Addr, u16)>, sets: Vec<Vec<Listener>>) -> Self {
        Self { bound, sets: Mutex::new(sets), succession: Succession::default() }
    }

    /// The same listeners once more, with the same backlogs, for those who are to go on when the
    /// ones of these stop. To be called before any is taken.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn again(&self) -> io::Result<Self> {
        let succession = Succession::default();
        let again = |listener: &Listener| {
            let Socket::Fd(fd) = &listener.socket else {
                return Err(io::Error::other("a simulated listener has no successor"));
            };
            Ok(Listener {
                socket: Socket::Fd(fd.try_clone()?),
                service: listener.service,
                shared: true,
                file: listener.file.clone(),
                succession: succession.clone(),
            })
        };
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let sets: io::Result<_> = sets.iter().map(|set| set.iter().map(again).collect()).collect();
        Ok(Self { bound: self.bound.clone(), sets: Mutex::new(sets?), succession })
    }

    /// To tell those who take these listeners that somebody else goes on.
    pub fn succession(&self) -> Succession {
        self.succession.clone()
    }

    /// The addresses listened on, with the ports that the kernel chose, and their services.
    pub fn bound(&self) -> &[(Addr, u16)] {
        &self.bound
    }

    /// The listeners of one more worker; empty when all are taken.
    pub fn take(&self) -> Vec<Listener> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }
}

impl Listener {
    pub(crate) fn simulated(socket: Socket, service: u16) -> Self {
        let succession = Succession::default();
        Self { socket, service, shared: false, file: None, succession }
    }

    /// Whether several workers wait for the same backlog.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// The number of the service that its connections are for.
    pub fn service(&self) -> u16 {
        self.service
    }

    /// The socket's file, to be kept as long as the socket is listened on.
    pub(crate) fn file(&self) -> Option<Arc<SocketFile>> {
        self.file.clone()
    }

    pub(crate) fn succession(&self) -> Succession {
        self.succession.clone()
    }

    /// The socket alone.
    pub fn into_socket(self) -> Socket {
        self.socket
    }
}

type Each = Vec<(OwnedFd, Option<Arc<SocketFile>>)>;

/// Tries until the address is not taken any more, for a moment: the kernel closes the sockets of
/// an io_uring only some milliseconds after its process has been killed.
fn when_free<T>(bind: impl Fn() -> Result<T, ListenFault>) -> Result<T, ListenFault> {
    let until = Instant::now() + FREED_MAX;
    loop {
        match bind() {
            Err(ListenFault::InUse) if Instant::now() < until => {
                std::thread::park_timeout(FREED_LOOK);
            }
            result => return result,
        }
    }
}

/// Listens `workers` times on one TCP address.
///
/// SO_REUSEPORT alone would let a second program take half of our connections without a word. So
/// a socket without it is bound first, which fails if anybody listens there, and keeps the port
/// until the others are bound. None of these sockets listens yet, and so they do not conflict.
fn bind_tcp(
    at: SocketAddr,
    workers: usize,
    settings: &Settings,
) -> Result<(Addr, Each), ListenFault> {
    // So that [::]:80 and 0.0.0.0:80 can be listened on side by side.
    let probe = tcp_socket(at, (false, true), settings)?;
    let at = SocketAddr::try_from(net::getsockname(&probe)?)?;
    let mut each = Vec::with_capacity(workers);
    if workers == 1 {
        each.push((probe, None));
    } else {
        for _ in 0..workers {
            each.push((tcp_socket(at, (true, true), settings)?, None));
        }
    }
    for (fd, _) in &each {
        net::listen(fd, BACKLOG)?;
    }
    Ok((Addr::Tcp(at), each))
}

/// So many sockets that listen where `first` does.
fn beside(
    first: &OwnedFd,
    at: SocketAddr,
    others: usize,
    settings: &Settings,
) -> Result<Vec<OwnedFd>, ListenFault> {
    if others == 0 {
        return Ok(Vec::new());
    }
    let only = at.is_ipv4() || sockopt::ipv6_v6only(first)?;
    sockopt::set_socket_reuseport(first, true)?;
    let another = |_| {
        let fd = tcp_socket(at, (true, only), settings)?;
        net::listen(&fd, BACKLOG)?;
        Ok(fd)
    };
    (0..others).map(another).collect()
}

/// Bound, and not listening yet. Others may listen beside it if it may `reuse` the port; one for
/// IPv6 takes no IPv4 if it is to have that `only`.
fn tcp_socket(
    at: SocketAddr,
    (reuse, only): (bool, bool),
    settings: &Settings,
) -> Result<OwnedFd, ListenFault> {
    let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = stream_socket(family)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    sockopt::set_socket_reuseport(&fd, reuse)?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, only)?;
    }
    tune(&fd, &Addr::Tcp(at), settings)?;
    net::bind(&fd, &at)?;
    Ok(fd)
}

/// Listens once on a Unix socket; all workers share its backlog.
fn bind_unix(
    addr: &Addr,
    workers: usize,
    settings: &Settings,
) -> Result<(Addr, Each), ListenFault> {
    let Addr::Unix(path) = addr else { return Err(Errno::INVAL.into()) };
    SocketFile::remove_stale(path)?;
    let fd = stream_socket(AddressFamily::UNIX)?;
    tune(&fd, addr, settings)?;
    net::bind(&fd, &SocketAddrUnix::new(path)?)?;
    let file = Arc::new(SocketFile::created(path)?);
    net::listen(&fd, BACKLOG)?;
    let mut each = Vec::with_capacity(workers);
    for _ in 1..workers {
        each.push((fd.try_clone().map_err(ListenFault::Other)?, Some(Arc::clone(&file))));
    }
    each.push((fd, Some(file)));
    Ok((addr.clone(), each))
}

impl From<Errno> for ListenFault {
    fn from(error: Errno) -> Self {
        match error {
            Errno::ADDRINUSE => Self::InUse,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::ADDRNOTAVAIL => Self::NotHere,
            Errno::NOENT | Errno::NOTDIR => Self::NoDirectory,
            error => Self::Other(error.into()),
        }
    }
}

impl From<io::Error> for ListenFault {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(error) => error.into(),
            None => Self::Other(error),
        }
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addr, fault } = self;
        write!(f, "cannot listen on {addr}: ")?;
        let port = matches!(addr, Addr::Tcp(_));
        match fault {
            ListenFault::InUse if port => {
                f.write_str("another program listens there; choose another port, or 0 for any")
            }
            ListenFault::InUse => f.write_str("another program answers on this socket"),
            ListenFault::Denied if port => {
                f.write_str("not permitted; ports below 1024 need a privilege, others do not")
            }
            ListenFault::Denied => f.write_str("the directory may not be written to"),
            ListenFault::NotHere => {
                f.write_str("this machine has no such address; 0.0.0.0 and [::] mean all it has")
            }
            ListenFault::NotASocket => {
                f.write_str("the path exists and is no socket; remove it or choose another")
            }
            ListenFault::NoDirectory => f.write_str("the directory does not exist; make it first"),
            ListenFault::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ListenError {}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("service", &self.service).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::OFlags;
    use std::net::TcpStream;

    #[test]
    fn a_listener_of_the_program_is_for_all_workers() {
        for addr in ["127.0.0.1:0", "[::]:0"] {
            let theirs = TcpListener::bind(addr).unwrap();
            let at = theirs.local_addr().unwrap();
            // Who came before is heard too.
            let early = TcpStream::connect(at).unwrap();
            let none = Listeners::bind(&[], 3, &Settings::default()).unwrap();
            let ours = none.adopt(theirs, 7, &Settings::default()).unwrap();
            assert_eq!(ours.bound(), [(Addr::Tcp(at), 7)]);
            let sets: Vec<_> = (0..3).map(|_| ours.take()).collect();
            assert!(sets.iter().all(|set| set.len() == 1 && set[0].service() == 7));
            assert!(sets.iter().all(|set| !set[0].is_shared()));
            let clients: Vec<_> = (0..64).map(|_| TcpStream::connect(at).unwrap()).collect();
            let accepted = sets.into_iter().flatten().map(|listener| {
                let Socket::Fd(fd) = listener.into_socket() else { panic!("not of the system") };
                assert!(rustix::fs::fcntl_getfl(&fd).unwrap().contains(OFlags::NONBLOCK));
                let listener = TcpListener::from(fd);
                std::iter::from_fn(|| listener.accept().ok()).count()
            });
            let accepted: Vec<_> = accepted.collect();
            assert_eq!(accepted.iter().sum::<usize>(), 65, "{accepted:?}");
            // Of 65 none comes to one of three in one of 10^11 cases.
            assert!(accepted.iter().all(|n| *n > 0), "{accepted:?}");
            drop((early, clients));
        }
    }
}
