//! Adds the stages of a protocol to a net in one call.

use std::sync::Arc;

use sluicegate::{Domain, Inlet, Net, Outlet, bounded, stage};

use crate::events::{Connect, ConnectFailed, Incoming, Opened, Write};
use crate::io::{GateId, WhenFull};
use crate::listen::Listeners;
use crate::stages::{AcceptStage, ConnectStage, ReadStage, WriteStage};

/// How the stages are named and bounded.
#[derive(Clone, Debug)]
pub struct Options {
    /// Stands before the names `accept`, `connect`, `read` and `write`, for nets in which several
    /// protocols have these stages.
    pub prefix: String,
    /// Events that may wait for `write`, and for `connect`.
    pub queue: usize,
    /// Events in one batch of each stage, and connections read or accepted in one run.
    pub batch: usize,
    /// What becomes of further connections when the machine's table is full.
    pub when_full: WhenFull,
}

impl Default for Options {
    fn default() -> Self {
        Self { prefix: String::new(), queue: 4096, batch: 64, when_full: WhenFull::Wait }
    }
}

/// The ports of a protocol that serves.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// Connections accepted.
    pub opened: Outlet<Opened>,
    /// What comes from them.
    pub incoming: Outlet<Incoming>,
    /// What is to be sent.
    pub write: Inlet<Write>,
}

/// The ports of a protocol that asks others.
#[derive(Clone, Copy, Debug)]
pub struct Dialed {
    /// Whom to connect to.
    pub connect: Inlet<Connect>,
    /// Connections that stand.
    pub opened: Outlet<Opened>,
    /// Those that do not.
    pub failed: Outlet<ConnectFailed>,
    /// What comes from them.
    pub incoming: Outlet<Incoming>,
    /// What is to be sent.
    pub write: Inlet<Write>,
}

/// Adds `accept`, `read` and `write` to a pinned domain whose machine is an [`Io`](crate::Io).
/// Each worker takes its part of `listeners`, which were bound for as many workers.
pub fn serve(net: &mut Net, domain: Domain, listeners: Listeners, options: &Options) -> Served {
    let gate = GateId::unique();
    let listeners = Arc::new(listeners);
    let name = format!("{}accept", options.prefix);
    let when_full = options.when_full.clone();
    let make = move || AcceptStage::new(gate, Arc::clone(&listeners), when_full.clone());
    let accept = net.add(stage(&name, make).on(domain).queue(bounded(1)).batch(options.batch));
    let (incoming, write) = transfer(net, domain, gate, options);
    Served { opened: accept.out, incoming, write }
}

/// Adds `connect`, `read` and `write` to a pinned domain whose machine is an [`Io`](crate::Io).
pub fn dial(net: &mut Net, domain: Domain, options: &Options) -> Dialed {
    let gate = GateId::unique();
    let name = format!("{}connect", options.prefix);
    let spec = stage(&name, move || ConnectStage::new(gate)).on(domain);
    let connect = net.add(spec.queue(bounded(options.queue)).batch(options.batch));
    let (incoming, write) = transfer(net, domain, gate, options);
    let (opened, failed) = (connect.out.opened, connect.out.failed);
    Dialed { connect: connect.inlet, opened, failed, incoming, write }
}

fn transfer(
    net: &mut Net,
    domain: Domain,
    gate: GateId,
    options: &Options,
) -> (Outlet<Incoming>, Inlet<Write>) {
    let name = format!("{}read", options.prefix);
    let spec = stage(&name, move || ReadStage::new(gate)).on(domain);
    let read = net.add(spec.queue(bounded(1)).batch(options.batch));
    let name = format!("{}write", options.prefix);
    let spec = stage(&name, move || WriteStage::new(gate)).on(domain);
    // A piece that is missing would cost the connection.
    let queue = bounded(options.queue).keep_late();
    let write = net.add(spec.queue(queue).batch(options.batch));
    (read.out, write.inlet)
}
