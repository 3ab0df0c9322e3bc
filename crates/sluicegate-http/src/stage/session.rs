//! What the stage keeps for a connection, and the list of connections there are.

use sluicegate::{Time, TimerKey};
use sluicegate_io::ConnId;

use crate::exchange::Exchange;
use crate::limits::Limits;
use crate::machine::{Chunks, HttpConn};

/// Lies in the connection's slot of the machine.
pub(crate) struct Session {
    pub machine: HttpConn,
    /// Counts the requests sent into the net, to know a reply that came too late.
    serial: u32,
    /// Counts the flows of the connection: their numbers differ.
    flows: u8,
    /// The flow of a body that is being read, or of a stream that is being sent.
    pub tag: Option<u32>,
    /// An exchange whose pieces are being sent.
    pub parked: Option<Exchange>,
    /// Replies kept back, if any.
    pub held: Option<Box<HeldBack>>,
    /// The timer that runs, and when it runs out.
    pub timer: Option<(Time, TimerKey)>,
    pub paused: bool,
}

/// Replies that are kept back: few connections have any.
#[derive(Default)]
pub(crate) struct HeldBack {
    /// In order; at least one.
    pub replies: Vec<Held>,
    pub bytes: usize,
    /// When the first of them was.
    pub since: Time,
}

/// A reply that is kept back, with the place of its flow's tag.
pub(crate) struct Held {
    pub chunks: Chunks,
    pub tag: Option<u32>,
}

impl Session {
    pub fn new(machine: HttpConn) -> Self {
        Self {
            machine,
            serial: 0,
            flows: 0,
            tag: None,
            parked: None,
            held: None,
            timer: None,
            paused: false,
        }
    }

    /// The deadline, where no timer runs out by then.
    pub fn late(&self, limits: &Limits) -> Option<Time> {
        let deadline = self.machine.deadline(limits)?;
        self.timer.is_none_or(|(until, _)| until > deadline).then_some(deadline)
    }

    /// Whether nothing of it waits, and a timer runs: no bytes, no reply, no pause.
    pub fn is_quiet(&self) -> bool {
        self.machine.is_idle() && self.held.is_none() && !self.paused && self.timer.is_some()
    }

    /// Whether `exchange` is the request that is in the net.
    pub fn awaits(&self, exchange: &Exchange) -> bool {
        self.machine.is_asked() && self.parked.is_none() && self.serial == exchange.serial()
    }

    pub fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    /// The number of the flow that the connection `id` let in last: that of the request in hand.
    pub fn flow(&self, id: ConnId) -> u64 {
        id.flow(self.flows)
    }

    /// The flow of a request that is with the handlers.
    pub fn flow_in_net(&self, id: ConnId) -> Option<u64> {
        (self.machine.is_asked() && self.tag.is_none()).then(|| self.flow(id))
    }

    pub fn next_flow(&mut self, id: ConnId) -> u64 {
        self.flows = self.flows.wrapping_add(1);
        self.flow(id)
    }

    /// The flow of the request in hand has ended: should its exchange still come, it is too late.
    pub fn lose_request(&mut self) -> Option<Exchange> {
        self.next_serial();
        self.tag = None;
        self.parked.take()
    }
}

/// The connections of the stage, by their slots.
#[derive(Default)]
pub(crate) struct Conns {
    slots: Vec<Option<ConnId>>,
    open: usize,
}

impl Conns {
    pub fn insert(&mut self, id: ConnId) {
        let slot = id.slot();
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, None);
        }
        if self.slots[slot].replace(id).is_none() {
            self.open += 1;
        }
    }

    /// Does nothing for one that is not there.
    pub fn remove(&mut self, id: ConnId) {
        if let Some(slot) = self.slots.get_mut(id.slot())
            && slot.take_if(|there| *there == id).is_some()
        {
            self.open -= 1;
        }
    }

    pub fn len(&self) -> usize {
        self.open
    }

    pub fn contains(&self, id: ConnId) -> bool {
        self.slots.get(id.slot()).is_some_and(|there| *there == Some(id))
    }

    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    pub fn ids(&self) -> Vec<ConnId> {
        self.slots.iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small() {
        // With its slot in the machine and its timer it is less than half a kilobyte.
        assert!(size_of::<Session>() <= 248, "{}", size_of::<Session>());
    }
}
