//! The words, and what always holds.
//!
//! An **event** is a body and a [`Tag`](crate::Tag). The tag is the token of one **flow**, for
//! instance of a request. It cannot be copied: whoever has it answers the flow
//! ([`finish`](crate::Tag::finish)), ends it ([`refuse`](crate::Tag::refuse)), or sends it on.
//! One that is dropped counts against the stage that dropped it. So the **ledger** can say of all
//! flows what became of them:
//!
//! ```text
//! entered + forked = finished + ended + joined + in flight
//! ```
//!
//! A **stage** is a function of its state, a batch of events and the time into its **ports**. It
//! never waits and never touches a queue. What it emits is delivered after it returns, over the
//! **wire** of the port to the **inlet** of another stage, which owns a bounded queue. When that is
//! full, the wire says what happens: the stage before is parked until there is room, the event is
//! shed and its source told, or it goes elsewhere ([`OnFull`](crate::OnFull)).
//!
//! A stage that lets flows in is a **source**; [`Cx::enter`](crate::Cx::enter) gives it a tag, if
//! it has a place for one. It is told how each of them ended. A second tag
//! ([`fork`](crate::Tag::fork)) is for work beside a flow:
//!
//! ```
//! use sluicegate::{Batch, Cx, Out, Rig, from_fn};
//!
//! // Sends a note of each number beside the answer.
//! let stage = from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
//!     for event in batch {
//!         let (tag, n) = event.split();
//!         cx.out.emit(tag.fork().with(n));
//!         tag.finish();
//!     }
//! });
//! let mut rig = Rig::of(stage);
//! rig.feed([7_u64]).batch(1);
//! let ledger = rig.ledger();
//! assert_eq!((ledger.entered, ledger.forked, ledger.finished), (1, 1, 1));
//! assert_eq!(rig.out.take().len(), 1);
//! ```
//!
//! A **question** is an event over a wire with a [`window`](crate::Wire::window): the stage keeps
//! the flow's tag until the answer comes by a wire that [`returns`](crate::Wire::returns), or until
//! the question dies, and then has the flow back.
//!
//! **Domains** own threads: see [`domains`](super::domains).
