//! What happens when more comes than can be done, and where to say it.
//!
//! Every queue is bounded, and every wire says what a full one means. That alone keeps the memory
//! bounded, not the time: a full queue of 1024 events of 10 ms is ten seconds long. So the inlet
//! before what is dear gets a law ([`Capacity::admit`](crate::Capacity::admit)), which keeps a
//! target:
//!
//! ```
//! use sluicegate::{Batch, Cx, Net, Overload, Sim, VirtualTime, bounded, from_fn, ms, stage};
//!
//! let (time, mut net) = (VirtualTime::default(), Net::new("dear"));
//! let pool = net.domain("pool").pool(2);
//! let clock = time.clone();
//! let work = move || {
//!     let clock = clock.clone();
//!     from_fn(move |batch: Batch<'_, ()>, _: &mut Cx<'_, ()>| {
//!         for event in batch {
//!             clock.spend(ms(2));
//!             event.split().0.finish();
//!         }
//!     })
//! };
//! let queue = bounded(4096).admit(Overload::p99(ms(50)));
//! let work = net.add(stage("work", work).on(pool).queue(queue));
//! let entry = net.entry(work.inlet);
//! let mut sim = Sim::with_time(net, 1, time)?;
//! let mut refused = 0;
//! // Five come in a millisecond, and one can be done.
//! for _ in 0..1000 {
//!     refused += (0..5).filter(|_| entry.send(()).is_err()).count();
//!     assert!(sim.run_for(ms(1), 1000));
//! }
//! assert!(sim.ledger().finished > 950, "it does what it can");
//! assert!(refused > 3500, "and says no to the rest, at once");
//! # Ok::<(), sluicegate::StartError>(())
//! ```
//!
//! - **Where.** At the door of what is dear, where the way of a request is first known; with the
//!   whole target, and little room behind it. Not at each stage: what is refused late was worked
//!   for.
//! - **Who goes first.** [`Tag::set_class`](crate::Tag::set_class) says what is important, and
//!   [`Tag::set_client`](crate::Tag::set_client) for whom a flow runs. A queue that chooses
//!   ([`Capacity::order`](crate::Capacity::order)) gives clients of a class equal time.
//! - **Deadlines.** [`Entering::deadline`](crate::Entering) says when an answer is worth nothing
//!   any more: what is late ends before it costs.
//! - **Do less.** [`Cx::quality`](crate::Cx::quality) asks the handler for cheaper answers before
//!   any is refused. [`Wire::divert`](crate::Wire::divert) sends what is refused to a stage that
//!   has a cheaper one.
//! - **Upstream.** [`Cx::pressure`](crate::Cx::pressure) is the share that had better not be sent.
//!
//! The laws: [`Overload`](crate::Overload) is the default; [`Limit`](crate::Limit),
//! [`Seda`](crate::Seda), [`Codel`](crate::Codel), [`Gradient2`](crate::Gradient2),
//! [`Vegas`](crate::Vegas), or your own [`Controller`](crate::Controller), as in
//! `examples/own_law.rs`.
