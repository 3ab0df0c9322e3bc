//! The other side of the line protocol: sends what it is given, and shows what comes back.

use sluicegate::{Batch, Cx, Event, Net, Out, Stage, stage};
use sluicegate_io::{
    Addr, ConnLedger, Connect, ConnectFailed, Epoll, Incoming, Io, Opened, Options, Settings, Then,
    Write, dial,
};
use sluicegate_macros::{From, Ports};
use std::io::Read;
use std::sync::mpsc::{Sender, channel};

#[derive(From)]
enum AskIn {
    Opened(Opened),
    Failed(ConnectFailed),
    Incoming(Incoming),
}

#[derive(Ports)]
struct AskOut {
    connect: Out<Connect>,
    write: Out<Write>,
}

struct Ask {
    to: Addr,
    question: Vec<u8>,
    answer: Sender<String>,
}

impl Stage for Ask {
    type In = AskIn;
    type Out = AskOut;

    fn start(&mut self, cx: &mut Cx<'_, AskOut>) {
        let connect = Connect { to: self.to.clone(), from: None, token: 0 };
        cx.out.connect.emit(Event::note(cx.worker(), connect));
    }

    fn handle(&mut self, batch: Batch<'_, AskIn>, cx: &mut Cx<'_, AskOut>) {
        let (home, io) = (cx.worker(), cx.local.get::<Io>());
        for event in batch {
            match event.split().1 {
                AskIn::Opened(Opened { conn, .. }) => {
                    io.set_state(*conn, Box::new(Vec::<u8>::new())); // the answer so far
                    io.read(*conn);
                    let question = bytes::Bytes::from(self.question.clone());
                    let write = Write { then: Then::Finish, ..Write::one(*conn, question) };
                    cx.out.write.emit(Event::note(home, write));
                }
                AskIn::Failed(failed) => drop(self.answer.send(failed.error.to_string())),
                AskIn::Incoming(Incoming::Received(received)) => {
                    if let Some(answer) = io.state::<Vec<u8>>(*received.conn) {
                        answer.extend_from_slice(&received.bytes);
                    }
                }
                AskIn::Incoming(Incoming::Closed(closed)) => {
                    let answer = io.state::<Vec<u8>>(*closed.conn).map(std::mem::take);
                    let answer = String::from_utf8_lossy(&answer.unwrap_or_default()).into_owned();
                    let _ = self.answer.send(answer);
                    io.close(*closed.conn);
                }
            }
        }
    }
}

/// A net that asks the server at `to` one question.
pub fn net(to: Addr, question: Vec<u8>, answer: Sender<String>) -> Net {
    let mut net = Net::new("line echo client");
    let machine = |_| Ok(Io::new(Epoll::new()?, Settings::default(), ConnLedger::new()));
    let cpu = net.domain("cpu").machine(machine).pinned(1);
    let tcp = dial(&mut net, cpu, &Options::default());
    let make = move || Ask { to: to.clone(), question: question.clone(), answer: answer.clone() };
    let ask = net.add(stage("ask", make).on(cpu));
    net.wire(ask.out.connect, tcp.connect).window(1);
    net.wire(tcp.opened, ask.inlet).returns(ask.out.connect);
    net.wire(tcp.failed, ask.inlet).returns(ask.out.connect);
    net.wire(tcp.incoming, ask.inlet);
    net.wire(ask.out.write, tcp.write);
    net
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let to: Addr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:7007").parse()?;
    let mut question = Vec::new();
    std::io::stdin().read_to_end(&mut question)?;
    let (send, answer) = channel();
    let _running = net(to, question, send).run()?;
    print!("{}", answer.recv()?);
    Ok(())
}
