//! Many seeds over the site of a volume: clients of all manners, a disk that fails, hangs and is
//! cut off, newer generations, and troubles. `cargo xtask sim` runs this with more of them.
use super::super::seeds::{SPARED, rest, run, try_seeds};
use super::*;
use sluicegate::sim::Case;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Seeds unless the arguments say otherwise.
const SEEDS: u64 = 12;
/// What clients do and what happens to the disk, and troubles.
const MOST: (u64, usize, usize) = (150, 0, 4);
/// What is asked for; the last is there since the volume was packed again.
const PATHS: [&str; 9] = [
    "/",
    "/a.txt",
    "/dir",
    "/dir/",
    "/none",
    "/big.txt",
    "/img/a%20b.png",
    "/empty.txt",
    "/new.txt",
];
const FIELDS: [&str; 3] = ["", "Accept-Encoding: br\r\n", "Range: bytes=5-200000\r\n"];
/// Of 100 reads, how many fail on a disk that is not sound.
const ERRORS: u8 = 15;
/// Until when a sound disk has answered what was asked before.
const ANSWERED: Duration = Duration::from_secs(6);

/// A volume before and after it was packed again.
struct Packed([Vec<u8>; 2]);

/// A client, what it asked for without fields, in turn, and what came.
struct Client {
    peer: SimPeer,
    asked: Vec<Option<&'static str>>,
    unsent: Vec<u8>,
    came: Vec<u8>,
}

#[test]
fn a_volume_is_even_and_comes_to_rest_whatever_befalls_it() {
    let seen = RefCell::new(BTreeMap::new());
    try_seeds("volume", SEEDS, MOST, |case, setup| befall(case, setup, &mut seen.borrow_mut()));
    if std::env::var_os("SLUICEGATE_SIM").is_none() {
        let seen = seen.take();
        assert!(seen["200"] > 50 && seen.contains_key("500"), "{seen:?}");
    }
}

fn befall(case: &Case, setup: Setup, seen: &mut BTreeMap<String, u64>) {
    static PACKED: OnceLock<Packed> = OnceLock::new();
    let packed = PACKED.get_or_init(Packed::new);
    let seed = case.seed;
    let troubles = |net: &Net| match seed % 4 {
        3 => case.left(Troubles::drawn(net, seed, case.troubles, &SPARED)),
        _ => Troubles::none(),
    };
    let errors = if seed % 2 == 1 { ERRORS } else { 0 };
    let options = SimDiskOptions { errors, ..SimDiskOptions::default() };
    let volume = (Scratch::new(), packed.0[0].clone());
    let mut site = OnDisk::befallen(setup, troubles, seed, options, volume);
    let mut random = Random::new(seed);
    let mut clients: Vec<Client> = Vec::new();
    let mut newest = 0;
    if seed % 3 == 1 {
        // Before anything is kept.
        site.disk.write(packed.at(newest, &mut random));
    }
    for _ in 0..case.flows {
        let n = random.below(clients.len() as u32 + 1) as usize;
        match random.below(16) {
            0..=2 => clients.push(Client::new(site.world.net.connect(&site.world.site))),
            3 if n < clients.len() => clients.swap_remove(n).peer.reset(),
            4 if n < clients.len() => clients.swap_remove(n).end(seen),
            5 => site.disk.0.hang(random.below(3) == 0),
            6 => run(&mut site.world, Duration::from_millis(random.below(400).into())),
            7 | 8 if n < clients.len() => clients[n].read(),
            9 => {
                newest = newest.max(random.below(8) as usize / 7);
                site.disk.write(packed.at(newest, &mut random));
            }
            _ if n < clients.len() => clients[n].ask(&mut random),
            _ => {}
        }
        run(&mut site.world, Duration::from_millis(random.below(5).into()));
    }
    site.disk.0.hang(false);
    run(&mut site.world, ANSWERED);
    for mut client in clients {
        client.read();
        client.end(seen);
    }
    rest(&mut site.world);
}

impl Packed {
    fn new() -> Packed {
        let files = Scratch::new();
        site(&files);
        let volume = files.path().join("volume");
        let first = fs::read(&volume).expect("it was packed");
        files.write("site/index.html", "new home");
        files.write("site/new.txt", "new");
        pack(&files.path().join("site"), &volume, Compression::usual(Effort::Medium));
        Packed([first, fs::read(volume).expect("it was packed")])
    }

    /// What a disk has of a generation: all, or it ends somewhere, or nothing was written from
    /// there on.
    fn at(&self, generation: usize, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.0[generation].clone();
        let end = random.below(bytes.len() as u32) as usize;
        match random.below(3) {
            0 => bytes.truncate(end),
            1 => bytes[end..].fill(0),
            _ => {}
        }
        bytes
    }
}

impl Client {
    fn new(peer: SimPeer) -> Client {
        Client { peer, asked: Vec::new(), unsent: Vec::new(), came: Vec::new() }
    }

    fn ask(&mut self, random: &mut Random) {
        let path = PATHS[random.below(PATHS.len() as u32) as usize];
        let fields = FIELDS[random.below(FIELDS.len() as u32) as usize];
        let text = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        self.asked.push(fields.is_empty().then_some(path));
        self.unsent.extend(text.as_bytes());
        self.send();
    }

    fn send(&mut self) {
        let sent = self.peer.send(&self.unsent);
        self.unsent.drain(..sent);
    }

    fn read(&mut self) {
        self.send();
        self.came.extend(self.peer.recv());
    }

    /// Looks at all answers that came: none is torn or of another file.
    fn end(self, seen: &mut BTreeMap<String, u64>) {
        let (mut rest, mut asked) = (&self.came[..], self.asked.into_iter());
        while let Some(end) = rest.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let status = &head["HTTP/1.1 ".len()..][..3];
            *seen.entry(status.to_owned()).or_insert(0) += 1;
            let (_, len) = head.split_once("Content-Length: ").expect("a length");
            let len: usize = len.lines().next().and_then(|n| n.parse().ok()).expect("a number");
            let body = &rest[end + 4..];
            let Some(path) = asked.next().filter(|_| body.len() >= len) else { return };
            if let (Some(path), "200") = (path, status) {
                assert!(bodies(path).iter().any(|one| **one == body[..len]), "{path}: {head}");
            }
            rest = &body[len..];
        }
    }
}

/// What may be answered for a path.
fn bodies(path: &str) -> Vec<Vec<u8>> {
    let one = match path {
        "/" => return vec![b"home".to_vec(), b"new home".to_vec()],
        "/a.txt" => b"0123456789".repeat(200),
        "/dir/" => b"dir".to_vec(),
        "/big.txt" => b"line of text\n".repeat(40_000),
        "/img/a%20b.png" => vec![0x89; 5000],
        "/new.txt" => b"new".to_vec(),
        _ => Vec::new(),
    };
    vec![one]
}
