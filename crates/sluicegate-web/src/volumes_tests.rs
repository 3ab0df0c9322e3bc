//! Volumes in a simulated network: answers as those of the directory, on disks of all manners.
use super::*;
use crate::files::Content;
use crate::volume::{OpenVolume, pack};
use sluicegate_files::{Compression, Effort};
use sluicegate_io::sim::{SimDisk, SimDiskOptions};
use sluicegate_volume::Storage;
use std::fs;
use std::io;

#[path = "volume_seeds_tests.rs"]
mod seeds;

/// Rules, error pages and a fallback of both sites.
const RULES: &str = "fallback = \"/a.txt\"\n[errors]\n404 = \"/404.html\"\n416 = \"/big.txt\"\n\
                     [[rule]]\npath = \"*.txt\"\ncache_control = \"max-age=7\"\nheaders = { X-A = \
                     \"b\" }\n[[rule]]\npath = \"/img\"\ncors.origins = \"*\"\n\
                     [[redirect]]\nfrom = \"/old/*\"\nto = \"/*\"\n";
/// Large files have a tag of their content in a volume: in a directory only while they are kept.
const CACHE: &str = "\n[cache]\nstream_above = \"1 MiB\"\nbudget = \"32 MiB\"\n";

fn site(files: &Scratch) {
    files.write("site/index.html", "home");
    files.write("site/a.txt", "0123456789".repeat(200));
    files.write("site/404.html", "<p>not here");
    files.write("site/empty.txt", "");
    files.write("site/dir/index.html", "dir");
    files.write("site/img/a b.png", [0x89_u8; 5000]);
    files.write("site/big.txt", "line of text\n".repeat(40_000));
    for file in ["index.html", "a.txt", "404.html", "empty.txt", "dir/index.html", "big.txt"] {
        let file = fs::File::options().write(true).open(files.path().join("site").join(file));
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
        file.and_then(|file| file.set_modified(then)).expect("times can be set");
    }
    let usual = Compression::usual(Effort::Medium);
    pack(&files.path().join("site"), &files.path().join("volume"), usual);
}

fn config(root: &std::path::Path, more: &str) -> Config {
    let text = format!("root = \"{}\"\nworkers = 2\n{more}", root.display());
    let typed = Typed::from_toml("sim.toml", &text).expect("known settings");
    let machine = Machine { cpus: 2, memory: 1 << 30, files: 4096 };
    Config::new(&typed, machine).expect("a complete configuration")
}

/// A world that serves what the configuration says, as a service does.
fn world(config: &Config, files: Scratch, seed: u64) -> World {
    let stores = crate::service::stores(config).expect("it can be served");
    let none = |_: &Net| Troubles::none();
    World::on(Setup::seed(seed), none, seed, config, (stores, false), files, None)
}

/// Head and body of all answers, without what tells when they were given.
fn whole(bytes: &[u8]) -> (Vec<String>, Vec<u8>) {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut body = bytes[end + 4..].to_vec();
    let mut lines: Vec<String> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.starts_with("Date: ")) {
        // The text between parts is drawn anew each time.
        match line.split_once("boundary=") {
            Some((name, boundary)) => {
                let text = String::from_utf8_lossy(&body).replace(boundary, "B");
                body = text.into_bytes();
                lines.push(name.to_owned());
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines.sort();
    (lines, body)
}

#[test]
fn a_volume_answers_as_its_directory_does() {
    let files = Scratch::new();
    site(&files);
    let (packed, plain) = (files.path().join("volume"), files.path().join("site"));
    let more = format!("{RULES}{CACHE}");
    let mut packed = world(&config(&packed, &more), Scratch::new(), 1);
    let mut plain = world(&config(&plain, &more), files, 1);
    let tag = {
        let mut peer = packed.net.connect(&packed.site);
        let came = packed.ask(&mut peer, &get("/a.txt"), 60);
        let (_, tag) = came.split_once("ETag: ").expect("a tag");
        tag.split_once("\r\n").expect("a line").0.to_owned()
    };
    let requests = [
        ("GET /", ""),
        ("HEAD /", ""),
        ("GET /index.html", ""),
        ("GET /a.txt", ""),
        ("GET /a.txt?query", ""),
        ("GET /empty.txt", ""),
        ("GET /dir", ""),
        ("GET /dir?a=b", ""),
        ("GET /dir/", ""),
        ("GET /img/a%20b.png", ""),
        ("GET /img/a%20b.png", "Origin: https://example.org\r\n"),
        ("GET /img/", ""),
        ("GET /none", ""),
        ("GET /none", "Accept: text/html\r\n"),
        ("GET /.git/config", ""),
        ("GET /dir/index.html/", ""),
        ("GET /old/a.txt", ""),
        ("POST /a.txt", "Content-Length: 0\r\n"),
        ("OPTIONS /a.txt", ""),
        ("GET /a.txt", "If-None-Match: $TAG\r\n"),
        ("GET /a.txt", "If-None-Match: \"x\"\r\n"),
        ("GET /a.txt", "If-Match: \"x\"\r\n"),
        ("GET /a.txt", "If-Modified-Since: Fri, 02 Jan 1970 00:00:00 GMT\r\n"),
        ("GET /a.txt", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
        ("GET /a.txt", "Range: bytes=2-7\r\n"),
        ("GET /a.txt", "Range: bytes=2-7\r\nIf-Range: $TAG\r\n"),
        ("GET /a.txt", "Range: bytes=2-7\r\nIf-Range: \"x\"\r\n"),
        ("GET /a.txt", "Range: bytes=0-0,-3\r\n"),
        ("GET /a.txt", "Range: bytes=9999-\r\n"),
        ("GET /a.txt", "Accept-Encoding: gzip\r\n"),
        ("GET /a.txt", "Accept-Encoding: br, gzip\r\n"),
        ("HEAD /a.txt", "Accept-Encoding: zstd\r\n"),
        ("GET /a.txt", "Accept-Encoding: br\r\nRange: bytes=2-7\r\n"),
        ("GET /img/a%20b.png", "Accept-Encoding: br\r\n"),
        ("GET /big.txt", ""),
        ("HEAD /big.txt", ""),
        ("GET /big.txt", "Accept-Encoding: br\r\n"),
        ("GET /big.txt", "Range: bytes=131000-400000\r\n"),
        ("GET /big.txt", "Range: bytes=10-19,131070-131079,-1\r\n"),
    ];
    for (line, fields) in requests {
        let fields = fields.replace("$TAG", &tag);
        let text = format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        // A directory codes what is asked for again: then it has what a volume has at once.
        let ask = |world: &mut World| {
            let mut peer = world.net.connect(&world.site);
            let (asks, ms) = if text.contains("Encoding") { (3, 1000) } else { (1, 0) };
            let mut came = Vec::new();
            for _ in 0..asks {
                came =
                    world.ask_bytes(&mut peer, &text, if line.contains("big") { 900 } else { 80 });
                world.run(ms);
            }
            whole(&came)
        };
        let (one, other) = (ask(&mut packed), ask(&mut plain));
        assert_eq!(one.0, other.0, "{line} {fields}");
        assert!(one.1 == other.1, "{line} {fields}: {} and {}", one.1.len(), other.1.len());
    }
    packed.even();
    plain.even();
}

/// The bytes of a simulated disk, for who opens the volume on it.
struct Shown(SimDisk, Arc<std::sync::Mutex<Vec<u8>>>);

impl Shown {
    fn new(seed: u64, bytes: Vec<u8>, options: SimDiskOptions) -> Shown {
        Shown(SimDisk::new(seed, bytes.clone(), options), Arc::new(bytes.into()))
    }

    fn write(&self, bytes: Vec<u8>) {
        self.0.write(bytes.clone());
        *self.1.lock().expect("nobody panics with it") = bytes;
    }
}

impl Storage for Shown {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let bytes = self.1.lock().expect("nobody panics with it");
        let part = bytes.get(offset as usize..offset as usize + into.len());
        into.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.1.lock().expect("nobody panics with it").len() as u64)
    }
}

/// A world whose volume lies on a simulated disk, with little memory.
struct OnDisk {
    world: World,
    disk: Arc<Shown>,
}

impl OnDisk {
    fn new(seed: u64, options: SimDiskOptions) -> OnDisk {
        let files = Scratch::new();
        site(&files);
        let volume = fs::read(files.path().join("volume")).expect("it was packed");
        let setup = Setup::seed(seed);
        OnDisk::befallen(setup, |_| Troubles::none(), seed, options, (files, volume))
    }

    fn befallen(
        setup: Setup,
        troubles: impl FnOnce(&Net) -> Troubles,
        seed: u64,
        options: SimDiskOptions,
        (files, volume): (Scratch, Vec<u8>),
    ) -> OnDisk {
        let disk = Arc::new(Shown::new(seed, volume, options));
        let storage: Arc<dyn Storage + Send + Sync> = Arc::clone(&disk) as _;
        let source = OpenVolume::of(storage, disk.0.device()).expect("a volume");
        let config = config(files.path(), "");
        let plan: Arc<Plan> = Content::volume(source).into();
        let memory = Arc::new(Memory::new(2 << 20, 2).expect("it is enough"));
        let loader = Arc::new(Loader::new(plan, Store::new(0), 0));
        let stores = Stores { loader, memory };
        let world = World::on(setup, troubles, seed, &config, (stores, true), files, None);
        OnDisk { world, disk }
    }

    /// Somebody who has asked and reads nothing yet.
    fn begin(&mut self, path: &str) -> SimPeer {
        let mut peer = self.world.net.connect(&self.world.site);
        assert_eq!(self.world.ask(&mut peer, &get(path), 0), "");
        peer
    }

    fn ask(&mut self, path: &str, ms: u64) -> String {
        let mut peer = self.world.net.connect(&self.world.site);
        self.world.ask(&mut peer, &get(path), ms)
    }

    /// What is shown of volumes.
    fn shown(&mut self) -> serde_json::Value {
        let mut admin = self.world.net.connect(&self.world.admin);
        let came = self.world.ask(&mut admin, &get("/api/net"), 60);
        let (_, body) = came.split_once("\r\n\r\n").expect("a body");
        let net: serde_json::Value = serde_json::from_str(body).expect("JSON");
        net["cache"]["volumes"].clone()
    }
}

#[test]
fn a_disk_that_hangs_costs_those_who_need_it_and_no_others() {
    let mut site = OnDisk::new(1, SimDiskOptions::default());
    assert!(site.ask("/", 100).ends_with("home"));
    site.disk.0.hang(true);
    let mut waits = site.begin("/a.txt");
    for _ in 0..20 {
        assert!(site.ask("/", 100).ends_with("home"), "hits are answered whatever the disk does");
    }
    assert_eq!(statuses(&String::from_utf8_lossy(&waits.recv())), [""; 0]);
    let came = site.world.ask(&mut waits, "", 5000);
    assert!(came.starts_with("HTTP/1.1 503 ") && came.contains("Retry-After: 1\r\n"), "{came}");
    assert_eq!(site.shown()["asked"]["late"], 1);
    site.disk.0.hang(false);
    site.world.run(100);
    assert_eq!(statuses(&site.ask("/a.txt", 100)), ["200"]);
    drop(waits);
    site.world.even();
}

#[test]
fn damage_is_answered_with_errors_and_counted() {
    let mut site = OnDisk::new(2, SimDiskOptions::default());
    let volume = fs::read(site.world.files.path().join("volume")).expect("it was packed");
    let find = |text: &[u8]| volume.windows(text.len()).rposition(|w| w == text).expect("there");
    let mut damaged = volume.clone();
    damaged[find(&b"0123456789".repeat(50)) + 77] ^= 1;
    let second = find(&b"line of text\n".repeat(100));
    damaged[second] ^= 1;
    site.disk.write(damaged);
    assert_eq!(statuses(&site.ask("/a.txt", 100)), ["500"]);
    assert_eq!(statuses(&site.ask("/a.txt", 100)), ["500"]);
    assert!(site.ask("/", 100).ends_with("home"), "what is sound is served");
    // What is damaged far behind is found when the answer has begun: it is cut off.
    let mut peer = site.world.net.connect(&site.world.site);
    let came = site.world.ask(&mut peer, &get("/big.txt"), 3000);
    assert_eq!(statuses(&came), ["200"]);
    assert!(peer.ended() == Some(How::Reset) && came.len() < 40_000 * 13);
    let shown = site.shown();
    assert!(shown["faults"]["damaged"].as_u64() >= Some(3), "{shown}");
    assert_eq!(shown["faults"]["error"], 0);
    site.disk.0.spoil(0..u64::MAX);
    assert_eq!(statuses(&site.ask("/empty.txt", 100)), ["500"]);
    assert_eq!(site.shown()["faults"]["error"], 1);
    drop(peer);
    site.world.even();
}

#[test]
fn a_newer_generation_takes_over_while_replies_are_under_way() {
    let mut site = OnDisk::new(3, SimDiskOptions::default());
    assert!(site.ask("/", 100).ends_with("home"));
    assert_eq!(statuses(&site.ask("/new.txt", 100)), ["404"]);
    let mut slow = site.begin("/big.txt");
    site.world.run(30);
    let files = &site.world.files;
    files.write("site/index.html", "new home");
    files.write("site/new.txt", "new");
    let volume = files.path().join("volume");
    pack(&files.path().join("site"), &volume, Compression::usual(Effort::Medium));
    site.disk.write(fs::read(volume).expect("it was packed"));
    site.world.run(3000);
    assert!(site.ask("/", 100).ends_with("new home"));
    assert!(site.ask("/new.txt", 100).ends_with("new"));
    let mut came = Vec::new();
    for _ in 0..300 {
        came.extend(slow.recv());
        site.world.run(10);
    }
    let end = came.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
    assert!(came[end..] == *b"line of text\n".repeat(40_000), "what was begun is ended");
    drop(slow);
    site.world.even();
}
