//! The stages of random nets, with which all goes wrong now and then.

use crate::common::{Asked, AskerIn, AskerOut, Random, Told, Two};
use sluicegate::sim::ServiceTime;
use sluicegate::{
    AsyncCx, AsyncStage, Batch, Cause, Cx, Ended, Event, Full, Letter, Out, Stage, VirtualTime,
    Why, from_fn, reserve_all,
};
use sluicegate_macros::From;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Seeds for the replicas of a net, each another.
#[derive(Clone)]
pub struct Seeds(Arc<AtomicU64>);

impl Seeds {
    pub fn of(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed.wrapping_mul(1000))))
    }

    pub fn next(&self) -> Random {
        Random::new(self.0.fetch_add(1, Relaxed))
    }
}

/// What goes wrong with an event now and then. Returns the event that goes on.
fn chance<T>(event: Event<T>, random: &mut Random) -> Option<Event<T>> {
    match random.below(60) {
        0 => panic!("now and then"),
        1 => drop(event),
        2 => event.split().0.refuse(Why::Refused),
        3 => event.split().0.finish(),
        4 => {
            drop(event.tag().fork());
            return Some(event);
        }
        5 => {
            event.tag().fork().finish();
            return Some(event);
        }
        _ => return Some(event),
    }
    None
}

/// Asks about half of what comes, and sends it on when it is told.
pub struct Asker(pub Random);

impl Stage for Asker {
    type In = AskerIn;
    type Out = AskerOut;

    fn handle(&mut self, mut batch: Batch<'_, AskerIn>, cx: &mut Cx<'_, AskerOut>) {
        while let Some(event) = batch.next() {
            if self.0.one_in(30) {
                // Put back once, then handled: its timer has it look again.
                cx.after(Duration::from_millis(1), 0);
                return batch.put_back(event);
            }
            let Some(event) = chance(event, &mut self.0) else { continue };
            match (self.0.below(2), &*event) {
                (0, AskerIn::Work(n)) => {
                    let question = Asked(*n);
                    cx.out.ask.emit(event.map(|_| question));
                }
                (_, AskerIn::Work(n) | AskerIn::Told(Told(n))) => {
                    let n = *n;
                    cx.out.go.emit(event.map(|_| n));
                }
            }
        }
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, AskerOut>) {
        let tag = ended.tag.expect("the flow that asked");
        match self.0.below(20) {
            0 => panic!("when told"),
            1..10 => tag.refuse(ended.why),
            _ => cx.out.go.emit(tag.with(0)),
        }
    }
}

pub fn oracle(seeds: &Seeds) -> impl Stage<In = Asked, Out = Out<Told>> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, Asked>, cx: &mut Cx<'_, Out<Told>>| {
        for event in batch {
            if let Some(event) = chance(event, &mut random) {
                cx.out.emit(event.map(|Asked(n)| Told(n)));
            }
        }
    })
}

/// Sends what comes on by one of two ports, in one of many ways.
pub fn fork_in_the_road(
    seeds: &Seeds,
    cost: ServiceTime,
    time: VirtualTime,
) -> impl Stage<In = u64, Out = Two> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>| {
        for event in batch {
            time.spend(cost.draw(&mut random));
            let Some(event) = chance(event, &mut random) else { continue };
            let home = event.tag().home();
            match random.below(6) {
                0 => {
                    if let Err(Full(event)) = cx.out.b.try_emit(event) {
                        cx.out.a.emit(event);
                    }
                }
                1 => match cx.out.a.reserve(1) {
                    Some(mut permit) => {
                        // In a pool it may be for another worker than the event's.
                        if let Err(Full(event)) = cx.out.a.emit_with(&mut permit, event) {
                            cx.out.a.emit(event);
                        }
                    }
                    None => cx.out.b.emit(event),
                },
                4 => {
                    let Two { a, b } = &mut *cx.out;
                    let permits = reserve_all(((&mut *a, 1), (&mut *b, 1)));
                    let Some((mut to_a, mut to_b)) = permits else {
                        a.emit(event);
                        continue;
                    };
                    let second = event.tag().fork().with(1);
                    if let Err(Full(second)) = b.emit_with(&mut to_b, second) {
                        second.split().0.finish();
                    }
                    if let Err(Full(event)) = a.emit_with(&mut to_a, event) {
                        a.emit(event);
                    }
                }
                2 => {
                    let second = event.tag().fork();
                    cx.out.b.emit(second.with(1));
                    cx.out.a.emit(event);
                }
                3 => {
                    cx.out.b.emit(Event::note(home, 2));
                    cx.out.a.emit(event);
                }
                _ => cx.out.a.emit(event),
            }
        }
    })
}

/// Sends what comes on, after a nap or two.
pub struct Nap(pub Cell<Random>);

impl AsyncStage for Nap {
    type In = u64;
    type Out = Out<u64>;
    type Done = Option<Event<u64>>;

    async fn handle(&self, event: Event<u64>, cx: &AsyncCx) -> Option<Event<u64>> {
        let mut random = self.0.replace(Random::new(0));
        let (naps, span) = (random.below(3), Duration::from_micros(random.below(2000) as u64));
        let mut own = Random::new(random.next_u64());
        self.0.set(random);
        for _ in 0..naps {
            cx.sleep(span).await;
        }
        chance(event, &mut own)
    }

    fn emit(&self, done: Option<Event<u64>>, out: &mut Out<u64>) {
        if let Some(event) = done {
            out.emit(event);
        }
    }
}

/// All letters of a net.
#[derive(From)]
pub enum AnyLetter {
    Work(Letter<u64>),
    Asker(Letter<AskerIn>),
    Question(Letter<Asked>),
}

/// Answers letters in place of who panicked, refuses them, or panics too.
pub fn undertaker(seeds: &Seeds) -> impl Stage<In = AnyLetter, Out = Out<u64>> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, AnyLetter>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            let Some(event) = chance(event, &mut random) else { continue };
            let body = match &*event {
                AnyLetter::Work(letter) => letter.body,
                AnyLetter::Asker(letter) => letter.body.as_ref().map(|_| 1),
                // Who asked waits for it, and nobody else can do anything with it.
                AnyLetter::Question(letter) => {
                    assert!(letter.body.is_some() == (letter.cause == Cause::Broken));
                    event.split().0.refuse(Why::Failed);
                    continue;
                }
            };
            match random.below(3) {
                0 => event.split().0.refuse(Why::Failed),
                _ => cx.out.emit(event.map(|_| body.unwrap_or(0))),
            }
        }
    })
}

/// Answers what comes home, by the wire that returns.
pub fn last(seeds: &Seeds) -> impl Stage<In = u64, Out = Out<u64>> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
        for event in batch {
            if let Some(event) = chance(event, &mut random) {
                if *event > 0 && random.one_in(3) {
                    event.split().0.finish();
                } else {
                    cx.out.emit(event);
                }
            }
        }
    })
}

/// Finishes what comes.
pub fn watcher(seeds: &Seeds) -> impl Stage<In = u64, Out = ()> + use<> {
    let mut random = seeds.next();
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            if let Some(event) = chance(event, &mut random) {
                event.split().0.finish();
            }
        }
    })
}
