//! Networks of clients: one address, or all that begin with the same bits.
use std::fmt;
use std::net::IpAddr;

/// `10.0.0.7` is that address alone, `10.0.0.0/8` all that begin with its first 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    len: u8,
}

impl Network {
    /// Reads a network; nothing where it is none, has bits beyond its length, or is one of IPv4
    /// addresses that are written as IPv6: clients are known by their IPv4 addresses then.
    pub fn read(text: &str) -> Option<Network> {
        let (base, len) = match text.split_once('/') {
            Some((base, len)) => (base, Some(len)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().ok()?;
        let bits = bits(base);
        let len = match len {
            Some(len) if len.bytes().all(|byte| byte.is_ascii_digit()) => len.parse().ok()?,
            Some(_) => return None,
            None => bits,
        };
        let network = Network { base, len };
        let sound = len <= bits && base == base.to_canonical() && network.prefix(base) == network;
        sound.then_some(network)
    }

    /// Whether an address is in it.
    pub fn contains(self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        bits(addr) == bits(self.base) && self.prefix(addr) == self
    }

    /// Whether all addresses of another one are in it.
    pub fn covers(self, other: Network) -> bool {
        self.len <= other.len && self.contains(other.base)
    }

    /// The network of this length that an address is in.
    fn prefix(self, addr: IpAddr) -> Network {
        let rest = u32::from(bits(addr).saturating_sub(self.len));
        let base = match addr {
            IpAddr::V4(v4) => {
                IpAddr::V4((v4.to_bits() & u32::MAX.checked_shl(rest).unwrap_or(0)).into())
            }
            IpAddr::V6(v6) => {
                IpAddr::V6((v6.to_bits() & u128::MAX.checked_shl(rest).unwrap_or(0)).into())
            }
        };
        Network { base, len: self.len }
    }
}

fn bits(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len == bits(self.base) {
            true => self.base.fmt(f),
            false => write!(f, "{}/{}", self.base, self.len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_network_is_none() {
        for text in ["10.0.0.7", "10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/32", "::/0"] {
            assert_eq!(Network::read(text).map(|read| read.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "/8",
            "10/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/256",
            "10.0.0.1/8",
            "2001:db8::1/32",
            "::/129",
            "::ffff:10.0.0.1",
            "10.0.0.0/8/8",
            "localhost",
        ] {
            assert_eq!(Network::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_address_is_in_its_networks_alone() {
        let contains = |network: &str, addr: &str| {
            let network = Network::read(network).expect("a network");
            network.contains(addr.parse().expect("an address"))
        };
        for (network, addr, expected) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.6", false),
            ("0.0.0.0/0", "255.1.2.3", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "10.0.0.1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/33", "2001:db8:8000::", false),
        ] {
            assert_eq!(contains(network, addr), expected, "{addr} in {network}");
        }
    }

    proptest! {
        #[test]
        fn a_network_is_the_addresses_that_share_its_bits(
            base: u32, other: u32, len in 0_u8..=32, near: bool
        ) {
            // Most of two addresses drawn at random share no bits: half of them shall.
            let far = other.checked_shr(u32::from(len)).unwrap_or(0);
            let other = if near { base ^ far } else { other };
            let kept = u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
            let base = std::net::Ipv4Addr::from(base & kept);
            let network = Network::read(&format!("{base}/{len}")).expect("no bits beyond it");
            let shares = (0..32 - len).fold((other, base.to_bits()), |(a, b), _| (a >> 1, b >> 1));
            prop_assert_eq!(
                network.contains(std::net::Ipv4Addr::from(other).into()),
                len == 0 || shares.0 == shares.1
            );
        }
    }
}
