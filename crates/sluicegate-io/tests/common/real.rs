//! The real world: threads, a backend, and blocking clients on loopback sockets.

use std::io::{ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sluicegate::{Ledger, Net, Running};
use sluicegate_io::{
    Addr, Addresses, Asked, Choice, ConnCounts, ConnLedger, How, Listeners, Unfit,
};

use crate::common::{Rest, Setup, World, bounded, service};

/// After so long a test has failed; none waits for it.
const LOST: Duration = Duration::from_secs(30);

/// A real world whose service runs on the backend `B`.
pub struct Real<B> {
    pub addr: Addr,
    ledgers: Vec<Arc<ConnLedger>>,
    waiting: Option<Net>,
    running: Option<Running>,
    /// Descriptors taken away from the service.
    hoard: Vec<std::fs::File>,
    backend: PhantomData<B>,
}

/// Which backend a world's service runs on.
pub trait On {
    const ASKED: Asked;
    /// Whether accepted connections are direct descriptors, and for how many there is room.
    const DIRECT: Option<usize> = None;
}

/// The service runs on epoll.
pub struct OnEpoll;

/// The service runs on io_uring.
pub struct OnUring;

/// The same, with direct descriptors.
pub struct OnDirect;

impl On for OnEpoll {
    const ASKED: Asked = Asked::Epoll;
}

impl On for OnUring {
    const ASKED: Asked = Asked::Uring;
}

impl On for OnDirect {
    const ASKED: Asked = Asked::Uring;
    const DIRECT: Option<usize> = Some(1000);
}

/// Whether io_uring works here; where it does not, it is said that the test is skipped.
pub fn uring_works() -> bool {
    works(Choice::new(Asked::Uring))
}

/// The same for its direct descriptors.
pub fn direct_works() -> bool {
    works(Choice::new(Asked::Uring).and_then(|choice| choice.try_direct()))
}

fn works<T>(tried: Result<T, Unfit>) -> bool {
    let unfit = tried.err();
    if let Some(unfit) = &unfit {
        // Past the test harness, which keeps what is printed by a test that passes.
        let _ = writeln!(std::io::stderr(), "skipped: {unfit}");
    }
    unfit.is_none()
}

pub enum Client {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A path for a Unix socket that no other test uses.
pub fn socket_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("sluicegate-io-{}-{n}.sock", std::process::id()))
}

impl<B: On> World for Real<B> {
    type Client = Client;

    fn new(setup: Setup) -> Self {
        let addr =
            if setup.unix { Addr::Unix(socket_path()) } else { "127.0.0.1:0".parse().unwrap() };
        let listeners = Listeners::bind(&[(addr, 0)], setup.workers, &setup.settings).unwrap();
        let addr = listeners.bound()[0].0.clone();
        let ledgers: Vec<_> = (0..setup.workers).map(|_| ConnLedger::new()).collect();
        let addresses = setup.per_address.map(Addresses::new);
        let (mut settings, for_workers) = (setup.settings.clone(), ledgers.clone());
        let choice = Choice::new(B::ASKED).unwrap();
        if let Some(room) = B::DIRECT {
            choice.try_direct().unwrap();
            settings.direct = true;
            settings.connections = settings.connections.min(room);
        }
        let machine = move |worker: usize| {
            let ledger = Arc::clone(&for_workers[worker]);
            Ok(bounded(choice.machine(settings.clone(), ledger)?, &addresses))
        };
        let net = service::net(listeners, setup.workers, setup.when_full, machine);
        let (waiting, hoard) = (Some(net), Vec::new());
        let backend = PhantomData;
        let mut world = Self { addr, ledgers, waiting, running: None, hoard, backend };
        if !setup.late {
            world.start();
        }
        world
    }

    fn start(&mut self) {
        self.running = Some(self.waiting.take().unwrap().run().unwrap());
    }

    fn arrive(&mut self) {}

    fn connect(&mut self) -> Client {
        // A client needs a descriptor too, when there are no others.
        self.hoard.pop();
        match &self.addr {
            Addr::Tcp(addr) => {
                let stream = TcpStream::connect(addr).unwrap();
                stream.set_read_timeout(Some(LOST)).unwrap();
                stream.set_write_timeout(Some(LOST)).unwrap();
                Client::Tcp(stream)
            }
            Addr::Unix(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(LOST)).unwrap();
                stream.set_write_timeout(Some(LOST)).unwrap();
                Client::Unix(stream)
            }
        }
    }

    fn send(&mut self, client: &mut Client, bytes: &[u8]) {
        client.write().write_all(bytes).unwrap();
    }

    fn take(&mut self, client: &mut Client, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        client.read().read_exact(&mut bytes).unwrap();
        bytes
    }

    fn rest(&mut self, client: &mut Client) -> Rest {
        let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
        loop {
            match client.read().read(&mut some) {
                Ok(0) => return Rest { bytes, how: How::Eof },
                Ok(n) => bytes.extend_from_slice(&some[..n]),
                // A read with a timeout is not begun again by the kernel after a signal.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Rest { bytes, how: How::Reset };
                }
                Err(error) => panic!("the client cannot read: {error}"),
            }
        }
    }

    fn finish(&mut self, client: &mut Client) {
        match client {
            Client::Tcp(stream) => stream.shutdown(Shutdown::Write).unwrap(),
            Client::Unix(stream) => stream.shutdown(Shutdown::Write).unwrap(),
        }
    }

    fn reset(&mut self, client: Client) {
        match client {
            Client::Tcp(stream) => {
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
            }
            // Closing with bytes unread is the reset of a Unix socket; else it is an end.
            Client::Unix(_) => {}
        }
    }

    fn address(&mut self, client: &Client) -> String {
        match client {
            Client::Tcp(stream) => stream.local_addr().unwrap().to_string(),
            Client::Unix(_) => "unix:".to_owned(),
        }
    }

    fn until(&mut self, wanted: impl Fn(&ConnCounts) -> bool) {
        let start = Instant::now();
        while !wanted(&self.counts()) {
            assert!(start.elapsed() < LOST, "it never came about: {:?}", self.counts());
            std::thread::yield_now();
        }
    }

    fn exhaust(&mut self, _open: usize) {
        let mut limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        limits.current = Some(256);
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limits).unwrap();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            self.hoard.push(file);
        }
    }

    fn recover(&mut self) {
        self.hoard.clear();
    }

    fn stop(&mut self) -> (Ledger, ConnCounts) {
        let drained = self.running.take().unwrap().drain(LOST);
        assert!(drained.complete, "{:?} {:?}", drained.ledger, self.counts());
        (drained.ledger, self.counts())
    }
}

impl<B> Real<B> {
    fn counts(&self) -> ConnCounts {
        let mut all = ConnCounts::default();
        for ledger in &self.ledgers {
            all += ledger.count();
        }
        all
    }
}

impl Client {
    fn read(&mut self) -> &mut dyn Read {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }

    fn write(&mut self) -> &mut dyn Write {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}
