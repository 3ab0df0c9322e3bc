//! Who has how many connections: one count for each address, shared by all workers.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::addr::Peer;

/// Parts of the table, each under a lock of its own. It is touched when a connection opens or
/// closes, never between, so that two workers seldom meet here.
const PARTS: usize = 16;

/// Counts open connections by the peer's address and bounds them; an IPv6 network of 64 bits is
/// one address, for whoever has one has all of them. Exact over all machines that share it.
///
/// An address is in the table while it has a connection: the tables of connections bound it.
#[derive(Debug)]
pub struct Addresses {
    most: u32,
    hasher: RandomState,
    parts: [Mutex<HashMap<u128, u32>>; PARTS],
}

impl Addresses {
    /// At most `most` open connections for each address.
    pub fn new(most: u32) -> Arc<Self> {
        let parts = std::array::from_fn(|_| Mutex::default());
        Arc::new(Self { most, hasher: RandomState::new(), parts })
    }

    /// Addresses that have a connection.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| lock(part).len()).sum()
    }

    /// Whether nobody has a connection.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts one more connection of `peer`, unless it has as many as it may. Whoever has no
    /// address is not counted.
    pub(crate) fn enter(&self, peer: Peer) -> bool {
        let Some(addr) = peer.addr() else { return true };
        let key = network(addr.ip());
        let mut part = self.part(key);
        let count = part.entry(key).or_default();
        let fits = *count < self.most;
        *count += u32::from(fits);
        fits
    }

    /// A connection that was counted is gone.
    pub(crate) fn leave(&self, peer: Peer) {
        let Some(addr) = peer.addr() else { return };
        let key = network(addr.ip());
        if let Entry::Occupied(mut entry) = self.part(key).entry(key) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    fn part(&self, key: u128) -> MutexGuard<'_, HashMap<u128, u32>> {
        lock(&self.parts[self.hasher.hash_one(key) as usize % PARTS])
    }
}

/// What a client of this address has for itself alone: an IPv4 address, as it is mapped into IPv6,
/// or all IPv6 addresses that begin with the same 64 bits.
///
/// ```
/// use sluicegate_io::network;
///
/// let of = |text: &str| network(text.parse().expect("an address"));
/// assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
/// assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
/// ```
pub fn network(addr: IpAddr) -> u128 {
    match addr.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() & !u128::from(u64::MAX),
    }
}

fn lock(part: &Mutex<HashMap<u128, u32>>) -> MutexGuard<'_, HashMap<u128, u32>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn peer(ip: &str) -> Peer {
        Peer::tcp((ip.parse::<IpAddr>().unwrap(), 80).into())
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let addresses = Addresses::new(1);
        for (ip, enters) in [
            ("2001:db8:0:1::1", true),
            ("2001:db8:0:1:ffff::2", false),
            ("2001:db8:0:2::1", true),
            ("127.0.0.1", true),
            ("127.0.0.2", true),
            ("::ffff:127.0.0.1", false),
        ] {
            assert_eq!(addresses.enter(peer(ip)), enters, "{ip}");
        }
        assert_eq!(addresses.len(), 4);
        addresses.leave(peer("2001:db8:0:1:ffff::2"));
        assert!(addresses.enter(peer("2001:db8:0:1::1")));
    }

    #[test]
    fn sockets_without_an_address_are_not_counted() {
        let addresses = Addresses::new(1);
        assert!(addresses.enter(Peer::UNIX) && addresses.enter(Peer::UNIX));
        addresses.leave(Peer::UNIX);
        assert!(addresses.is_empty());
    }

    proptest! {
        #[test]
        fn behaves_as_a_list_of_counts(
            steps in prop::collection::vec((any::<bool>(), 0u8..6), 0..200),
        ) {
            const MOST: u32 = 3;
            let addresses = Addresses::new(MOST);
            let mut model: BTreeMap<u8, u32> = BTreeMap::new();
            for (enters, who) in steps {
                let (peer, count) = (peer(&format!("10.0.0.{who}")), model.entry(who).or_default());
                if enters {
                    prop_assert_eq!(addresses.enter(peer), *count < MOST);
                    *count = MOST.min(*count + 1);
                } else if *count > 0 {
                    addresses.leave(peer);
                    *count -= 1;
                }
                prop_assert_eq!(addresses.len(), model.values().filter(|n| **n > 0).count());
            }
        }
    }
}
