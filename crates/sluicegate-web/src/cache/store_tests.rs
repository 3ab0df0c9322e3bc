//! The store under random use: the budget holds, and whoever holds a page is told.
use super::*;
use crate::cache::page::{Files, Meta};
use crate::cache::variant::Job;
use crate::scratch::{Random, Scratch};
use sluicegate_files::Order;
use sluicegate_files::Stamp;
use sluicegate_http::Coding;
use std::collections::BTreeMap;

const LIMIT: u64 = 1 << 20;

fn name(n: u32) -> Name {
    Name::new(format!("/{n}").as_bytes()).expect("a plain name")
}

fn page(name: &Name, len: usize, stamp: Stamp, charge: Charge) -> Arc<Page> {
    let (tag, codings) = (String::new(), Order::new(&Coding::ALL));
    let meta = Meta { media: "text/plain".into(), tag, modified: None, len: len as u64, codings };
    Page::read(name.clone(), meta, Files::alone(stamp), true, vec![b'x'; len].into(), charge)
}

fn some_stamp() -> Stamp {
    Stamp::of(&std::fs::metadata(Scratch::new().path()).expect("it is there"))
}

/// What the workers hold, as they learn it.
#[derive(Default)]
struct Workers(BTreeMap<(usize, u32), Arc<Page>>);

impl Workers {
    fn hear(&mut self, gone: Vec<Eviction<usize>>) {
        for Eviction { page, holders } in gone {
            assert!(page.life.is_gone());
            let number: u32 = page.name.as_str().parse().expect("names are numbers");
            for worker in holders {
                if self.0.get(&(worker, number)).is_some_and(|held| Arc::ptr_eq(held, &page)) {
                    self.0.remove(&(worker, number));
                }
            }
        }
    }
}

/// Adds a variant to a page, if there is room and nobody has.
fn code(
    store: &Store<usize>,
    page: &Arc<Page>,
    random: &mut Random,
    gone: &mut Vec<Eviction<usize>>,
) {
    let coding = Coding::ALL[random.below(3) as usize];
    let Some(job) = Job::claim(page, coding) else { return };
    let (len, (page, coding)) = (page.meta.len / 2, job.begin());
    if let Some(charge) = store.room(Variant::cost(page.meta.len), gone) {
        let meta = Meta { len, ..page.meta.clone() };
        let variant = Variant::new(coding, meta, vec![b'y'; len as usize].into(), charge);
        assert_eq!(store.attach(&page, variant), !page.life.is_gone());
    }
}

#[test]
fn the_budget_holds_and_holders_are_told() {
    let stamp = some_stamp();
    for seed in 1..=30 {
        let mut random = Random::new(seed);
        let store = Store::<usize>::new(LIMIT);
        let mut workers = Workers::default();
        for step in 0..1500 {
            let number = random.below(200);
            let worker = random.below(4) as usize;
            let name = name(number);
            let mut gone = Vec::new();
            let loading = store.begin(&name);
            match random.below(10) {
                0 => loading.forget(&mut gone),
                1 if loading.page().is_some() => {
                    let page = loading.page().expect("just seen");
                    code(&store, &page, &mut random, &mut gone);
                }
                1..=5 if loading.page().is_some() => {
                    let page = loading.page().expect("just seen");
                    page.life.warm();
                    loading.hold(worker);
                    workers.0.insert((worker, number), page);
                }
                _ => {
                    let len = random.below(40_000) as usize;
                    if let Some(charge) = loading.room(Page::cost(&name, len as u64), &mut gone) {
                        let page = page(&name, len, stamp, charge);
                        loading.keep(&page, worker, &mut gone);
                        workers.hear(std::mem::take(&mut gone));
                        workers.0.insert((worker, number), page);
                    }
                }
            }
            drop(loading);
            workers.hear(gone);
            let coded: u64 = store.lock().pages.0.values().map(|slot| slot.coded).sum();
            let kept = |c| workers.0.values().filter_map(move |page| page.variant(c));
            assert!(Coding::ALL.into_iter().flat_map(kept).count() == 0 || coded > 0);
            assert!(store.budget().used() <= LIMIT, "seed {seed}, step {step}");
            assert!(
                workers.0.values().all(|page| !page.life.is_gone()),
                "seed {seed}, step {step}"
            );
        }
        assert!(store.budget().used() > LIMIT / 2, "seed {seed}: the budget is used");
        drop(workers);
        let kept = store.lock().bytes;
        assert_eq!(store.budget().used(), kept, "seed {seed}: what nobody holds is given back");
    }
}

#[test]
fn a_page_that_is_still_held_keeps_its_charge() {
    let store = Store::<usize>::new(LIMIT);
    let stamp = some_stamp();
    let mut gone = Vec::new();
    let mut held = Vec::new();
    for number in 0.. {
        let name = name(number);
        let loading = store.begin(&name);
        let Some(charge) = loading.room(50_000, &mut gone) else { break };
        let page = page(&name, 48_000, stamp, charge);
        loading.keep(&page, 0, &mut gone);
        held.push(page.bytes());
    }
    assert!(!gone.is_empty(), "some had to go");
    assert!(store.budget().used() <= LIMIT);
    gone.clear();
    let before = store.budget().used();
    held.clear();
    assert!(store.budget().used() < before);
}

#[test]
fn deleted_files_do_not_pile_up_in_the_queues() {
    let store = Store::<usize>::new(LIMIT);
    let stamp = some_stamp();
    let mut gone = Vec::new();
    for number in 0..10_000 {
        let name = name(number);
        let loading = store.begin(&name);
        let charge = loading.room(Page::cost(&name, 1), &mut gone).expect("there is room");
        loading.keep(&page(&name, 1, stamp, charge), 0, &mut gone);
        loading.forget(&mut gone);
        gone.clear();
    }
    assert!(store.lock().policy.len() <= 2 * STALE_MAX);
}

#[test]
fn one_load_at_a_time_for_a_name() {
    let store = Arc::new(Store::<usize>::new(LIMIT));
    let stamp = some_stamp();
    let reads = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let threads: Vec<_> = (0..8)
        .map(|worker| {
            let (store, reads) = (Arc::clone(&store), Arc::clone(&reads));
            std::thread::spawn(move || {
                let name = name(7);
                let loading = store.begin(&name);
                if loading.page().is_none() {
                    reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let mut gone = Vec::new();
                    let charge = loading.room(Page::cost(&name, 1), &mut gone).expect("room");
                    loading.keep(&page(&name, 1, stamp, charge), worker, &mut gone);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no load panics");
    }
    assert_eq!(reads.load(std::sync::atomic::Ordering::Relaxed), 1);
}
