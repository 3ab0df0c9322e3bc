//! A server of known manners, in virtual time and on real sockets, and runs against it.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluicegate::{Batch, BoxError, Cx, Event, Net, Out, Sim, Stage, Time, stage};
use sluicegate_io::sim::{SimNet, SimOptions};
use sluicegate_io::{
    Asked, Choice, ConnId, ConnLedger, Incoming, Io, Listeners, Opened, Options, Settings, Then,
    Write, serve,
};
use sluicegate_lab::{Plan, Report, net, run};
use sluicegate_macros::From;

/// What the server does with a request.
#[derive(Clone, Copy)]
pub enum Manner {
    /// Answers with this status after so long.
    Answer(u16, Duration),
    /// Says nothing.
    Silent,
    /// Begins an answer and closes.
    Cut,
    /// Answers, says that it closes, and does.
    Last(u16),
}

/// What the server saw.
#[derive(Default)]
pub struct Seen {
    pub requests: u64,
    /// Requests under way, when each came: with itself.
    pub under_way: Vec<usize>,
    pub now_under_way: usize,
    /// Requests by address and by the value of the field `Class`.
    pub by_address: BTreeMap<IpAddr, u64>,
    pub by_class: BTreeMap<String, u64>,
    /// What each request asked for.
    pub paths: Vec<String>,
}

/// The manner for a request, by its number and the time.
pub type Manners = fn(u64, Time) -> Manner;

struct Server {
    manners: Manners,
    seen: Arc<Mutex<Seen>>,
    /// What was received of each connection and is no whole request.
    begun: HashMap<ConnId, Vec<u8>>,
    /// Answers that wait for their time.
    later: HashMap<u64, (ConnId, u16)>,
    number: u64,
}

#[derive(From)]
enum ServerIn {
    Opened(Opened),
    Incoming(Incoming),
}

fn reply(conn: ConnId, status: u16, fields: &str, then: Then) -> Write {
    let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n{fields}\r\nok");
    Write { then, ..Write::one(conn, bytes::Bytes::from(text)) }
}

impl Server {
    fn request(&mut self, conn: ConnId, head: &str, cx: &mut Cx<'_, Out<Write>>) {
        let (home, now) = (cx.worker(), cx.now());
        let peer = cx.local.get::<Io>().peer(conn);
        let number = self.number;
        self.number += 1;
        let mut seen = self.seen.lock().unwrap();
        seen.requests += 1;
        seen.now_under_way += 1;
        let under_way = seen.now_under_way;
        seen.under_way.push(under_way);
        if let Some(addr) = peer.and_then(|peer| peer.addr()) {
            *seen.by_address.entry(addr.ip()).or_default() += 1;
        }
        if let Some(class) = head.lines().find_map(|line| line.strip_prefix("Class: ")) {
            *seen.by_class.entry(class.to_owned()).or_default() += 1;
        }
        seen.paths.extend(head.split(' ').nth(1).map(str::to_owned));
        let write = match (self.manners)(number, now) {
            Manner::Silent => return,
            Manner::Answer(status, after) if !after.is_zero() => {
                self.later.insert(number, (conn, status));
                cx.after(after, number);
                return;
            }
            Manner::Answer(status, _) => reply(conn, status, "", Then::Keep),
            Manner::Last(status) => reply(conn, status, "Connection: close\r\n", Then::Shutdown),
            Manner::Cut => Write { then: Then::Close, ..Write::one(conn, &b"HTTP/1.1 200"[..]) },
        };
        seen.now_under_way -= 1;
        cx.out.emit(Event::note(home, write));
    }
}

impl Stage for Server {
    type In = ServerIn;
    type Out = Out<Write>;

    fn handle(&mut self, batch: Batch<'_, ServerIn>, cx: &mut Cx<'_, Out<Write>>) {
        for event in batch {
            match event.split().1 {
                ServerIn::Opened(Opened { conn, .. }) => cx.local.get::<Io>().read(*conn),
                ServerIn::Incoming(Incoming::Received(received)) => {
                    let begun = self.begun.entry(*received.conn).or_default();
                    begun.extend_from_slice(&received.bytes);
                    if begun.ends_with(b"\r\n\r\n") {
                        let head = String::from_utf8(std::mem::take(begun)).unwrap();
                        self.request(*received.conn, &head, cx);
                    }
                }
                ServerIn::Incoming(Incoming::Closed(closed)) => {
                    self.begun.remove(&*closed.conn);
                    cx.local.get::<Io>().close(*closed.conn);
                }
            }
        }
    }

    fn timer(&mut self, number: u64, cx: &mut Cx<'_, Out<Write>>) {
        let Some((conn, status)) = self.later.remove(&number) else { return };
        self.seen.lock().unwrap().now_under_way -= 1;
        let home = cx.worker();
        cx.out.emit(Event::note(home, reply(conn, status, "", Then::Keep)));
    }
}

fn server(
    listeners: Listeners,
    machine: impl Fn(usize) -> Result<Io, BoxError> + Send + Sync + 'static,
    manners: Manners,
) -> (Net, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let sees = Arc::clone(&seen);
    let mut net = Net::new("server");
    let cpu = net.domain("cpu").machine(machine).pinned(1);
    let tcp = serve(&mut net, cpu, listeners, &Options::default());
    let make = move || Server {
        manners,
        seen: Arc::clone(&sees),
        begun: HashMap::new(),
        later: HashMap::new(),
        number: 0,
    };
    let server = net.add(stage("server", make).on(cpu));
    net.wire(tcp.opened, server.inlet);
    net.wire(tcp.incoming, server.inlet);
    net.wire(server.out, tcp.write);
    (net, seen)
}

/// How far the clocks of the two nets may be apart.
pub const TURN: Duration = Duration::from_micros(50);
/// Batches of one turn.
const STEPS: usize = 1_000_000;

/// Carries a plan out against a server in virtual time. Nothing may be lost on the way.
pub fn simulated(plan: Plan, manners: Manners) -> (Report, Seen) {
    simulated_over(SimOptions::default().latency, plan, manners)
}

/// The same over a network whose ways take from the first to the second time.
pub fn simulated_over(
    latency: (Duration, Duration),
    mut plan: Plan,
    manners: Manners,
) -> (Report, Seen) {
    plan.to = "10.0.0.1:80".parse().unwrap();
    plan.check().unwrap();
    let network =
        SimNet::new(plan.seed, SimOptions { backlog: 4096, latency, ..SimOptions::default() });
    let listeners = network.listen(&[(plan.to.clone(), 0)], 1);
    let backends = network.clone();
    let machine = move |_| Ok(Io::new(backends.backend(), Settings::default(), ConnLedger::new()));
    let (served, seen) = server(listeners, machine.clone(), manners);
    let (send, report) = channel();
    let mut server = Sim::new(served, plan.seed).unwrap();
    let mut client = Sim::new(net(&plan, machine, send), plan.seed).unwrap();
    let mut report = || {
        for _ in 0..100_000_000_u64 {
            assert!(server.run_for(TURN, STEPS) && client.run_for(TURN, STEPS), "no rest");
            client.assert_even();
            if let Ok(report) = report.try_recv() {
                return report;
            }
            assert!(client.now() < Time(0) + plan.time * 100, "the plan never ended");
        }
        unreachable!("time stands still");
    };
    let report = report();
    let ledger = client.ledger();
    assert_eq!(ledger.in_flight, 0, "{ledger:?}");
    let requests = report.total().first;
    assert!(ledger.entered >= requests && ledger.places == 0, "each is a flow: {ledger:?}");
    settled(&report);
    drop((server, client));
    (report, Arc::into_inner(seen).unwrap().into_inner().unwrap())
}

/// Carries a plan out against a server on real sockets, both on the same backend.
pub fn real(mut plan: Plan, backend: Asked, manners: Manners) -> (Report, Seen) {
    let settings = Settings::default();
    let any = [("127.0.0.1:0".parse().unwrap(), 0)];
    let listeners = Listeners::bind(&any, 1, &settings).unwrap();
    plan.to = listeners.bound()[0].0.clone();
    let choice = Choice::new(backend).unwrap();
    let machine = move |_| Ok(choice.machine(settings.clone(), ConnLedger::new())?);
    let (served, seen) = server(listeners, machine, manners);
    let running = served.run().unwrap();
    let report = run(&plan, backend).unwrap();
    settled(&report);
    drop(running);
    (report, Arc::into_inner(seen).unwrap().into_inner().unwrap())
}

fn settled(report: &Report) {
    let total = report.total();
    assert!(total.is_settled(), "{total:?}");
    assert_eq!(total.missed, 0);
}

/// The backends that work here.
pub fn backends() -> Vec<Asked> {
    [Asked::Epoll, Asked::Uring].into_iter().filter(|one| Choice::new(*one).is_ok()).collect()
}
