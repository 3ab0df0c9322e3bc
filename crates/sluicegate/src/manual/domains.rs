//! Who runs what, and which replica gets an event.
//!
//! A **pinned** domain has workers that never block: one for each processor that it shall use. Each
//! has a replica and a queue of every stage of the domain. An event goes to the worker at which its
//! flow is at home, so what a flow touches stays in one cache. A **pool** has threads that may
//! block; they share one queue a stage, and there may be as many as help
//! ([`pool(1..=64)`](crate::DomainSpec)). Files, databases and slow hashes belong there.
//!
//! A wire into a pinned domain may choose the replica:
//!
//! - [`keyed`](crate::Wire::keyed): one replica for each key. State by key needs no lock, and the
//!   events of a key keep their order.
//! - [`balanced`](crate::Wire::balanced): the one for which fewer wait. For dear events that come
//!   unevenly; cheap ones are better off where they are.
//!
//! And it may lead to several stages: by a [`tee`](crate::Wire::tee) all of them get an event or
//! none, a [`tap`](crate::Wire::tap) gets what it has room for.
//!
//! ```
//! use sluicegate::{Batch, Copies, Cx, Net, Out, Routing, Sim, from_fn, stage};
//!
//! let mut net = Net::new("accounts");
//! let cpu = net.domain("cpu").pinned(4);
//! let disk = net.domain("disk").pool(2);
//! let relay = || {
//!     from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
//!         batch.for_each(|event| cx.out.emit(event));
//!     })
//! };
//! let end = || {
//!     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
//!         batch.for_each(|event| event.split().0.finish());
//!     })
//! };
//! let read = net.add(stage("read", relay).on(cpu));
//! let book = net.add(stage("book", end).on(cpu));
//! let journal = net.add(stage("journal", end).on(disk));
//! net.wire(read.out, book.inlet).keyed(|account| *account).tee(journal.inlet);
//! let entry = net.entry(read.inlet);
//!
//! let mut sim = Sim::new(net, 1)?;
//! entry.send(17).expect("there is room");
//! assert!(sim.settle(100));
//! let wires = sim.snapshot().wires;
//! assert_eq!((wires[0].routing, wires[1].copies), (Routing::Keyed, Some(Copies::Tee)));
//! assert_eq!((sim.ledger().finished, sim.ledger().joined), (1, 1));
//! # Ok::<(), sluicegate::StartError>(())
//! ```
//!
//! A [`fused`](crate::Wire::fused) wire within a pinned domain is a call in the place of a queue:
//! for stages so cheap that the queue between them is most of what they cost.
//!
//! Which stage of a worker runs next is said by its domain's [`Policy`](crate::Policy); unless said
//! otherwise the one nearest to the exit.
