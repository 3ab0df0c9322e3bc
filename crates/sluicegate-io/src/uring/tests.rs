//! What only this backend can get wrong: its bounds, its overflows, its end.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::ring::EXTRAS;
use super::sock::INBOX_MAX;
use super::*;
use crate::arena::{Arena, PAGE};
use crate::chunk::Chunk;
use crate::disk::Device;
use crate::listen::Listeners;

/// More buffers than the kernel fills for one connection before it hears that it is to stop.
const BURST: usize = 64;

/// One backend with a listener and a pool.
struct Bench {
    uring: Uring,
    pool: Pool,
    listener: Socket,
    addr: String,
    ready: Vec<Ready>,
}

impl Bench {
    /// `None`, which is said, where io_uring does not work.
    fn new(submissions: u32, completions: u32, without: usize, buffers: usize) -> Option<Self> {
        if let Err(unfit) = Uring::try_out() {
            let _ = writeln!(std::io::stderr(), "skipped: {unfit}");
            return None;
        }
        let mut uring = Uring::on(Ring::made(submissions, completions, without).unwrap()).unwrap();
        let any = [("127.0.0.1:0".parse().unwrap(), 0)];
        let listeners = Listeners::bind(&any, 1, &Settings::default()).unwrap();
        let addr = listeners.bound()[0].0.to_string();
        let listener = uring.listen(0, listeners.take().pop().unwrap()).unwrap();
        let pool = Pool::new(buffers, 64);
        Some(Self { uring, pool, listener, addr, ready: Vec::new() })
    }

    fn poll(&mut self) {
        let wait = Wait::AtMost(Duration::from_secs(10));
        self.uring.poll(Time(0), wait, &self.pool, &mut self.ready);
    }

    fn client(&self) -> TcpStream {
        TcpStream::connect(&self.addr).unwrap()
    }

    fn accept(&mut self) -> Socket {
        loop {
            match self.uring.accept(&self.listener) {
                Accept::Conn(socket, _) => return socket,
                Accept::Later => self.poll(),
                _ => panic!("it cannot accept"),
            }
        }
    }

    /// The next bytes of a connection.
    fn recv(&mut self, socket: &Socket) -> Vec<u8> {
        loop {
            match self.uring.recv(socket, &self.pool) {
                Recv::Bytes(buf, _) => return buf.to_vec(),
                Recv::Later | Recv::NoBuffer => self.poll(),
                Recv::Ended(how) => panic!("it cannot receive: {how:?}"),
            }
        }
    }

    /// Sends all of it.
    fn send(&mut self, socket: &Socket, bytes: &'static [u8]) {
        let mut pieces = piece(bytes);
        assert_eq!(self.uring.send(socket, &mut pieces), Sent::Taken);
        let mut sent = 0;
        while sent < bytes.len() {
            self.ready.clear();
            self.poll();
            sent += self.ready.iter().map(|ready| ready.sent).sum::<usize>();
        }
    }
}

#[test]
fn it_works_with_every_set_of_extras() {
    for without in 0..=EXTRAS.len() {
        let Some(mut bench) = Bench::new(64, 64, without, 8) else { return };
        let mut client = bench.client();
        let socket = bench.accept();
        bench.uring.attach(1, &socket).unwrap();
        client.write_all(b"ask").unwrap();
        assert_eq!(bench.recv(&socket), b"ask");
        bench.send(&socket, b"told");
        let mut told = [0; 4];
        client.read_exact(&mut told).unwrap();
        assert_eq!(&told, b"told");
        // A waker ends the next wait, also one that has not begun.
        let waker = bench.uring.waker();
        waker();
        bench.poll();
        std::thread::spawn(move || waker()).join().unwrap();
        bench.poll();
    }
}

#[test]
fn no_completion_is_lost_where_there_is_no_room() {
    const CONNS: usize = 100;
    // As few places as can be, in both directions.
    let Some(mut bench) = Bench::new(2, 4, 0, 2 * CONNS) else { return };
    let mut conns = Vec::new();
    for n in 0..CONNS {
        let mut client = bench.client();
        let socket = bench.accept();
        bench.uring.attach(1 + n as u64, &socket).unwrap();
        client.write_all(&[n as u8]).unwrap();
        conns.push((client, socket));
    }
    for (n, (client, socket)) in conns.iter_mut().enumerate() {
        assert_eq!(bench.recv(socket), [n as u8]);
        let mut pieces = piece(&b"!"[..]);
        assert_eq!(bench.uring.send(socket, &mut pieces), Sent::Taken);
        let _ = client;
    }
    bench.uring.turn(Wait::Not, &mut Vec::new());
    for (client, _) in &mut conns {
        let mut told = [0; 1];
        client.read_exact(&mut told).unwrap();
        assert_eq!(&told, b"!");
    }
}

#[test]
fn what_nobody_takes_stays_in_the_kernel() {
    let Some(mut bench) = Bench::new(64, 64, 0, 4 * BURST) else { return };
    let (mut client, other) = (bench.client(), bench.client());
    let (held, beside) = (bench.accept(), bench.accept());
    bench.uring.attach(1, &held).unwrap();
    bench.uring.attach(2, &beside).unwrap();
    let sent: Vec<u8> = (0..40_000).map(|n| (n % 251) as u8).collect();
    client.write_all(&sent).unwrap();
    // The other one shows that time went by.
    for byte in 0..20 {
        (&other).write_all(&[byte]).unwrap();
        assert_eq!(bench.recv(&beside), [byte]);
    }
    let waiting = bench.uring.conns.get(place(&held)).unwrap().inbox.len();
    assert!((INBOX_MAX..INBOX_MAX + BURST).contains(&waiting), "{waiting} buffers wait");
    let mut received = Vec::new();
    while received.len() < sent.len() {
        received.extend(bench.recv(&held));
    }
    assert!(received == sent, "what was received is garbled");
}

#[test]
fn connections_that_nobody_reads_leave_buffers_to_others() {
    let Some(mut bench) = Bench::new(64, 64, 0, 32) else { return };
    let sent: Vec<u8> = (0..20_000).map(|n| (n % 251) as u8).collect();
    let mut held = Vec::new();
    for key in 0..10 {
        let client = bench.client();
        let socket = bench.accept();
        bench.uring.attach(1 + key, &socket).unwrap();
        (&client).write_all(&sent).unwrap();
        held.push((client, socket));
    }
    let mut other = bench.client();
    let beside = bench.accept();
    bench.uring.attach(100, &beside).unwrap();
    for byte in 0..100 {
        other.write_all(&[byte]).unwrap();
        assert_eq!(bench.recv(&beside), [byte]);
    }
    assert!(bench.uring.aside > 0, "there were buffers enough");
    for (_, socket) in &held {
        let mut received = Vec::new();
        while received.len() < sent.len() {
            received.extend(bench.recv(socket));
        }
        assert!(received == sent, "what was received is garbled");
    }
    assert_eq!((bench.uring.aside, bench.uring.held), (0, 0));
}

#[test]
fn it_ends_with_everything_in_flight() {
    let Some(mut bench) = Bench::new(64, 64, 0, 16) else { return };
    let (mut client, _silent) = (bench.client(), bench.client());
    let (socket, other) = (bench.accept(), bench.accept());
    bench.uring.attach(1, &socket).unwrap();
    bench.uring.attach(2, &other).unwrap();
    client.write_all(b"not taken").unwrap();
    // More than any kernel keeps for one connection.
    let much = bytes::Bytes::from(vec![b'.'; 32 << 20]);
    let mut pieces = piece(much.clone());
    assert_eq!(bench.uring.send(&socket, &mut pieces), Sent::Taken);
    // It accepts as well.
    assert!(matches!(bench.uring.accept(&bench.listener), Accept::Later));
    bench.poll();
    assert!(!much.is_unique(), "the send has its pieces");
    let Bench { uring, pool, .. } = bench;
    drop(uring);
    assert!(much.is_unique(), "the send let go of its pieces");
    assert_eq!(pool.in_use(), 0, "all buffers came home");
    let mut rest = Vec::new();
    // An end or a reset: the connection is closed.
    let _ = client.read_to_end(&mut rest);
    assert!(rest.len() < much.len());
}

#[test]
fn however_little_a_look_brings_the_end_closes_all() {
    // A look brings no more than there is room for; the kernel has bounds of its own beside that.
    const ROOM: u32 = 4;
    const CONNS: u32 = 220;
    let Some(mut bench) = Bench::new(2, ROOM, 0, 16) else { return };
    let mut clients = Vec::new();
    for n in 0..CONNS {
        clients.push(bench.client());
        let socket = bench.accept();
        bench.uring.attach(1 + u64::from(n), &socket).unwrap();
    }
    drop(bench.uring);
    for mut client in clients {
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(client.read_to_end(&mut Vec::new()).expect("it is not left open"), 0);
    }
}

/// Output of one piece.
fn piece(chunk: impl Into<Chunk>) -> Pieces {
    let mut pieces = Pieces::default();
    pieces.append(smallvec::smallvec![chunk.into()]);
    pieces
}

#[test]
fn pages_are_sent_without_a_copy_until_the_kernel_says_that_it_copies() {
    let Some(mut bench) = Bench::new(64, 128, 0, 8) else { return };
    if !bench.uring.has_zero_copy {
        return;
    }
    const PAGES: usize = 16;
    let arena = Arena::new(PAGES * PAGE).unwrap();
    let mut client = bench.client();
    let socket = bench.accept();
    bench.uring.attach(1, &socket).unwrap();
    for _ in 0..3 {
        let mut frames = arena.take(PAGES).unwrap();
        frames.slices_mut().for_each(|slice| slice.fill(b'p'));
        let mut pieces = Pieces::default();
        pieces.append(smallvec::smallvec![Chunk::from(frames.freeze(PAGES * PAGE))]);
        assert_eq!(bench.uring.send(&socket, &mut pieces), Sent::Taken);
        let reader = std::thread::spawn(move || {
            let mut bytes = vec![0; PAGES * PAGE];
            client.read_exact(&mut bytes).unwrap();
            assert!(bytes.iter().all(|byte| *byte == b'p'));
            client
        });
        // They are home when both the send and what is said of it have come.
        while arena.free() < PAGES {
            bench.poll();
        }
        client = reader.join().unwrap();
    }
    // The way leads through this machine alone, so that the first was copied.
    assert_eq!(bench.uring.take_zero_copy(), ZeroCopy { sends: 1, copied: 1 });
}

#[test]
fn a_read_that_does_not_end_holds_up_nobody_and_gives_its_frames_back_at_the_end() {
    let Some(mut bench) = Bench::new(64, 128, 0, 8) else { return };
    let arena = Arena::new(4 * PAGE).unwrap();
    let (hangs, writer) = std::io::pipe().unwrap();
    let device = Device::of(std::fs::File::from(OwnedFd::from(hangs)));
    let frames = smallvec::smallvec![arena.take(3).unwrap()];
    bench.uring.call_disk(
        Time(0),
        7,
        DiskOp::Read,
        Extent { device: device.clone(), offset: 0, frames },
    );
    let mut client = bench.client();
    let socket = bench.accept();
    bench.uring.attach(1, &socket).unwrap();
    client.write_all(b"ask").unwrap();
    assert_eq!(bench.recv(&socket), b"ask");
    let mut ends = Vec::new();
    bench.uring.take_disk_ends(&mut ends);
    assert!(ends.is_empty() && arena.free() == 1);
    // Of a second it has a part when all ends.
    let (parts, mut feeder) = std::io::pipe().unwrap();
    let device = Device::of(std::fs::File::from(OwnedFd::from(parts)));
    let frames = smallvec::smallvec![arena.take(1).unwrap()];
    let extent = Extent { device, offset: 0, frames };
    bench.uring.call_disk(Time(0), 8, DiskOp::Read, extent);
    feeder.write_all(b"some").unwrap();
    client.write_all(b"more").unwrap();
    assert_eq!(bench.recv(&socket), b"more");
    drop(bench);
    assert_eq!(arena.free(), 4);
    drop(writer);
}
