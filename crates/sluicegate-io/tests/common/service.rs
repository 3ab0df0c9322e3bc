//! The service under test: lines in, lines out, and a command for every way to behave.

use bytes::Bytes;
use sluicegate::{Batch, BoxError, Cx, Ended, Entering, Net, Out, Stage, bounded, stage};
use sluicegate_io::{
    Arena, Chunk, Closed, ConnId, How, Incoming, Io, Listeners, Opened, Options, PAGE, PageMemory,
    Then, WhenFull, Write, serve,
};
use sluicegate_macros::From;

/// Bytes of one piece of a large answer, and of all pieces that may be asked for at once.
pub const PIECE: usize = 32 << 10;

#[derive(From)]
pub enum ServiceIn {
    Opened(Opened),
    Incoming(Incoming),
}

/// What is kept of a connection.
struct Talk {
    line: Vec<u8>,
    /// Bytes of a large answer that are still to be produced.
    owed: usize,
    /// An answer is being thought of, for whoever waits for it.
    thinks: bool,
}

/// Pages of a service's arena, made when it is first asked for.
pub const ARENA: usize = 4096;

#[derive(Default)]
pub struct Service {
    flows: u64,
    arena: Option<Arena>,
}

/// The net of the service; `machine` makes the machine of a worker.
pub fn net(
    listeners: Listeners,
    workers: usize,
    when_full: WhenFull,
    machine: impl Fn(usize) -> Result<Io, BoxError> + Send + Sync + 'static,
) -> Net {
    let mut net = Net::new("suite");
    let cpu = net.domain("cpu").machine(machine).pinned(workers);
    let options = Options { when_full, ..Options::default() };
    let tcp = serve(&mut net, cpu, listeners, &options);
    let spec = stage("service", Service::default).on(cpu).queue(bounded(256)).flows(10_000);
    // A batch of lines in one buffer makes as many answers.
    let service = net.add(spec.emits(4096));
    net.wire(tcp.opened, service.inlet);
    net.wire(tcp.incoming, service.inlet);
    net.wire(service.out, tcp.write);
    net
}

impl Stage for Service {
    type In = ServiceIn;
    type Out = Out<Write>;

    fn handle(&mut self, batch: Batch<'_, ServiceIn>, cx: &mut Cx<'_, Out<Write>>) {
        for event in batch {
            match event.split().1 {
                ServiceIn::Opened(opened) => {
                    let io = cx.local.get::<Io>();
                    io.set_state(
                        *opened.conn,
                        Box::new(Talk { line: Vec::new(), owed: 0, thinks: false }),
                    );
                    assert_eq!(io.peer(*opened.conn), Some(opened.peer));
                    io.read(*opened.conn);
                }
                ServiceIn::Incoming(Incoming::Received(received)) => {
                    assert!(!received.bytes.is_empty());
                    self.received(*received.conn, &received.bytes, cx);
                }
                ServiceIn::Incoming(Incoming::Closed(closed)) => self.closed(&closed, cx),
            }
        }
    }

    /// A large answer goes on when its connection has sent what it had.
    fn signal(&mut self, cx: &mut Cx<'_, Out<Write>>) {
        let stage = cx.stage();
        while let Some(conn) = cx.local.get::<Io>().next_drained(stage) {
            self.pump(conn, cx);
        }
    }

    fn ended(&mut self, _ended: Ended, _cx: &mut Cx<'_, Out<Write>>) {}

    fn drained(&mut self, cx: &mut Cx<'_, Out<Write>>) -> bool {
        cx.local.get::<Io>().connections() == 0
    }
}

impl Service {
    fn received(&mut self, conn: ConnId, bytes: &[u8], cx: &mut Cx<'_, Out<Write>>) {
        let Some(talk) = cx.local.get::<Io>().state::<Talk>(conn) else { return };
        talk.line.extend_from_slice(bytes);
        let mut lines = std::mem::take(&mut talk.line);
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let rest = lines.split_off(end + 1);
            let line = String::from_utf8_lossy(&lines[..end]).into_owned();
            self.command(conn, &line, cx);
            lines = rest;
        }
        if let Some(talk) = cx.local.get::<Io>().state::<Talk>(conn) {
            talk.line = lines;
        }
    }

    fn command(&mut self, conn: ConnId, line: &str, cx: &mut Cx<'_, Out<Write>>) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let reply = format!("{rest}\n").into_bytes();
        match word {
            "echo" => self.write(conn, reply, Then::Keep, cx),
            "who" => {
                let peer = cx.local.get::<Io>().peer(conn).unwrap();
                self.write(conn, format!("{peer}\n").into_bytes(), Then::Keep, cx);
            }
            "big" => {
                let n = rest.parse().unwrap();
                self.write(conn, vec![b'.'; n], Then::Keep, cx);
            }
            "pages" => {
                let chunks =
                    [Chunk::from(&b"ahead"[..]), in_pages(rest), Chunk::from(&b"end\n"[..])];
                self.send(conn, chunks, Then::Keep, cx);
            }
            "paged" => {
                let paged = self.paged(rest.parse().unwrap());
                let chunks = [Chunk::from(&b"ahead"[..]), paged, Chunk::from(&b"end\n"[..])];
                self.send(conn, chunks, Then::Keep, cx);
            }
            "free" => {
                let free = format!("{}\n", self.arena().free());
                self.write(conn, free.into_bytes(), Then::Keep, cx);
            }
            "pump" => {
                let io = cx.local.get::<Io>();
                io.state::<Talk>(conn).unwrap().owed = rest.parse().unwrap();
                self.pump(conn, cx);
            }
            "think" => {
                cx.local.get::<Io>().state::<Talk>(conn).unwrap().thinks = true;
                self.write(conn, reply, Then::Keep, cx);
            }
            "ponder" => {
                let io = cx.local.get::<Io>();
                io.pause(conn);
                io.watch_loss(conn);
                self.write(conn, reply, Then::Keep, cx);
            }
            "hold" => cx.local.get::<Io>().pause(conn),
            "bye" => self.write(conn, b"bye\n".to_vec(), Then::Shutdown, cx),
            "close" => self.write(conn, b"closing\n".to_vec(), Then::Close, cx),
            "reset" => self.write(conn, Vec::new(), Then::Reset, cx),
            "drop" => cx.local.get::<Io>().close(conn),
            "panic" => std::panic::resume_unwind(Box::new("asked for")),
            other => panic!("the suite has no command {other:?}"),
        }
    }

    fn closed(&mut self, closed: &Closed, cx: &mut Cx<'_, Out<Write>>) {
        let io = cx.local.get::<Io>();
        assert_eq!(closed.how == How::Eof, closed.state.is_none());
        assert_eq!(io.is_open(*closed.conn), closed.how == How::Eof);
        let talk = io.state::<Talk>(*closed.conn);
        if closed.how == How::Eof && talk.is_some_and(|talk| talk.thinks) {
            io.watch_loss(*closed.conn);
        } else if closed.how == How::Eof {
            self.write(*closed.conn, b"eof\n".to_vec(), Then::Shutdown, cx);
        }
    }

    /// Writes the next piece of a large answer, and waits until it is sent before the one after.
    fn pump(&mut self, conn: ConnId, cx: &mut Cx<'_, Out<Write>>) {
        let stage = cx.stage();
        let io = cx.local.get::<Io>();
        assert_eq!(io.queued_bytes(conn), 0);
        let Some(talk) = io.state::<Talk>(conn) else { return };
        let n = talk.owed.min(PIECE);
        let piece = pattern(talk.owed, n);
        talk.owed -= n;
        if talk.owed > 0 {
            io.watch_drained(conn, stage);
        }
        self.write(conn, piece, Then::Keep, cx);
    }

    fn arena(&mut self) -> &Arena {
        self.arena.get_or_insert_with(|| Arena::new(ARENA * PAGE).unwrap())
    }

    /// So many bytes of a pattern, in pages of which few lie side by side.
    fn paged(&mut self, len: usize) -> Chunk {
        let pages = len.div_ceil(PAGE);
        let taken: Vec<_> =
            (0..2 * pages).map(|_| self.arena().take(1).expect("enough pages")).collect();
        // At first each of those that are given back lies between two that are not.
        let _apart: Vec<_> = taken.into_iter().step_by(2).collect();
        let mut frames = self.arena().take(pages).expect("as many are free");
        let bytes = pattern(len, len);
        let mut rest = &bytes[..];
        for slice in frames.slices_mut() {
            let (now, later) = rest.split_at(rest.len().min(slice.len()));
            slice[..now.len()].copy_from_slice(now);
            rest = later;
        }
        Chunk::from(frames.freeze(len))
    }

    /// Each write is a flow of its own, so that the ledger shows what became of it.
    fn write(&mut self, conn: ConnId, bytes: Vec<u8>, then: Then, cx: &mut Cx<'_, Out<Write>>) {
        self.send(conn, [Chunk::from(Bytes::from(bytes))], then, cx);
    }

    fn send<const N: usize>(
        &mut self,
        conn: ConnId,
        chunks: [Chunk; N],
        then: Then,
        cx: &mut Cx<'_, Out<Write>>,
    ) {
        self.flows += 1;
        let tag = cx.enter(self.flows, Entering::default()).expect("the suite has places enough");
        cx.out.emit(tag.with(Write { conn, chunks: chunks.into_iter().collect(), then }));
    }
}

/// So many bytes of a pattern, in memory that the kernel may send from.
fn in_pages(len: &str) -> Chunk {
    let len = len.parse().unwrap();
    let memory = PageMemory::filled(len, |room| {
        room.copy_from_slice(&pattern(len, len));
        Ok(len)
    });
    Chunk::from(Bytes::from_owner(memory.unwrap().expect("the process may have a region")))
}

/// `n` bytes of which each tells how far it is from the end, counted from `left`.
pub fn pattern(left: usize, n: usize) -> Vec<u8> {
    (0..n).map(|at| ((left - at) % 251) as u8).collect()
}
