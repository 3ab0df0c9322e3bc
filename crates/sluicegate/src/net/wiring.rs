//! Which wire leads from which port, without a search through all wires.

use crate::event::StageId;
use crate::net::WireSpec;

/// The wires of a net by the ports from which they lead.
pub(crate) struct Wiring(Vec<Vec<Option<usize>>>);

impl Wiring {
    /// `ports` are the numbers of ports of all stages; each has one more, for letters. Those that
    /// get copies are none of these wires. Of several from one port, which is a fault of the net,
    /// the first counts.
    pub fn new(ports: impl Iterator<Item = usize>, wires: &[WireSpec]) -> Self {
        let mut by_port: Vec<_> = ports.map(|ports| vec![None; ports + 1]).collect();
        for (n, wire) in wires.iter().enumerate().filter(|wire| wire.1.copy_of.is_none()) {
            by_port[wire.from.0.index()][wire.from.1].get_or_insert(n);
        }
        Self(by_port)
    }

    /// The number of the wire from a port.
    pub fn wire(&self, (stage, port): (StageId, usize)) -> Option<usize> {
        self.0[stage.index()][port]
    }
}
