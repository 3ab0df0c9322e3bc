//! Windows and their permits under every fault: whatever befalls the asker, whom it asks and the
//! queue between them, each flow ends once and all places come back.

use crate::common::{Asked, AskerOut, Front, Log, Random, Told, settle, settle_empty, stage_of};
use sluicegate::sim::{Setup, Trouble, Troubles};
use sluicegate::{
    Batch, Capacity, Cx, Ended, Limit, Net, OnFull, Order, Out, Permit, Sim, Stage, Tag, Why,
    bounded, ms, stage,
};
use sluicegate_macros::From;

const FLOWS: u64 = 60;
/// A second answer.
const AGAIN: u64 = u64::MAX;
/// Seeds of each fault.
const SEEDS: u64 = 25;

/// Wants so many places at once.
struct Probe(usize);

#[derive(From)]
enum AskerIn {
    Work(u64),
    Told(Told),
    Probe(Probe),
}

/// Asks about everything, a third of it in places that it took batches before.
struct Asker {
    permit: Option<Permit<Asked>>,
    log: Log,
}

impl Stage for Asker {
    type In = AskerIn;
    type Out = AskerOut;

    fn handle(&mut self, mut batch: Batch<'_, AskerIn>, cx: &mut Cx<'_, AskerOut>) {
        let AskerOut { go, ask } = &mut *cx.out;
        while let Some(event) = batch.next() {
            match *event {
                AskerIn::Work(n) if n % 3 == 0 => {
                    let permit = self.permit.take().or_else(|| ask.reserve(2));
                    let Some(mut permit) = permit else { return batch.put_back(event) };
                    let sent = ask.emit_with(&mut permit, event.map(|_| Asked(n)));
                    sent.expect("a place is left");
                    self.permit = Some(permit).filter(|permit| permit.left() > 0);
                }
                AskerIn::Work(n) => ask.emit(event.map(|_| Asked(n))),
                // A fork of a question is none: its answer belongs to nobody.
                AskerIn::Told(Told(AGAIN)) => event.split().0.finish(),
                AskerIn::Told(Told(n)) => go.emit(event.map(|_| n)),
                AskerIn::Probe(Probe(places)) => {
                    self.permit = None;
                    if ask.reserve(places).is_some() {
                        self.log.note("whole", places as u64);
                    }
                    event.split().0.finish();
                }
            }
        }
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, AskerOut>) {
        let tag = ended.tag.expect("the flow that asked");
        self.log.note("lost", ended.flow);
        if ended.flow.is_multiple_of(2) {
            cx.out.go.emit(tag.with(0));
        } else {
            tag.refuse(ended.why);
        }
    }

    fn drain(&mut self, _: &mut Cx<'_, AskerOut>) {
        self.permit = None;
    }
}

/// What becomes of one question in three.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Answered,
    Refused,
    Dropped,
    Finished,
    Panicked,
    AnsweredTwice,
    /// Until later, or until the net drains.
    Kept,
}

/// Answers what it is asked.
struct Oracle {
    manner: Manner,
    random: Random,
    kept: Vec<(Tag, u64)>,
}

impl Stage for Oracle {
    type In = Asked;
    type Out = Out<Told>;

    fn handle(&mut self, batch: Batch<'_, Asked>, cx: &mut Cx<'_, Out<Told>>) {
        for event in batch {
            let (tag, Asked(n)) = event.split();
            if !self.random.one_in(3) {
                cx.out.emit(tag.with(Told(n)));
                continue;
            }
            match self.manner {
                Manner::Answered => cx.out.emit(tag.with(Told(n))),
                Manner::Refused => tag.refuse(Why::Refused),
                Manner::Dropped => drop(tag),
                Manner::Finished => tag.finish(),
                Manner::Panicked => panic!("asked for {n}"),
                Manner::AnsweredTwice => {
                    cx.out.emit(tag.fork().with(Told(AGAIN)));
                    cx.out.emit(tag.with(Told(n)));
                }
                Manner::Kept => {
                    self.kept.push((tag, n));
                    cx.after(ms(3), 0);
                }
            }
        }
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<Told>>) {
        if let Some((tag, n)) = self.kept.pop() {
            cx.out.emit(tag.with(Told(n)));
        }
    }

    fn drain(&mut self, _: &mut Cx<'_, Out<Told>>) {
        self.kept.clear();
    }
}

/// What goes wrong.
#[derive(Clone)]
struct Fault {
    name: &'static str,
    manner: Manner,
    on_full: OnFull,
    queue: fn(usize) -> Capacity,
    troubles: Vec<Trouble>,
    /// Whether nobody waits for some of the flows.
    leaves: bool,
    /// Whether the net drains in the middle.
    drains: bool,
}

fn fault(name: &'static str) -> Fault {
    let (manner, on_full) = (Manner::Answered, OnFull::Wait);
    let troubles = Vec::new();
    Fault { name, manner, on_full, queue: bounded, troubles, leaves: false, drains: false }
}

fn faults() -> Vec<Fault> {
    let to = |stage: &str| stage.to_owned();
    let befallen = |name, trouble| Fault { troubles: vec![trouble], ..fault(name) };
    let (lasts, domain) = (ms(7), to("pool"));
    let mut faults = vec![
        fault("none"),
        befallen("the asker panics", Trouble::Panic { stage: to("asker"), after: 1 }),
        befallen("who is asked panics once", Trouble::Panic { stage: to("oracle"), after: 1 }),
        befallen("the asker stalls", Trouble::Stall { domain: to("cpu"), worker: 0, lasts }),
        befallen(
            "who is asked stalls",
            Trouble::Stall { domain: domain.clone(), worker: 0, lasts },
        ),
        befallen("who is asked is slow", Trouble::Slow { stage: to("oracle"), by: ms(1), lasts }),
        befallen("the queue is full", Trouble::Full { stage: to("oracle"), lasts }),
        befallen("the asker's queue is full", Trouble::Full { stage: to("asker"), lasts }),
        befallen("a thread is dead", Trouble::Dead { domain, worker: 0 }),
        Fault { leaves: true, ..fault("clients leave") },
        Fault { drains: true, ..fault("the net drains") },
        Fault { on_full: OnFull::ShedNewest, ..fault("the newest question is shed") },
        Fault { on_full: OnFull::ShedOldest, ..fault("the oldest question is shed") },
        Fault { queue: |n| bounded(n).admit(Limit::of(3)), ..fault("a law refuses") },
        Fault {
            queue: |n| bounded(n).order(Order::ByDeadline),
            ..fault("more important ones come")
        },
        Fault { queue: |n| bounded(n).work(ms(1) / 4), ..fault("the queue is full of work") },
    ];
    for (name, manner) in [
        ("questions are refused", Manner::Refused),
        ("questions are dropped", Manner::Dropped),
        ("questions are finished", Manner::Finished),
        ("who is asked panics often", Manner::Panicked),
        ("questions are answered twice", Manner::AnsweredTwice),
        ("questions are kept", Manner::Kept),
    ] {
        faults.push(Fault { manner, ..fault(name) });
        faults.push(Fault { manner, drains: true, ..fault(name) });
    }
    // And all troubles at once.
    let troubles = faults.iter().flat_map(|fault| fault.troubles.clone()).collect();
    faults.push(Fault { manner: Manner::Refused, troubles, leaves: true, ..fault("everything") });
    faults
}

/// A source, an asker with a window, and who is asked, with what goes wrong. Returns how many
/// questions died.
fn run(fault: &Fault, seed: u64) -> usize {
    let at = format!("{}, seed {seed}", fault.name);
    let (log, mut random) = (Log::default(), Random::new(seed));
    // Beside the two places of a permit there is one for those who have none.
    let (window, places) = (3 + random.below(4), 3 + random.below(4));
    let (source, asked, manner, leaves) = (log.clone(), log.clone(), fault.manner, fault.leaves);
    let mut net = Net::new("faults");
    let (cpu, pool) = (net.domain("cpu").pinned(1), net.domain("pool").pool(2));
    let front = move || match (Front::new(FLOWS, &source), leaves) {
        (front, true) => front.leaves(),
        (front, false) => front,
    };
    let front = net.add(stage("front", front).on(cpu).flows(1 + random.below(20)));
    let asker = move || Asker { permit: None, log: asked.clone() };
    let asker = stage("asker", asker).on(cpu).queue(bounded(1 + random.below(8)));
    let asker = net.add(asker.batch(1 + random.below(8)));
    let oracle = move || Oracle { manner, random: Random::new(seed), kept: Vec::new() };
    let oracle = stage("oracle", oracle).on(pool).queue((fault.queue)(places)).emits(2);
    let oracle = net.add(oracle);
    net.wire(front.out, asker.inlet);
    net.wire(asker.out.go, front.inlet).returns(front.out);
    net.wire(asker.out.ask, oracle.inlet).on_full(fault.on_full).window(window);
    net.wire(oracle.out, asker.inlet).returns(asker.out.ask);
    let entry = net.entry(asker.inlet);
    let troubles = fault.troubles.iter().fold(Troubles::none(), |troubles, trouble| {
        troubles.before(random.below(60) as u64, trouble.clone())
    });
    let mut sim = Sim::with(net, Setup::seed(seed).troubles(troubles)).unwrap();
    if fault.drains {
        for _ in 0..random.below(100) {
            sim.step();
            sim.assert_even();
        }
        sim.drain();
    }
    let mut rounds = 0;
    settle(&mut sim);
    while let Some(next) = sim.next() {
        rounds += 1;
        assert!(rounds < 1000, "{at}: it does not come to rest: {:#?}", sim.snapshot());
        sim.skip(next);
        settle(&mut sim);
    }
    if !fault.drains {
        // All of its places, and no more than the queue can have.
        let law = if fault.name == "a law refuses" { 3 } else { usize::MAX };
        let work = if fault.name == "the queue is full of work" { 3 } else { usize::MAX };
        let whole = window.min(places).min(law).min(work);
        entry.send(Probe(whole).into()).expect("an empty queue");
        settle(&mut sim);
        assert_eq!(log.noted("whole"), [whole as u64], "{at}: {:#?}", sim.snapshot());
        sim.drain();
        log.assert_each_once(0..FLOWS);
    }
    settle_empty(&mut sim);
    let ledger = sim.ledger();
    assert_eq!(ledger.forked, ledger.joined, "{at}: {ledger:?}");
    let mut lost = log.noted("lost");
    let times = lost.len();
    lost.sort_unstable();
    lost.dedup();
    assert_eq!(lost.len(), times, "{at}: a question comes back once");
    let panics = stage_of(&mut sim, "asker").panics;
    assert_eq!(panics > 0, fault.troubles.iter().any(asker_panics), "{at}");
    times
}

fn asker_panics(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Panic { stage, .. } if stage == "asker")
}

/// What costs no question: it is late, or the asker's own loss.
const HARMLESS: [&str; 8] = [
    "none",
    "the asker panics",
    "the asker stalls",
    "the asker's queue is full",
    "a thread is dead",
    "clients leave",
    "the net drains",
    "questions are answered twice",
];

#[test]
fn a_window_and_its_permits_are_whole_again_whatever_went_wrong() {
    for fault in faults() {
        let died: usize = (0..SEEDS).map(|seed| run(&fault, seed)).sum();
        assert_eq!(died == 0, HARMLESS.contains(&fault.name), "{}: {died} died", fault.name);
    }
}
