//! Addresses to listen on and to connect to, and who is at the other end of a connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;
use std::str::FromStr;

/// The longest path of a Unix socket in bytes: the kernel's 108 less the final zero.
pub const UNIX_PATH_MAX: usize = 107;

/// Where to listen or connect: `127.0.0.1:8080`, `[::1]:80` or `unix:/run/web.sock`.
///
/// ```
/// use sluicegate_io::Addr;
///
/// let tcp: Addr = "127.0.0.1:8080".parse()?;
/// let unix: Addr = "unix:/run/web.sock".parse()?;
/// assert_eq!(format!("{tcp} {unix}"), "127.0.0.1:8080 unix:/run/web.sock");
/// # Ok::<(), sluicegate_io::BadAddr>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Addr {
    /// TCP over IPv4 or IPv6. Port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// A Unix stream socket at this path.
    Unix(PathBuf),
}

/// The other end of a connection: smaller than a [`SocketAddr`], as each connection keeps it.
///
/// ```
/// use sluicegate_io::Peer;
///
/// let addr = "192.0.2.7:4711".parse().expect("an address");
/// assert_eq!((Peer::tcp(addr).addr(), Peer::UNIX.addr()), (Some(addr), None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    V4 { ip: [u8; 4], port: u16 },
    V6 { ip: [u8; 16], port: u16, scope: u32 },
    Unix,
}

impl Peer {
    /// A process on this machine, over a Unix socket.
    pub const UNIX: Self = Self(Kind::Unix);

    /// A peer over TCP.
    pub fn tcp(addr: SocketAddr) -> Self {
        let port = addr.port();
        Self(match addr {
            SocketAddr::V4(addr) => Kind::V4 { ip: addr.ip().octets(), port },
            SocketAddr::V6(addr) => {
                Kind::V6 { ip: addr.ip().octets(), port, scope: addr.scope_id() }
            }
        })
    }

    /// Its address, where it has one.
    pub fn addr(&self) -> Option<SocketAddr> {
        match self.0 {
            Kind::V4 { ip, port } => Some(SocketAddr::from((ip, port))),
            // Whose flow it is a receiver is not told, and has no use for.
            Kind::V6 { ip, port, scope } => {
                Some(SocketAddrV6::new(ip.into(), port, 0, scope).into())
            }
            Kind::Unix => None,
        }
    }
}

/// A text that is no address.
///
/// ```
/// let bad = "localhost".parse::<sluicegate_io::Addr>().expect_err("it has no port");
/// assert!(bad.to_string().contains("localhost"), "{bad}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAddr {
    found: String,
    why: &'static str,
}

impl FromStr for Addr {
    type Err = BadAddr;

    fn from_str(text: &str) -> Result<Self, BadAddr> {
        let bad = |why| BadAddr { found: text.to_owned(), why };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.len() {
                0 => Err(bad("the path after \"unix:\" is empty")),
                n if n > UNIX_PATH_MAX => Err(bad("a path of a Unix socket has at most 107 bytes")),
                _ if path.contains('\0') => Err(bad("a path holds no zero byte")),
                _ => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        if let Ok(addr) = text.parse() {
            return Ok(Self::Tcp(addr));
        }
        if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
            return Ok(Self::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
        }
        Err(bad(if text.parse::<IpAddr>().is_ok() {
            "the port is missing"
        } else {
            "this is neither an IP address with a port nor a Unix socket"
        }))
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr() {
            Some(addr) => addr.fmt(f),
            None => f.write_str("unix:"),
        }
    }
}

impl fmt::Display for BadAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, why } = self;
        write!(
            f,
            "\"{found}\" is no address: {why}; \
             write 127.0.0.1:8080, [::1]:8080 or unix:/path/to/socket"
        )
    }
}

impl std::error::Error for BadAddr {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_was_read() {
        for text in ["127.0.0.1:8080", "[::1]:80", "unix:/run/web.sock"] {
            assert_eq!(text.parse::<Addr>().unwrap().to_string(), text);
        }
        assert_eq!("localhost:80".parse::<Addr>().unwrap().to_string(), "127.0.0.1:80");
    }

    #[test]
    fn a_peer_is_known_by_its_whole_address_and_is_small() {
        for text in ["192.0.2.7:47", "[2001:db8::1]:80", "[fe80::1%3]:80", "[::ffff:192.0.2.1]:1"] {
            let addr: SocketAddr = text.parse().unwrap();
            assert_eq!(Peer::tcp(addr).addr(), Some(addr));
            assert_eq!(Peer::tcp(addr).to_string(), text);
        }
        assert_eq!(Peer::UNIX.addr(), None);
        assert!(size_of::<Option<Peer>>() <= 24);
    }

    #[test]
    fn a_bad_address_is_told_with_what_would_do() {
        let long = format!("unix:/{}", "x".repeat(UNIX_PATH_MAX));
        for (text, why) in [
            ("127.0.0.1", "port is missing"),
            ("unix:", "is empty"),
            ("8080", "neither"),
            (&long, "at most 107 bytes"),
        ] {
            let told = text.parse::<Addr>().unwrap_err().to_string();
            assert!(told.contains(why) && told.contains("[::1]:8080"), "{told}");
        }
    }
}
