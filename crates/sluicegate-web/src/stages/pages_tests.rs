//! The stage alone: misses joined, checks, bounds, a device that hangs, a budget that holds.
use super::*;
use crate::files::Name;
use crate::scratch::{Random, Scratch};
use crate::volume::{Edition, Object, OpenVolume, Piece, pack};
use sluicegate::Rig;
use sluicegate_files::{Compression, Effort};
use sluicegate_io::resources::Samples;
use sluicegate_io::{PAGE, Paged};
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

struct World {
    rig: Rig<Pages>,
    share: Arc<Share>,
    edition: Arc<Edition>,
    scratch: Scratch,
    disk_times: Samples,
    lookups: Samples,
}

impl World {
    fn new(files: &[(&str, Vec<u8>)]) -> World {
        World::coded(files, Compression::off())
    }

    fn coded(files: &[(&str, Vec<u8>)], compression: Compression) -> World {
        let scratch = Scratch::new();
        for (name, content) in files {
            scratch.write(&format!("site/{name}"), content);
        }
        pack(&scratch.path().join("site"), &scratch.path().join("volume"), compression);
        let source = OpenVolume::open(&scratch.path().join("volume")).expect("it was packed");
        let memory = Arc::new(Memory::new(1 << 20, 1).expect("it is enough"));
        let share = Arc::clone(memory.share(WorkerId::default()));
        let (disk_times, lookups) = (Samples::default(), Samples::default());
        let measured = Measured { took: disk_times.sampler(), lookups: lookups.sampler() };
        let rig = Rig::of(Pages::new(memory, measured));
        World { rig, share, edition: source.edition(), scratch, disk_times, lookups }
    }

    fn measured(&self) -> Measured {
        Measured { took: self.disk_times.sampler(), lookups: self.lookups.sampler() }
    }

    fn look(&self, path: &str) -> Fetch {
        let name = Name::new(path.as_bytes()).expect("a plain path");
        self.edition.look(&name).expect("it is in the index")
    }

    /// Asks, without reading anything.
    fn ask(&mut self, fetch: Fetch) -> &mut World {
        self.rig.feed([fetch]).batch(64);
        self
    }

    /// Makes all reads that were asked for; how many.
    fn read(&mut self) -> usize {
        let reads = self.rig.out.read.take();
        let count = reads.len();
        let done = reads.into_iter().map(|event| {
            event.map(|Read { device, offset, mut frames, token }| {
                let result = device.read_at(offset, &mut frames);
                PagesIn::Read(ReadDone { token, frames, result })
            })
        });
        let done: Vec<_> = done.collect();
        self.rig.feed_events(done).batch(usize::MAX);
        count
    }

    fn answers(&mut self) -> Vec<Result<Got, Fault>> {
        let answers = self.rig.out.answer.take().into_iter().map(|event| {
            let (tag, Fetched { got, .. }) = event.split();
            tag.finish();
            got
        });
        answers.collect()
    }

    fn answer(&mut self) -> Result<Got, Fault> {
        let mut answers = self.answers();
        assert_eq!(answers.len(), 1, "one answer");
        answers.remove(0)
    }

    fn object(&mut self, path: &str) -> (Arc<Object>, Option<Arc<Piece>>) {
        let fetch = self.look(path);
        self.ask(fetch).read();
        match self.answer() {
            Ok(Got::Object(object, piece)) => (object, piece),
            other => panic!("{path} is {other:?}"),
        }
    }

    fn count(&self, which: fn(&Counts) -> &std::sync::atomic::AtomicU64) -> u64 {
        which(&self.share.counts).load(Relaxed)
    }

    /// Turns a bit of the volume around.
    fn flip(&self, offset: u64) {
        let path = self.scratch.path().join("volume");
        let file = File::options().read(true).write(true).open(path).expect("it is there");
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).expect("within it");
        file.write_all_at(&[byte[0] ^ 4], offset).expect("within it");
    }
}

fn shelf_key(piece: &Piece) -> Key {
    crate::volume::Item::key(piece)
}

fn text(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..len).map(|_| b'a' + random.below(4) as u8).collect()
}

fn bytes(pages: &Paged) -> Vec<u8> {
    pages.chunks().collect::<Vec<_>>().concat()
}

fn piece(object: &Arc<Object>, form: usize, number: u64, ahead: u64) -> Fetch {
    Fetch::Piece { object: Arc::clone(object), form, number, ahead, name: None }
}

#[test]
fn misses_are_joined_and_what_was_read_is_kept() {
    let content = text(1, 6000);
    let mut world = World::new(&[("a.txt", content.clone()), ("dir/index.html", text(2, 10))]);
    let fetch = world.look("/a.txt");
    world.ask(fetch.clone()).ask(fetch.clone()).ask(fetch.clone());
    let took = TICK / 2;
    world.rig.advance(took);
    assert_eq!(world.read(), 1, "the front and the content are one read");
    let answers = world.answers();
    assert_eq!(answers.len(), 3);
    for got in &answers {
        let Ok(Got::Object(object, Some(piece))) = got else { panic!("{got:?}") };
        assert_eq!(bytes(piece.pages()), content);
        assert_eq!(&*object.forms()[0].meta.media, "text/plain; charset=utf-8");
    }
    world.ask(fetch);
    assert_eq!((world.read(), world.answers().len()), (0, 1));
    assert_eq!((world.count(|c| &c.misses), world.count(|c| &c.joined)), (1, 2));
    assert_eq!((world.count(|c| &c.kept), world.count(|c| &c.pages)), (1, 2));
    assert_eq!(world.disk_times.total(), (1, nanos(took)));
    assert_eq!(world.lookups.total(), (4, 3), "three of four were misses");
    // An index file and its directory are one object by two names.
    let (by_file, _) = world.object("/dir/index.html");
    let (by_directory, _) = world.object("/dir/");
    assert!(Arc::ptr_eq(&by_file, &by_directory));
    assert!(world.object("/dir").0.forms().is_empty());
}

#[test]
fn coded_forms_are_read_when_they_are_asked_for() {
    let files = [("a.txt", text(1, 6000))];
    let mut world = World::coded(&files, Compression::usual(Effort::Low));
    let (object, _) = world.object("/a.txt");
    assert!(object.forms().len() > 1, "it was coded ahead");
    world.ask(piece(&object, 1, 0, 0));
    assert_eq!(world.read(), 1);
    let Ok(Got::Piece(coded)) = world.answer() else { panic!("it is there") };
    assert_eq!(coded.pages().len() as u64, object.forms()[1].meta.len);
}

#[test]
fn damaged_content_is_told_counted_and_never_kept() {
    let mut world = World::new(&[("a.txt", text(1, 6000))]);
    let (object, whole) = world.object("/a.txt");
    let place = object.forms()[0].packed.offset;
    drop((object, whole));
    // Nothing is kept of what was right.
    world.edition.end();
    world.rig.advance(TICK);
    let source =
        OpenVolume::open(&world.scratch.path().join("volume")).expect("its index is sound");
    world.edition = source.edition();
    world.flip(place + 4097);
    let (object, lacking) = world.object("/a.txt");
    assert!(lacking.is_none(), "the front is sound, the content is not");
    for seen in [2, 3] {
        world.ask(piece(&object, 0, 0, 0));
        assert_eq!(world.read(), 1, "it is read again each time");
        assert_eq!(world.answer().err(), Some(Fault::Damaged));
        assert_eq!(world.count(|c| &c.damaged), seen);
    }
    assert_eq!(world.share.faults.counted(), (1, 2), "one place, as often as it was met");
    world.share.faults.tell();
    assert_eq!(world.share.faults.counted(), (0, 0));
    assert_eq!(world.count(|c| &c.pages), 0);
    let front = world.look("/a.txt").key().offset;
    drop(object);
    world.edition.end();
    world.rig.advance(TICK);
    let source =
        OpenVolume::open(&world.scratch.path().join("volume")).expect("its index is sound");
    world.edition = source.edition();
    world.flip(front + 20);
    let fetch = world.look("/a.txt");
    world.ask(fetch).read();
    assert_eq!(world.answer().err(), Some(Fault::Damaged));
    assert_eq!(world.share.used(), 0, "no page is left behind");
}

#[test]
fn a_device_that_fails_or_ends_is_an_error_for_those_who_asked() {
    let mut world = World::new(&[("a.txt", text(1, 6000))]);
    let fetch = world.look("/a.txt");
    for short in [false, true] {
        world.ask(fetch.clone()).ask(fetch.clone());
        let (tag, Read { frames, token, .. }) = world.rig.out.read.take().remove(0).split();
        let result = if short { Ok(100) } else { Err(std::io::ErrorKind::Other.into()) };
        let done = tag.with(PagesIn::Read(ReadDone { token, frames, result }));
        world.rig.feed_events([done]).batch(1);
        let faults: Vec<_> = world.answers().into_iter().map(|got| got.err()).collect();
        // A front that is cut short is one whose checksum is wrong.
        let fault = if short { Fault::Damaged } else { Fault::Device };
        assert_eq!(faults, [Some(fault); 2]);
    }
    // A read that dies with whoever made it.
    world.ask(fetch.clone());
    let (tag, Read { .. }) = world.rig.out.read.take().remove(0).split();
    let (flow, why) = (tag.flow(), sluicegate::Why::Failed);
    world.rig.ended(Ended { flow, why, tag: Some(tag) });
    assert_eq!(world.answer().err(), Some(Fault::Device));
    world.ask(fetch).read();
    assert!(world.answer().is_ok(), "the next who asks has it read again");
}

#[test]
fn faults_of_many_places_are_counted_and_of_some_are_told() {
    let mut world = World::new(&[("big.bin", vec![0; 40 << 17])]);
    let (object, _) = world.object("/big.bin");
    for fault in [Fault::Device, Fault::Busy, Fault::Late] {
        (0..40).for_each(|n| world.share.faults.note(&piece(&object, 0, n, 0), fault));
    }
    let (places, all) = world.share.faults.counted();
    assert!(places < 40, "{places}");
    assert_eq!(all, 40, "what passes by itself is none");
}

/// Nobody can tell which of them it was; and who waits for it is not to wait for nothing.
#[test]
fn of_a_flow_whose_read_dies_all_reads_are_given_up() {
    let mut world = World::new(&[("big.bin", text(1, 400_000))]);
    let (object, _) = world.object("/big.bin");
    world.rig.feed([Next(piece(&object, 0, 0, 1))]).batch(1);
    // Another reply waits for what is read ahead.
    world.rig.feed([Next(piece(&object, 0, 1, 0))]).batch(1);
    let mut reads = world.rig.out.read.take();
    assert_eq!(reads.len(), 2, "what is asked for, and the next");
    let (tag, _) = reads.remove(0).split();
    let (flow, why) = (tag.flow(), sluicegate::Why::Failed);
    world.rig.ended(Ended { flow, why, tag: Some(tag) });
    let answers = world.rig.out.piece.take().into_iter().map(|event| {
        let (tag, Fetched { got, .. }) = event.split();
        tag.finish();
        got.err()
    });
    assert_eq!(answers.collect::<Vec<_>>(), [Some(Fault::Device); 2], "nobody waits on");
    let done = reads.into_iter().map(|event| {
        event.map(|Read { frames, token, .. }| {
            PagesIn::Read(ReadDone { token, frames, result: Ok(0) })
        })
    });
    let done: Vec<_> = done.collect();
    world.rig.feed_events(done).batch(1);
    assert!(world.rig.out.piece.take().is_empty(), "what came of the other is not taken");
    world.rig.feed([Next(piece(&object, 0, 1, 0))]).batch(1);
    assert_eq!(world.read(), 1, "the next who asks has it read again");
    let mut sent = world.rig.out.piece.take();
    let (tag, Fetched { got, .. }) = sent.remove(0).split();
    tag.finish();
    assert!(got.is_ok());
}

#[test]
fn who_waits_for_a_device_that_hangs_is_refused_and_others_are_answered() {
    let mut world = World::new(&[("a.txt", text(1, 60)), ("b.txt", text(2, 60))]);
    world.object("/b.txt");
    let (hung, kept) = (world.look("/a.txt"), world.look("/b.txt"));
    world.ask(hung.clone());
    let reads = world.rig.out.read.take();
    world.rig.advance(PATIENCE - TICK);
    assert!(world.answers().is_empty(), "not yet");
    world.rig.advance(2 * TICK);
    assert_eq!(world.answer().err(), Some(Fault::Late));
    world.ask(hung.clone());
    assert_eq!(world.answer().err(), Some(Fault::Late), "nobody waits for it any more");
    world.ask(kept);
    assert!(world.answer().is_ok());
    assert_eq!((world.count(|c| &c.late), world.rig.out.read.take().len()), (2, 0));
    // When it answers after all it is as if nothing had been.
    let done = reads.into_iter().map(|event| {
        event.map(|Read { device, offset, mut frames, token }| {
            let result = device.read_at(offset, &mut frames);
            PagesIn::Read(ReadDone { token, frames, result })
        })
    });
    let done: Vec<_> = done.collect();
    world.rig.feed_events(done).batch(1);
    world.ask(hung);
    assert!(world.answer().is_ok());
}

#[test]
fn what_is_waited_for_is_bounded_and_reads_are_fewer() {
    let names: Vec<String> = (0..MISSES + 3).map(|n| format!("{n}.txt")).collect();
    let files: Vec<(&str, Vec<u8>)> = names.iter().map(|n| (n.as_str(), text(1, 50))).collect();
    let mut world = World::new(&files);
    for name in &names {
        let fetch = world.look(&format!("/{name}"));
        world.ask(fetch);
    }
    let refused = world.answers();
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|got| matches!(got, Err(Fault::Busy))));
    assert_eq!(world.count(|c| &c.refused), 3);
    let mut answered = 0;
    while answered < MISSES {
        let reads = world.read();
        assert!((1..=READS).contains(&reads), "{reads} reads at once");
        answered += world.answers().len();
    }
    assert!(world.rig.out.read.take().is_empty());
}

#[test]
fn the_next_piece_of_a_stream_is_read_ahead() {
    let mut world = World::new(&[("big.bin", text(1, 400_000))]);
    let (object, none) = world.object("/big.bin");
    assert!(none.is_none() && !object.is_small());
    world.rig.feed([Next(piece(&object, 0, 0, 1))]).batch(1);
    assert_eq!(world.read(), 2, "that which is asked for, and the next");
    world.rig.out.piece.take().into_iter().for_each(|event| event.split().0.finish());
    world.rig.feed([Next(piece(&object, 0, 1, 1))]).batch(1);
    let sent = world.rig.out.piece.take();
    assert_eq!(sent.len(), 1, "it was there");
    sent.into_iter().for_each(|event| event.split().0.finish());
    assert_eq!(world.read(), 1);
    assert_eq!(world.count(|c| &c.ahead), 2);
}

/// A cache, and sockets that send for a while: told of all that goes, and nothing else.
#[test]
fn the_budget_holds_while_all_is_in_motion() {
    let names: Vec<String> = (0..120).map(|n| format!("{n}.txt")).collect();
    let len = |n: usize| 1 + n * 311 % 30_000;
    let files: Vec<_> = (0..120).map(|n| (names[n].as_str(), text(n as u64, len(n)))).collect();
    let mut world = World::new(&files);
    let pages = world.share.arena.pages();
    let mut random = Random::new(7);
    let mut cached: HashMap<Key, Arc<Piece>> = HashMap::new();
    let mut sending: Vec<Paged> = Vec::new();
    let (mut told, mut served) = (0, 0);
    for _ in 0..6000 {
        let n = random.below(120) as usize;
        let fetch = world.look(&format!("/{}", names[n]));
        world.ask(fetch);
        if random.below(3) == 0 {
            world.read();
        }
        for got in world.answers() {
            if let Ok(Got::Object(object, Some(piece))) = got {
                let content = bytes(piece.pages());
                assert_eq!(content.len() as u64, object.forms()[0].meta.len);
                served += 1;
                sending.push(piece.pages().clone());
                if !piece.life.is_gone() {
                    cached.insert(object.key_of(0, 0), piece);
                }
            }
        }
        if sending.len() > random.below(12) as usize {
            sending.swap_remove(0);
        }
        for event in world.rig.out.gone.take() {
            let (_, evicted) = event.split();
            for piece in evicted.pieces {
                told += 1;
                let key = shelf_key(&piece);
                // Another may have been read in its place already.
                if cached.get(&key).is_some_and(|own| Arc::ptr_eq(own, &piece)) {
                    cached.remove(&key);
                }
            }
        }
        let used = world.share.used();
        assert!(used <= pages && used as u64 >= world.count(|c| &c.pages), "{used} of {pages}");
        assert!(world.share.fronts.used() <= world.share.fronts.limit());
        let kept: usize = cached.values().map(|piece| piece.pages().len().div_ceil(PAGE)).sum();
        assert_eq!(kept as u64, world.count(|c| &c.pages), "a cache holds what is kept");
    }
    assert!(told > 100 && served > 3000, "{told} {served}");
    // All goes home in the end.
    while world.read() > 0 {}
    world.answers().clear();
    sending.clear();
    cached.clear();
    world.edition.end();
    world.rig.advance(TICK);
    world.rig.out.gone.take();
    assert_eq!((world.share.used(), world.share.fronts.used()), (0, 0));
}

#[test]
fn slow_clients_that_hold_all_pages_cost_those_who_wait_no_more_than_their_patience() {
    let names: Vec<String> = (0..80).map(|n| format!("{n}.txt")).collect();
    let files: Vec<_> = names.iter().map(|n| (n.as_str(), text(1, 20_000))).collect();
    let mut world = World::new(&files);
    let mut sending = Vec::new();
    let mut waits = Vec::new();
    for name in &names {
        let fetch = world.look(&format!("/{name}"));
        world.ask(fetch.clone()).read();
        match world.answers().pop() {
            Some(Ok(Got::Object(_, Some(piece)))) => sending.push(piece.pages().clone()),
            _ => waits.push(fetch),
        }
        // Nobody keeps them but who sends them.
        world.rig.out.gone.take();
    }
    assert!(!waits.is_empty() && world.share.arena.free() < 6);
    // The oldest had to go first.
    sending.drain(..sending.len() / 2);
    // Pages that come home raise the flag, as somebody asked in vain.
    assert!(world.rig.wants_again());
    world.rig.signal();
    assert!(world.read() > 0);
    assert!(world.answers().iter().any(Result::is_ok));
    fs::metadata(world.scratch.path()).expect("the volume is still there");
}

#[test]
fn what_is_read_twice_at_once_is_kept_once_and_its_end_is_told() {
    let mut world = World::new(&[("a.txt", text(1, 6000))]);
    let (object, first) = world.object("/a.txt");
    drop(first);
    // Another replica of the same worker has nothing, and is asked for the piece and the object.
    let mut rig = Rig::of(Pages::new(Arc::clone(&world.rig.stage.memory), world.measured()));
    let told = rig.out.gone.take();
    assert!(told.len() == 1 && told[0].all, "whoever asked the former one lets go of all");
    rig.feed([piece(&object, 0, 0, 0), world.look("/a.txt")]).batch(2);
    let reads = rig.out.read.take();
    assert_eq!(reads.len(), 2);
    for event in reads.into_iter().rev() {
        let done = event.map(|Read { device, offset, mut frames, token }| {
            let result = device.read_at(offset, &mut frames);
            PagesIn::Read(ReadDone { token, frames, result })
        });
        rig.feed_events([done]).batch(1);
    }
    let mut pieces = Vec::new();
    for event in rig.out.answer.take() {
        let (tag, Fetched { got, .. }) = event.split();
        tag.finish();
        match got {
            Ok(Got::Object(_, Some(piece)) | Got::Piece(piece)) => pieces.push(piece),
            other => panic!("{other:?}"),
        }
    }
    assert!(pieces.len() == 2 && Arc::ptr_eq(&pieces[0], &pieces[1]));
}

#[test]
fn what_was_hot_is_read_behind_what_is_asked_for_until_the_memory_is_full() {
    let names: Vec<String> = (0..80).map(|n| format!("{n}.txt")).collect();
    let files: Vec<_> = names.iter().map(|n| (n.as_str(), text(1, 20_000))).collect();
    let mut world = World::coded(&files, Compression::usual(Effort::Low));
    for name in &names {
        let warm = Warm { fetch: world.look(&format!("/{name}")), forms: vec![1] };
        let note = Event::note(WorkerId::default(), PagesIn::Warm(warm));
        world.rig.feed_events([note]);
    }
    world.rig.batch(64);
    let asked = world.look("/79.txt");
    world.ask(asked.clone());
    assert_eq!(world.read(), WARMING + 1, "few at once, and all that is asked for");
    assert!(world.answer().is_ok());
    while world.read() > 0 {
        world.rig.signal();
    }
    let (kept, pages) = (world.count(|c| &c.pages) as usize, world.share.arena.pages());
    assert!(kept > pages / 2, "{kept} of {pages}");
    assert_eq!(world.count(|c| &c.evictions), 0, "nothing has to go for it");
    // Of the first ones both forms are there.
    let (object, piece_as_is) = world.object("/0.txt");
    assert_eq!(world.read(), 0);
    world.ask(piece(&object, 1, 0, 0));
    assert!(world.read() == 0 && world.answer().is_ok() && piece_as_is.is_some());
    // Heat is what is listed.
    let first = world.rig.stage.keeper.hot().len();
    world.rig.feed([Next(piece(&object, 1, 0, 0))]).batch(1);
    world.rig.out.piece.take().into_iter().for_each(|event| event.split().0.finish());
    let hot = world.rig.stage.keeper.hot();
    assert_eq!((first, hot.len()), (0, 1));
    assert_eq!((&hot[0].name[..], hot[0].form), (&b"0.txt"[..], 1));
}
