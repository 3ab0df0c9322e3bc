//! What can be seen, and how a service ends.
//!
//! An [`Observer`](crate::Observer) looks at a running net from any thread. A
//! [`Snapshot`](crate::Snapshot) has the ledger, and of each stage what waits and since when, what
//! was served, refused (and why), how often it was parked, and what its panics were; of each wire
//! what was sent, held, shed and diverted. [`mermaid`](crate::Snapshot::mermaid) draws it. The
//! crate `sluicegate-admin` makes JSON of it.
//!
//! ```
//! use sluicegate::{Batch, Cx, Net, from_fn, ms, stage};
//!
//! let mut net = Net::new("seen");
//! let cpu = net.domain("cpu").pinned(1);
//! let end = || {
//!     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
//!         batch.for_each(|event| event.split().0.finish());
//!     })
//! };
//! let end = net.add(stage("end", end).on(cpu));
//! let entry = net.entry(end.inlet);
//! let running = net.run()?;
//! entry.send(1).expect("there is room");
//! let observer = running.observer();
//! let drained = running.drain(ms(10_000));
//! assert!(drained.complete && drained.ledger.balanced());
//! assert_eq!(observer.snapshot().stages[0].served, 1);
//! # Ok::<(), sluicegate::StartError>(())
//! ```
//!
//! What to look at first:
//!
//! - `queue_age` of a stage: where time is lost. Its `mean_wait` over all that was served.
//! - `parked`: the stage is held up from below; look at the wire that holds.
//! - `refused` by reason: `shed` is a full queue, `refused` and `greedy` a law, `expired` a
//!   deadline, `dropped` a stage that forgot a tag, `failed` a panic, `broken` an open breaker.
//! - `panics` and `breaks`: a panic costs the event in hand and what the replica held. Too many of
//!   them open the breaker of the stage's queue, as its [`Supervision`](crate::Supervision) says;
//!   with a wire for [letters](crate::Letter) those flows go on to a stage that answers for it.
//! - `overruns`, and [`Snapshot::stalls`](crate::Snapshot::stalls): handlers that keep others
//!   waiting, and those that hang now.
//!
//! An observer also changes what runs: numbers ([`change`](crate::Observer::change)), and whether
//! a stage goes on ([`pause`](crate::Observer::pause), [`step`](crate::Observer::step)) and which
//! value it is ([`replace`](crate::Observer::replace)).
//! [`freeze`](crate::Observer::freeze) holds a law at its bounds while it is looked at.
//!
//! [`Running::drain`](crate::Running::drain) lets nobody in any more and waits until all flows have
//! ended and all stages are done, for so long at most; [`Running::stop`](crate::Running::stop) ends
//! what is in flight as `draining`. In both cases the ledger that comes back is even.
