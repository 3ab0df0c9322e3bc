//! Connections to others, and peers that fall silent: what only time or a second side shows.

mod common;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use common::real::{On, OnEpoll, OnUring, Real, uring_works};
use common::simulated::{SEEDS, Simulated, with_seed};
use common::{Setup, World, ask};
use sluicegate::{Batch, BoxError, Cx, Ended, Entering, Event, Net, Out, Sim, Stage, Time, stage};
use sluicegate_io::sim::{SimNet, SimOptions};
use sluicegate_io::{
    Addr, Choice, ConnCounts, ConnLedger, Connect, ConnectFailed, Epoll, How, Incoming, Io, Opened,
    Options, Settings, Then, Write, dial,
};
use sluicegate_macros::{From, Ports};

/// Connects to each address as a flow, says one word, and tells what became of it.
struct Caller {
    to: Vec<Addr>,
    from: Option<IpAddr>,
    word: &'static [u8],
    heard: Sender<String>,
}

#[derive(From)]
enum CallerIn {
    Opened(Opened),
    Failed(ConnectFailed),
    Incoming(Incoming),
}

#[derive(Ports)]
struct CallerOut {
    connect: Out<Connect>,
    write: Out<Write>,
}

impl Stage for Caller {
    type In = CallerIn;
    type Out = CallerOut;

    fn start(&mut self, cx: &mut Cx<'_, CallerOut>) {
        for (n, to) in self.to.iter().enumerate() {
            let token = n as u64;
            let tag = cx.enter(token, Entering::default()).unwrap();
            cx.out.connect.emit(tag.with(Connect { to: to.clone(), from: self.from, token }));
        }
    }

    fn handle(&mut self, batch: Batch<'_, CallerIn>, cx: &mut Cx<'_, CallerOut>) {
        for event in batch {
            let (tag, body) = event.split();
            let io = cx.local.get::<Io>();
            match body {
                CallerIn::Opened(opened) => {
                    io.read(*opened.conn);
                    cx.out.write.emit(tag.with(Write::one(*opened.conn, self.word)));
                }
                CallerIn::Failed(failed) => {
                    self.heard.send(format!("{}: {}", failed.token, failed.error.kind())).unwrap();
                    tag.finish();
                }
                CallerIn::Incoming(Incoming::Received(received)) => {
                    let text = String::from_utf8_lossy(&received.bytes).into_owned();
                    self.heard.send(text).unwrap();
                }
                CallerIn::Incoming(Incoming::Closed(closed)) => {
                    self.heard.send(closed.how.name().to_owned()).unwrap();
                    let home = cx.worker();
                    cx.out.write.emit(Event::note(home, Write::only(*closed.conn, Then::Close)));
                }
            }
        }
    }

    fn ended(&mut self, _ended: Ended, _cx: &mut Cx<'_, CallerOut>) {}
}

fn caller(network: &SimNet, to: &[&str], ledger: &Arc<ConnLedger>) -> (Net, Receiver<String>) {
    let (backends, ledger) = (network.clone(), Arc::clone(ledger));
    let machine =
        move |_| Ok(Io::new(backends.backend(), Settings::default(), Arc::clone(&ledger)));
    let to: Vec<Addr> = to.iter().map(|to| to.parse().unwrap()).collect();
    calling(machine, to, None, b"bye\n")
}

/// A net that says `word` to each of `to`, from the address `from`.
fn calling(
    machine: impl Fn(usize) -> Result<Io, BoxError> + Send + Sync + 'static,
    to: Vec<Addr>,
    from: Option<IpAddr>,
    word: &'static [u8],
) -> (Net, Receiver<String>) {
    let (heard, hears) = channel();
    let mut net = Net::new("caller");
    let cpu = net.domain("cpu").machine(machine).pinned(1);
    let tcp = dial(&mut net, cpu, &Options::default());
    let make = move || Caller { to: to.clone(), from, word, heard: heard.clone() };
    let caller = net.add(stage("caller", make).on(cpu).flows(8));
    net.wire(caller.out.connect, tcp.connect);
    net.wire(tcp.opened, caller.inlet).returns(caller.out.connect);
    net.wire(tcp.failed, caller.inlet).returns(caller.out.connect);
    net.wire(tcp.incoming, caller.inlet);
    net.wire(caller.out.write, tcp.write);
    (net, hears)
}

fn run(sim: &mut Sim, time: Duration) {
    assert!(sim.run_for(time, 1_000_000), "the workers never sleep");
    sim.assert_even();
}

#[test]
fn a_caller_and_its_service_hear_each_other() {
    for seed in 0..SEEDS {
        with_seed(seed, || {
            let mut service = Simulated::new(Setup::default());
            let ledger = ConnLedger::new();
            let (net, hears) = caller(&service.network, &["10.0.0.1:80"], &ledger);
            let mut sim = Sim::new(net, seed).unwrap();
            // Both nets see the same time pass, in turns.
            let mut heard = String::new();
            service.wait("an answer", |_| {
                run(&mut sim, Duration::from_micros(50));
                heard.extend(hears.try_iter());
                heard == "bye\neof"
            });
            service.until(|conns| conns.open == 0);
            run(&mut sim, Duration::from_millis(1));
            let count = ledger.count();
            assert_eq!((count.opened, count.closed(How::Eof)), (1, 1), "{count:?}");
            assert_eq!(sim.ledger().finished, 1);
        });
    }
}

#[test]
fn nobody_there_and_nobody_answering_are_told_apart() {
    let network = SimNet::new(7, SimOptions::default());
    network.listen_silently(&"10.0.0.2:80".parse().unwrap());
    let ledger = ConnLedger::new();
    let (net, hears) = caller(&network, &["10.0.0.1:80", "10.0.0.2:80"], &ledger);
    let mut sim = Sim::new(net, 7).unwrap();
    run(&mut sim, Duration::from_secs(1));
    assert_eq!(hears.try_iter().collect::<Vec<_>>(), ["0: connection refused"]);
    run(&mut sim, Settings::default().connect_time);
    assert_eq!(hears.try_iter().collect::<Vec<_>>(), ["1: timed out"]);
    assert!(sim.now() > Time(0) + Settings::default().connect_time);
    assert_eq!(sim.ledger().finished, 2);
    assert_eq!(ledger.count(), ConnCounts::default(), "what never stood was never opened");
}

#[test]
fn a_peer_that_falls_silent_times_out() {
    for seed in 0..SEEDS {
        with_seed(seed, || {
            let mut world = Simulated::new(Setup::default());
            let mut client = world.connect();
            assert_eq!(ask(&mut world, &mut client, "echo before"), "before");
            world.send(&mut client, b"big 1000\n");
            client.vanish();
            world.until(|conns| conns.closed(How::Timeout) == 1);
            let (flows, conns) = world.stop();
            assert!(flows.balanced() && conns.balanced(), "{flows:?} {conns:?}");
        });
    }
}

const FROM: &str = "127.3.4.5";

/// What the service at `to` answers to one that asks who it is, from an address of its own.
fn who_is_calling<B: On>() -> String {
    let mut service = Real::<B>::new(Setup::default());
    let choice = Choice::new(B::ASKED).unwrap();
    let machine = move |_| Ok(choice.machine(Settings::default(), ConnLedger::new())?);
    let from = Some(FROM.parse().unwrap());
    let (net, hears) = calling(machine, vec![service.addr.clone()], from, b"who\n");
    let running = net.run().unwrap();
    let heard = hears.recv().unwrap();
    drop(running);
    service.until(|conns| conns.open == 0);
    heard
}

#[test]
fn a_connection_comes_from_the_address_that_was_asked_for() {
    assert!(who_is_calling::<OnEpoll>().starts_with(&format!("{FROM}:")));
    if uring_works() {
        assert!(who_is_calling::<OnUring>().starts_with(&format!("{FROM}:")));
    }
}

#[test]
fn the_simulated_network_knows_the_address_too() {
    let mut service = Simulated::new(Setup::default());
    let backends = service.network.clone();
    let machine = move |_| Ok(Io::new(backends.backend(), Settings::default(), ConnLedger::new()));
    let from = Some(FROM.parse().unwrap());
    let (net, hears) = calling(machine, vec![service.addr.clone()], from, b"who\n");
    let mut sim = Sim::new(net, 7).unwrap();
    let mut heard = String::new();
    service.wait("an answer", |_| {
        run(&mut sim, Duration::from_micros(50));
        heard.extend(hears.try_iter());
        heard.ends_with('\n')
    });
    assert!(heard.starts_with(&format!("{FROM}:")), "{heard}");
}

#[test]
fn an_address_that_is_not_ours_and_one_for_a_unix_socket_are_refused() {
    for (to, from) in [("127.0.0.1:80", "192.0.2.1"), ("unix:/nobody", FROM)] {
        let machine = |_| Ok(Io::new(Epoll::new()?, Settings::default(), ConnLedger::new()));
        let from = Some(from.parse().unwrap());
        let (net, hears) = calling(machine, vec![to.parse().unwrap()], from, b"who\n");
        let running = net.run().unwrap();
        let told = hears.recv().unwrap();
        assert!(told.contains("address not available") || told.contains("invalid input"), "{told}");
        drop(running);
    }
}
