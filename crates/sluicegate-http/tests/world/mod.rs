//! An HTTP server in a simulated network, with handlers that answer by the path of the request.

#![allow(dead_code, reason = "each test binary uses its part")]

mod reading;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sluicegate::{
    Batch, Cx, Domain, Event, Ledger, Net, OnFull, Out, Sim, Stage, Time, VirtualTime, Why,
    bounded, stage,
};
use sluicegate_http::log::Block;
use sluicegate_http::{Body, Exchange, HttpServer, InPieces, Limits, Reply, Settings};
use sluicegate_io::sim::{SimNet, SimOptions, SimPeer};
use sluicegate_io::{Addr, ConnCounts, ConnLedger, Io, Listeners};
use sluicegate_macros::Ports;

use reading::{Mirror, Read};

/// Bytes of the reply to `/stream`, and of its pieces.
pub const STREAM: u64 = 300_000;
const PIECE: u64 = 50_000;
/// How long `/sleep` takes.
pub const SLEEP: Duration = Duration::from_secs(1);

/// A server and its network.
pub struct World {
    pub sim: Sim,
    pub net: SimNet,
    conns: Arc<ConnLedger>,
    addr: Addr,
}

thread_local! {
    /// What was logged in this test: request, status, bytes, whether it was aborted.
    pub static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl Stage for Log {
    type In = Block;
    type Out = ();

    fn handle(&mut self, batch: Batch<'_, Block>, _: &mut Cx<'_, ()>) {
        for event in batch {
            let block = event.split().1;
            for line in block.lines() {
                let request = String::from_utf8_lossy(line.request.unwrap_or(b"-")).into_owned();
                let text = format!("{request} {} {} {}", line.status, line.bytes, line.aborted);
                LOGGED.with_borrow_mut(|logged| logged.push(text));
            }
            block.settled();
        }
    }
}

/// What a test can change.
pub struct Setup {
    pub http: Settings,
    pub sim: SimOptions,
    pub io: sluicegate_io::Settings,
}

impl Default for Setup {
    fn default() -> Self {
        let clock = |now: Time| SystemTime::UNIX_EPOCH + Duration::from_nanos(now.0);
        Self {
            http: Settings { clock, ..Settings::default() },
            sim: SimOptions::default(),
            io: sluicegate_io::Settings::default(),
        }
    }
}

impl World {
    pub fn new(seed: u64, setup: Setup) -> Self {
        let network = SimNet::new(seed, setup.sim);
        let addr: Addr = "127.0.0.1:80".parse().unwrap();
        let listeners = network.listen(&[(addr.clone(), 0)], 1);
        let conns = ConnLedger::new();
        let (ledger, sockets) = (Arc::clone(&conns), network.clone());
        let mut net = Net::new("http");
        let cpu = net
            .domain("cpu")
            .machine(move |_| Ok(Io::new(sockets.backend(), setup.io.clone(), Arc::clone(&ledger))))
            .pinned(1);
        attach(&mut net, cpu, listeners, setup.http);
        let sim = Sim::with_time(net, seed, VirtualTime::default()).expect("the net is sound");
        Self { sim, net: network, conns, addr }
    }

    pub fn limited(limits: Limits) -> Self {
        let mut setup = Setup::default();
        setup.http.limits = limits;
        Self::new(1, setup)
    }

    pub fn connect(&mut self) -> SimPeer {
        let peer = self.net.connect(&self.addr);
        self.run(1);
        peer
    }

    /// Lets milliseconds of virtual time pass.
    pub fn run(&mut self, ms: u64) {
        assert!(self.sim.run_for(Duration::from_millis(ms), 1_000_000), "the net does not rest");
        self.sim.assert_even();
    }

    /// Sends all of it, a millisecond for each part that the network takes.
    pub fn send(&mut self, peer: &mut SimPeer, text: &str) {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            let n = peer.send(bytes);
            bytes = &bytes[n..];
            self.run(1);
        }
    }

    /// Sends all of it, then tells what came back within `ms` of virtual time.
    pub fn ask(&mut self, peer: &mut SimPeer, text: &str, ms: u64) -> String {
        self.send(peer, text);
        self.run(ms);
        String::from_utf8_lossy(&peer.recv()).into_owned()
    }

    pub fn connections(&self) -> ConnCounts {
        self.conns.count()
    }

    /// Drains the net, which takes no longer than it must, and checks that nothing vanished.
    pub fn even(&mut self) -> Ledger {
        self.sim.drain();
        self.run(5_000);
        let ledger = self.sim.ledger();
        assert!(ledger.balanced() && ledger.in_flight == 0 && ledger.places == 0, "{ledger:?}");
        let conns = self.connections();
        assert!(conns.balanced() && conns.open == 0, "{conns:?}");
        ledger
    }
}

/// Adds the server and its handlers.
pub fn attach(net: &mut Net, cpu: Domain, listeners: Listeners, settings: Settings) {
    let disk = net.domain("disk").pool(2);
    let logs = settings.log.is_some();
    let settings = Settings { in_pieces: Some(InPieces::new(reading::reads)), ..settings };
    let http = HttpServer::add(net, cpu, listeners, settings);
    if logs {
        let log = net.add(stage("log", || Log).on(disk).queue(bounded(8)));
        net.wire(http.log, log.inlet);
    }
    let site = net.add(stage("site", Site::default).on(cpu));
    let read = net.add(stage("upload", Read::default).on(disk).queue(bounded(8)));
    net.wire(site.out.read, read.inlet);
    net.wire(read.out, http.replies).returns(http.request);
    let pieces = net.add(stage("pieces", Pieces::default).on(disk).queue(bounded(8)));
    let work = net.add(stage("work", || Work).on(disk).queue(bounded(8)));
    net.wire(site.out.work, work.inlet);
    net.wire(work.out, http.replies).returns(http.request);
    net.wire(http.request, site.inlet).on_full(OnFull::ShedNewest);
    net.wire(site.out.reply, http.replies).returns(http.request);
    net.wire(http.pull, pieces.inlet);
    net.wire(pieces.out, http.replies).returns(http.pull);
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// The status codes in what was received.
pub fn statuses(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]).collect()
}

#[derive(Default)]
struct Site {
    asleep: Vec<Event<Exchange>>,
}

#[derive(Ports)]
struct SiteOut {
    reply: Out<Exchange>,
    /// What has slept and is to be worked on.
    work: Out<Exchange>,
    /// Whose body is to be read.
    read: Out<Exchange>,
}

impl Stage for Site {
    type In = Exchange;
    type Out = SiteOut;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, SiteOut>) {
        for mut event in batch {
            match event.path() {
                b"/panic" => panic!("as was asked for"),
                b"/drop" => continue,
                b"/shed" | b"/expire" => {
                    let why = if event.path() == b"/shed" { Why::Shed } else { Why::Expired };
                    event.split().0.refuse(why);
                    continue;
                }
                // Refused, and answered all the same, much later.
                b"/late" => {
                    let (tag, mut exchange) = event.split();
                    exchange.reply(Reply::new(201));
                    self.asleep.push(tag.fork().with(exchange));
                    tag.refuse(Why::Shed);
                    cx.after(SLEEP / 2, 0);
                    continue;
                }
                b"/sleep" | b"/work" => {
                    self.asleep.push(event);
                    cx.after(SLEEP, 0);
                    continue;
                }
                b"/echo" => {
                    let body = Body::Chunks(event.take_body());
                    event.reply(Reply::new(200).with(body));
                }
                b"/stream" | b"/fails" => {
                    event.reply(Reply::new(200).with(Body::Stream { len: STREAM }));
                }
                b"/upload" | b"/later" | b"/never" => {
                    cx.out.read.emit(event);
                    continue;
                }
                b"/ignore" => {
                    drop(event.body_reader());
                    event.reply(Reply::text(200, "whatever"));
                }
                b"/ignore-stream" => {
                    drop(event.body_reader());
                    event.reply(Reply::new(200).with(Body::Stream { len: STREAM }));
                }
                b"/mirror" => match event.body_reader() {
                    Some(reader) => {
                        event.keep(reader);
                        event.reply(Reply::new(200).with(Body::Open));
                    }
                    None => {
                        let body = Body::Chunks(event.take_body());
                        event.reply(Reply::new(200).with(body));
                    }
                },
                b"/tunnel" | b"/deaf" => {
                    let reader = event.tunnel();
                    event.keep(reader);
                    event.give(Bytes::from_static(b"well?\n"));
                }
                b"/open" | b"/open-fails" => event.reply(Reply::new(200).with(Body::Open)),
                b"/big" => event.reply(Reply::text(200, vec![b'x'; STREAM as usize])),
                _ => event.reply(Reply::text(200, "hello")),
            }
            cx.out.reply.emit(event);
        }
    }

    fn timer(&mut self, _token: u64, cx: &mut Cx<'_, SiteOut>) {
        let mut event = self.asleep.remove(0);
        if event.path() == b"/work" {
            return cx.out.work.emit(event);
        }
        if event.replied().is_none() {
            event.reply(Reply::text(200, "good morning"));
        }
        cx.out.reply.emit(event);
    }
}

struct Work;

impl Stage for Work {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            event.reply(Reply::text(200, "worked"));
            cx.out.emit(event);
        }
    }
}

#[derive(Default)]
struct Pieces {
    mirror: Mirror,
    /// Tunnels that nobody reads from.
    deaf: Vec<Event<Exchange>>,
}

impl Stage for Pieces {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            if event.path() == b"/mirror" || event.path() == b"/tunnel" {
                self.mirror.give(event, cx);
                continue;
            }
            if event.path() == b"/deaf" {
                self.deaf.push(event);
                continue;
            }
            if event.path().ends_with(b"fails") && event.given() > 0 {
                event.fail();
            } else if event.path() == b"/open" {
                event.give(Bytes::from(vec![b'x'; PIECE as usize]));
                if event.given() == STREAM {
                    event.end();
                }
            } else if event.path() == b"/open-fails" {
                event.give(Bytes::from(vec![b'x'; PIECE as usize]));
            } else {
                let len = event.left().min(PIECE) as usize;
                event.give(Bytes::from(vec![b'x'; len]));
            }
            cx.out.emit(event);
        }
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        self.mirror.go_on(cx);
    }
}
