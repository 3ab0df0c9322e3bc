//! A service in one page.
//!
//! Declare the net: domains, stages, wires. [`Net::check`](crate::Net::check) finds what does not
//! fit before anything runs, and says what to do about it.
//!
//! ```
//! use sluicegate::{Batch, Cx, Net, Out, bounded, from_fn, ms, stage};
//!
//! let mut net = Net::new("adder");
//! let cpu = net.domain("cpu").pinned(2);
//! let parse = || {
//!     from_fn(|batch: Batch<'_, String>, cx: &mut Cx<'_, Out<u64>>| {
//!         for event in batch {
//!             let (tag, text) = event.split();
//!             match text.parse() {
//!                 Ok(number) => cx.out.emit(tag.with(number)),
//!                 Err(_) => tag.refuse(sluicegate::Why::Refused),
//!             }
//!         }
//!     })
//! };
//! let add = || {
//!     let mut sum = 0;
//!     from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
//!         for event in batch {
//!             let (tag, number) = event.split();
//!             sum += number;
//!             tag.finish();
//!         }
//!     })
//! };
//! let parse = net.add(stage("parse", parse).on(cpu));
//! let add = net.add(stage("add", add).on(cpu).queue(bounded(64)));
//! net.wire(parse.out, add.inlet);
//! let entry = net.entry(parse.inlet);
//!
//! let running = net.run()?; // or `Sim::new(net, seed)`: the same net in virtual time
//! for text in ["1", "2", "three"] {
//!     entry.send(text.to_owned()).expect("a queue of 1024 takes three");
//! }
//! let drained = running.drain(ms(10_000));
//! assert!(drained.complete);
//! assert_eq!(drained.ledger.finished, 2);
//! assert_eq!(drained.ledger.ended[sluicegate::Why::Refused], 1);
//! # Ok::<(), sluicegate::StartError>(())
//! ```
//!
//! Each worker has a replica of each pinned stage, made by the function given to
//! [`stage`](crate::stage()). So its state needs no lock, and here each has a sum of its own.
//!
//! A stage with more than two things to say is a struct: implement [`Stage`](crate::Stage), and
//! derive [`Ports`](crate::Ports) for a struct of [`Out`](crate::Out)s where it has several ports.
//! More in `examples/`: `hello`, `word_count`, `packet_router`, `own_law`, `own_policy`, and, with
//! sockets, `line_chat` and `line_echo_server` of `sluicegate-io`.
