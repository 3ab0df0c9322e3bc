//! The stage alone: pieces, ranges over several, texts between them, streams that cannot go on.
use super::*;
use crate::cache::{Kept, Known};
use crate::files::Name;
use crate::rules::Effect;
use crate::scratch::Scratch;
use crate::serve;
use crate::volume::{Fault, Object, Source as Volume, pack};
use sluicegate::Rig;
use sluicegate_io::{Arena, PAGE};

const LEN: usize = 3 * PIECE as usize + 1000;

fn content() -> Vec<u8> {
    (0..LEN).map(|n| b'a' + (n % 23) as u8).collect()
}

struct World {
    rig: Rig<Feed>,
    object: Arc<Object>,
    arena: Arena,
    _scratch: Scratch,
}

impl World {
    fn new() -> World {
        let scratch = Scratch::new();
        scratch.write("site/big.bin", content());
        let (site, packed) = (scratch.path().join("site"), scratch.path().join("volume"));
        pack(&site, &packed, sluicegate_files::Compression::off());
        let volume = Volume::open(&scratch.path().join("volume")).expect("it was packed");
        let edition = volume.edition();
        let arena = Arena::new(1 << 20).expect("addresses");
        let fetch = edition.look(&Name::new(b"/big.bin").expect("plain")).expect("it is there");
        let Fetch::Object { entry, .. } = &fetch else { panic!("an object is asked for") };
        let mut frames = arena.take(fetch.pages()).expect("free");
        edition.device().read_at(entry.offset(), &mut frames).expect("it can be read");
        let front: Vec<u8> = frames.slices().collect::<Vec<_>>().concat();
        let front = sluicegate_volume::Front::parse(front.into(), b"big.bin", entry);
        let charge = crate::cache::Budget::new(1 << 20).take(1).expect("it fits");
        let object = Object::new(fetch.key(), &edition, front.expect("it is sound"), charge);
        World { rig: Rig::of(Feed::default()), object, arena, _scratch: scratch }
    }

    fn ask(&self, fields: &str) -> Exchange {
        let text = format!("GET /big.bin HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut exchange = Exchange::read(text.as_bytes()).expect("a plain request");
        let kept = Kept::object(&self.object, &Effect::default());
        assert!(serve::known(&mut exchange, &Known::Page(kept)).is_ok());
        exchange
    }

    /// The answer to a question.
    fn piece(&self, fetch: &Fetch) -> Result<Got, Fault> {
        let len = self.object.len_of(0, number(fetch));
        let mut frames = self.arena.take(len.div_ceil(PAGE)).expect("free");
        let read = self.object.edition().device().read_at(fetch.key().offset, &mut frames);
        read.expect("it can be read");
        let piece =
            crate::volume::Piece::checked(&self.object, 0, number(fetch), frames.freeze(len));
        piece.map(Got::Piece).ok_or(Fault::Damaged)
    }

    /// Pulls once. What is asked for then is answered.
    fn pull(&mut self, exchange: Exchange) -> Exchange {
        self.rig.feed([exchange]).batch(1);
        for event in self.rig.out.fetch.take() {
            let (tag, Next(fetch)) = event.split();
            let got = self.piece(&fetch);
            self.rig.feed_events([tag.with(FeedIn::Fetched(Fetched { fetch, got }))]).batch(1);
        }
        let (tag, exchange) = self.rig.out.reply.take().remove(0).split();
        tag.finish();
        exchange
    }
}

fn number(fetch: &Fetch) -> u64 {
    let Fetch::Piece { number, .. } = fetch else { panic!("a piece is asked for") };
    *number
}

#[test]
fn pieces_and_ranges_come_until_they_are_complete() {
    for (fields, pulls) in [
        ("", 4),
        ("Range: bytes=10-19\r\n", 1),
        ("Range: bytes=131000-262200\r\n", 3),
        ("Range: bytes=131072-131072\r\n", 1),
        ("Range: bytes=-5\r\n", 1),
        // Each part has a text before it, and there is one at the end.
        ("Range: bytes=7-9,100000-140000,0-3\r\n", 4 + 4),
    ] {
        let mut world = World::new();
        let mut exchange = world.ask(fields);
        let (mut seen, len) = (0, exchange.left());
        while exchange.left() > 0 && seen < 20 {
            let given = exchange.given();
            exchange = world.pull(exchange);
            assert!(exchange.given() > given, "{fields}");
            seen += 1;
        }
        assert_eq!((seen, exchange.given()), (pulls, len), "{fields}");
    }
}

#[test]
fn two_who_want_one_piece_ask_once_and_each_gets_its_part() {
    let mut world = World::new();
    let all = world.ask("");
    let part = world.ask("Range: bytes=5-99\r\n");
    world.rig.feed([all, part]).batch(2);
    let mut asked = world.rig.out.fetch.take();
    assert_eq!(asked.len(), 1);
    let (tag, Next(fetch)) = asked.remove(0).split();
    let got = world.piece(&fetch);
    world.rig.feed_events([tag.with(FeedIn::Fetched(Fetched { fetch, got }))]).batch(1);
    let mut given: Vec<u64> = Vec::new();
    for event in world.rig.out.reply.take() {
        let (tag, exchange) = event.split();
        tag.finish();
        given.push(exchange.given());
    }
    given.sort_unstable();
    assert_eq!(given, [95, PIECE]);
}

#[test]
fn a_stream_whose_piece_cannot_be_had_fails() {
    let mut world = World::new();
    for died in [false, true] {
        let exchange = world.ask("");
        world.rig.feed([exchange]).batch(1);
        let (tag, Next(fetch)) = world.rig.out.fetch.take().remove(0).split();
        if died {
            let (flow, why) = (tag.flow(), sluicegate::Why::Failed);
            world.rig.ended(Ended { flow, why, tag: Some(tag) });
        } else {
            let got = Err(Fault::Damaged);
            world.rig.feed_events([tag.with(FeedIn::Fetched(Fetched { fetch, got }))]).batch(1);
        }
        let (tag, exchange) = world.rig.out.reply.take().remove(0).split();
        tag.finish();
        assert_eq!(exchange.given(), 0, "nothing is given, and so the connection is reset");
    }
}
