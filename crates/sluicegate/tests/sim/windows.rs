//! Questions between stages: each has exactly one answer or one end, and never one too many out.

use crate::common::{
    Front, Log, Random, STEPS, assert_empty, settle, settle_empty, stage_of, wire_of,
};
use sluicegate::{
    Batch, Cx, Ended, Fault, Net, OnFull, Out, Sim, Stage, StartError, Tag, Why, bounded, from_fn,
    stage,
};
use sluicegate_macros::{From, Ports};
use std::collections::BTreeSet;

pub struct Page(pub u64);

#[derive(From)]
pub enum CacheIn {
    Asked(u64),
    Loaded(Page),
}

#[derive(Ports)]
pub struct CacheOut {
    pub hit: Out<u64>,
    pub miss: Out<Page>,
}

/// Asks the disk for what it does not have.
struct Cache {
    pages: BTreeSet<u64>,
    log: Log,
    /// Panics when it is asked for this.
    poison: Option<u64>,
}

impl Cache {
    fn new(log: &Log) -> Self {
        Self { pages: BTreeSet::new(), log: log.clone(), poison: None }
    }
}

impl Stage for Cache {
    type In = CacheIn;
    type Out = CacheOut;

    fn handle(&mut self, batch: Batch<'_, CacheIn>, cx: &mut Cx<'_, CacheOut>) {
        for event in batch {
            let (tag, body) = event.split();
            match body {
                CacheIn::Asked(key) if self.poison == Some(key) => panic!("asked for {key}"),
                CacheIn::Asked(key) if self.pages.contains(&key) => {
                    cx.out.hit.emit(tag.with(key));
                }
                CacheIn::Asked(key) => cx.out.miss.emit(tag.with(Page(key))),
                CacheIn::Loaded(Page(key)) => {
                    self.pages.insert(key);
                    cx.out.hit.emit(tag.with(key));
                }
            }
        }
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, CacheOut>) {
        let tag = ended.tag.expect("the flow that asked");
        assert_eq!(tag.flow(), ended.flow);
        self.log.note("lost", ended.flow);
        // Half of the questions that died are answered all the same.
        if ended.flow.is_multiple_of(2) {
            cx.out.hit.emit(tag.with(u64::MAX));
        } else {
            tag.refuse(ended.why);
        }
    }
}

/// What the disk does with a question for a page.
type Disk = fn(Tag, Page, &mut Cx<'_, Out<Page>>);

fn load(tag: Tag, page: Page, cx: &mut Cx<'_, Out<Page>>) {
    cx.out.emit(tag.with(page));
}

struct Setting {
    flows: u64,
    queue: usize,
    disk_queue: usize,
    window: Option<usize>,
    on_full: OnFull,
    disk: Disk,
    poison: Option<u64>,
}

impl Setting {
    fn new(disk: Disk) -> Self {
        Self {
            flows: 500,
            queue: 4,
            disk_queue: 4,
            window: Some(3),
            on_full: OnFull::Wait,
            disk,
            poison: None,
        }
    }
}

/// A front door that waits, a cache, and a disk behind it. Without a window the answers wait for
/// room like everything else.
fn net(setting: &Setting, log: &Log) -> Net {
    let Setting { flows, disk, poison, .. } = *setting;
    let mut net = Net::new("cache");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("pool").pool(2);
    let (source, cached) = (log.clone(), log.clone());
    let front = net.add(
        stage("front", move || Front::new(flows, &source))
            .on(cpu)
            .queue(bounded(setting.queue))
            .flows(64),
    );
    let cache = net.add(
        stage("cache", move || Cache { poison, ..Cache::new(&cached) })
            .on(cpu)
            .queue(bounded(setting.queue)),
    );
    let disk = net.add(
        stage("disk", move || {
            from_fn(move |batch: Batch<'_, Page>, cx: &mut Cx<'_, Out<Page>>| {
                for event in batch {
                    let (tag, page) = event.split();
                    disk(tag, page, cx);
                }
            })
        })
        .on(pool)
        .queue(bounded(setting.disk_queue)),
    );
    net.wire(front.out, cache.inlet);
    net.wire(cache.out.hit, front.inlet).returns(front.out);
    let asks = net.wire(cache.out.miss, disk.inlet).on_full(setting.on_full);
    match setting.window {
        Some(places) => {
            asks.window(places);
            net.wire(disk.out, cache.inlet).returns(cache.out.miss);
        }
        None => {
            net.wire(disk.out, cache.inlet);
        }
    }
    net
}

#[test]
fn a_loop_of_questions_and_answers_never_sticks() {
    let finished = (0..100).filter(|&seed| {
        let log = Log::default();
        let mut sim = Sim::new(net(&Setting::new(load), &log), seed).unwrap();
        let settled = sim.settle(STEPS);
        sim.assert_even();
        settled && log.get().answered.len() == 500 && sim.ledger().in_flight == 0
    });
    assert_eq!(finished.count(), 100);
}

#[test]
fn the_same_loop_without_a_window_is_refused() {
    let log = Log::default();
    let net = net(&Setting { window: None, ..Setting::new(load) }, &log);
    let Err(StartError::Faults(faults)) = Sim::new(net, 1) else { panic!("it must not start") };
    let through = vec!["cache".to_owned(), "disk".to_owned()];
    assert_eq!(faults.0, [Fault::CycleOfWaits { through }]);
    assert_eq!(faults.0[0].code(), "N0009");
}

#[test]
fn a_window_is_never_exceeded() {
    for seed in 0..20 {
        let log = Log::default();
        let setting = Setting { disk_queue: 64, ..Setting::new(load) };
        let mut sim = Sim::new(net(&setting, &log), seed).unwrap();
        let mut most = 0;
        while sim.step() {
            let ledger = sim.ledger();
            most = most.max(ledger.forked - ledger.joined);
        }
        assert_eq!(most, 3);
        settle_empty(&mut sim);
    }
}

/// Runs a net whose disk does `disk`; returns which questions came back to the cache.
fn lost(setting: &Setting, seed: u64) -> (Log, Sim) {
    let log = Log::default();
    let mut sim = Sim::new(net(setting, &log), seed).unwrap();
    settle_empty(&mut sim);
    log.assert_each_once(0..setting.flows);
    let mut lost = log.noted("lost");
    let times = lost.len();
    lost.sort_unstable();
    lost.dedup();
    assert_eq!(lost.len(), times, "a question comes back once");
    assert_eq!(stage_of(&mut sim, "cache").strays, 0);
    (log, sim)
}

fn some_die(tag: Tag, page: Page, cx: &mut Cx<'_, Out<Page>>) {
    match page.0 % 8 {
        1 => tag.refuse(Why::Gone),
        2 => drop(tag),
        3 => panic!("page {}", page.0),
        4 => tag.finish(),
        5 => {
            drop(tag.fork());
            load(tag, page, cx);
        }
        6 => {
            tag.fork().refuse(Why::Refused);
            tag.refuse(Why::Expired);
        }
        _ => load(tag, page, cx),
    }
}

#[test]
fn a_question_that_dies_comes_back_to_its_asker_once() {
    for seed in 0..50 {
        let setting = Setting { flows: 80, ..Setting::new(some_die) };
        let (log, _) = lost(&setting, seed);
        let mut came_back = log.noted("lost");
        came_back.sort_unstable();
        let dead: Vec<_> = (0..80).filter(|n| [1, 2, 3, 4, 6].contains(&(n % 8))).collect();
        assert_eq!(came_back, dead, "neither more nor less, seed {seed}");
        // The asker passes on why: of its odd flows, which it does not answer itself.
        let whys: BTreeSet<_> = log.get().ended.iter().map(|e| (e.0 % 8, e.1.index())).collect();
        let expected = [(1, Why::Gone.index()), (3, Why::Failed.index())];
        assert_eq!(whys, BTreeSet::from(expected));
    }
}

#[test]
fn a_question_shed_in_the_queue_beyond_comes_back() {
    for on_full in [OnFull::ShedNewest, OnFull::ShedOldest] {
        for seed in 0..20 {
            let setting = Setting {
                on_full,
                flows: 200,
                disk_queue: 1,
                window: Some(16),
                queue: 64,
                ..Setting::new(load)
            };
            let (log, mut sim) = lost(&setting, seed);
            let shed = wire_of(&mut sim, "cache", "miss").refused;
            assert!(shed > 0);
            assert_eq!(log.noted("lost").len() as u64, shed);
            assert!(log.get().ended.iter().all(|e| e.1 == Why::Shed));
        }
    }
}

#[test]
fn the_answers_to_an_asker_that_panicked_are_strays() {
    let (mut strays, mut failed) = (0, 0);
    for seed in 0..50 {
        let log = Log::default();
        let setting = Setting { flows: 60, poison: Some(20), ..Setting::new(load) };
        let mut sim = Sim::new(net(&setting, &log), seed).unwrap();
        settle_empty(&mut sim);
        log.assert_each_once(0..60);
        let cache = stage_of(&mut sim, "cache");
        assert_eq!(cache.panics, 1);
        strays += cache.strays;
        let lost = log.get().ended.iter().filter(|e| e.1 == Why::Failed).count();
        assert!((1..=4).contains(&lost), "the event in hand and what the window held");
        failed += lost;
        // The answers to what the window held, and nothing else, came too late.
        assert_eq!(cache.strays as usize, lost - 1, "seed {seed}");
    }
    assert!(strays > 0 && failed > 50, "some questions were out when the asker panicked");
}

/// Windows of many sizes between many queues: none sticks.
#[test]
fn no_window_and_no_queue_is_too_small() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let log = Log::default();
        let setting = Setting {
            flows: 60,
            queue: 1 + random.below(3),
            disk_queue: 1 + random.below(3),
            window: Some(1 + random.below(6)),
            ..Setting::new(some_die)
        };
        let mut sim = Sim::new(net(&setting, &log), seed).unwrap();
        settle(&mut sim);
        assert_empty(&mut sim);
        log.assert_each_once(0..60);
    }
}
