//! The packet router of the SEDA paper (SOSP 2001, section 5.2): of the packets of a Gnutella node
//! 15 in 100 are queries, which wait 20 ms for something else; all others are cheap.
//!
//! With one thread the slow stage cannot keep up from 400 packets a second on: their 60 queries
//! take 1.2 seconds. A pool that grows has as many threads as help, and latency stays low. In
//! virtual time, so that the figures are the same everywhere.

use sluicegate::sim::{Arrivals, Gaps};
use sluicegate::{
    Batch, Cx, Entry, Net, Out, Sim, Threads, VirtualTime, bounded, from_fn, ms, stage,
};
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a query waits for.
const QUERY: Duration = ms(20);
/// What any other packet costs.
const CHEAP: Duration = Duration::from_micros(20);
const SECONDS: u64 = 10;

/// How long packets were under way: others, and queries.
type Times = Arc<Mutex<[Vec<Duration>; 2]>>;

/// The router: packets are read, routed by a pool, and written. The body is the packet's number.
fn net(threads: Threads, time: &VirtualTime, times: &Times) -> (Net, Entry<u64>) {
    let mut net = Net::new("packet router");
    let cpu = net.domain("cpu").pinned(1);
    let pool = net.domain("router").pool(threads);
    let read = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                cx.out.emit(event);
            }
        })
    };
    let (clock, times) = (time.clone(), Arc::clone(times));
    let route = move || {
        let (clock, times) = (clock.clone(), Arc::clone(&times));
        from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            for event in batch {
                let query = is_query(*event);
                clock.spend(if query { QUERY } else { CHEAP });
                // Taken here: a simulation gives out what is emitted before all is spent.
                let took = cx.clock().since(event.tag().born());
                times.lock().expect("nobody panics with it")[usize::from(query)].push(took);
                cx.out.emit(event);
            }
        })
    };
    let write = || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                event.split().0.finish();
            }
        })
    };
    let read = net.add(stage("read", read).on(cpu).queue(bounded(16_384)));
    let route = net.add(stage("route", route).on(pool));
    let write = net.add(stage("write", write).on(cpu));
    net.wire(read.out, route.inlet);
    net.wire(route.out, write.inlet);
    let entry = net.entry(read.inlet);
    (net, entry)
}

fn is_query(packet: u64) -> bool {
    packet.wrapping_mul(61) % 100 < 15
}

/// The mean times of others and of queries at so many packets a second, and the threads at the end.
fn play(threads: impl Into<Threads>, rate: f64) -> Result<([Duration; 2], usize), Box<dyn Error>> {
    let (time, times) = (VirtualTime::default(), Times::default());
    let (net, entry) = net(threads.into(), &time, &times);
    let mut sim = Sim::with_time(net, 1, time)?;
    let mut arrivals = Arrivals::open(Gaps::Poisson, rate, ms(SECONDS * 1000), 1);
    let mut packet = 0;
    for _ in 0..SECONDS * 1000 {
        while arrivals.next_until(sim.now()).is_some() {
            entry.send(packet).map_err(|_| "a full queue")?;
            packet += 1;
        }
        assert!(sim.run_for(ms(1), 10_000));
    }
    let on_duty = sim.snapshot().stages[1].on_duty;
    assert!(sim.run_for(ms(60_000), 1_000_000));
    assert_eq!(sim.ledger().finished, packet, "none is lost");
    let times = times.lock().expect("nobody panics with it");
    let mean = |times: &Vec<Duration>| times.iter().sum::<Duration>() / times.len().max(1) as u32;
    Ok(([mean(&times[0]), mean(&times[1])], on_duty))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (net, _) = net(Threads::from(1..=20), &VirtualTime::default(), &Times::default());
    println!("{}\n", Sim::new(net, 1)?.snapshot().mermaid());
    println!("packets/s | one thread: others, queries | 1 to 20: others, queries, threads");
    for rate in [100.0, 200.0, 400.0, 1000.0] {
        let ([other, query], _) = play(1, rate)?;
        let ([others, queries], threads) = play(1..=20, rate)?;
        println!(
            "{rate:9} | {other:17.1?} {query:9.1?} | {others:14.1?} {queries:8.1?} {threads:8}"
        );
        // What is too much for one thread is not for a pool that grows.
        assert_eq!(other > ms(500), rate >= 400.0, "{other:?}");
        assert!(others < ms(200) && threads <= 20, "{others:?} with {threads} threads");
    }
    Ok(())
}
