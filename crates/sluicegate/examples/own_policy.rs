//! A policy of one's own, in ten lines: the event that has waited longest goes first, whatever
//! stage it waits for. In virtual time, beside the default.
//!
//! Two kinds of events come to one worker, each to a stage of its own. Now and then many of one
//! kind come at once. With the exit first the other kind waits until all of them and all that came
//! meanwhile are done; with the oldest first each waits only for what came before it.

use sluicegate::{
    Batch, Cx, ExitFirst, Net, Next, Policy, Ready, Sim, Stages, VirtualTime, from_fn, ms, stage,
};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The stage whose oldest event came first.
struct OldestFirst;

impl Policy for OldestFirst {
    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        // Who has only a flag or the like to hear came just now.
        let came = |&n: &usize| stages.oldest(n).unwrap_or(stages.now());
        ready.iter().min_by_key(came).into()
    }
}

/// What an event costs.
const COST: Duration = Duration::from_micros(200);
/// Of the one kind one comes in each millisecond; of the other two, and in every fiftieth so many.
const MANY: usize = 75;

/// The longest time for which an event of the rare and of the frequent kind was under way.
fn longest<P: Policy>(
    policy: impl Fn() -> P + Send + Sync + 'static,
    show: bool,
) -> Result<[Duration; 2], Box<dyn Error>> {
    let (time, mut net) = (VirtualTime::default(), Net::new("own policy"));
    let cpu = net.domain("cpu").policy(policy).pinned(1);
    let longest: [Arc<AtomicU64>; 2] = Default::default();
    let mut add = |name: &str, longest: &Arc<AtomicU64>| {
        let (clock, longest) = (time.clone(), Arc::clone(longest));
        let work = move || {
            let (clock, longest) = (clock.clone(), Arc::clone(&longest));
            from_fn(move |batch: Batch<'_, ()>, cx: &mut Cx<'_, ()>| {
                for event in batch {
                    clock.spend(COST);
                    let took = cx.clock().since(event.tag().born());
                    longest.fetch_max(took.as_micros() as u64, Relaxed);
                    event.split().0.finish();
                }
            })
        };
        let work = net.add(stage(name, work).on(cpu).batch(4));
        net.entry(work.inlet)
    };
    // Of stages that are equally far from the exit the one added last counts as nearest.
    let [one, many] = [add("one", &longest[1]), add("many", &longest[0])];
    let mut sim = Sim::with_time(net, 1, time)?;
    if show {
        println!("{}\n", sim.snapshot().mermaid());
    }
    for n in 0..1000 {
        one.send(()).map_err(|_| "a full queue")?;
        let burst = if n % 50 == 0 { MANY } else { 2 };
        (0..burst).try_for_each(|_| many.send(()).map_err(|_| "a full queue"))?;
        assert!(sim.run_for(ms(1), 1000));
    }
    Ok(longest.map(|micros| Duration::from_micros(micros.load(Relaxed))))
}

fn main() -> Result<(), Box<dyn Error>> {
    let [exit, oldest] = [longest(|| ExitFirst, true)?, longest(|| OldestFirst, false)?];
    println!("policy       | many    | one");
    for (name, [many, one]) in [("exit first  ", exit), ("oldest first", oldest)] {
        println!("{name} | {many:7.1?} | {one:.1?}");
    }
    // Nobody waits for what came later, but for a batch.
    assert!(oldest[1] * 3 < exit[1] * 2 && oldest[1].abs_diff(oldest[0]) < ms(1));
    Ok(())
}
