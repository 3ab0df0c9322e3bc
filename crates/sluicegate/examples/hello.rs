//! The smallest service: one stage, on a real thread.

use sluicegate::{Batch, Cx, Net, from_fn, ms, stage};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut net = Net::new("hello");
    let cpu = net.domain("cpu").pinned(1);
    let greet = || {
        from_fn(|batch: Batch<'_, &'static str>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, name) = event.split();
                println!("hello, {name}");
                tag.finish();
            }
        })
    };
    let greet = net.add(stage("greet", greet).on(cpu));
    let entry = net.entry(greet.inlet);

    let running = net.run()?;
    println!("{}", running.observer().snapshot().mermaid());
    for name in ["world", "stage"] {
        entry.send(name).map_err(|_| "a full queue")?;
    }
    let drained = running.drain(ms(10_000));
    assert!(drained.complete && drained.ledger.finished == 2);
    Ok(())
}
