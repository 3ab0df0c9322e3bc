//! A law of admission of one's own, in one file: AIMD, under a step of load in virtual time.
//!
//! The limit of what may wait or be served grows by one each 10 ms while events wait for a short
//! time, and shrinks by a tenth when they wait for too long (Chiu and Jain, 1989).

use sluicegate::{
    Adjust, Batch, Controller, Cx, Entry, Net, Sample, Sim, Time, VirtualTime, bounded, from_fn,
    ms, stage,
};
use std::error::Error;
use std::time::Duration;

/// Longer than this nothing shall wait, in the mean.
const WAIT: Duration = ms(10);
/// What an event costs, and how many threads there are: 2,000 a second.
const COST: Duration = ms(2);
const THREADS: usize = 4;
/// How many events come in a millisecond, second by second.
const LOADS: [usize; 6] = [1, 1, 4, 4, 1, 1];

/// The law: what it remembers from tick to tick.
#[derive(Clone)]
struct Aimd {
    limit: f64,
}

impl Controller for Aimd {
    fn name(&self) -> &'static str {
        "aimd"
    }

    fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
        let inside = (sample.queued + sample.running) as f64;
        if sample.waits.count() > 0 && sample.waits.mean() > WAIT {
            self.limit = (self.limit * 0.9).max(1.0);
        } else if inside * 2.0 >= self.limit {
            // A limit that is hardly used says nothing.
            self.limit += 1.0;
        }
        Adjust { events: self.limit as usize, ..Adjust::default() }
    }
}

/// A pool behind the law, and the way in.
pub fn net(time: &VirtualTime) -> (Net, Entry<()>) {
    let mut net = Net::new("own law");
    let pool = net.domain("pool").pool(THREADS);
    let clock = time.clone();
    let work = move || {
        let clock = clock.clone();
        from_fn(move |batch: Batch<'_, ()>, _: &mut Cx<'_, ()>| {
            for event in batch {
                clock.spend(COST);
                event.split().0.finish();
            }
        })
    };
    let queue = bounded(4096).admit(Aimd { limit: 1.0 });
    let work = net.add(stage("work", work).on(pool).queue(queue));
    let entry = net.entry(work.inlet);
    (net, entry)
}

fn main() -> Result<(), Box<dyn Error>> {
    let time = VirtualTime::default();
    let (net, entry) = net(&time);
    let mut sim = Sim::with_time(net, 1, time)?;
    println!("{}\n", sim.snapshot().mermaid());
    println!("second | asked | served | refused | limit");
    for (second, load) in LOADS.into_iter().enumerate() {
        let (before, mut refused) = (sim.ledger().finished, 0);
        for _ in 0..1000 {
            refused += (0..load).filter(|_| entry.send(()).is_err()).count();
            assert!(sim.run_for(ms(1), 1000));
        }
        let served = sim.ledger().finished - before;
        let limit = sim.snapshot().stages[0].admission[0].adjust.events;
        println!("{second:6} | {:5} | {served:6} | {refused:7} | {limit:5}", load * 1000);
        // Half of the capacity is served as it comes, and of twice the capacity the half.
        assert_eq!(refused < 20, load == 1, "{refused}");
        assert!(served > 980 * load.min(2) as u64, "{served}");
    }
    Ok(())
}
