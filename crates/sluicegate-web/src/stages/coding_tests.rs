//! Coded forms as clients see them: the cache and the loader together, without threads.
use super::load::Answered;
use super::{Cache, CacheIn};
use crate::cache::{FRESH, Loader, Store};
use crate::decode::decode;
use crate::files::Content;
use crate::scratch::Scratch;
use sluicegate::{Event, Rig, Time, WorkerId};
use sluicegate_files::Root;
use sluicegate_files::{Compression, Effort, Order};
use sluicegate_http::{Coding, HttpConn, Limits, Next, Shared};
use sluicegate_io::Pool;
use std::time::SystemTime;

/// The cache, and what lies behind it.
struct World {
    rig: Rig<Cache>,
    loader: Loader,
    files: Scratch,
}

/// A reply as a client reads it.
#[derive(Debug)]
struct Response {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl World {
    fn new() -> World {
        let files = Scratch::new();
        let root = Root::open(files.path()).expect("it is there");
        let (order, types) = (Order::new(&Coding::ALL), vec!["text/*".to_owned()]);
        let some = Compression { order, effort: Effort::Low, min: 512, types };
        let loader =
            Loader::new(Content::directory(root, Vec::new()), Store::new(1 << 20), 100_000);
        files.write("a.txt", content());
        World { rig: Rig::of(Cache::default()), loader: loader.coding(some), files }
    }

    /// Asks, and answers what the cache asks for. Variants are left to be made.
    fn ask(&mut self, text: &str) -> Response {
        let text = text.replace('|', "\r\n");
        let text = format!("{text}\r\nHost: a\r\n\r\n");
        let (now, mut shared) =
            (Time(0), Shared::new(Limits::default(), |_| SystemTime::UNIX_EPOCH));
        let mut conn = HttpConn::new(0, now);
        let mut bytes = Pool::new(1, text.len()).take().expect("the first");
        bytes.push(text.as_bytes());
        conn.receive(bytes, now);
        let exchange = loop {
            match conn.advance(now, &mut shared) {
                Next::Begun { .. } => {}
                Next::Request { exchange, .. } => break exchange,
                other => panic!("{text}: {other:?}"),
            }
        };
        self.rig.feed([exchange]).batch(64);
        for question in self.rig.out.ask.take() {
            let (tag, ask) = question.split();
            let answer = self.loader.answer(&ask.name, WorkerId::default(), &mut Vec::new());
            let answer = tag.with(CacheIn::Answered(Answered { name: ask.name, answer }));
            self.rig.feed_events([answer]).batch(64);
        }
        let mut replies = self.rig.out.reply.take();
        assert_eq!(replies.len(), 1);
        let (tag, mut exchange) = replies.remove(0).split();
        tag.finish();
        let status = exchange.replied().expect("it is replied to").status();
        let chunks = conn.answer(&mut exchange, 0, now, &mut shared).chunks;
        let bytes: Vec<u8> =
            chunks.iter().flat_map(|chunk| chunk.slices()).flatten().copied().collect();
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head") + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        Response { status, head, body: bytes[end..].to_vec() }
    }

    fn get(&mut self, fields: &str) -> Response {
        self.ask(&format!("GET /a.txt HTTP/1.1|{fields}X: y"))
    }

    /// How many variants the cache wants; all are made.
    fn make(&mut self) -> usize {
        let jobs: Vec<_> = self.rig.out.make.take().into_iter().map(Event::split).collect();
        let count = jobs.len();
        jobs.into_iter().for_each(|(_, job)| self.loader.make(job, &mut Vec::new()));
        count
    }

    /// A world in which some variants have been made, one after the other.
    fn with(codings: &[&str]) -> World {
        let mut world = World::new();
        world.get("");
        for coding in codings {
            world.get(&format!("Accept-Encoding: {coding}|"));
            assert_eq!(world.make(), 1);
            world.rig.advance(FRESH);
            assert_eq!(world.get("").field("content-encoding"), None);
        }
        world
    }
}

impl Response {
    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn tag(&self) -> &str {
        self.field("etag").expect("a tag")
    }
}

fn content() -> String {
    (0..900).map(|n| format!("line {n}\n")).collect()
}

#[test]
fn a_variant_is_made_when_a_page_is_asked_for_again() {
    let mut world = World::new();
    let br = "Accept-Encoding: gzip, br|";
    assert_eq!(world.get(br).field("content-encoding"), None);
    assert_eq!(world.make(), 0, "read once is not worth it");
    assert_eq!(world.get("").status, 200);
    assert_eq!(world.get("Accept-Encoding: identity|").status, 200);
    assert_eq!(world.make(), 0, "nobody would take it");
    assert_eq!(world.get(br).body, content().as_bytes(), "nobody waits for it");
    world.get(br);
    assert_eq!(world.make(), 1, "it is asked for once");
    world.rig.advance(FRESH);
    for _ in 0..2 {
        let coded = world.get(br);
        assert_eq!(coded.field("content-encoding"), Some("br"));
        assert_eq!(decode(Coding::Br, &coded.body), content().as_bytes());
        let len = coded.body.len().to_string();
        assert_eq!(coded.field("content-length"), Some(len.as_str()));
        assert_eq!(coded.field("accept-ranges"), None);
    }
    assert_eq!(world.make(), 0, "the best there can be is there");
}

#[test]
fn a_page_that_is_asked_for_seldom_gets_its_variant_too() {
    let mut world = World::new();
    let br = "Accept-Encoding: br|";
    for (round, expected) in [0, 1, 0].into_iter().enumerate() {
        assert_eq!(world.get(br).field("content-encoding"), (round == 2).then_some("br"));
        assert_eq!(world.make(), expected, "round {round}");
        world.rig.advance(FRESH);
    }
}

#[test]
fn what_is_shed_is_wanted_again_when_the_page_is_looked_at_anew() {
    let mut world = World::with(&[]);
    world.get("Accept-Encoding: br|");
    drop(world.rig.out.make.take());
    world.get("Accept-Encoding: br|");
    assert_eq!(world.make(), 0, "not at once");
    world.rig.advance(FRESH);
    world.get("");
    world.get("Accept-Encoding: br|");
    assert_eq!(world.make(), 1);
}

#[test]
fn each_client_gets_what_it_accepts() {
    let mut world = World::with(&["gzip", "br"]);
    for (accepted, expected) in [
        ("br", Some("br")),
        ("gzip", Some("gzip")),
        ("gzip, deflate, br", Some("br")),
        ("gzip;q=1, br;q=0.5", Some("gzip")),
        ("zstd, gzip", Some("gzip")),
        ("zstd", None),
        ("identity;q=0, *", Some("br")),
        ("identity, br;q=0.9", None),
        ("br;q=nonsense", None),
        ("", None),
        ("identity;q=0", None),
    ] {
        let reply = world.get(&format!("Accept-Encoding: {accepted}|"));
        assert_eq!(reply.field("content-encoding"), expected, "{accepted}");
        assert_eq!(reply.status, 200);
    }
}

#[test]
fn tags_conditions_and_vary() {
    let mut world = World::with(&["gzip", "br"]);
    let (plain, br) = (world.get(""), world.get("Accept-Encoding: br|"));
    let gzip = world.get("Accept-Encoding: gzip|");
    let (plain, br, gzip) = (plain.tag(), br.tag(), gzip.tag());
    assert!(plain != br && br != gzip && plain != gzip);
    let accepts = |codings: &str| format!("Accept-Encoding: {codings}|");
    let (none, any, two) = (String::new(), accepts("br, gzip"), accepts("gzip, br;q=0"));
    let date = world.get("").field("last-modified").expect("a date").to_owned();
    for (accept, fields, status, tag) in [
        (&none, String::new(), 200, Some(plain)),
        (&any, String::new(), 200, Some(br)),
        (&any, format!("If-None-Match: {br}|"), 304, Some(br)),
        (&any, format!("If-None-Match: \"x\", W/{br}|"), 304, Some(br)),
        // What the client has of another form that it accepts is as good.
        (&any, format!("If-None-Match: {plain}, {gzip}|"), 304, Some(gzip)),
        (&any, format!("If-None-Match: {plain}|"), 304, Some(plain)),
        (&any, "If-None-Match: *|".to_owned(), 304, Some(br)),
        (&any, "If-None-Match: \"x\"|".to_owned(), 200, Some(br)),
        // What it does not accept is not.
        (&two, format!("If-None-Match: {br}|"), 200, Some(gzip)),
        (&none, format!("If-None-Match: {br}|"), 200, Some(plain)),
        (&accepts("br, identity;q=0"), format!("If-None-Match: {plain}|"), 200, Some(br)),
        (&any, format!("If-Modified-Since: {date}|"), 304, Some(br)),
        (&any, format!("If-Match: {gzip}|"), 200, Some(gzip)),
        (&any, "If-Match: \"x\"|".to_owned(), 412, None),
        // Ranges are of the content as it is.
        (&any, "Range: bytes=0-9|".to_owned(), 206, Some(plain)),
        (&any, format!("Range: bytes=0-9|If-Range: {plain}|"), 206, Some(plain)),
        (&any, format!("Range: bytes=0-9|If-Range: {br}|"), 200, Some(plain)),
        (&any, "Range: bytes=0-9,20-29|".to_owned(), 206, Some(plain)),
        (&any, "Range: bytes=99999-|".to_owned(), 416, None),
    ] {
        let reply = world.get(&format!("{accept}{fields}"));
        assert_eq!(reply.status, status, "{accept}{fields}: {reply:?}");
        assert_eq!(reply.field("etag"), tag, "{accept}{fields}");
        assert_eq!(reply.field("vary"), Some("Accept-Encoding"), "{accept}{fields}");
        let coding = reply.field("content-encoding").is_some();
        assert_eq!(coding, status == 200 && tag != Some(plain), "{accept}{fields}");
    }
    let head = world.ask("HEAD /a.txt HTTP/1.1|Accept-Encoding: br");
    assert_eq!((head.field("etag"), head.field("content-encoding")), (Some(br), Some("br")));
}

#[test]
fn a_changed_file_takes_its_variants_with_it() {
    let mut world = World::with(&["br"]);
    let old = world.get("Accept-Encoding: br|");
    let changed = content().replace("line", "row");
    world.files.write("a.txt", &changed);
    world.rig.advance(FRESH);
    let new = world.get("Accept-Encoding: br|");
    assert_eq!((new.body, new.head.contains("Content-Encoding")), (changed.clone().into(), false));
    world.get("Accept-Encoding: br|");
    assert_eq!(world.make(), 1);
    world.rig.advance(FRESH);
    let coded = world.get(&format!("Accept-Encoding: br|If-None-Match: {}|", old.tag()));
    assert_eq!((coded.status, coded.field("content-encoding")), (200, Some("br")));
    assert_eq!(decode(Coding::Br, &coded.body), changed.as_bytes());
}

#[test]
fn content_that_is_never_coded_does_not_vary() {
    let mut world = World::new();
    world.files.write("a.png", content());
    for _ in 0..2 {
        let reply = world.ask("GET /a.png HTTP/1.1|Accept-Encoding: br");
        assert_eq!((reply.status, reply.field("vary")), (200, None));
    }
    assert_eq!(world.make(), 0);
}

#[test]
fn several_ranges_of_a_page_come_as_parts() {
    let (mut world, whole) = (World::new(), content());
    let reply = world.get("Range: bytes=100-199, 0-9, 5-14, -3|");
    assert_eq!((reply.status, reply.field("content-range")), (206, None));
    let kind = reply.field("content-type").expect("a type").to_owned();
    let parts = crate::parts::parts(&kind, &reply.body);
    let len = whole.len();
    let expected = [(100, 199), (0, 14), (len - 3, len - 1)].map(|(first, last)| {
        let head = format!(
            "Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {first}-{last}/{len}"
        );
        (head, whole.as_bytes()[first..=last].to_vec())
    });
    assert_eq!(parts, expected);
    let joined = world.get("Range: bytes=0-9,10-19|");
    assert_eq!(joined.field("content-range"), Some(format!("bytes 0-19/{len}").as_str()));
    let nearly_all = format!("Range: bytes=0-4000,4002-{len}|");
    assert_eq!(world.get(&nearly_all).status, 200, "in parts it would be longer");
}
