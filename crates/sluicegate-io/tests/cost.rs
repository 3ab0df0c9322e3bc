//! What a request costs in calls, and that rest costs nothing.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use sluicegate::{Running, Time, Wait, Waker};
use sluicegate_io::backend::{Accept, Backend, Decision, Ready, Recv, Sent, Shed, Socket};
use sluicegate_io::{
    Addr, Asked, Choice, ConnLedger, Epoll, Io, Listener, Listeners, Pieces, Pool, Settings, Uring,
};

#[allow(dead_code, reason = "these tests need the service alone")]
#[path = "common/service.rs"]
mod service;

/// Calls of a backend, counted.
#[derive(Default)]
struct Calls {
    poll: AtomicUsize,
    attach: AtomicUsize,
    recv: AtomicUsize,
    send: AtomicUsize,
    /// A poll waits without end.
    waits: AtomicBool,
}

impl Calls {
    fn now(&self) -> [usize; 4] {
        [&self.poll, &self.attach, &self.recv, &self.send].map(|calls| calls.load(SeqCst))
    }
}

struct Counting(Box<dyn Backend>, Arc<Calls>);

impl Backend for Counting {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn waker(&self) -> Waker {
        self.0.waker()
    }
    fn poll(&mut self, now: Time, wait: Wait, pool: &Pool, ready: &mut Vec<Ready>) {
        self.1.poll.fetch_add(1, SeqCst);
        self.1.waits.store(wait == Wait::Forever, SeqCst);
        self.0.poll(now, wait, pool, ready);
        self.1.waits.store(false, SeqCst);
    }
    fn listen(&mut self, key: u64, listener: Listener) -> io::Result<Socket> {
        self.0.listen(key, listener)
    }
    fn deafen(&mut self, listener: &Socket) {
        self.0.deafen(listener);
    }
    fn last_call(&mut self, listener: &Socket) {
        self.0.last_call(listener);
    }
    fn unlisten(&mut self, listener: Socket) {
        self.0.unlisten(listener);
    }
    fn accept(&mut self, listener: &Socket) -> Accept {
        self.0.accept(listener)
    }
    fn shed(&mut self, listener: &Socket) -> Shed {
        self.0.shed(listener)
    }
    fn attach(&mut self, key: u64, socket: &Socket) -> io::Result<()> {
        self.1.attach.fetch_add(1, SeqCst);
        self.0.attach(key, socket)
    }
    fn connect(
        &mut self,
        to: &Addr,
        from: Option<IpAddr>,
        settings: &Settings,
    ) -> io::Result<Socket> {
        self.0.connect(to, from, settings)
    }
    fn connected(&mut self, socket: &Socket) -> Decision {
        self.0.connected(socket)
    }
    fn recv(&mut self, socket: &Socket, pool: &Pool) -> Recv {
        self.1.recv.fetch_add(1, SeqCst);
        self.0.recv(socket, pool)
    }
    fn send(&mut self, socket: &Socket, pieces: &mut Pieces) -> Sent {
        self.1.send.fetch_add(1, SeqCst);
        self.0.send(socket, pieces)
    }
    fn shutdown(&mut self, socket: &Socket) {
        self.0.shutdown(socket);
    }
    fn close(&mut self, socket: Socket) {
        self.0.close(socket);
    }
    fn reset(&mut self, socket: Socket) {
        self.0.reset(socket);
    }
}

struct Service {
    _running: Running,
    calls: Arc<Calls>,
    client: TcpStream,
}

/// The backends that work here, each by how it is made; the suite tells which does not.
fn backends() -> impl Iterator<Item = fn() -> Box<dyn Backend>> {
    let epoll: fn() -> Box<dyn Backend> = || Box::new(Epoll::new().unwrap());
    let uring: fn() -> Box<dyn Backend> = || Box::new(Uring::new().unwrap());
    std::iter::once(epoll).chain(Choice::new(Asked::Uring).ok().map(|_| uring))
}

fn service(backend: fn() -> Box<dyn Backend>) -> Service {
    let any = [("127.0.0.1:0".parse().unwrap(), 0)];
    let listeners = Listeners::bind(&any, 1, &Settings::default()).unwrap();
    let addr = listeners.bound()[0].0.to_string();
    let calls: Arc<Calls> = Arc::default();
    let counted = Arc::clone(&calls);
    let machine = move |_| {
        let backend = Counting(backend(), Arc::clone(&counted));
        Ok(Io::new(backend, Settings::default(), ConnLedger::new()))
    };
    let _running =
        service::net(listeners, 1, sluicegate_io::WhenFull::Wait, machine).run().unwrap();
    let client = TcpStream::connect(addr).unwrap();
    client.set_nodelay(true).unwrap();
    let mut service = Service { _running, calls, client };
    service.ask(1);
    service
}

impl Service {
    /// Asks for `n` lines at once, and waits for all of them.
    fn ask(&mut self, n: usize) {
        self.client.write_all("echo 12345\n".repeat(n).as_bytes()).unwrap();
        let mut answer = vec![0; 6 * n];
        self.client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, "12345\n".repeat(n).into_bytes());
    }
}

#[test]
fn a_request_costs_one_receive_and_one_send() {
    for backend in backends() {
        const REQUESTS: usize = 200;
        let mut service = service(backend);
        let [polls, attached, received, sent] = service.calls.now();
        for _ in 0..REQUESTS {
            service.ask(1);
        }
        let [polls_now, attached_now, received_now, sent_now] = service.calls.now();
        assert_eq!(received_now - received, REQUESTS);
        assert_eq!(sent_now - sent, REQUESTS);
        assert_eq!(attached_now, attached);
        // One that brings the request, one that finds nothing more before it waits; two for luck.
        let polls = polls_now - polls;
        assert!(polls <= 4 * REQUESTS, "{polls} polls for {REQUESTS} requests");
    }
}

#[test]
fn answers_to_one_connection_leave_together() {
    for backend in backends() {
        let mut service = service(backend);
        let [.., sent] = service.calls.now();
        service.ask(50);
        let [.., sent_now] = service.calls.now();
        // The request may come in several parts, but never in as many as it has lines.
        assert!(sent_now - sent <= 10, "{} sends for 50 answers", sent_now - sent);
    }
}

#[test]
fn rest_costs_nothing() {
    for backend in backends() {
        // It rests with a connection that was served, while another service works.
        let mut resting = service(backend);
        let mut working = service(backend);
        resting.ask(1);
        while !resting.calls.waits.load(SeqCst) {
            std::thread::yield_now();
        }
        let before = resting.calls.now();
        for _ in 0..1000 {
            working.ask(1);
        }
        let [polls, others @ ..] = resting.calls.now();
        assert_eq!(others, before[1..]);
        // The wait in which the answer left ends because it left, and before the next one it is
        // looked whether more came. What the other service does brings none.
        assert!(polls - before[0] <= 4, "{polls} polls, {} before", before[0]);
    }
}
