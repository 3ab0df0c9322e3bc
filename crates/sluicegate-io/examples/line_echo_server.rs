//! A line protocol as stages: every line that comes is sent back.

use sluicegate::{Batch, Cx, Event, Net, Out, Stage, stage};
use sluicegate_io::{
    Addr, ConnLedger, Epoll, Incoming, Io, Listeners, Opened, Options, Settings, Then, Write, serve,
};
use sluicegate_macros::From;

#[derive(From)]
enum LinesIn {
    Opened(Opened),
    Incoming(Incoming),
}

struct Lines;

impl Stage for Lines {
    type In = LinesIn;
    type Out = Out<Write>;

    fn handle(&mut self, batch: Batch<'_, LinesIn>, cx: &mut Cx<'_, Out<Write>>) {
        let (home, io) = (cx.worker(), cx.local.get::<Io>());
        for event in batch {
            let write = match event.split().1 {
                LinesIn::Opened(Opened { conn, .. }) => {
                    io.set_state(*conn, Box::new(Vec::<u8>::new())); // the line so far
                    io.read(*conn);
                    continue;
                }
                LinesIn::Incoming(Incoming::Received(received)) => {
                    let Some(line) = io.state::<Vec<u8>>(*received.conn) else { continue };
                    line.extend_from_slice(&received.bytes);
                    let Some(end) = line.iter().rposition(|byte| *byte == b'\n') else { continue };
                    let rest = line.split_off(end + 1);
                    let lines = std::mem::replace(line, rest);
                    Write::one(*received.conn, bytes::Bytes::from(lines))
                }
                LinesIn::Incoming(Incoming::Closed(closed)) => {
                    Write::only(*closed.conn, Then::Close)
                }
            };
            cx.out.emit(Event::note(home, write));
        }
    }
}

/// A net that serves the protocol, with as many workers as `listeners` are bound for.
pub fn net(listeners: Listeners, workers: usize) -> Net {
    let mut net = Net::new("line echo");
    let machine = |_| Ok(Io::new(Epoll::new()?, Settings::default(), ConnLedger::new()));
    let cpu = net.domain("cpu").machine(machine).pinned(workers);
    let tcp = serve(&mut net, cpu, listeners, &Options::default());
    let lines = net.add(stage("lines", || Lines).on(cpu));
    net.wire(tcp.opened, lines.inlet);
    net.wire(tcp.incoming, lines.inlet);
    net.wire(lines.out, tcp.write);
    net
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr: Addr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:7007").parse()?;
    let listeners = Listeners::bind(&[(addr, 0)], 1, &Settings::default())?;
    println!("echoing lines on {}", listeners.bound()[0].0);
    let _running = net(listeners, 1).run()?;
    loop {
        std::thread::park();
    }
}
