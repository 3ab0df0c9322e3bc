//! What users rely on beside behaviour: one stage in a rig, macros, and what may cross threads.
#![forbid(unsafe_code)]

use sluicegate::{
    Batch, Cx, Ended, Entry, Full, Net, Observer, Out, Permit, Rig, Running, Stage, Tag, Why,
    bounded, from_fn, stage,
};
use sluicegate_macros::{From, Ports};
use std::collections::HashMap;
use std::time::Duration;

struct Page(&'static str, u16);

#[derive(From)]
enum CacheIn {
    Asked(&'static str),
    Loaded(Page),
    /// Made inside only.
    #[from(skip)]
    Flush {
        _all: bool,
    },
}

#[derive(Ports)]
struct CacheOut {
    pub hit: Out<u16>,
    pub miss: Out<&'static str>,
}

#[derive(Default)]
struct Cache {
    pages: HashMap<&'static str, u16>,
    rang: Vec<u64>,
}

impl Stage for Cache {
    type In = CacheIn;
    type Out = CacheOut;

    fn start(&mut self, cx: &mut Cx<'_, CacheOut>) {
        cx.after(Duration::from_millis(30), 30);
    }

    fn handle(&mut self, batch: Batch<'_, CacheIn>, cx: &mut Cx<'_, CacheOut>) {
        for event in batch {
            let (tag, body) = event.split();
            match body {
                CacheIn::Asked(path) => match self.pages.get(path) {
                    Some(status) => cx.out.hit.emit(tag.with(*status)),
                    // Degrade, don't wait.
                    None => {
                        if let Err(Full(asked)) = cx.out.miss.try_emit(tag.with(path)) {
                            cx.out.hit.emit(asked.map(|_| 503));
                        }
                    }
                },
                CacheIn::Loaded(Page(path, status)) => {
                    self.pages.insert(path, status);
                    cx.out.hit.emit(tag.with(status));
                }
                CacheIn::Flush { .. } => {
                    self.pages.clear();
                    tag.finish();
                }
            }
        }
    }

    fn signal(&mut self, cx: &mut Cx<'_, CacheOut>) {
        cx.again();
    }

    fn timer(&mut self, token: u64, _: &mut Cx<'_, CacheOut>) {
        self.rang.push(token);
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, CacheOut>) {
        let tag: Tag = ended.tag.expect("a question of this stage");
        cx.out.hit.emit(tag.with(500 + ended.why.index() as u16));
    }
}

#[test]
fn a_full_disk_queue_degrades() {
    let mut rig = Rig::of(Cache::default());
    rig.out.miss.set_credit(1);
    rig.feed(["/a", "/b"]).batch(64);
    let busy = rig.out.hit.take();
    assert_eq!(busy.len(), 1);
    assert_eq!(*busy[0], 503);
    assert_eq!(busy[0].tag().flow(), 2);
    let asked = rig.out.miss.take();
    assert_eq!(*asked[0], "/a");
}

#[test]
fn a_rig_calls_a_stage_once_and_keeps_what_it_leaves() {
    let mut rig = Rig::of(Cache::default());
    rig.feed([Page("/a", 200), Page("/b", 201)]).feed(["/a", "/b"]);
    rig.batch(3);
    assert_eq!(rig.queued(), 1);
    let statuses: Vec<u16> = rig.out.hit.take().iter().map(|event| **event).collect();
    assert_eq!(statuses, [200, 201, 200]);
    rig.batch(3);
    for event in rig.out.hit.take() {
        event.split().0.finish();
    }
    assert_eq!(rig.queued(), 0);
    assert!(!rig.wants_again());
    assert!(rig.signal().wants_again());
    rig.feed([CacheIn::Flush { _all: true }]).batch(1);
    assert_eq!(rig.ledger().finished, 1);
    assert!(rig.stage.pages.is_empty());
    rig.advance(Duration::from_millis(29));
    assert_eq!(rig.stage.rang, []);
    rig.advance(Duration::from_millis(1));
    assert_eq!(rig.stage.rang, [30]);
}

#[test]
fn a_rig_tells_what_ended() {
    let mut rig = Rig::of(Cache::default());
    rig.feed(["/a"]).batch(1);
    let (tag, _) = rig.out.miss.take().remove(0).split();
    rig.ended(Ended { flow: tag.flow(), why: Why::Shed, tag: Some(tag) });
    assert_eq!(*rig.out.hit.take()[0], 500);
}

#[test]
fn ports_have_names_and_wires_convert() {
    let mut net = Net::new("names");
    let cpu = net.domain("cpu").pinned(1);
    net.add(stage("cache", Cache::default).on(cpu).queue(bounded(8)));
    let faults = net.check().unwrap_err().to_string();
    assert!(faults.contains("`cache.hit`") && faults.contains("`cache.miss`"), "{faults}");
    assert_eq!(net.stage_names().collect::<Vec<_>>(), ["cache"]);
    // `&'static str` and `Page` both become a `CacheIn`.
    let mut net = Net::new("converts");
    let cpu = net.domain("cpu").pinned(1);
    let cache = net.add(stage("cache", Cache::default).on(cpu));
    net.wire(cache.out.miss, cache.inlet);
}

#[test]
fn what_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Observer>();
    shared::<Entry<u64>>();
    shared::<Running>();
    shared::<sluicegate::Snapshot>();
    sent::<Net>();
    sent::<Tag>();
    sent::<sluicegate::Event<Vec<u8>>>();
    sent::<Permit<u64>>();
    // A tag is 32 bytes: it is in every event of every queue.
    assert_eq!(size_of::<Tag>(), 32);
}

#[test]
fn a_source_sees_the_pressure_beyond_its_ports() {
    let heeding = from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, CacheOut>| {
        let refuses = cx.pressure() > 0.5;
        for event in batch {
            match refuses {
                true => event.split().0.refuse(Why::Refused),
                false => cx.out.hit.emit(event.map(|_| 200)),
            }
        }
    });
    let mut rig = Rig::of(heeding);
    rig.feed([1_u64]).batch(1);
    rig.out.miss.set_pressure(0.6);
    rig.feed([2_u64]).batch(1);
    assert_eq!(rig.out.hit.take().len(), 1);
    assert_eq!(rig.ledger().ended[Why::Refused], 1);
}
