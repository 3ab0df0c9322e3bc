//! One stage, a whole net, many seeds.
//!
//! A [`Rig`](crate::Rig) holds one stage without threads. Say how much room there is beyond its
//! ports, feed it, call it once, and look at what it did:
//!
//! ```
//! use sluicegate::{Batch, Cx, Full, Out, Rig, Why, from_fn};
//!
//! let stage = from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
//!     for event in batch {
//!         if let Err(Full(event)) = cx.out.try_emit(event) {
//!             event.split().0.refuse(Why::Refused);
//!         }
//!     }
//! });
//! let mut rig = Rig::of(stage);
//! rig.out.set_credit(2);
//! rig.feed([1_u64, 2, 3]).batch(64);
//! assert_eq!(rig.out.take().len(), 2);
//! assert_eq!(rig.ledger().ended[Why::Refused], 1);
//! ```
//!
//! A [`Sim`](crate::Sim) runs a whole net on one thread in virtual time, by the workers' own loop,
//! in an order drawn from a seed. After every batch the ledger can be held against what is found:
//!
//! ```
//! use sluicegate::{Batch, Cx, Net, Sim, from_fn, stage};
//!
//! for seed in 0..20 {
//!     let mut net = Net::new("ends");
//!     let cpu = net.domain("cpu").pinned(2);
//!     let end = || {
//!         from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
//!             batch.for_each(|event| event.split().0.finish());
//!         })
//!     };
//!     let end = net.add(stage("end", end).on(cpu));
//!     let entry = net.entry(end.inlet);
//!     let mut sim = Sim::new(net, seed)?;
//!     (0..100).for_each(|n| entry.send(n).expect("there is room"));
//!     while sim.step() {
//!         sim.assert_even();
//!     }
//!     assert_eq!(sim.ledger().finished, 100, "seed {seed}");
//! }
//! # Ok::<(), sluicegate::StartError>(())
//! ```
//!
//! A wake-up that is missing is a net that stands still, and a flow that is lost is a ledger that
//! is not even. [`Troubles`](crate::sim::Troubles) let handlers panic, stall and slow down, fill
//! queues and kill threads of pools; a [`Search`](crate::sim::Search) tries many seeds and shrinks
//! the first that fails; [`Arrivals`](crate::sim::Arrivals) and
//! [`ServiceTime`](crate::sim::ServiceTime) are models of load.
