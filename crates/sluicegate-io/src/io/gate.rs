//! A gate: the stages that move the bytes of one protocol, and what waits for each of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use sluicegate::StageId;

use crate::conn::ConnId;
use crate::io::{Io, WhenFull};

/// The name of a gate, the same in all workers. Several protocols of one domain have a gate each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GateId(u32);

impl GateId {
    /// A name that no other gate of this process has.
    pub fn unique() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The stages of a gate on this worker.
pub(crate) struct Gate {
    id: GateId,
    pub accept: Option<StageId>,
    pub connect: Option<StageId>,
    pub read: Option<StageId>,
    pub write: Option<StageId>,
    pub when_full: WhenFull,
    /// Connections worth reading or with an end to tell, each once.
    pub readable: VecDeque<ConnId>,
    /// Connections that can take more output.
    pub writable: VecDeque<ConnId>,
    /// Connections whose connect may be decided.
    pub decided: VecDeque<ConnId>,
    /// Tags of output that will never be written, for the write stage to refuse.
    pub orphans: VecDeque<u32>,
    /// The stage that wants to know which connections ended.
    pub watcher: Option<StageId>,
    /// Connections whose sockets are closed, with the bytes they sent, for that stage.
    pub ends: VecDeque<(ConnId, u64)>,
}

impl Io {
    /// The place of the gate `id` on this worker; made when first asked for.
    pub(crate) fn gate(&mut self, id: GateId) -> u16 {
        let place = self.gates.iter().position(|gate| gate.id == id).unwrap_or_else(|| {
            self.gates.push(Gate {
                id,
                accept: None,
                connect: None,
                read: None,
                write: None,
                when_full: WhenFull::Wait,
                readable: VecDeque::new(),
                writable: VecDeque::new(),
                decided: VecDeque::new(),
                orphans: VecDeque::new(),
                watcher: None,
                ends: VecDeque::new(),
            });
            self.gates.len() - 1
        });
        place as u16
    }

    /// The gate at `place`, for its stages to enter their names.
    pub(crate) fn gate_mut(&mut self, place: u16) -> &mut Gate {
        &mut self.gates[usize::from(place)]
    }
}
