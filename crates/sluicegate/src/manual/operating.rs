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
//! - `queue_age` of a stage: where time is lost now. Its `wait` over all that was served.
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
//! A part of a service can come and go while the rest runs, where its net has a
//! [`slot`](crate::slot): a stage that passes what it takes into a net of its own, with domains of
//! its own, and sends on what is answered there. [`Running::attach`](crate::Running::attach) starts
//! such a part: a new handler with its queue and its pool; a new version beside the old, which
//! takes what comes from then on; or one that watches, behind a slot to which a
//! [`tap`](crate::Wire::tap) leads. [`Part::remove`](crate::Part::remove) takes it away: nothing
//! passes in any more, what is inside is answered, and what is not after the time that was given
//! ends as `draining`, each told. What comes while there is no part waits in the queue of the slot,
//! where the wire says what becomes of what finds no room, or goes out by the port `bare`.
//! [`Observer::parts`](crate::Observer::parts) has what watches each. In a simulation
//! [`Sim::attach`](crate::Sim::attach) does the same:
//!
//! ```
//! # use sluicegate::{Batch, Cx, Door, Net, Out, Sim, Slot, from_fn, slot, stage};
//! /// A part that multiplies what comes: its door, and a stage behind it.
//! fn times(factor: u64, slot: &Slot<u64, u64>) -> (Door<u64, u64>, Net) {
//!     let mut part = Net::new(&format!("times {factor}"));
//!     let (cpu, pool) = (part.domain("cpu").pinned(1), part.domain("pool").pool(1..=8));
//!     let (spec, door) = slot.door("door");
//!     let node = part.add(spec.on(cpu));
//!     let times = move || {
//!         from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
//!             batch.for_each(|event| cx.out.emit(event.map(|n| n * factor)));
//!         })
//!     };
//!     let times = part.add(stage("times", times).on(pool));
//!     part.wire(node.out, times.inlet);
//!     part.wire(times.out, node.inlet).returns(node.out);
//!     (door, part)
//! }
//!
//! # let mut net = Net::new("service");
//! # let cpu = net.domain("cpu").pinned(1);
//! # let show = || {
//! #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
//! #         batch.for_each(|event| event.split().0.finish());
//! #     })
//! # };
//! # let show = net.add(stage("show", show).on(cpu));
//! let (spec, numbers) = slot::<u64, u64>("numbers");
//! let node = net.add(spec.on(cpu));
//! net.wire(node.out.answers, show.inlet);
//! net.seal(node.out.bare); // what comes while there is no part waits
//! let entry = net.entry(node.inlet);
//! let mut sim = Sim::new(net, 1)?;
//! let (door, part) = times(2, &numbers);
//! let old = sim.attach(door, part)?;
//! entry.send(1).expect("there is room");
//! assert!(sim.settle(1000));
//!
//! let (door, part) = times(3, &numbers);
//! let new = sim.attach(door, part)?;
//! old.shut();
//! entry.send(1).expect("there is room");
//! assert!(sim.settle(1000));
//! assert_eq!((old.inside(), sim.remove(old).finished), (0, 1));
//! assert_eq!(sim.remove(new).finished, 1);
//! # Ok::<(), sluicegate::StartError>(())
//! ```
//!
//! [`Running::drain`](crate::Running::drain) lets nobody in any more and waits until all flows have
//! ended and all stages are done, for so long at most; [`Running::stop`](crate::Running::stop) ends
//! what is in flight as `draining`. In both cases the ledger that comes back is even.
