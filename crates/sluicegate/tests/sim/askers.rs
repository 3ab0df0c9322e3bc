//! Stages that ask in less usual ways: a source, a cache behind a cache, answers put back.

use crate::common::{Front, Log, STEPS, assert_empty, settle_empty, stage_of};
use crate::windows::{CacheIn, CacheOut, Page};
use sluicegate::{Batch, Cx, Ended, Entering, Net, Out, Sim, Stage, Why, from_fn, stage};
use std::collections::BTreeSet;
use std::time::Duration;

/// A source that asks with its own flows: their numbers and the keys of questions look alike.
struct Asker {
    next: u64,
    log: Log,
}

impl Asker {
    fn pump(&mut self, cx: &mut Cx<'_, Out<Page>>) {
        while self.next < 100 && cx.room() > 0 {
            let Ok(tag) = cx.enter(self.next, Entering::default()) else { return };
            cx.out.emit(tag.with(Page(self.next)));
            self.next += 1;
        }
        if self.next < 100 {
            cx.again();
        }
    }
}

impl Stage for Asker {
    type In = Page;
    type Out = Out<Page>;

    fn start(&mut self, cx: &mut Cx<'_, Out<Page>>) {
        cx.again();
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Page>>) {
        self.pump(cx);
    }

    fn handle(&mut self, batch: Batch<'_, Page>, _: &mut Cx<'_, Out<Page>>) {
        for event in batch {
            let (tag, page) = event.split();
            assert_eq!(tag.flow(), page.0);
            match page.0 % 2 {
                0 => {
                    self.log.get().answered.push((tag.flow(), page.0, 0));
                    tag.finish();
                }
                _ => tag.refuse(Why::Refused),
            }
        }
    }

    fn ended(&mut self, ended: Ended, _: &mut Cx<'_, Out<Page>>) {
        match ended.tag {
            Some(tag) => {
                self.log.note("lost", ended.flow);
                tag.refuse(Why::Gone);
            }
            None => self.log.get().ended.push((ended.flow, ended.why)),
        }
    }
}

#[test]
fn a_source_that_asks_is_told_of_its_flows_and_of_its_questions() {
    for seed in 0..50 {
        let log = Log::default();
        let mut net = Net::new("asker");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(2);
        let source = log.clone();
        let asker = stage("asker", move || Asker { next: 0, log: source.clone() });
        let asker = net.add(asker.on(cpu).flows(10));
        let disk = net.add(
            stage("disk", || {
                from_fn(|batch: Batch<'_, Page>, cx: &mut Cx<'_, Out<Page>>| {
                    for event in batch {
                        let (tag, page) = event.split();
                        match page.0 % 3 {
                            0 => tag.refuse(Why::Expired),
                            _ => cx.out.emit(tag.with(page)),
                        }
                    }
                })
            })
            .on(pool),
        );
        net.wire(asker.out, disk.inlet).window(4);
        net.wire(disk.out, asker.inlet).returns(asker.out);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        log.assert_each_once(0..100);
        let mut lost = log.noted("lost");
        lost.sort_unstable();
        assert_eq!(lost, (0..100).filter(|n| n % 3 == 0).collect::<Vec<_>>());
    }
}

/// Asks like a cache, but puts each answer back once before it takes it.
struct Reluctant {
    seen: BTreeSet<u64>,
}

impl Stage for Reluctant {
    type In = CacheIn;
    type Out = CacheOut;

    fn handle(&mut self, mut batch: Batch<'_, CacheIn>, cx: &mut Cx<'_, CacheOut>) {
        while let Some(event) = batch.next() {
            match *event {
                CacheIn::Loaded(Page(key)) if self.seen.insert(key) => {
                    cx.after(Duration::from_millis(1), 0);
                    batch.put_back(event);
                }
                CacheIn::Loaded(Page(key)) => cx.out.hit.emit(event.map(|_| key)),
                CacheIn::Asked(key) => cx.out.miss.emit(event.map(|_| Page(key))),
            }
        }
    }
}

/// A cache behind a cache, each asking the next: the inner one's flows are the outer's questions.
#[test]
fn an_answer_that_is_put_back_stays_an_answer_once() {
    for seed in 0..20 {
        let log = Log::default();
        let mut net = Net::new("nested");
        let cpu = net.domain("cpu").pinned(1);
        let pool = net.domain("pool").pool(1);
        let source = log.clone();
        let front =
            net.add(stage("front", move || Front::new(20, &source).patient()).on(cpu).flows(8));
        let mut caches = ["outer", "inner"]
            .map(|name| net.add(stage(name, || Reluctant { seen: BTreeSet::new() }).on(cpu)));
        let [outer, inner] = &mut caches;
        let number = net.add(
            stage("number", || {
                from_fn(|batch: Batch<'_, Page>, cx: &mut Cx<'_, Out<u64>>| {
                    for event in batch {
                        cx.out.emit(event.map(|page| page.0));
                    }
                })
            })
            .on(cpu),
        );
        let page = net.add(
            stage("page", || {
                from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<Page>>| {
                    for event in batch {
                        cx.out.emit(event.map(Page));
                    }
                })
            })
            .on(cpu),
        );
        let disk = net.add(
            stage("disk", || {
                from_fn(|batch: Batch<'_, Page>, cx: &mut Cx<'_, Out<Page>>| {
                    for event in batch {
                        cx.out.emit(event);
                    }
                })
            })
            .on(pool),
        );
        net.wire(front.out, outer.inlet);
        net.wire(outer.out.hit, front.inlet).returns(front.out);
        net.wire(outer.out.miss, number.inlet).window(3);
        net.wire(number.out, inner.inlet);
        net.wire(inner.out.miss, disk.inlet).window(2);
        net.wire(disk.out, inner.inlet).returns(inner.out.miss);
        net.wire(inner.out.hit, page.inlet);
        net.wire(page.out, outer.inlet).returns(outer.out.miss);
        let mut sim = Sim::new(net, seed).unwrap();
        assert!(sim.run_for(Duration::from_secs(1), STEPS));
        sim.assert_even();
        assert_empty(&mut sim);
        log.assert_each_once(0..20);
        assert_eq!(log.get().answered.len(), 20);
        for cache in ["outer", "inner"] {
            assert_eq!(stage_of(&mut sim, cache).strays, 0);
        }
    }
}
