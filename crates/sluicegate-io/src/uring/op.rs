//! What an operation in the ring is and whose it is, as one number that comes back with it.

use crate::conn::{ConnId, SLOTS_MAX};

/// The kinds of operations, told apart when they complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// The poll of the descriptor that wakes a wait.
    Wake,
    /// Cancels another operation; its own completion says nothing.
    Cancel,
    /// Accepts on a listener until further notice.
    Accept,
    /// Waits until a listener that could not accept has a connection.
    Await,
    /// Receives on a connection until further notice.
    Receive,
    /// Sends the pieces that a connection has in hand.
    Send,
    /// Waits until a connect is decided.
    Connect,
    /// Waits until a connection that receives nothing is dead.
    Watch,
    /// Accepts one connection into a direct descriptor.
    Call,
    /// Finishes sending on a direct descriptor.
    Shutdown,
    /// Closes a direct descriptor.
    Close,
    /// Reads from a disk, writes to it or syncs it.
    Disk,
    /// Sends without a copy.
    ZeroCopy,
}

/// The most places of a table; the bits above hold the kind of operation.
pub(super) const PLACES_MAX: usize = SLOTS_MAX;
const KIND_BIT: u32 = PLACES_MAX.trailing_zeros();
const KINDS: [Op; 13] = [
    Op::Wake,
    Op::Cancel,
    Op::Accept,
    Op::Await,
    Op::Receive,
    Op::Send,
    Op::Connect,
    Op::Watch,
    Op::Call,
    Op::Shutdown,
    Op::Close,
    Op::Disk,
    Op::ZeroCopy,
];

impl Op {
    /// The number of this operation of the owner `id`.
    pub fn of(self, id: ConnId) -> u64 {
        id.key() | (self as u64) << KIND_BIT
    }

    /// The operation with this number, and its owner.
    pub fn read(number: u64) -> (Self, ConnId) {
        let kind = (number as u32 >> KIND_BIT) as usize;
        let id = ConnId::from_key(number & !(0xf << KIND_BIT));
        (KINDS.get(kind).copied().unwrap_or(Self::Cancel), id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_the_operation_and_its_owner() {
        for op in KINDS {
            for (slot, generation) in [(0, 0), (7, u32::MAX), (PLACES_MAX as u32 - 1, 3)] {
                let id = ConnId::new(slot, generation);
                assert_eq!(Op::read(op.of(id)), (op, id));
            }
        }
    }
}
