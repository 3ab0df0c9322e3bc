//! A chat by lines: what one says, all others hear. Any number of workers have the connections; a
//! stage of one worker knows who is there.

use bytes::Bytes;
use sluicegate::{Batch, Cx, Event, Net, Out, Stage, WorkerId, stage};
use sluicegate_io::{
    Addr, ConnId, ConnLedger, Epoll, Incoming, Io, Listeners, Opened, Options, Settings, Then,
    Write, serve,
};
use sluicegate_macros::{From, Ports};

/// The most members: so many writes may become of what one says.
const MEMBERS: usize = 64;

#[derive(From)]
enum LinesIn {
    Opened(Opened),
    Incoming(Incoming),
}

/// What the room is told.
enum News {
    Came(Member),
    Said(Member, Bytes),
    Left(Member),
}

/// A connection; each worker has numbers of its own.
#[derive(Clone, Copy, PartialEq)]
struct Member {
    conn: ConnId,
    home: WorkerId,
}

#[derive(Ports)]
struct LinesOut {
    news: Out<News>,
    write: Out<Write>,
}

/// Makes whole lines of what is received.
struct Lines;

impl Stage for Lines {
    type In = LinesIn;
    type Out = LinesOut;

    fn handle(&mut self, batch: Batch<'_, LinesIn>, cx: &mut Cx<'_, LinesOut>) {
        let (home, io) = (cx.worker(), cx.local.get::<Io>());
        for event in batch {
            let news = match event.split().1 {
                LinesIn::Opened(Opened { conn, .. }) => {
                    io.set_state(*conn, Box::new(Vec::<u8>::new())); // the line so far
                    io.read(*conn);
                    News::Came(Member { conn: *conn, home })
                }
                LinesIn::Incoming(Incoming::Received(received)) => {
                    let conn = *received.conn;
                    let Some(line) = io.state::<Vec<u8>>(conn) else { continue };
                    line.extend_from_slice(&received.bytes);
                    let Some(end) = line.iter().rposition(|byte| *byte == b'\n') else { continue };
                    let rest = line.split_off(end + 1);
                    let said = Bytes::from(std::mem::replace(line, rest));
                    News::Said(Member { conn, home }, said)
                }
                LinesIn::Incoming(Incoming::Closed(closed)) => {
                    let write = Write::only(*closed.conn, Then::Close);
                    cx.out.write.emit(Event::note(home, write));
                    News::Left(Member { conn: *closed.conn, home })
                }
            };
            cx.out.news.emit(Event::note(home, news));
        }
    }
}

/// Knows who is there.
#[derive(Default)]
struct Room(Vec<Member>);

impl Stage for Room {
    type In = News;
    type Out = Out<Write>;

    fn handle(&mut self, batch: Batch<'_, News>, cx: &mut Cx<'_, Out<Write>>) {
        for event in batch {
            match event.split().1 {
                News::Came(member) if self.0.len() == MEMBERS => {
                    let write = Write::only(member.conn, Then::Close);
                    cx.out.emit(Event::note(member.home, write));
                }
                News::Came(member) => {
                    self.0.push(member);
                    let welcome = format!("you are one of {}\n", self.0.len());
                    let write = Write::one(member.conn, Bytes::from(welcome));
                    cx.out.emit(Event::note(member.home, write));
                }
                News::Left(gone) => self.0.retain(|member| *member != gone),
                News::Said(from, line) => {
                    for member in self.0.iter().filter(|member| **member != from) {
                        // Goes to the worker that has the connection.
                        let write = Write::one(member.conn, line.clone());
                        cx.out.emit(Event::note(member.home, write));
                    }
                }
            }
        }
    }
}

/// A net that serves the protocol, with as many workers as `listeners` are bound for.
pub fn net(listeners: Listeners, workers: usize) -> Net {
    let mut net = Net::new("line chat");
    let machine = |_| Ok(Io::new(Epoll::new()?, Settings::default(), ConnLedger::new()));
    let cpu = net.domain("cpu").machine(machine).pinned(workers);
    let one = net.domain("room").pinned(1);
    let tcp = serve(&mut net, cpu, listeners, &Options::default());
    let lines = net.add(stage("lines", || Lines).on(cpu));
    let room = net.add(stage("room", Room::default).on(one).emits(MEMBERS));
    net.wire(tcp.opened, lines.inlet);
    net.wire(tcp.incoming, lines.inlet);
    net.wire(lines.out.news, room.inlet);
    net.wire(lines.out.write, tcp.write);
    net.wire(room.out, tcp.write);
    net
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr: Addr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:7008").parse()?;
    let listeners = Listeners::bind(&[(addr, 0)], 2, &Settings::default())?;
    let bound = listeners.bound()[0].0.clone();
    let running = net(listeners, 2).run()?;
    println!("{}\nchatting by lines on {bound}", running.observer().snapshot().mermaid());
    loop {
        std::thread::park();
    }
}
