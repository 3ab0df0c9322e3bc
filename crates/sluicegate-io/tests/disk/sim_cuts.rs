//! What a simulated disk holds after its power failed, against a model: what was synced is there,
//! of the rest anything that was asked for.

use std::rc::Rc;
use std::time::Duration;

use sluicegate::sim::{Random, Troubles};
use sluicegate_io::sim::{SimDisk, SimDiskOptions};
use sluicegate_io::{DiskOptions, PAGE};

use crate::noise;
use crate::sim_reads::numbered;
use crate::sim_world::{SEEDS, SimWorld};

const SECOND: Duration = Duration::from_secs(1);
/// Pages of the disk.
const ALL: usize = 40;
/// Crashes of a disk, and how often it is looked what became of what was asked for, before each.
const CRASHES: usize = 4;
const LOOKS: usize = 25;

type Bytes = Rc<Vec<u8>>;

/// What a page may hold after a cut, the oldest first. A read brings what is `now`, where that is
/// known.
#[derive(Clone)]
struct Page {
    maybe: Vec<Bytes>,
    now: Option<Bytes>,
    busy: bool,
}

impl Page {
    fn is(bytes: Vec<u8>) -> Self {
        let bytes = Rc::new(bytes);
        Self { maybe: vec![Rc::clone(&bytes)], now: Some(bytes), busy: false }
    }

    /// Whether each byte is of something that was to be there.
    fn may_be(&self, bytes: &[u8]) -> bool {
        bytes.iter().enumerate().all(|(at, byte)| self.maybe.iter().any(|one| one[at] == *byte))
    }

    /// It was kept while it was this.
    fn kept(&mut self, bytes: &Bytes) {
        if let Some(at) = self.maybe.iter().position(|one| Rc::ptr_eq(one, bytes)) {
            self.maybe.drain(..at);
        }
    }
}

enum Asked {
    Read(usize, usize),
    Write(usize, Vec<Bytes>),
    /// What was answered for when it was asked for.
    Sync(Vec<Option<Bytes>>),
}

/// A disk, what is asked of it, and what it may hold.
struct Model {
    disk: SimDisk,
    random: Random,
    pages: Vec<Page>,
    asked: Vec<Asked>,
    /// Syncs that narrowed what may be there.
    syncs: usize,
}

impl Model {
    fn new(seed: u64, options: SimDiskOptions) -> Self {
        let content = noise(seed, ALL * PAGE);
        let pages = content.chunks(PAGE).map(|page| Page::is(page.to_vec())).collect();
        let (disk, random) = (SimDisk::new(seed, content, options), Random::new(seed));
        Self { disk, random, pages, asked: Vec::new(), syncs: 0 }
    }

    /// Asks for something of pages of which nothing else is asked.
    fn ask(&mut self, world: &SimWorld) {
        let (token, device) = (self.asked.len() as u64, self.disk.device());
        let (first, pages) = (self.random.below(ALL), 1 + self.random.below(6));
        let pages = pages.min(ALL - first);
        let kind = self.random.below(10);
        if kind == 0 {
            let now = self.pages.iter().map(|page| page.now.clone().filter(|_| !page.busy));
            self.asked.push(Asked::Sync(now.collect()));
            return world.sync(&device, token);
        }
        let all = &mut self.pages[first..first + pages];
        if all.iter().any(|page| page.busy) {
            return;
        }
        all.iter_mut().for_each(|page| page.busy = true);
        if kind < 4 {
            self.asked.push(Asked::Read(first, pages));
            assert!(world.ask(&device, first, pages, token));
            return;
        }
        let bytes = noise(self.random.next_u64(), pages * PAGE);
        let new: Vec<Bytes> = bytes.chunks(PAGE).map(|page| Rc::new(page.to_vec())).collect();
        for (page, new) in all.iter_mut().zip(&new) {
            page.maybe.push(Rc::clone(new));
            page.now = None;
        }
        self.asked.push(Asked::Write(first, new));
        world.write(&device, first, &bytes, token);
    }

    /// Hears all that was answered after a while.
    fn hear(&mut self, world: &mut SimWorld, time: Duration) {
        for done in world.pass(time) {
            let Asked::Read(first, pages) = self.asked[done.token as usize] else { panic!() };
            let pages = &mut self.pages[first..first + pages];
            pages.iter_mut().for_each(|page| page.busy = false);
            let Ok(len) = done.result else { continue };
            assert_eq!(len, pages.len() * PAGE);
            let bytes = done.frames.freeze(len).chunks().collect::<Vec<_>>().concat();
            for (page, bytes) in pages.iter().zip(bytes.chunks(PAGE)) {
                match &page.now {
                    Some(now) => assert!(now[..] == *bytes, "other bytes"),
                    None => assert!(page.may_be(bytes), "foreign bytes"),
                }
            }
        }
        for done in world.answers.written.try_iter() {
            let Asked::Write(first, new) = &self.asked[done.token as usize] else { panic!() };
            for (page, new) in self.pages[*first..].iter_mut().zip(new) {
                page.busy = false;
                page.now = done.result.is_ok().then(|| Rc::clone(new));
            }
        }
        for done in world.answers.synced.try_iter() {
            let Asked::Sync(then) = &self.asked[done.token as usize] else { panic!() };
            if done.result.is_ok() {
                let then = self.pages.iter_mut().zip(then);
                then.for_each(|(page, then)| then.iter().for_each(|then| page.kept(then)));
                self.syncs += 1;
            }
        }
    }

    /// Everything ends, and the power fails.
    fn crash(&mut self, world: SimWorld) {
        drop(world);
        self.disk.cut();
        let content = self.disk.content();
        for (n, bytes) in content.chunks(PAGE).enumerate() {
            assert!(self.pages[n].may_be(bytes), "page {n} holds what nobody wrote, or lost more");
            self.pages[n] = Page::is(bytes.to_vec());
        }
        self.asked.clear();
    }
}

#[test]
fn what_was_synced_outlives_every_crash() {
    let mut syncs = 0;
    for seed in 0..SEEDS {
        for pool in [false, true] {
            let options = SimDiskOptions { short: 30, errors: 3, ..SimDiskOptions::default() };
            let mut model = Model::new(seed, options);
            for crash in 0..CRASHES {
                let depth = 1 + model.random.below(8);
                let options = DiskOptions { depth, ..DiskOptions::default() };
                let seed = seed << 8 | crash as u64;
                let mut world = SimWorld::new(seed, options, pool, Troubles::none());
                for _ in 0..1 + model.random.below(LOOKS) {
                    (0..model.random.below(6)).for_each(|_| model.ask(&world));
                    let pause = Duration::from_micros(model.random.below(2000) as u64);
                    model.hear(&mut world, pause);
                }
                model.crash(world);
            }
            syncs += model.syncs;
        }
    }
    assert!(syncs > 300, "{syncs} syncs prove little");
}

/// How many of the sectors, each of `old` or `new` bytes, are new, old and torn.
fn sectors(content: &[u8], old: u8, new: u8) -> [usize; 3] {
    content.chunks(512).fold([0; 3], |[whole, lost, torn], sector| {
        match [new, old].map(|byte| sector.iter().all(|one| *one == byte)) {
            [true, _] => [whole + 1, lost, torn],
            [_, true] => [whole, lost + 1, torn],
            _ => [whole, lost, torn + 1],
        }
    })
}

#[test]
fn a_cut_keeps_loses_and_tears_what_was_not_synced() {
    let (mut all, mut extremes) = ([0; 3], [0; 2]);
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed, vec![0; 64 * PAGE], SimDiskOptions::default());
        let mut world = SimWorld::plain(seed, 8);
        world.write(&disk.device(), 8, &[1; 8 * PAGE], 0);
        world.write(&disk.device(), 32, &[1; 8 * PAGE], 1);
        world.pass(SECOND);
        world.sync(&disk.device(), 2);
        world.pass(SECOND);
        world.write(&disk.device(), 32, &[2; 8 * PAGE], 3);
        world.pass(SECOND);
        disk.cut();
        let content = disk.content();
        assert!(content[8 * PAGE..16 * PAGE] == [1; 8 * PAGE], "what was synced is lost");
        let now = sectors(&content[32 * PAGE..40 * PAGE], 1, 2);
        assert_eq!(now.iter().sum::<usize>(), 64);
        (0..3).for_each(|n| all[n] += now[n]);
        extremes[0] += usize::from(now[0] > 60);
        extremes[1] += usize::from(now[0] < 4);
        // What is there now stays.
        disk.cut();
        assert!(disk.content() == content);
    }
    assert!(all.iter().all(|n| *n > 50), "whole, lost and torn: {all:?}");
    assert!(extremes.iter().all(|n| *n > 0), "nearly all and nearly none: {extremes:?}");
}

/// Whether a page that was written as these bytes is there after a cut.
fn is_there(disk: &SimDisk, page: usize, byte: u8) -> usize {
    disk.cut();
    usize::from(disk.content()[page * PAGE..][..PAGE] == [byte; PAGE])
}

#[test]
fn what_was_in_flight_at_a_cut_may_be_there_or_not() {
    let mut there = [0; 2];
    for seed in 0..4 * SEEDS {
        let disk = SimDisk::new(seed, numbered(8), SimDiskOptions::default());
        let mut world = SimWorld::plain(seed, 8);
        world.write(&disk.device(), 3, &[77; PAGE], 0);
        world.pass(Duration::from_micros(20));
        assert_eq!(world.answers.written.try_iter().count(), 0);
        drop(world);
        there[is_there(&disk, 3, 77)] += 1;
    }
    assert!(there.iter().all(|n| *n > 0), "lost and kept: {there:?}");
}

#[test]
fn a_sync_may_lose_what_was_answered_only_after_it_was_asked_for() {
    let mut there = [0; 2];
    for seed in 0..8 * SEEDS {
        let options = SimDiskOptions { short: 0, ..SimDiskOptions::default() };
        let disk = SimDisk::new(seed, numbered(8), options);
        let mut world = SimWorld::plain(seed, 8);
        world.write(&disk.device(), 3, &[77; PAGE], 0);
        world.sync(&disk.device(), 1);
        while world.answers.written.try_iter().next().is_none() {
            world.pass(Duration::from_micros(20));
        }
        // Such a write is answered before the sync is, and yet not kept by it.
        if world.answers.synced.try_iter().next().is_none() {
            world.pass(SECOND);
            assert_eq!(world.answers.synced.try_iter().count(), 1);
            there[is_there(&disk, 3, 77)] += 1;
        }
    }
    assert!(there.iter().all(|n| *n > 5), "lost and kept: {there:?}");
}
